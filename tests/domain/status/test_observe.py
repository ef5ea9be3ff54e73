"""Looking: in the fewest calls, at hosts and ASICs, with and without systemd; names and tables that are none."""

from __future__ import annotations

import pytest

from system_service.backends import ctrmgrd
from system_service.domain.result import Unseen
from system_service.domain.status.observe import intent, observe, see
from system_service.domain.status.overview import look
from system_service.errors import UnknownFeature, Unreachable
from system_service.model.snapshot import Active, Run
from system_service.terminal.envelope import envelope
from tests.fakes import systemctl as fake
from tests.support.systemd import Spec

BAD = ["", " ", "a b", "a|b", "../x", "a/b", "a\nb", "\x1b[31m", "-a", ".a", "a" * 65, "ä", "a\udcff", "a*"]


@pytest.fixture(autouse=True)
def _environment(asker):
    """systemctl is the fake one."""


def names(snapshot):
    return [f.spec.name for f in snapshot.features]


def test_named_in_the_order_asked_and_all_in_natural_order(fakes):
    for name in ("a10", "a2", "b"):
        fakes.feature(name, "")
    assert names(observe(fakes.switch(), ("b", "a10", "b"))) == ["b", "a10"]
    assert names(observe(fakes.switch())) == ["a2", "a10", "b"]


@pytest.mark.parametrize("names", [(), ("f0", "f1", "f2")])
def test_as_few_calls_as_can_be(fakes, names):
    fakes.systemd(**{f"f{i}": Spec() for i in range(3)})
    for i in range(3):
        fakes.feature(f"f{i}")
    snapshot = observe(fakes.switch(), names)
    assert fakes.redis.round_trips <= 2
    assert sum(fakes.docker.calls.values()) == 1
    (call,) = fakes.units.calls()
    assert set(call[1:]) == {"f0.service", "f1.service", "f2.service", "featured.service"}
    assert {s.unit.exists for f in snapshot.features for s in f.instances} == {True}
    assert fakes.writes() == []


def test_daemons_count_when_installed_and_not_masked(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
    (tmp_path / ctrmgrd.UNIT).write_text("[Service]\n")
    fakes.systemd(featured=Spec())
    fakes.feature("snmp")
    host = observe(fakes.switch(), ("snmp",)).host
    assert (host.systemd, host.featured, host.ctrmgrd) == (True, True, True)
    with fake.opened(fakes.units.state) as state:
        state["units"]["featured.service"]["masked"] = True
    (tmp_path / ctrmgrd.UNIT).unlink()
    for names in (("snmp",), ()):
        host = observe(fakes.switch(), names).host
        assert (host.systemd, host.featured, host.ctrmgrd) == (True, False, False)


def test_without_systemd_nothing_is_asked_of_it(fakes):
    fakes.feature("snmp")
    snapshot = observe(fakes.switch())
    assert snapshot.host.systemd is False
    assert snapshot.features[0].instances[0].unit is None
    assert fakes.units.calls() == []


def test_asics(fakes):
    fakes.asic("asic0", "asic1")
    fakes.systemd(**{"swss@0": Spec(), "database": Spec(), "database@1": Spec()})
    fakes.feature("swss", "", has_global_scope="False", has_per_asic_scope="True")
    fakes.feature("database", "", has_per_asic_scope="true")
    fakes.feature("nowhere", "", has_global_scope="False")
    for name in ("swss0", "database", "database0"):
        fakes.container(name)
    swss, database, nowhere = observe(fakes.switch(), ("swss", "database", "nowhere")).features
    assert [(s.spec.unit, s.unit.exists, s.run) for s in swss.instances] == [
        ("swss@0.service", True, Run.RUNNING),
        ("swss@1.service", False, Run.ABSENT),
    ]
    assert [(s.spec.unit, s.spec.namespace, s.run) for s in database.instances] == [
        ("database.service", "", Run.RUNNING),
        ("database@0.service", "asic0", Run.RUNNING),
        ("database@1.service", "asic1", Run.ABSENT),
    ]
    assert nowhere.instances == ()


def test_another_container_with_a_name_that_begins_so_is_not_it(fakes):
    fakes.feature("snmp", "")
    fakes.container("snmp-trap")
    fakes.container("other", id="snmp" + "0" * 60)
    assert observe(fakes.switch(), ("snmp",)).features[0].instances[0].run is Run.ABSENT


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_cannot_be(fakes, name):
    fakes.put("CONFIG_DB", "FEATURE|" + name.encode(errors="replace").decode(), {"state": "enabled"})
    fakes.feature("snmp")
    with pytest.raises(UnknownFeature) as caught:
        observe(fakes.switch(), (name,))
    assert str(caught.value) == f"there is no feature {name!r}"
    assert str(caught.value).isprintable()
    assert names(observe(fakes.switch())) == ["snmp"]  # a row of such a name hides no other


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("snm", "did you mean snmp, snmp2?"),
        ("snmp10", "did you mean snmp?"),
        ("lldp", "system service list"),
        ("bpg", "did you mean bgp?"),
    ],
)
def test_a_hint_for_a_name_that_is_near(fakes, name, hint):
    for known in ("snmp2", "snmp", "bgp"):
        fakes.feature(known, "")
    with pytest.raises(UnknownFeature) as caught:
        observe(fakes.switch(), (name,))
    assert caught.value.resolution == hint


@pytest.mark.parametrize("names", [(), ("snmp",)])
def test_an_empty_table_is_no_answer(fakes, names):
    fakes.feature("snmp", "")
    fakes.redis.databases[4].clear()
    with pytest.raises(Unreachable, match="a config reload may be under way"):
        observe(fakes.switch(), names)


def test_rows_as_anybody_may_have_written_them(fakes):
    fakes.put("CONFIG_DB", "FEATURE|bare", {"NULL": "NULL"})
    fakes.redis.databases[4][b"FEATURE|bytes"] = {b"state": b"\xff\xfe", b"auto_restart": b"\x00", b"\xff": b"x"}
    fakes.redis.databases[4][b"FEATURE|string"] = b"no hash"
    fakes.redis.databases[4][b"FEATURE|\xff"] = {b"state": b"enabled"}
    snapshot = observe(fakes.switch())
    assert [(f.spec.name, f.spec.state.value) for f in snapshot.features] == [
        ("bare", "unknown"),
        ("bytes", "unknown"),
    ]


def test_intent_knows_which_names_are_none(fakes):
    fakes.feature("snmp")
    wanted = intent(fakes.switch(), ("nosuch", "snmp", "a|b"))
    assert [f.name for f in wanted.features] == ["snmp"]
    assert list(wanted.unknown) == ["nosuch", "a|b"]
    assert names(see(fakes.switch(), wanted)) == ["snmp"]
    with pytest.raises(UnknownFeature, match="there is no feature nosuch"):
        observe(fakes.switch(), ("snmp", "nosuch"))
    with pytest.raises(UnknownFeature, match=r"there is no feature 'a\|b'"):
        intent(fakes.switch(), ("a|b", "nosuch"))


def test_look_shows_the_intent_when_the_engine_is_gone(fakes):
    fakes.feature("snmp", state="disabled")
    fakes.docker.stop()
    result = look(fakes.switch(), "x", ("nosuch", "snmp"), partial=True)
    assert result.exit_code == 7
    nosuch, snmp = result.reports
    assert (nosuch.detail, nosuch.feature) == ("there is no feature nosuch", None)
    assert (type(snmp), snmp.feature.state.value, snmp.feature.mode.value) == (Unseen, "disabled", "legacy")
    shown, _ = envelope(result)["features"]
    assert shown == {"name": "nosuch", "detail": "there is no feature nosuch", "changed": False}
    with pytest.raises(Unreachable):
        look(fakes.switch(), "x", ("snmp",))


def test_a_unit_on_its_way(fakes):
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp", "exited")
    with fake.opened(fakes.units.state) as state:
        state["units"]["snmp.service"] |= {"active": "activating", "sub": "auto-restart", "restart_at": 1e12}
    for names in (("snmp",), ()):
        (instance,) = observe(fakes.switch(), names).features[0].instances
        assert (instance.unit.active, instance.unit.sub) == (Active.ACTIVATING, "auto-restart")
        assert look(fakes.switch(), "x", names).reports[0].status == "starting"
