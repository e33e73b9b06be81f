/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/blind_index.h"

#include <openssl/crypto.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/digest.h"

void
blind_index(struct slice key, const char *name, struct slice value,
	    uint8_t ret_index[BLIND_INDEX_SIZE])
{
	struct strbuf text = STRBUF_INIT;

	strbuf_adds(&text, name);
	strbuf_adds(&text, "|v1|");
	strbuf_add_slice(&text, value);
	digest_hmac_sha256(key, strbuf_slice(&text), ret_index);
	OPENSSL_cleanse(text.buf, text.cap);
	strbuf_fini(&text);
}
