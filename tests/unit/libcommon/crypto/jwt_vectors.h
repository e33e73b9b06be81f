/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt_vectors.h - a key set, its EC private key, and one token per algorithm, made by PyJWT 2.6
 * with python3-cryptography: what an independent implementation writes, this one has to read. Test
 * keys only.
 */
#ifndef FIT_TESTS_JWT_VECTORS_H
#define FIT_TESTS_JWT_VECTORS_H

static const char pyjwt_jwks[] =
	"{\"keys\":[{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"veABjJFL0jawHZ4UU2ApDJuve-HKsHzxmOgj"
	"qXVl8R8\",\"y\":\"IoyrPh0gfPEo2W5CKE3y3lWdRWa68zZsgZnZmCoi3_k\",\"kid\":\"BKDPAKNiD8"
	"OvYCxJqSI0wZrha8mKMoH87OOpJT5vxJA\",\"alg\":\"ES256\",\"use\":\"sig\"},{\"e\":\"AQAB\",\"k"
	"ty\":\"RSA\",\"n\":\"vT86pLooJgdkDaXXJq2FyqJIvT1qqQTidyuVy42jprMxXJrv5LMak1te9WOqd"
	"9ZkkXQg31B6srhenVj7GOSz4CSRii1T4bufL2u5c0idWPVHAda1EHj-BQqtoTh897HrczttMkJBh"
	"Zq8DVF5CeemFENELODZuY1IwMQQDLVSgm5OTsP6B--fYb9kLytKOhaIy6YuxUrEeDokzM6KpGbse"
	"faFfC7EUa2xYNF4EqCRWOWLUPQqid9htTF9Zt1rT8u7iPUqbWksL0tFLRPUqUk4Nl8pABy_LMGdu"
	"abuOCye5zdCjmcesPSk20zeELrJuUP1AbRLBVF1TOgcl3MjONnckQ\",\"kid\":\"pG7bHWL85HiqoO"
	"Q4VFkBmZiF2PlszSfmjesQJ7kiOfU\"}]}";
static const char pyjwt_es256[] =
	"eyJhbGciOiJFUzI1NiIsImtpZCI6IkJLRFBBS05pRDhPdllDeEpxU0kwd1pyaGE4bUtNb0g4N09P"
	"cEpUNXZ4SkEiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiY"
	"XVkIjpbImEiLCJhcHAiXSwic3ViIjoicy0xIiwiaWF0IjoxNzk1NTA1MDAwLCJleHAiOjE3OTU1M"
	"DU2MDAsImp0aSI6ImoxIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5vcmciLCJlbWFpbF92ZXJpZmllZ"
	"CI6dHJ1ZX0.Cs_f5shXvoyXfNy-lQb7ek_7mgIAcXAILRxyMlB9GYe5ZgVbcMWRYy-wGfqu3Ksrw"
	"J8lA5ogQaiVY7bDP13iXQ";
static const char pyjwt_rs256[] =
	"eyJhbGciOiJSUzI1NiIsImtpZCI6InBHN2JIV0w4NUhpcW9PUTRWRmtCbVppRjJQbHN6U2ZtamVz"
	"UUo3a2lPZlUiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkI"
	"jpbImEiLCJhcHAiXSwic3ViIjoicy0xIiwiaWF0IjoxNzk1NTA1MDAwLCJleHAiOjE3OTU1MDU2M"
	"DAsImp0aSI6ImoxIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5vcmciLCJlbWFpbF92ZXJpZmllZCI6d"
	"HJ1ZX0.saGWwLD6HYY69UAUh45-9JS60F3bAHb4ZV9gCOnQBzBaE7tAili32Yy25cakx6wtOAPxh"
	"Z7sZjQTsh0wIpRfyU-6TwOxbQ7hWQEVguOOvqej2Zf_fUxdp_80L0b5NJqqJO9OLi6lmn1kVSs9a"
	"jp6M9pHAAF6gdxqO3Fl02fHKunqDMKPLKZx-dST267zOTh-vDlKoVsIO3-NILlRAsHbqnpknnMXX"
	"_rPiyIQY0rF5toXa298Af78LXhJh-oNrdoSER9d-mdSAQEcPCtFT7W0fMPBB96_FTTuZVzfeo0m7"
	"-n1nVBQIrKwqShI7DbaLPFpAjv1l4c7gA_SuzqRFidAVw";
static const char pyjwt_ec_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGFVAog47Uavf082H\n"
	"mwMT/yNyw9KRtyF0vMB/GKSIPByhRANCAAS94AGMkUvSNrAdnhRTYCkMm6974cqw\n"
	"fPGY6COpdWXxHyKMqz4dIHzxKNluQihN8t5VnUVmuvM2bIGZ2ZgqIt/5\n"
	"-----END PRIVATE KEY-----\n";
static const char pyjwt_ec_kid[] = "BKDPAKNiD8OvYCxJqSI0wZrha8mKMoH87OOpJT5vxJA";

#endif
