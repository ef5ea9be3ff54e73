"""What is said of every combination of what is seen: always something, and always one of the words."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system_service.domain.report import RUNNING, detail, local, owner, report, since, status, utc, version
from system_service.model.feature import AdminState, Feature, Mode, Owner
from system_service.model.snapshot import Active, Container, FeatureSeen, Run, Seen, Unit
from tests.model.world import instance

WORDS = {"running", "starting", "stopping", "stopped", "disabled", "failed", "fallback", "handover", "pending"}
SUBS = ("dead", "running", "start-pre", "auto-restart", "stop", "failed", "")
UNITS = [None, Unit("snmp.service"), *(Unit("snmp.service", True, a, s) for a, s in product(Active, SUBS))]
FEATURES = [Feature("snmp", s, mode=m) for s, m in product(AdminState, Mode)]


def one(run: Run, unit: Unit | None, index: int = 0, count: int = 1) -> Seen:
    box = None if run is Run.ABSENT else Container("0" * 64, "snmp", run, "docker-snmp:1")
    return Seen(instance(index, count), box, unit)


def word(run: Run, active: Active | None = None, sub: str = "", **fields) -> str:
    unit = None if active is None else Unit("snmp.service", True, active, sub)
    return status(FeatureSeen(Feature("snmp", **{"state": AdminState.ENABLED, **fields}), (one(run, unit),)))


def test_every_combination_has_a_word_a_detail_and_json() -> None:
    seen = 0
    for feature, run, unit in product(FEATURES, Run, UNITS):
        wanted = FeatureSeen(feature, (one(run, unit),))
        said = status(wanted)
        assert said in WORDS
        if said in RUNNING:
            assert owner(wanted) is Owner.LOCAL
            assert run is Run.RUNNING
        if said == "failed":
            assert detail(wanted), (feature, run, unit)
        fields = report(wanted).fields
        assert fields["status"] == said
        seen += 1
    assert seen == len(FEATURES) * 8 * len(UNITS) >= 3_000


def test_word_of_several_instances_is_one_of_theirs() -> None:
    looks = list(product((Run.RUNNING, Run.EXITED, Run.PAUSED), UNITS[::3]))
    for first, second in product(looks, looks):
        seen = (one(*first, 0, 2), one(*second, 1, 2))
        single = {status(FeatureSeen(FEATURES[0], (s,))) for s in seen}
        both = status(FeatureSeen(FEATURES[0], seen))
        assert both in single
        assert both not in RUNNING or single <= RUNNING


def test_feature_without_instance_is_not_running() -> None:
    assert status(FeatureSeen(FEATURES[0], ())) not in RUNNING


@pytest.mark.parametrize(
    ("run", "active", "sub", "fields", "said"),
    [
        (Run.RUNNING, Active.ACTIVE, "running", {}, "running"),
        (Run.RUNNING, None, "", {}, "running"),
        (Run.RUNNING, Active.ACTIVE, "running", {"mode": Mode.KUBERNETES}, "fallback"),
        (Run.RUNNING, Active.ACTIVATING, "start-pre", {}, "starting"),
        (Run.RUNNING, Active.DEACTIVATING, "stop", {}, "stopping"),
        (Run.EXITED, Active.ACTIVATING, "auto-restart", {}, "starting"),
        (Run.EXITED, Active.INACTIVE, "dead", {}, "stopped"),
        (Run.EXITED, Active.INACTIVE, "dead", {"state": AdminState.DISABLED}, "disabled"),
        (Run.EXITED, Active.FAILED, "failed", {}, "failed"),
        (Run.EXITED, Active.ACTIVE, "exited", {}, "failed"),
        (Run.PAUSED, Active.ACTIVE, "running", {}, "failed"),
        (Run.DEAD, None, "", {}, "failed"),
        (Run.ABSENT, None, "", {}, "stopped"),
    ],
)
def test_word_says_what_an_operator_would(run, active, sub, fields, said) -> None:
    assert word(run, active, sub, **fields) == said


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("docker-snmp:20240101.1", "20240101.1"),
        ("registry:5000/docker-snmp:latest", "latest"),
        ("registry:5000/docker-snmp", ""),
        ("docker-snmp", ""),
        ("docker-snmp@sha256:ab", ""),
        ("", ""),
    ],
)
def test_version_is_the_tag(image: str, tag: str) -> None:
    box = Container("0" * 64, "snmp", Run.RUNNING, image)
    assert version(FeatureSeen(FEATURES[0], (Seen(instance(0, 1), box, None),))) == tag


@given(st.text() | st.datetimes().map(lambda t: f"{t:%Y-%m-%d %H:%M:%S}"))
def test_any_host_time_is_a_time_or_nothing(text: str) -> None:
    assert local(utc(text)) in ("", text)


@given(st.text())
def test_any_state_row_is_a_time_or_nothing(text: str) -> None:
    assert since(FeatureSeen(FEATURES[0], (), {"update_time": text})) == utc(text)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("stamp", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "nonsense", ""])
def test_no_time_of_day_is_too_strange_to_be_told(zone, stamp, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert utc(stamp) == "" or re.fullmatch(r"\d+-\d\d-\d\dT\d\d:\d\d:\d\dZ", utc(stamp))
    finally:
        monkeypatch.undo()
        time.tzset()


HANDED_OVER = {"system_state": "up", "remote_state": "running", "update_time": "2026-11-22 10:00:00"}


@pytest.mark.parametrize(
    ("mode", "owner", "row", "said"),
    [
        (Mode.KUBERNETES, Owner.KUBE, {"current_owner": "kube"}, utc("2026-11-22 10:00:00")),
        (Mode.KUBERNETES, Owner.LOCAL, {"current_owner": "local"}, utc("2026-11-22 10:00:00")),
        (Mode.KUBERNETES, Owner.LOCAL, {"current_owner": "kube"}, "2026-11-21T00:00:00Z"),
        (Mode.KUBERNETES, Owner.KUBE, {"update_time": "soon"}, "2026-11-21T00:00:00Z"),
        (Mode.KUBERNETES, Owner.NONE, {}, "2026-11-21T00:00:00Z"),
        (Mode.LEGACY, Owner.KUBE, {"current_owner": "kube"}, utc("2026-11-22 10:00:00")),
        (Mode.LEGACY, Owner.LOCAL, {"current_owner": "local"}, "2026-11-21T00:00:00Z"),
    ],
)
def test_a_handover_counts_where_kubernetes_has_a_part_in_it(mode, owner, row, said) -> None:
    box = Container("0" * 64, "snmp", Run.RUNNING if owner is Owner.LOCAL else Run.EXITED)
    pod = Container("1" * 64, "k8s_snmp", Run.RUNNING) if owner is Owner.KUBE else None
    unit = Unit("snmp.service", True, Active.ACTIVE, "running", since="2026-11-21T00:00:00Z")
    seen = Seen(instance(0, 1), box, unit, (pod,) if pod else (), pod)
    assert since(FeatureSeen(Feature("snmp", AdminState.ENABLED, mode=mode), (seen,), HANDED_OVER | row)) == said
