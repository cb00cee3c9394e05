"""Real certificates for nodes that do TLS."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Self-signed, for 127.0.0.1, in files."""

    cert: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, name: str) -> Certificate:
        made = cls(folder / f"{name}.pem", folder / f"{name}-key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1", "-out", made.cert, "-keyout", made.key],
            check=True,
            capture_output=True,
        )  # fmt: skip
        return made

    @property
    def settings(self) -> dict[str, object]:
        return {"tls_cert": self.cert, "tls_key": self.key}

    @property
    def trusted(self) -> ssl.SSLContext:
        """Of a client that trusts this certificate, and no other."""
        return ssl.create_default_context(cafile=self.cert)

    def replace(self, other: Certificate) -> None:
        """Put the other one into the files of this one."""
        self.cert.write_bytes(other.cert.read_bytes())
        self.key.write_bytes(other.key.read_bytes())

    def locked(self, file: Path) -> None:
        """Write the key with a password."""
        subprocess.run(
            ["openssl", "ec", "-in", str(self.key), "-out", str(file), "-aes256", "-passout",
             "pass:x"],
            check=True,
            capture_output=True,
        )  # fmt: skip
