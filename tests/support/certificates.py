"""Certificates that tests make for themselves, with openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from support.require import cannot_run

# Of a user `alice' with the password `secret', and `bob' with `hunter2', at the lowest costs.
ALICE = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
BOB = "$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8."

# What Python 3.13 demands of certificates.
EXTENSIONS = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nkeyUsage=digitalSignature\n"


class Certificates:
    """A folder with an authority, and certificates that it has signed: NAME.pem and NAME.key."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            cannot_run("openssl is not installed")
        self.folder = folder
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem",
        )  # fmt: skip

    def sign(self, name: str, names: str) -> None:
        """names: its alternative names, as openssl has them."""
        self._run(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        (self.folder / f"{name}.ext").write_text(EXTENSIONS + f"subjectAltName={names}\n")
        self._run(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip

    def _run(self, *argv: str) -> None:
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True, timeout=60)
