"""The domain against the wire fakes, systemd included: what an ask does, and what it leaves."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from system_service.domain.change.operate import Ask, operate
from system_service.domain.change.plan import Request, Verb
from system_service.domain.result import Result
from tests.support.fakes import FakeSwitch
from tests.support.kubeadm import Station


class Asker:
    """`asker("start", "snmp")` operates on the fakes; `told` are the sentences of the last ask."""

    def __init__(self, fakes: FakeSwitch) -> None:
        self.fakes = fakes
        self.told: list[str] = []

    def __call__(
        self,
        verb: str,
        *names: str,
        timeout: float = 20,
        wait: bool = True,
        dry_run: bool = False,
        hook: Callable[[str], None] = lambda sentence: None,
        switch: dict[str, float] | None = None,
    ) -> Result:
        self.told = []

        def tell(sentence: str) -> None:
            self.told.append(sentence)
            hook(sentence)

        ask = Ask(f"system service {verb}", names, Request(Verb(verb)), timeout, wait, dry_run, tell)
        return operate(self.fakes.switch(**(switch or {})), ask)


@pytest.fixture
def asker(fakes, monkeypatch):
    for name in ("PATH", "TZ", "SYSTEM_SERVICE_DB_CONFIG", "DOCKER_HOST"):
        monkeypatch.setenv(name, fakes.environment[name])
    monkeypatch.setattr(os, "getlogin", lambda: "operator")
    return Asker(fakes)


@pytest.fixture
def station(fakes, api, pki, monkeypatch, asker):
    """A switch that may join, called Leaf-12.Example.COM."""
    made = Station(fakes, api, pki)
    monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
    monkeypatch.setenv("KUBECONFIG", made.kubeconfig)
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", fakes.run_dir)
    monkeypatch.setattr(socket, "gethostname", lambda: "Leaf-12.Example.COM")
    return made
