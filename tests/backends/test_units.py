"""What systemd never does and systemctl may: hang, be denied, be missing, answer nonsense. On the fake alone."""

import os
import time

import pytest

from system_service.backends.units import Units
from system_service.errors import NotPermitted, TimedOut, Unreachable
from system_service.model.snapshot import Active
from tests.support.systemd import FakeSystemd, Spec

NAME = "snmp.service"


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    fake = FakeSystemd(str(tmp_path / "systemd"), {NAME: Spec(), "swss.service": Spec()})
    monkeypatch.setenv("PATH", fake.bin, prepend=os.pathsep)
    return fake


def every_call(units):
    return [
        lambda: units.show(NAME),
        lambda: units.states(NAME),
        lambda: units.start(NAME, units._timeout),
        lambda: units.stop(NAME, units._timeout),
        lambda: units.restart(NAME, units._timeout),
        lambda: units.start(NAME, units._timeout, block=False),
        lambda: units.reset_failed(NAME),
        lambda: units.enable(NAME),
        lambda: units.disable(NAME),
        lambda: units.mask(NAME),
        lambda: units.unmask(NAME),
    ]


def test_a_hang_ends_every_call_within_its_time(systemd):
    systemd.fail("hang")
    for call in every_call(Units(timeout=0.3)):
        before = time.monotonic()
        with pytest.raises(TimedOut) as caught:
            call()
        assert time.monotonic() - before < 5
        assert "within 0.3 s" in str(caught.value)
        assert caught.value.resolution


def test_denied_is_not_permitted(systemd):
    systemd.fail("denied")
    for call in every_call(Units())[1:]:
        with pytest.raises(NotPermitted, match=r"^Failed to .* snmp\.service: Access denied$") as caught:
            call()
        assert caught.value.resolution == "run it as root"


def test_a_reload_that_does_not_work(systemd):
    # Only the one that hangs is to run out of time, on a busy machine too.
    for failure, error, seconds in (("hang", TimedOut, 0.3), ("denied", NotPermitted, 10), ("no-bus", Unreachable, 10)):
        systemd.fail(failure)
        with pytest.raises(error):
            Units(timeout=seconds).reload()


def test_no_bus_is_unreachable(systemd):
    systemd.fail("no-bus")
    for call in every_call(Units()):
        with pytest.raises(Unreachable, match=r"^systemd does not answer: Failed to connect to bus: No such file"):
            call()


@pytest.mark.parametrize("failure", ["garbage", "cut"])
def test_nonsense_is_unreachable_and_no_job_is_called_done(systemd, failure):
    systemd.fail(failure)
    for call in (lambda: Units().show(NAME), lambda: Units().start(NAME, 5), lambda: Units().mask(NAME)):
        with pytest.raises(Unreachable, match=r"^systemd answered nonsense: "):
            call()


def test_systemctl_missing_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in every_call(Units()):
        with pytest.raises(Unreachable, match=r"^(systemctl|busctl) cannot be run: No such file or directory$"):
            call()


def test_available_is_about_systemd_alone(tmp_path):
    (tmp_path / "system").mkdir()
    assert Units(runtime_dir=str(tmp_path / "system")).available()
    assert not Units(runtime_dir=str(tmp_path / "nowhere")).available()


def test_states_are_one_call_however_many(systemd):
    names = [f"feature{n}.service" for n in range(500)]
    assert set(Units().states(NAME, *names)) == {NAME, *names}
    assert [call[0] for call in systemd.calls()] == ["call"]


@pytest.mark.parametrize("failure", ["garbage", "cut"])
def test_a_list_of_units_that_is_none_is_unreachable(systemd, failure):
    systemd.fail(failure)
    with pytest.raises(Unreachable, match=r"^systemd answered nonsense: "):
        Units().states(NAME)


def test_show_is_one_call_however_many(systemd):
    names = [f"feature{n}.service" for n in range(500)]
    assert set(Units().show(NAME, *names)) == {NAME, *names}
    assert systemd.calls() == [["show", NAME, *names]]
    assert Units().show() == {}
    assert systemd.calls() == []


def test_changes_of_several_units_are_one_call_and_one_look(systemd):
    Units().mask(NAME, "swss.service")
    assert systemd.calls() == [["mask", NAME, "swss.service"], ["show", NAME, "swss.service"]]


def test_a_job_handed_over_is_one_call(systemd):
    Units().start(NAME, 5, block=False)
    assert systemd.calls() == [["start", NAME]]


ANSWER = {
    **{"Result": "success", "NRestarts": "0", "Id": NAME, "LoadState": "loaded", "ActiveState": "active"},
    **{"SubState": "running", "UnitFileState": "static", "InactiveExitTimestamp": "", "ActiveExitTimestamp": ""},
    **{"ActiveEnterTimestamp": "Sun 2026-11-22 23:46:13 UTC", "InactiveEnterTimestamp": ""},
}


def shown(systemd, **values):
    """What `show` makes of this answer."""
    with open(os.path.join(systemd.bin, "systemctl"), "w", encoding="utf-8") as file:
        lines = "\n".join(f"{k}={v}" for k, v in (ANSWER | values).items() if v is not None)
        file.write(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    return Units().show(NAME)[NAME]


def test_strange_words_are_read_tolerantly(systemd):
    unit = shown(
        systemd, LoadState="masked", UnitFileState="", ActiveState="refreshing", NRestarts="[not set]", New="a=b"
    )
    assert (unit.exists, unit.masked, unit.active, unit.restarts) == (True, True, Active.RELOADING, 0)
    assert shown(systemd, Result=None, NRestarts=None).result == ""


def test_times_are_utc_or_unknown(systemd):
    assert shown(systemd).since == "2026-11-22T23:46:13Z"
    for stamp in ("", "n/a", "Sun 2026-11-22 23:46:13 CET", "@1795391173"):
        assert shown(systemd, ActiveEnterTimestamp=stamp).since == ""


def test_a_state_nobody_knows_is_nonsense(systemd):
    with pytest.raises(Unreachable, match=r"nonsense: snmp\.service is 'sideways'$"):
        shown(systemd, ActiveState="sideways")
    with pytest.raises(Unreachable, match=r"nonsense: no SubState for snmp\.service$"):
        shown(systemd, SubState=None)
