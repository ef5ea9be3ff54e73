"""What the units backend needs of systemd, run against the fake systemctl and against a real systemd alike.

Each test has units of its own: start counts and failures stay with a unit.
"""

import calendar
import os
import select
import threading
import time

import pytest

from system_service.backends.units import Units
from system_service.errors import Failed, TimedOut
from system_service.model.snapshot import Active
from tests.support.systemd import ContainerSystemd, FakeSystemd, Spec

WAIT = 20.0
UNITS = {
    "contract-plain.service": Spec(install=True),
    "contract-other.service": Spec(),
    "contract-many@0.service": Spec(),
    "contract-files.service": Spec(install=True),
    "contract-static.service": Spec(),
    "contract-masked.service": Spec(install=True),
    "contract-fails.service": Spec(start_pre="fail"),
    "contract-limit.service": Spec(start_pre="fail", burst=2),
    "contract-often.service": Spec(burst=2),
    "contract-slow.service": Spec(start_pre="gate"),
    "contract-late.service": Spec(start_pre="gate"),
    "contract-cancel.service": Spec(start_pre="gate"),
    "contract-again.service": Spec(restart="always", restart_sec=3600),
    "contract-soon.service": Spec(restart="always", restart_sec=0.1),
    "contract-dies.service": Spec(),
    "contract-base.service": Spec(),
    "contract-needs.service": Spec(requisite="contract-base.service"),
}


@pytest.fixture(scope="module", params=["fake", "real"])
def systemd(request, tmp_path_factory):
    folder = os.fspath(tmp_path_factory.mktemp("systemd"))
    if request.param == "fake":
        subject = FakeSystemd(folder, UNITS)
    else:
        engine, container = request.getfixturevalue("virtual_systemd")
        subject = ContainerSystemd(folder, engine, container, UNITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", subject.bin, prepend=os.pathsep)
        yield subject
    subject.close()


@pytest.fixture
def units():
    return Units()


def until(units, name, condition):
    """The unit, once the condition holds of it."""
    deadline = time.monotonic() + WAIT
    while True:
        unit = units.show(name)[name]
        if condition(unit):
            return unit
        assert time.monotonic() < deadline, f"still {unit}"
        select.select([], [], [], 0.02)


@pytest.mark.usefixtures("systemd")
class TestUnits:
    def test_states_are_those_of_show_with_less_to_say(self, systemd, units):
        plain, masked, failing = "contract-plain.service", "contract-masked.service", "contract-fails.service"
        units.start(plain, WAIT)
        units.mask(masked)
        with pytest.raises(Failed):
            units.start(failing, WAIT)
        names = (plain, masked, failing, "contract-files.service", "contract-nosuch.service", "contract-many@0.service")
        shown, told = units.show(*names), units.states(*names)
        assert list(told) == list(names)
        for name in names:
            for fact in ("name", "exists", "masked", "active", "sub"):
                assert getattr(told[name], fact) == getattr(shown[name], fact), f"{fact} of {name}"
        assert [told[n].exists for n in names] == [True, True, True, True, False, True]
        units.stop(plain, WAIT)
        units.unmask(masked)
        units.reset_failed(failing)

    def test_show_answers_each_name_in_one_call(self, units):
        names = ("contract-plain.service", "contract-nosuch.service", "contract-many@0.service")
        found = units.show(*names, names[0])
        assert tuple(found) == names
        assert [u.name for u in found.values()] == list(names)
        assert [u.exists for u in found.values()] == [True, False, True]
        assert [u.active for u in found.values()] == [Active.INACTIVE] * 3
        assert found["contract-nosuch.service"].file_state == ""

    def test_a_reload_reads_what_is_there(self, units):
        units.reload()
        found = units.show("contract-plain.service", "contract-nosuch.service").values()
        assert [(u.exists, u.stale) for u in found] == [(True, False), (False, False)]

    def test_start_restart_stop_are_seen(self, units):
        name = "contract-plain.service"
        units.start("contract-other.service", WAIT)
        other = units.show("contract-other.service")
        units.start(name, WAIT)
        first = units.show(name)[name]
        assert (first.active, first.sub, first.result, first.restarts) == (Active.ACTIVE, "running", "success", 0)
        assert time.strptime(first.since, "%Y-%m-%dT%H:%M:%SZ")
        assert abs(_seconds(first.since) - time.time()) < 120
        units.start(name, WAIT)
        assert units.show(name)[name] == first
        until(units, name, lambda _: time.time() > _seconds(first.since) + 1)  # `since` counts whole seconds
        units.restart(name, WAIT)
        second = units.show(name)[name]
        assert second.since > first.since
        assert (second.active, second.file_state, second.restarts) == (first.active, first.file_state, 0)
        assert units.show("contract-other.service") == other
        units.stop(name, WAIT)
        units.stop(name, WAIT)
        assert units.show(name)[name].active is Active.INACTIVE
        assert units.show("contract-other.service") == other

    def test_restart_starts_an_inactive_unit(self, units):
        name = "contract-many@0.service"
        units.restart(name, WAIT)
        assert units.show(name)[name].active is Active.ACTIVE

    def test_a_unit_without_file_is_refused_by_name(self, units):
        for job in (units.start, units.restart):
            with pytest.raises(Failed, match=r"Unit contract-nosuch\.service not found$") as caught:
                job("contract-nosuch.service", WAIT)
            assert caught.value.resolution == "journalctl -u contract-nosuch.service"
        with pytest.raises(Failed, match=r"Unit contract-nosuch\.service not loaded$"):
            units.stop("contract-nosuch.service", WAIT)
        for change in (units.enable, units.disable):
            with pytest.raises(Failed, match=r"Unit file contract-nosuch\.service does not exist$"):
                change("contract-files.service", "contract-nosuch.service")
        assert units.show("contract-files.service")["contract-files.service"].file_state == "disabled"

    def test_enable_and_disable_several_at_once(self, units):
        files, static = "contract-files.service", "contract-static.service"
        assert units.show(files)[files].file_state == "disabled"
        units.enable(files, static)
        units.enable(files)
        assert [u.file_state for u in units.show(files, static).values()] == ["enabled", "static"]
        assert units.show(files)[files].active is Active.INACTIVE
        units.disable(files, static)
        units.disable(files)
        assert [u.file_state for u in units.show(files, static).values()] == ["disabled", "static"]

    def test_a_masked_unit_runs_on_and_stops_but_does_not_start(self, units):
        name = "contract-masked.service"
        units.start(name, WAIT)
        units.mask(name, "contract-static.service")
        units.mask(name)
        masked = units.show(name)[name]
        assert (masked.exists, masked.masked, masked.active) == (True, True, Active.ACTIVE)
        assert units.show("contract-static.service")["contract-static.service"].masked
        units.stop(name, WAIT)
        assert units.show(name)[name].active is Active.INACTIVE
        for job in (units.start, units.restart):
            with pytest.raises(Failed, match=r"is masked$"):
                job(name, WAIT)
        with pytest.raises(Failed, match=r"is masked$"):
            units.enable(name)
        units.disable(name)
        units.unmask(name, "contract-static.service")
        units.unmask(name)
        assert [u.masked for u in units.show(name, "contract-static.service").values()] == [False, False]
        units.start(name, WAIT)

    def test_mask_of_a_unit_without_file_holds_and_is_undone(self, units):
        units.mask("contract-nosuch.service")
        assert units.show("contract-nosuch.service")["contract-nosuch.service"].masked
        units.unmask("contract-nosuch.service")
        assert not units.show("contract-nosuch.service")["contract-nosuch.service"].exists

    def test_a_failed_start_names_its_result(self, units):
        name = "contract-fails.service"
        with pytest.raises(Failed) as caught:
            units.start(name, WAIT)
        assert str(caught.value) == f"{name} is failed (failed) after start, result exit-code"
        assert caught.value.resolution == f"journalctl -u {name}"
        failed = units.show(name)[name]
        assert (failed.active, failed.result) == (Active.FAILED, "exit-code")
        assert failed.since
        units.stop(name, WAIT)
        assert units.show(name)[name] == failed
        units.reset_failed(name)
        assert (units.show(name)[name].active, units.show(name)[name].result) == (Active.INACTIVE, "success")

    def test_over_the_limit_an_earlier_failure_stays_the_result(self, units):
        name = "contract-limit.service"
        for _ in range(3):
            with pytest.raises(Failed, match=r"result exit-code$"):
                units.start(name, WAIT)
        units.reset_failed(name)
        assert units.show(name)[name].active is Active.INACTIVE

    def test_start_limit_hit_until_reset(self, units):
        name = "contract-often.service"
        units.restart(name, WAIT)
        units.restart(name, WAIT)
        with pytest.raises(Failed, match=r"is failed \(failed\) after restart, result start-limit-hit$"):
            units.restart(name, WAIT)
        with pytest.raises(Failed, match=r"result start-limit-hit$"):
            units.start(name, WAIT)
        units.reset_failed(name)
        units.start(name, WAIT)
        assert units.show(name)[name].active is Active.ACTIVE

    def test_reset_failed_of_what_never_failed_is_no_error(self, units):
        units.reset_failed("contract-static.service", "contract-nosuch.service")

    def test_a_start_over_its_time_goes_on(self, units, systemd):
        name = "contract-slow.service"
        with pytest.raises(TimedOut) as caught:
            units.start(name, 3.0)
        assert str(caught.value) == f"{name}: start did not end within 3 s; systemd goes on with it"
        assert caught.value.resolution == f"systemctl status {name}"
        unit = until(units, name, lambda u: u.active is Active.ACTIVATING)
        assert unit.sub == "start-pre"
        assert unit.since
        systemd.release(name)
        until(units, name, lambda u: u.active is Active.ACTIVE)

    def test_without_block_the_job_is_handed_over(self, units, systemd):
        name = "contract-late.service"
        units.start(name, WAIT, block=False)
        until(units, name, lambda u: (u.active, u.sub) == (Active.ACTIVATING, "start-pre"))
        systemd.release(name)
        until(units, name, lambda u: u.active is Active.ACTIVE)
        units.stop(name, WAIT, block=False)
        until(units, name, lambda u: u.active is Active.INACTIVE)

    def test_a_stop_cancels_a_start_and_the_start_says_so(self, units):
        name = "contract-cancel.service"
        caught = []

        def start():
            try:
                units.start(name, WAIT)
            except Failed as error:
                caught.append(error)

        starter = threading.Thread(target=start)
        starter.start()
        try:
            until(units, name, lambda u: u.sub == "start-pre")
            units.stop(name, WAIT)
        finally:
            starter.join(WAIT)
        stopped = units.show(name)[name]
        assert (stopped.active, stopped.result) == (Active.FAILED, "signal")
        assert [str(e) for e in caught] == [f"{name} is failed (failed) after start, result signal"]

    def test_a_dead_service_waits_for_its_restart_and_restart_does_not(self, units, systemd):
        name = "contract-again.service"
        units.start(name, WAIT)
        systemd.kill(name)
        waiting = until(units, name, lambda u: u.sub == "auto-restart")
        assert (waiting.active, waiting.result, waiting.restarts) == (Active.ACTIVATING, "signal", 0)
        with pytest.raises(TimedOut):
            units.start(name, 0.5)
        assert units.show(name)[name].sub == "auto-restart"
        units.restart(name, WAIT)
        running = units.show(name)[name]
        assert (running.active, running.sub, running.result) == (Active.ACTIVE, "running", "success")
        systemd.kill(name)
        until(units, name, lambda u: u.sub == "auto-restart")
        units.stop(name, WAIT)
        assert units.show(name)[name].active is Active.INACTIVE

    def test_systemd_counts_its_restarts(self, units, systemd):
        name = "contract-soon.service"
        units.start(name, WAIT)
        systemd.kill(name)
        again = until(units, name, lambda u: u.restarts == 1 and u.active is Active.ACTIVE)
        assert (again.sub, again.result) == ("running", "success")
        units.reset_failed(name)
        assert units.show(name)[name].restarts == 0
        units.stop(name, WAIT)

    def test_a_death_without_restart_is_a_failure(self, units, systemd):
        name = "contract-dies.service"
        units.start(name, WAIT)
        systemd.kill(name)
        dead = until(units, name, lambda u: u.active is Active.FAILED)
        assert (dead.sub, dead.result) == ("failed", "signal")
        units.start(name, WAIT)
        assert units.show(name)[name].result == "success"

    def test_requisite_refuses_takes_along_and_restarts(self, units):
        base, needs = "contract-base.service", "contract-needs.service"
        with pytest.raises(Failed, match=rf"^A dependency job for {needs} failed\."):
            units.start(needs, WAIT)
        assert units.show(base)[base].active is Active.INACTIVE
        units.start(base, WAIT)
        units.start(needs, WAIT)
        units.restart(base, WAIT)
        until(units, needs, lambda u: u.active is Active.ACTIVE)
        units.stop(base, WAIT)
        until(units, needs, lambda u: u.active is Active.INACTIVE)


def _seconds(stamp):
    """Seconds since the epoch of an RFC 3339 UTC time."""
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))
