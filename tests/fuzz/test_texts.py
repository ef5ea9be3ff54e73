"""What programs print and files hold: systemd, the journal, Docker's dates, lists of critical processes, databases."""

from __future__ import annotations

import io
import os
import tarfile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from system_service.backends import dbconfig, journal, units
from system_service.backends.docker import _first_file
from system_service.backends.unit_script import image
from system_service.model import clock, critical
from system_service.model.feature import instances, parse_feature
from system_service.model.kube_server import desired, url
from system_service.model.natural import natural
from tests.fuzz.inputs import FEW, JSON, TEXT, as_bytes, file, near, tolerates

SHOWN = (
    "Id=snmp.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nResult=success\n"
    "NRestarts=0\nActiveEnterTimestamp=Sun 2026-11-22 23:24:32 UTC\nInactiveEnterTimestamp=\nNeedDaemonReload=no"
)
LISTED = {"type": "a(ssssssouso)", "data": [[["snmp.service", "", "loaded", "active", "running", "", "/", 0, "", "/"]]]}
RECORD = {
    "MESSAGE": 'user="root" uid="0" command="c" feature="snmp" action="a" result="r"',
    "_UID": "0",
    "__REALTIME_TIMESTAMP": "1795341600000000",
}
DATABASES = {
    "INSTANCES": {"redis": {"hostname": "127.0.0.1", "port": 6379, "unix_socket_path": "/run/redis.sock"}},
    "DATABASES": {"CONFIG_DB": {"id": 4, "separator": "|", "instance": "redis"}},
}
LINES = st.lists(st.one_of(st.sampled_from(SHOWN.splitlines()), TEXT), max_size=14).map("\n".join)


@FEW
@given(block=LINES, listed=st.one_of(near(LISTED), JSON))
def test_systemd(block: str, listed: object) -> None:
    tolerates(lambda: units._unit("snmp.service", block))
    tolerates(lambda: units._listed(as_bytes(listed).decode()))


@FEW
@given(text=TEXT, record=st.one_of(near(RECORD), JSON), words=st.lists(TEXT, min_size=5, max_size=5))
def test_the_journal(text: str, record: object, words: list[str]) -> None:
    journal.parse(text)
    journal._entry(as_bytes(record).decode())
    who, command, feature, action, result = words
    entry = journal.Entry(who, 0, command, feature, action, result)
    line = journal.line(entry)
    assert line.isascii()
    assert line.isprintable()
    found = journal.parse(line)
    assert found is not None
    assert found.feature == feature[:200]


@FEW
@given(text=TEXT, more=st.lists(TEXT, max_size=3), rows=st.lists(st.lists(TEXT, max_size=7), max_size=4))
def test_critical_processes(text: str, more: list[str], rows: list[list[str]]) -> None:
    names = critical.parse_list(text, more)
    found = critical.processes(rows)
    if found is not None:
        assert set(critical.missing(names, found.programs)) <= set(names)


@FEW
@given(
    content=st.one_of(near(DATABASES), JSON).map(as_bytes),
    more=st.one_of(st.none(), near({"INCLUDES": [{"namespace": "asic0", "include": "x.json"}]}).map(as_bytes)),
)
def test_where_the_databases_are(content: bytes, more: bytes | None) -> None:
    with file(content) as path:
        if more is not None:
            with open(os.path.join(os.path.dirname(path), "database_global.json"), "wb") as out:
                out.write(more)
        tolerates(lambda: dbconfig.find_configs(path)[""].place("CONFIG_DB"))
        tolerates(lambda: dbconfig.find_configs(path)[""].separator("CONFIG_DB"))


@FEW
@given(row=st.dictionaries(TEXT, TEXT, max_size=6), name=TEXT)
def test_rows(row: dict[str, str], name: str) -> None:
    feature = parse_feature(name, row)
    assert len(instances(feature, ["asic0", "asic1"])) <= 3
    server = {**row, "ip": row.get(name, "10.0.0.1"), "port": name}
    assert url(server).startswith(("https://", "")), server
    assert desired(server) is None or isinstance(desired(server), dict)


@FEW
@given(text=TEXT, other=TEXT)
def test_numbers_and_dates(text: str, other: str) -> None:
    assert clock.docker_time(text) >= 0
    assert clock.number(text) >= 0
    assert (natural(text) < natural(other)) or (natural(text) >= natural(other))


@FEW
@given(content=st.binary(max_size=2000), name=st.text(max_size=12), head=st.binary(max_size=700))
def test_archives(content: bytes, name: str, head: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name.replace("\0", "") or "x")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    packed = out.getvalue()
    first = _first_file(packed)
    assert first == content or packed[156:157] in (b"x", b"g", b"L")  # a long name has an entry of its own before it
    changed: Any = _first_file(head + packed[len(head) :])
    assert changed is None or isinstance(changed, bytes)


@FEW
@given(script=st.one_of(st.binary(max_size=300), TEXT.map(lambda t: f"docker create {t}".encode("utf-8", "replace"))))
def test_a_unit_script(script: bytes) -> None:
    with file(script) as path:
        os.rename(path, os.path.join(os.path.dirname(path), "snmp.sh"))
        assert isinstance(image("snmp", os.path.dirname(path)), str)
