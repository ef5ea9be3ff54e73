"""Whatever is in the rows, in events and in Docker's answers: no `wait` ends for it, and none has to be foreseen."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from system_service.backends.docker import Docker
from system_service.errors import Unreachable
from system_service.handover.decide import CREATE_LOCAL, STAY
from system_service.handover.own_row import OwnRow
from system_service.handover.reconciler import Reconciler
from system_service.handover.rows import Rows
from system_service.model.boot import boot_id
from system_service.waiting.events import Events
from tests.fuzz.inputs import as_bytes, nested

# `ANY_INPUT=1000000 python -m pytest --timeout 0 tests/waiter/test_any_input.py` looks for longer than `make test`.
EXAMPLES = int(os.environ.get("ANY_INPUT", "10000"))
LONG = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
SHORT = settings(max_examples=max(EXAMPLES // 10, 100), deadline=None, suppress_health_check=list(HealthCheck))

NUMBERS = st.sampled_from(["0", "-1", "1e9", "99999999999", "1e308", "inf", "nan", "1_0", "٣", "12.5", "", " "])
WORDS = st.sampled_from(
    ["up", "down", "pending", "ready", "running", "none", "stopped", "kube", "local", "2", "a@1", "b@1"]
)
VALUES = st.one_of(WORDS, NUMBERS, st.text(max_size=20), st.lists(st.one_of(NUMBERS, WORDS), max_size=12).map(" ".join))
STATE = st.dictionaries(
    st.sampled_from(
        ["system_state", "remote_state", "container_version", "container_id", "current_owner", "update_time"]
    ),
    VALUES,
)
OWN = st.dictionaries(
    st.sampled_from([*OwnRow.__slots__, "ended", "boot", "took", "since", "want", "label"]),
    VALUES,
)
CONFIG = st.dictionaries(st.sampled_from(["set_owner", "state", "auto_restart", "no_fallback_to_local"]), VALUES)


JSON = nested(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), VALUES))
POD = st.fixed_dictionaries(
    {"State": st.fixed_dictionaries({"Running": st.booleans(), "StartedAt": JSON, "Paused": JSON})},
    optional={"Id": JSON, "Config": st.one_of(JSON, st.fixed_dictionaries({"Env": JSON, "Labels": JSON}))},
)


class AnyDB:
    """Databases that hold these rows, and take what is written."""

    def __init__(self, config: dict[str, str], state: dict[str, str], own: dict[str, str]) -> None:
        self.held = {
            "FEATURE|snmp/CONFIG_DB": config,
            "FEATURE|snmp/STATE_DB": state,
            "SYSTEM_SERVICE|snmp/STATE_DB": own,
        }

    def rows(self, *wanted: tuple[str, str]) -> list[dict[str, str]]:
        return [dict(self.held.get(f"{key}/{database}", {})) for database, key in wanted]

    def update(self, database: str, key: str, decide: Any) -> bool:
        row = self.held.setdefault(f"{key}/{database}", {})
        edit = decide(dict(row))
        if edit is not None:
            row.update(edit.set)
            for field in edit.delete:
                row.pop(field, None)
        return edit is not None


class AnyDocker:
    """A Docker that describes containers as it likes; what it is told to do it does."""

    def __init__(self, local: dict[str, Any] | None, pods: list[dict[str, Any]], shown: list[list[str]] | None) -> None:
        self.local, self.pods, self.shown = local, pods, shown

    def inspect(self, ref: str) -> dict[str, Any] | None:
        return self.local if ref == "snmp" else next((p for p in self.pods if str(p.get("Id")) == ref), None)

    def running(self, labels: object) -> list[str]:
        return [str(pod.get("Id")) for pod in self.pods]

    def top(self, ref: str, columns: str) -> list[list[str]] | None:
        return self.shown

    def read(self, ref: str, path: str) -> bytes | None:
        return b"program:snmpd\n\xff"

    def has_image(self, name: str) -> bool:
        return False

    def start(self, ref: str) -> None: ...

    def stop(self, ref: str, grace: int) -> None: ...

    def restart(self, ref: str, grace: int, between: Any = None) -> None: ...


ROW = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from(["7", "snmpd", "python3 container_startup.py"])),
    min_size=6,
    max_size=6,
)


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("SYSTEM_SERVICE_UNIT_DIR", str(tmp_path))


@LONG
@given(own=OWN, now=st.floats(0, 1e9), same=st.booleans())
def test_our_own_row_is_bounded_whatever_it_holds(own: dict[str, str], now: float, same: bool) -> None:
    row = OwnRow(own | ({"boot": "b"} if same else {}), now, "b")
    times = (row.heard_at, row.answered_at, row.renewed_at, row.ended_at, row.fell, *row.deaths)
    assert all(0 <= moment <= now for moment in times)
    assert (0 <= row.settle <= 3600, 1 <= row.pause <= 60, 0 <= row.stop <= 600) == (True, True, True)
    assert len(row.failed) <= 8


@SHORT
@given(
    config=CONFIG,
    state=STATE,
    own=OWN,
    local=st.one_of(st.none(), st.fixed_dictionaries({"State": st.fixed_dictionaries({"Running": JSON})})),
    pods=st.lists(POD, max_size=3),
    shown=st.one_of(st.none(), st.lists(ROW, max_size=3)),
)
def test_a_keeper_takes_its_steps_whatever_it_sees(
    config: dict[str, str],
    state: dict[str, str],
    own: dict[str, str],
    local: dict[str, Any] | None,
    pods: list[dict[str, Any]],
    shown: list[list[str]] | None,
) -> None:
    db = AnyDB(config, state, {"boot": boot_id(), **own})
    reconciler = Reconciler(
        Rows(db, "snmp", "snmp"), AnyDocker(local, pods, shown), "snmp", "snmp", lambda sentence: None
    )  # type: ignore[arg-type]
    for _ in range(3):
        assert reconciler.reconcile().kind in (STAY, CREATE_LOCAL)  # nobody is tried for ever
    reconciler.close(0)


@LONG
@given(line=st.one_of(JSON.map(as_bytes), st.binary(max_size=60)), labels=st.booleans())
def test_an_event_of_any_shape_is_one_or_hangs_up(line: bytes, labels: bool) -> None:
    events = Events(Docker("/nowhere"), "snmp", ("a=b",) if labels else ())
    try:
        told = events._action(line)
    except Unreachable as error:
        told = str(error)
    assert isinstance(told, str)
