"""One table: each backend against each fault. Whatever is at the other end, a question ends in time, in a sentence."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from system_service.backends import journal
from system_service.backends.cluster import Cluster
from system_service.backends.docker import Docker
from system_service.backends.join_discovery import Discovery, authority_of, prove
from system_service.backends.kubeadm import Kubeadm
from system_service.backends.switchdb import SwitchDB
from system_service.backends.units import Units
from system_service.domain import audit
from system_service.errors import SwitchError
from tests.support.redis import write_config

LIMIT = 0.5  # seconds, that each question here is given
LATE = 10.0  # by which a machine under load may be behind
FAULTS = ("refused", "silent", "byte by byte", "half", "endless", "nonsense")
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n["


class Bad:
    """A server with one fault; `head` is how a good answer would begin. A context manager."""

    def __init__(self, listener: socket.socket, fault: str, head: bytes, context: ssl.SSLContext | None = None) -> None:
        self._listener, self._fault, self._head, self._context = listener, fault, head, context
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Bad:
        if self._fault == "refused":
            self._listener.close()
        else:
            self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, do: Callable[..., None], *words: Any) -> None:
        thread = threading.Thread(target=do, args=words)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                self._begin(self._serve, self._listener.accept()[0])

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(1)
        with line, contextlib.suppress(OSError):
            if self._context:
                line = self._context.wrap_socket(line, server_side=True)
            with line:
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        line.recv(65536)
        if self._fault == "nonsense":
            line.sendall(b"\x00\xff\x1b[2J" * 50)
        elif self._fault == "half":
            line.sendall(self._head)
        elif self._fault == "silent":
            self._over.wait(60)
        else:
            piece = b"7" if self._fault == "byte by byte" else b"7" * 65536
            line.sendall(self._head)
            while not self._over.wait(0.02 if len(piece) == 1 else 0.001):
                line.sendall(piece)


@pytest.fixture
def short() -> Iterator[str]:
    # Not tmp_path: a unix socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="bad") as folder:
        yield folder


def unix(folder: str) -> tuple[socket.socket, str]:
    path = os.path.join(folder, "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener, path


def ends(ask: Callable[[], object]) -> None:
    begun = time.monotonic()
    with pytest.raises(SwitchError) as raised:
        ask()
    assert time.monotonic() - begun < LIMIT + LATE
    assert str(raised.value).isprintable()
    assert raised.value.resolution


@pytest.mark.parametrize("fault", FAULTS)
class TestSockets:
    def test_redis(self, short: str, fault: str) -> None:
        listener, path = unix(short)
        config = write_config(os.path.join(short, "sonic-db", "database_config.json"), path)
        with Bad(listener, fault, b"*2\r\n$1000000000\r\n"):
            db = SwitchDB.from_config(config, LIMIT)
            for ask in (db.tables, db.rows):
                ends(lambda ask=ask: ask(("CONFIG_DB", "FEATURE")))
            ends(lambda: db.write("STATE_DB", "X|y", {"a": "b"}))

    def test_docker(self, short: str, fault: str) -> None:
        listener, path = unix(short)
        with Bad(listener, fault, HTTP):
            ends(lambda: Docker(path, LIMIT).containers())
            ends(lambda: Docker(path, LIMIT).inspect("snmp"))

    @pytest.mark.parametrize("secure", [True, False])
    def test_api_server(self, fault: str, secure: bool, pki: Any, tmp_path: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki.path("apiserver.crt"), pki.path("apiserver.key"))
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        path = tmp_path / "kubeconfig"
        path.write_text(pki.kubeconfig("admin", url))
        with Bad(listener, fault, HTTP, context if secure else None):
            for ask in (Cluster.look, lambda cluster: cluster.label({"a": "b"}), lambda cluster: cluster.why("snmp")):
                ends(lambda ask=ask: ask(Cluster(str(path), "sonic", LIMIT)))
            ends(lambda: authority_of(url, LIMIT))
            if not secure:
                authority = Cluster(str(path), "sonic", LIMIT)._client()["clusters"][0]["cluster"]
                ends(lambda: prove(Discovery(url, authority["certificate-authority-data"]), LIMIT))


# What a program does; `refused`: it is there, and may not be run.
PROGRAMS = {
    "silent": "exec sleep 60",
    "byte by byte": "while :; do printf 7; sleep 0.05; done",
    "half": "printf 'Id=snmp.serv'",
    "endless": "exec cat /dev/zero",
    "nonsense": "printf '\\000\\377\\033[2J'; exit 3",
}


@pytest.mark.parametrize("fault", FAULTS)
class TestPrograms:
    @pytest.fixture(autouse=True)
    def program(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
        for name in ("systemctl", "busctl", "systemd-run", "systemd-tmpfiles", "journalctl", "kubeadm"):
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{PROGRAMS.get(fault, '')}\n")
            path.chmod(0o600 if fault == "refused" else 0o700)
        if fault == "refused":  # nor is there another one
            monkeypatch.setenv("PATH", str(tmp_path))
        else:
            monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def test_systemd(self, fault: str) -> None:
        units = Units(LIMIT)
        asks: list[Callable[[], object]] = [
            lambda: units.show("snmp.service"),
            lambda: units.states("snmp.service"),
            lambda: units.start("snmp.service", LIMIT),
            lambda: units.stop("snmp.service", LIMIT),
            lambda: units.enable("snmp.service"),
        ]
        if fault != "half":  # these say nothing where they succeed
            asks += [units.reload, lambda: units.make_folders("x"), lambda: units.run_later("x", 1, ["true"])]
        for ask in asks:
            ends(ask)

    def test_journal(self, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(journal, "TIMEOUT", LIMIT)
        begun = time.monotonic()
        entries, reason = journal.read("snmp", 5)
        assert time.monotonic() - begun < 2 * LIMIT + LATE
        assert (entries, bool(reason)) == ((), fault != "half")

    def test_kubeadm(self, fault: str, tmp_path: Any) -> None:
        kubeadm = Kubeadm(str(tmp_path))
        lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
        try:
            ends(lambda: kubeadm.join("file", "sonic", LIMIT, lambda: None, lock))
            if fault not in ("half",):  # nothing is left to take back
                ends(lambda: kubeadm.reset(LIMIT, lambda: None, lock))
        finally:
            os.close(lock)


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_the_log(short: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.path.join(short, "log")
    monkeypatch.setattr(audit, "ADDRESS", path)
    monkeypatch.setattr(audit, "_lost", 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        if fault == "silent":
            log.bind(path)
        begun = time.monotonic()
        for _ in range(1000):
            audit.record("c", "f", "a", "r")
        assert time.monotonic() - begun < LATE
        assert audit._lost > 0
