"""A switch that may join: a stand-in kubeadm in PATH, a kubelet's unit, a discovery file, a fake API server."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

from sandbox.kube.pki import Pki
from system_service.domain.cluster.node import Order
from system_service.domain.switch import Switch
from tests.fakes import kubeadm
from tests.fakes.api_server import ApiServer
from tests.support.fakes import FakeSwitch
from tests.support.systemd import Spec

SERVER = "KUBERNETES_MASTER|SERVER"


class Station:
    """`told` are the steps of the last order. The kubelet is a unit like any other, off as an image ships it."""

    def __init__(self, fakes: FakeSwitch, api: ApiServer, pki: Pki) -> None:
        self.fakes, self.api, self.pki = fakes, api, pki
        self.folder = os.path.join(fakes.folder, "kubeadm")
        self.root = os.path.join(self.folder, "root")
        os.makedirs(os.path.join(self.root, "etc/kubernetes"))
        os.makedirs(os.path.join(self.root, "proc/sys/net/bridge"))
        fakes.systemd(snmp=Spec(), kubelet=Spec(install=True))
        fakes.container("kubelet", "exited")  # what the fake's unit starts and stops
        fakes.feature("snmp")
        fakes.program("kubeadm", [sys.executable, "-I", "-S", kubeadm.__file__, self.folder])
        self.mood("joins")
        self.set(ip="127.0.0.1", port=str(api.port))
        self.discovery = os.path.join(self.folder, "discovery.conf")
        self.write(pki.kubeconfig("admin", "https://elsewhere.example.com:6443"))
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")
        self.write(pki.kubeconfig("admin", api.url), self.kubeconfig)
        self.told: list[str] = []

    def mood(self, word: str) -> None:
        """What the next joins do, one of kubeadm.MOODS."""
        assert word in kubeadm.MOODS
        self.write(word, os.path.join(self.folder, "mood"))

    def set(self, **fields: str) -> None:
        """Make it the configured server's row."""
        self.fakes.put("CONFIG_DB", SERVER, fields)

    def write(self, text: str | bytes, path: str = "", mode: int = 0o600) -> None:
        """Write a file, the discovery file unless another is named."""
        with open(path or self.discovery, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path or self.discovery, mode)

    def without_kubeadm(self) -> None:
        os.unlink(shutil.which("kubeadm", path=self.fakes.bin) or "")

    def calls(self) -> list[dict[str, Any]]:
        """How kubeadm was called so far."""
        try:
            with open(os.path.join(self.folder, "calls"), encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []

    def verbs(self) -> list[str]:
        return [call["argv"][0] for call in self.calls()]

    def switch(self) -> Switch:
        return self.fakes.switch()._replace(root=self.root)

    def kubelet(self) -> tuple[str, str]:
        unit = self.switch().units.show("kubelet.service")["kubelet.service"]
        return unit.active.value, unit.file_state

    def order(self, word: str = "join", timeout: float = 20, dry_run: bool = False) -> Order:
        self.told = []
        return Order(f"config kubernetes {word}", timeout, dry_run, self.told.append)

    def there(self, name: str) -> bool:
        """Whether the machine has this file."""
        return os.path.exists(os.path.join(self.root, name))
