# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by openssl.

    pki = Pki(folder); pki.ca("ca"); pki.leaf("gateway", "URI:spiffe://fit/gateway,IP:127.0.0.1")
    pki.file("gateway.pem"), pki.file("gateway.key")
"""
import subprocess

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Pki:
    def __init__(self, folder):
        self.folder = str(folder)

    def file(self, name):
        return f"{self.folder}/{name}"

    def read(self, name):
        with open(self.file(name), "rb") as f:
            return f.read()

    def ca(self, name):
        openssl("req", "-x509", *EC, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.file(f"{name}.key"), "-out",
                self.file(f"{name}.pem"))

    def leaf(self, name, names, issuer="ca", days=2):
        openssl("req", *EC, "-subj", f"/CN={name}", "-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.csr"))
        with open(self.file(f"{name}.ext"), "w") as f:
            f.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", self.file(f"{name}.csr"), "-CA", self.file(f"{issuer}.pem"), "-CAkey",
                self.file(f"{issuer}.key"), "-days", str(days), "-extfile", self.file(f"{name}.ext"), "-out",
                self.file(f"{name}.pem"))
