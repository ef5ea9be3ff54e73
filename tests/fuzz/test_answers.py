"""Redis and Docker at the other end of their sockets."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from system_service.backends.docker import Docker
from system_service.backends.switchdb import Edit, SwitchDB
from system_service.model.critical import COLUMNS
from system_service.waiting.events import Events
from tests.fuzz.inputs import FEW, JSON, as_bytes, near, tolerates
from tests.fuzz.peer import Peer
from tests.support.redis import write_config

ID = "7" * 64
POD = {"io.kubernetes.container.name": "snmp", "io.kubernetes.docker.type": "container"}
LISTED = {"Id": ID, "Names": ["/snmp"], "Image": "snmp:1", "State": "running", "Status": "Up (healthy)", "Labels": POD}
INSPECTED = {
    "Id": ID,
    "Name": "/snmp",
    "State": {"Status": "running", "Running": True, "StartedAt": "2026-11-22T10:00:00Z", "ExitCode": 0},
    "Config": {"Env": ["IMAGE_VERSION=1"], "Labels": POD, "Image": "snmp:1", "Tty": False},
}
TOP = {"Titles": [], "Processes": [["7", "1", "7", "S", "60", "snmpd"]]}
EVENT = {"Action": "die", "Actor": {"ID": ID, "Attributes": {"name": "snmp", "signal": "15"}}}
REFUSAL = {"message": "No such container: snmp"}
BODIES = st.one_of(
    near([LISTED], INSPECTED, TOP, EVENT, REFUSAL, {"StatusCode": 0}).map(as_bytes), st.binary(max_size=600)
)
HEADS = st.one_of(
    st.builds(
        lambda status, headers: f"HTTP/1.0 {status} X\r\n{headers}\r\n".encode(),
        st.sampled_from([200, 204, 304, 404, 409, 500, 301, 100]),
        st.sampled_from(["", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 99999\r\n"]),
    ),
    st.binary(max_size=60),
)
WORDS = [b"*2\r\n", b"$4\r\nsnmp\r\n", b"+OK\r\n", b"-ERR no\r\n", b":7\r\n", b"*0\r\n", b"$-1\r\n"]
REPLIES = st.builds(
    lambda selected, rest: selected + rest,
    st.sampled_from([b"+OK\r\n", b""]),  # the first reply is to SELECT
    st.one_of(st.lists(st.sampled_from(WORDS)).map(b"".join), st.binary(max_size=200)),
)


@cache
def peer() -> Peer:
    return Peer()


@cache
def database() -> str:
    folder = tempfile.mkdtemp(prefix="fuzz-")
    return write_config(os.path.join(folder, "sonic-db", "database_config.json"), peer().path)


@FEW
@given(reply=REPLIES)
def test_redis(reply: bytes) -> None:
    peer().answer = reply
    for ask in (
        lambda db: db.tables(("CONFIG_DB", "FEATURE"), ("STATE_DB", "FEATURE")),
        lambda db: db.rows(("CONFIG_DB", "FEATURE|snmp")),
        lambda db: db.update("STATE_DB", "FEATURE|snmp", lambda row: Edit({"a": "b"})),
        lambda db: db.remove("STATE_DB", "FEATURE|snmp"),
    ):
        tolerates(lambda ask=ask: ask(SwitchDB.from_config(database(), timeout=5)))


@FEW
@given(head=HEADS, body=BODIES)
def test_docker(head: bytes, body: bytes) -> None:
    peer().answer = head + body
    docker = Docker(peer().path, timeout=5)
    for ask in (
        docker.containers,
        lambda: docker.find("snmp"),
        lambda: docker.inspect("snmp"),
        lambda: docker.running(["a=b"]),
        lambda: docker.image("snmp:1"),
        lambda: docker.has_image("snmp:1"),
        lambda: docker.top("snmp", COLUMNS),
        lambda: docker.archive("snmp", "/etc/x"),
        lambda: docker.read("snmp", "/etc/x"),
        lambda: docker.logs("snmp", 20),
        lambda: docker.start("snmp"),
        lambda: docker.stop("snmp", 0),
        lambda: docker.kill("snmp"),
        lambda: docker.restart("snmp", 0, lambda: None),
    ):
        tolerates(ask)


@FEW
@given(events=st.lists(st.one_of(near(EVENT), JSON), max_size=4), tail=st.binary(max_size=40), labels=st.booleans())
def test_events(events: list[object], tail: bytes, labels: bool) -> None:
    peer().answer = b"HTTP/1.0 200 OK\r\n\r\n" + b"".join(as_bytes(event) + b"\n" for event in events) + tail
    stream = Events(Docker(peer().path, timeout=5), "snmp", ("a=b",) if labels else ())

    def hear() -> None:
        stream.open()
        while True:  # until it has hung up, which is an error
            stream.read()

    try:
        tolerates(hear)
        assert all(isinstance(id, str) for id in stream.ended)
    finally:
        stream.close()


def test_what_is_sent_is_heard() -> None:
    """The peer is one, and a good answer is an answer."""
    peer().answer = b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps([LISTED]).encode()
    (found,) = Docker(peer().path, timeout=5).containers()
    assert (found.id, found.name) == (ID, "snmp")
    peer().answer = b"+OK\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    assert SwitchDB.from_config(database(), timeout=5).rows(("CONFIG_DB", "FEATURE|snmp")) == [{"a": "b"}]
