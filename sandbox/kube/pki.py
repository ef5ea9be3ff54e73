"""Certificates of the sandbox's cluster, made by openssl; and kubeconfigs that use them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import run

_CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
_LEAF = ("basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature")
API_NAMES = "IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"


@dataclass(frozen=True)
class Pki:
    """A certificate authority and what it signed, as files NAME.crt and NAME.key of mode 0600 in `folder`."""

    folder: Path

    def create(self) -> None:
        """Make the authority and the key of service accounts. SandboxError when openssl fails."""
        self.folder.mkdir(mode=0o700, parents=True)
        self._key("ca")
        self._openssl(
            *("req", "-x509", "-new", "-key", self.path("ca.key"), "-subj", "/CN=sandbox-ca", "-days", "3650"),
            *("-out", self.path("ca.crt"), *(word for line in _CA for word in ("-addext", line))),
        )
        self._openssl("genrsa", "-out", self.path("sa.key"), "2048")
        self._openssl("rsa", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))

    def issue(self, name: str, subject: str, usage: str, alternatives: str = "", days: int = 3650) -> None:
        """Sign a certificate for `subject` with the extended key usage `usage` (clientAuth, serverAuth)."""
        self._key(name)
        lines = [*_LEAF, f"extendedKeyUsage={usage}"] + ([f"subjectAltName={alternatives}"] if alternatives else [])
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("\n".join(lines))
        request = self.path(f"{name}.csr")
        self._openssl("req", "-new", "-key", self.path(f"{name}.key"), "-subj", subject, "-out", request)
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key")),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", self.path(f"{name}.crt")),
        )

    def kubeconfig(self, user: str, server: str, **changes: str) -> str:
        """The text of a kubeconfig (JSON is YAML) with everything embedded; `changes`: ca, user's name, token."""
        authority = changes.get("ca", "ca")
        login = (
            {"token": changes["token"]}
            if "token" in changes
            else {
                "client-certificate-data": self._embedded(f"{user}.crt"),
                "client-key-data": self._embedded(f"{user}.key"),
            }
        )
        cluster = {"server": server, "certificate-authority-data": self._embedded(f"{authority}.crt")}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "sandbox", "cluster": cluster}],
                "users": [{"name": user, "user": login}],
                "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
                "current-context": "sandbox",
            },
            indent=2,
        )

    def fingerprint(self, name: str) -> str:
        """SHA-256 of a certificate, as openssl prints it: AB:CD:..."""
        told = run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.path(f"{name}.crt")]).stdout
        return told.partition("=")[2].strip()

    def path(self, name: str) -> str:
        """Path of one file."""
        return str(self.folder / name)

    def _embedded(self, name: str) -> str:
        return base64.b64encode((self.folder / name).read_bytes()).decode()

    def _key(self, name: str) -> None:
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(f"{name}.key"))

    def _openssl(self, *words: str) -> None:
        run(["openssl", *words])
