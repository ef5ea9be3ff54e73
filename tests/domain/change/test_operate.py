"""Asks carried out under systemd: units first, nothing called done that was not seen, every failure with its code."""

from __future__ import annotations

import os
import signal
import time

import pytest

from system_service.domain.change import execute
from system_service.errors import NotPermitted, TimedOut, Unreachable
from tests.fakes import systemctl as fake
from tests.support.featured import installed
from tests.support.systemd import Spec


def changes(fakes):
    """The calls to systemctl that were no looks."""
    return [" ".join(call) for call in fakes.units.calls() if call[0] not in ("show", "call")]


def unit(fakes, name, **values):
    with fake.opened(fakes.units.state) as state:
        found = state["units"][f"{name}.service"]
        found.update(values)
        return dict(found)


@pytest.fixture
def booted(fakes):
    """snmp runs under its unit; lldp is down."""
    fakes.systemd(snmp=Spec(install=True), lldp=Spec(install=True))
    fakes.feature("snmp")
    fakes.feature("lldp", "exited")
    unit(fakes, "snmp", active="active", sub="running", enabled=True)
    unit(fakes, "lldp", enabled=True)
    return fakes


def outcome(result):
    return [(r.name, r.status, r.changed) for r in result.reports]


class TestThroughTheUnit:
    def test_start(self, booted, asker):
        assert outcome(asker("start", "lldp")) == [("lldp", "running", True)]
        assert changes(booted) == ["reset-failed lldp.service", "start lldp.service"]
        assert asker.told == [
            "lldp: forget earlier failures of lldp.service",
            "lldp: start lldp.service",
            "lldp: wait until container lldp is running",
        ]
        assert outcome(asker("start", "lldp")) == [("lldp", "running", False)]
        assert changes(booted) == []

    def test_stop(self, booted, asker):
        assert outcome(asker("stop", "snmp")) == [("snmp", "stopped", True)]
        assert changes(booted) == ["stop snmp.service"]
        assert booted.row("snmp")["state"] == "enabled"

    def test_restart(self, booted, asker):
        starts = booted.docker.get("snmp").starts
        result = asker("restart", "snmp", "lldp")
        assert outcome(result) == [("snmp", "running", True), ("lldp", "running", True)]
        assert booted.docker.get("snmp").starts == starts + 1
        assert changes(booted) == [
            "reset-failed snmp.service",
            "restart snmp.service",
            "reset-failed lldp.service",
            "start lldp.service",
        ]

    def test_disable_and_enable(self, booted, asker):
        assert outcome(asker("disable", "snmp")) == [("snmp", "disabled", True)]
        assert changes(booted) == ["stop snmp.service", "disable snmp.service", "mask snmp.service"]
        assert booted.row("snmp")["state"] == "disabled"
        assert outcome(asker("disable", "snmp")) == [("snmp", "disabled", False)]
        assert changes(booted) == []
        assert outcome(asker("enable", "snmp")) == [("snmp", "running", True)]
        assert changes(booted) == [
            "unmask snmp.service",
            "enable snmp.service",
            "reset-failed snmp.service",
            "start snmp.service",
        ]
        assert booted.row("snmp")["state"] == "enabled"

    def test_a_dry_run_asks_and_changes_nothing(self, booted, asker):
        result = asker("disable", "snmp", dry_run=True)
        assert result.reports[0].plan == (
            "write state=disabled to CONFIG_DB FEATURE|snmp",
            "stop snmp.service",
            "disable snmp.service",
            "mask snmp.service",
        )
        assert (result.changed, changes(booted), booted.writes(), asker.told) == (True, [], [], [])

    def test_a_unit_over_its_start_limit(self, booted, asker):
        unit(booted, "lldp", burst=1, starts=5, active="failed", sub="failed", result="start-limit-hit")
        assert outcome(asker("start", "lldp")) == [("lldp", "running", True)]

    def test_a_unit_whose_container_has_gone_is_restarted(self, booted, asker):
        booted.docker.crash("snmp")
        assert outcome(asker("start", "snmp")) == [("snmp", "running", True)]
        assert changes(booted) == ["reset-failed snmp.service", "restart snmp.service"]

    def test_a_container_that_runs_beside_its_unit_is_stopped(self, booted, asker):
        unit(booted, "snmp", active="inactive", sub="dead")
        assert outcome(asker("stop", "snmp")) == [("snmp", "stopped", True)]
        assert booted.docker.calls["POST", "/containers/snmp/stop"] == 1

    def test_a_unit_that_is_masked_is_refused(self, booted, asker):
        unit(booted, "lldp", masked=True)
        error = asker("start", "lldp").error
        assert (error.exit_code, str(error)) == (5, "lldp.service is masked")

    def test_a_feature_without_a_unit_beside_one_with(self, booted, asker):
        booted.feature("bare", "exited")
        result = asker("start", "bare", "lldp")
        assert outcome(result) == [("bare", "running", True), ("lldp", "running", True)]
        assert booted.docker.calls["POST", "/containers/bare/start"] == 1

    def test_instances_of_every_asic(self, fakes, asker):
        fakes.asic("asic0", "asic1")
        fakes.systemd(**{"swss@0": Spec(), "swss@1": Spec()})
        fakes.feature("swss", "", has_global_scope="False", has_per_asic_scope="True")
        for name in ("swss0", "swss1"):
            fakes.container(name, "exited")
        assert outcome(asker("start", "swss")) == [("swss", "running", True)]
        assert [c for c in changes(fakes) if c.startswith("start")] == ["start swss@0.service", "start swss@1.service"]


class TestFailures:
    def test_a_unit_that_cannot_start(self, booted, asker):
        unit(booted, "lldp", start_pre="fail")
        result = asker("start", "lldp", "snmp")
        assert (result.exit_code, result.error.resolution) == (1, "journalctl -u lldp.service")
        assert [r.status for r in result.reports] == ["failed", "running"]
        assert result.reports[0].changed is False

    def test_an_intent_that_one_database_does_not_take_is_in_none(self, booted, asker):
        booted.asic("asic0")
        booted.put("CONFIG_DB", "FEATURE|snmp", "no hash", "asic0")
        result = asker("disable", "snmp")
        assert (result.exit_code, outcome(result)) == (1, [("snmp", "running", False)])
        assert booted.row("snmp")["state"] == "enabled"

    def test_a_start_that_takes_too_long_goes_on_by_itself(self, booted, asker):
        unit(booted, "lldp", start_pre="gate", gate=os.path.join(booted.folder, "gate"))
        result = asker("start", "lldp", timeout=2.0)
        assert (result.exit_code, outcome(result)) == (6, [("lldp", "starting", False)])
        with open(os.path.join(booted.folder, "gate"), "w", encoding="utf-8"):
            pass
        assert outcome(asker("start", "lldp"))[0][:2] == ("lldp", "running")

    @pytest.mark.parametrize(
        ("failure", "error", "word"),
        [
            ("no-bus", Unreachable, "bus"),
            ("garbage", Unreachable, "nonsense"),
            ("cut", Unreachable, "nonsense"),
            ("denied", NotPermitted, "Access denied"),
            ("hang", TimedOut, "did not answer within 0.3 s"),
        ],
    )
    def test_a_systemctl_that_does_not_answer(self, booted, asker, failure, error, word):
        booted.units.fail(failure)
        with pytest.raises(error, match=word):
            asker("stop", "snmp", switch={"systemctl_timeout": 0.3})
        assert booted.writes() == []

    def test_no_systemctl(self, booted, asker, monkeypatch):
        monkeypatch.setenv("PATH", booted.folder)
        with pytest.raises(Unreachable, match="systemctl cannot be run: No such file or directory"):
            asker("stop", "snmp")

    def test_access_denied_between_looking_and_acting(self, booted, asker):
        def deny(sentence):
            if "stop snmp.service" in sentence:
                booted.units.fail("denied")

        result = asker("stop", "snmp", hook=deny)
        assert result.exit_code == 8
        # What was last seen, for nothing newer can be had.
        assert outcome(result) == [("snmp", "running", False)]

    def test_docker_dies_on_the_way(self, fakes, asker):
        fakes.feature("snmp", "exited")

        def die(sentence):
            if "wait until" in sentence:
                fakes.docker.stop()

        result = asker("start", "snmp", hook=die)
        assert (result.exit_code, outcome(result)) == (7, [("snmp", "stopped", True)])
        assert fakes.docker.address in str(result.error)

    def test_what_is_undone_by_somebody_is_given_up(self, fakes, asker, monkeypatch):
        fakes.feature("snmp", state="disabled")
        told = fakes.redis.changed

        def undo(number, key, event):
            fakes.redis.databases[4][b"FEATURE|snmp"][b"state"] = b"disabled"
            told(number, key, event)

        monkeypatch.setattr(fakes.redis, "changed", undo)
        error = asker("enable", "snmp").error
        assert error.exit_code == 1
        assert str(error).startswith("snmp does not stay as asked: still to do: write state=enabled")

    def test_a_container_that_takes_longer_to_end_than_there_is_time(self, fakes, asker):
        fakes.feature("snmp", "")
        fakes.container("snmp", on_term=None)
        begun = time.monotonic()
        result = asker("stop", "snmp", timeout=0.5)
        assert time.monotonic() - begun < 8  # Docker would take ten
        assert (result.exit_code, outcome(result)) == (6, [("snmp", "running", False)])
        fakes.docker.crash("snmp")
        assert outcome(asker("stop", "snmp")) == [("snmp", "stopped", False)]

    def test_a_docker_that_hangs_takes_no_longer_than_there_is_time(self, fakes, asker):
        fakes.feature("snmp")
        fakes.docker.inject("", "hang")
        begun = time.monotonic()
        with pytest.raises(TimedOut, match="did not answer within the time limit"):
            asker("stop", "snmp", timeout=0.5)
        assert time.monotonic() - begun < 4

    def test_no_wait_hands_the_job_over(self, booted, asker):
        unit(booted, "lldp", start_pre="gate", gate=os.path.join(booted.folder, "gate"))
        result = asker("start", "lldp", wait=False)
        assert (result.error, result.changed, outcome(result)[0][1]) == (None, True, "starting")


class TestFeatured:
    """Where featured is installed and not masked we write the intent, let it act, and do what it leaves."""

    @pytest.fixture(autouse=True)
    def chance(self, monkeypatch):
        monkeypatch.setattr(execute, "_CHANCE", 0.3)

    @pytest.fixture
    def featured(self, booted):
        """It has started, and acts when a command lets it."""
        return installed(booted, "snmp", "lldp")

    def acts(self, featured):
        def act(sentence):
            if "let featured act" in sentence:
                featured.row(sentence.split(":")[0])

        return act

    def test_enable(self, booted, featured, asker):
        booted.put("CONFIG_DB", "FEATURE|lldp", {"state": "disabled"})
        unit(booted, "lldp", masked=True, enabled=False)
        featured.row("lldp")
        result = asker("enable", "lldp", hook=self.acts(featured))
        assert outcome(result) == [("lldp", "running", True)]
        assert changes(booted) == ["reset-failed lldp.service"]
        assert featured.switch.done[-3:] == ["unmask lldp.service", "enable lldp.service", "start lldp.service"]
        assert booted.row("lldp")["state"] == "enabled"

    def test_disable(self, booted, featured, asker):
        result = asker("disable", "snmp", hook=self.acts(featured))
        assert outcome(result) == [("snmp", "disabled", True)]
        assert changes(booted) == []
        assert featured.switch.done[-3:] == ["stop snmp.service", "disable snmp.service", "mask snmp.service"]

    def test_featured_that_does_not_come_is_not_waited_for(self, booted, featured, asker):
        assert outcome(asker("disable", "snmp")) == [("snmp", "disabled", True)]
        assert changes(booted) == ["stop snmp.service", "disable snmp.service", "mask snmp.service"]
        assert outcome(asker("enable", "snmp")) == [("snmp", "running", True)]
        assert changes(booted)[-4:] == [
            "unmask snmp.service",
            "enable snmp.service",
            "reset-failed snmp.service",
            "start snmp.service",
        ]

    def test_featured_comes_later_than_we_do(self, booted, featured, asker):
        assert outcome(asker("disable", "snmp")) == [("snmp", "disabled", True)]
        told = len(featured.switch.done)
        featured.row("snmp")
        assert featured.switch.done[told:] == []
        assert unit(booted, "snmp")["masked"]

    def test_limit_is_over_before_its_chance(self, booted, featured, asker, monkeypatch):
        monkeypatch.setattr(execute, "_CHANCE", 60.0)
        result = asker("disable", "snmp", timeout=0.3)
        assert (result.exit_code, booted.row("snmp")["state"]) == (6, "disabled")
        assert changes(booted) == []

    def test_masked_by_hand_though_enabled(self, booted, featured, asker):
        unit(booted, "snmp", masked=True, enabled=False, active="inactive", sub="dead")
        booted.docker.get("snmp").state = "exited"
        assert asker("start", "snmp").error.resolution == "system service enable snmp"
        result = asker("enable", "snmp", hook=self.acts(featured))
        assert outcome(result) == [("snmp", "running", True)]
        assert featured.switch.done == ["daemon-reload", "daemon-reload"]
        assert "unmask snmp.service" in changes(booted)

    def test_masked_by_hand_and_nobody_waits(self, booted, featured, asker):
        unit(booted, "snmp", masked=True, enabled=False, active="inactive", sub="dead")
        assert asker("enable", "snmp", wait=False).error is None
        assert not unit(booted, "snmp")["masked"]

    def test_what_featured_excludes_is_done_by_us_at_once(self, fakes, asker):
        fakes.systemd(telemetry=Spec(install=True))
        fakes.feature("telemetry")
        unit(fakes, "telemetry", active="active", sub="running", enabled=True)
        featured = installed(fakes, "telemetry")
        assert outcome(asker("disable", "telemetry", hook=self.acts(featured))) == [("telemetry", "disabled", True)]
        assert changes(fakes) == ["stop telemetry.service", "disable telemetry.service", "mask telemetry.service"]
        assert not any("let featured act" in sentence for sentence in asker.told)
        assert outcome(asker("enable", "telemetry", hook=self.acts(featured))) == [("telemetry", "running", True)]
        assert not any("let featured act" in sentence for sentence in asker.told)

    def test_featured_has_failed_before_and_takes_the_change_for_none(self, booted, featured, asker):
        booted.put("CONFIG_DB", "FEATURE|lldp", {"state": "disabled"})
        unit(booted, "lldp", masked=True, enabled=False)
        featured.row("lldp")
        unit(booted, "lldp", start_pre="fail")
        failed = asker("enable", "lldp", hook=self.acts(featured))
        assert (failed.exit_code, booted.row("lldp", "STATE_DB")["state"]) == (1, "failed")
        assert featured.known["lldp"].state == "disabled"
        assert outcome(asker("disable", "lldp", hook=self.acts(featured))) == [("lldp", "disabled", True)]
        assert unit(booted, "lldp")["masked"]

    def test_its_failure_ends_its_chance(self, booted, featured, asker, monkeypatch):
        monkeypatch.setattr(execute, "_CHANCE", 60.0)
        booted.put("CONFIG_DB", "FEATURE|lldp", {"state": "disabled"})
        unit(booted, "lldp", masked=True, enabled=False, start_pre="fail")
        featured.row("lldp")
        assert asker("enable", "lldp", hook=self.acts(featured)).exit_code == 1

    def test_enabled_already_is_started_by_us(self, booted, featured, asker):
        booted.put("CONFIG_DB", "FEATURE|lldp", {"state": "disabled"})
        assert outcome(asker("enable", "lldp", hook=self.acts(featured))) == [("lldp", "running", True)]
        assert changes(booted)[-1] == "start lldp.service"
        assert "start lldp.service" not in featured.switch.done

    def test_disabled_already_is_stopped_by_us(self, booted, featured, asker):
        unit(booted, "snmp", enabled=False)
        assert outcome(asker("disable", "snmp", hook=self.acts(featured))) == [("snmp", "disabled", True)]
        assert changes(booted) == ["stop snmp.service", "mask snmp.service"]

    def test_a_masked_featured_does_not_act(self, booted, featured, asker):
        unit(booted, "featured", masked=True)
        assert outcome(asker("disable", "snmp")) == [("snmp", "disabled", True)]
        assert not any("let featured act" in sentence for sentence in asker.told)
        assert "mask snmp.service" in changes(booted)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("at", range(4))
    def test_between_any_two_steps_the_next_command_completes(self, booted, asker, number, at):
        def interrupt(sentence):
            if len(asker.told) == at + 1:
                os.kill(os.getpid(), number)

        result = asker("disable", "snmp", hook=interrupt)
        assert len(asker.told) == at + 1  # the step at hand was finished, and no other begun
        assert result.exit_code == 128 + number  # also when it was the last step
        assert outcome(asker("disable", "snmp"))[0][1] == "disabled"
        assert unit(booted, "snmp")["masked"] is True
        assert booted.docker.get("snmp").state == "exited"
        assert result.changed is True
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_the_features_not_reached_are_left(self, booted, asker):
        unit(booted, "lldp", active="active", sub="running")
        booted.docker.run(booted.docker.get("lldp"))
        result = asker("stop", "snmp", "lldp", hook=lambda sentence: os.kill(os.getpid(), signal.SIGINT))
        assert [(name, changed) for name, _, changed in outcome(result)] == [("snmp", True), ("lldp", False)]
