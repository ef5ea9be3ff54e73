"""`system service ...` as an operator runs it, where no systemd runs: the engine is driven directly.

With systemd: tests/domain/change/test_operate.py. Redis, Docker and systemctl are the wire fakes.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time

import pytest

from system_service.model.pods import pod_labels
from tests.support.fakes import ended
from tests.waiter.process import until

CHANGES = ("start", "stop", "restart", "enable", "disable")


@pytest.fixture
def trio(fakes):
    """snmp runs, lldp has ended, extra is disabled and has no container."""
    fakes.feature("snmp")
    fakes.feature("lldp", "exited")
    fakes.feature("extra", "", state="disabled")
    return fakes


def state(fakes, name):
    return fakes.docker.get(name).state


class TestList:
    def test_one_line_a_feature_in_natural_order(self, fakes):
        fakes.feature("lldp10", state="always_enabled", auto_restart="disabled", set_owner="kube")
        fakes.feature("lldp2", "", state="{% if x %}enabled{% endif %}", auto_restart="", set_owner="")
        assert fakes.run("system", "service", "list") == (
            0,
            "Feature    State           AutoRestart    Mode        Owner    Status\n"
            "---------  --------------  -------------  ----------  -------  --------\n"
            "lldp2      unknown         enabled        legacy      none     stopped\n"
            "lldp10     always_enabled  disabled       kubernetes  local    fallback\n",
            "",
        )

    def test_autorestart_is_shown_as_the_host_shows_it(self, fakes):
        fakes.feature("database", state="always_enabled", auto_restart="always_enabled")
        listed, shown = fakes.run_all(("system", "service", "list"), ("show", "feature", "autorestart"))
        assert listed.out.splitlines()[2].split()[2] == shown.out.splitlines()[2].split()[1] == "always_enabled"
        (told,) = fakes.run("system", "service", "list", "--json").json["features"]
        assert (told["auto_restart"], told["auto_restart_state"]) == (True, "always_enabled")

    def test_json(self, trio):
        answer = trio.run("system", "serv", "li", "--json").json
        assert answer["command"] == "system service list"
        assert [(f["name"], f["status"], f["owner"]) for f in answer["features"]] == [
            ("extra", "disabled", "none"),
            ("lldp", "stopped", "none"),
            ("snmp", "running", "local"),
        ]
        assert trio.writes() == []


class TestStatus:
    def test_exit_codes(self, trio):
        """With names: 3 when one is not running. Without: 3 when an enabled one is not."""
        trio.feature("kubed", set_owner="kube")
        snmp, both, kubed, extra, everything = trio.run_all(
            ("system", "service", "status", "snmp"),
            ("system", "service", "status", "snmp", "lldp", "--json"),
            ("system", "service", "status", "kubed", "--json"),
            ("system", "service", "status", "extra"),
            ("system", "service", "status"),
        )
        assert (snmp.code, snmp.err) == (0, "")
        assert both.json["error"] == {
            "kind": "failed",
            "message": "not running: lldp",
            "resolution": "system service explain lldp",
            "exit_code": 3,
        }
        assert kubed.json["features"][0]["status"] == "fallback"  # which is running
        assert (extra.code, extra.err) == (3, "Error: not running: extra\nTry: system service explain extra\n")
        assert everything.code == 3
        assert everything.err == "Error: not running: lldp\nTry: system service explain lldp\n"
        assert trio.writes() == []

    def test_without_names_a_disabled_one_and_one_of_unknown_state_may_stand(self, trio):
        trio.docker.act(trio.docker.get("lldp"), "start", {})
        trio.feature("vague", "exited", state="{{ template }}")
        ran = trio.run("system", "service", "status")
        assert (ran.code, ran.err) == (0, "")

    def test_details_of_one(self, fakes):
        fakes.feature("snmp", "", no_fallback_to_local="true")
        fakes.container("snmp", "running", id="1f0b7a2c9d3e" + "0" * 52, health="healthy")
        fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up", "update_time": "2026-11-22 10:00:00"})
        shown, told = fakes.run_all(
            ("system", "service", "status", "snmp"), ("system", "service", "status", "snmp", "--json")
        )
        assert shown == (
            0,
            "  Feature: snmp\n"
            "   Status: running\n"
            "    State: enabled\n"
            "     Mode: legacy\n"
            "    Owner: local\n"
            " Fallback: off\n"
            "  Version: v1\n"
            "    Since: 2026-11-22 10:00:00\n"
            "     Unit: none\n"
            "Container: snmp 1f0b7a2c9d3e running\n"
            "    Image: docker-snmp:v1\n"
            "   Health: healthy\n",
            "",
        )
        assert told.json["features"] == [
            {
                "name": "snmp",
                "mode": "legacy",
                "owner": "local",
                "fallback": False,
                "status": "running",
                "version": "v1",
                "since": "2026-11-22T10:00:00Z",
                "detail": "",
                "state": "enabled",
                "auto_restart": True,
                "auto_restart_state": "enabled",
                "instances": [
                    {
                        "namespace": "",
                        "container": "snmp",
                        "container_state": "running",
                        "container_id": "1f0b7a2c9d3e",
                        "image": "docker-snmp:v1",
                        "health": "healthy",
                        "pods": [],
                        "unit": "",
                        "unit_state": "",
                    }
                ],
                "changed": False,
            }
        ]

    def test_state_db_is_not_believed(self, fakes):
        fakes.feature("snmp", "exited")
        fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up", "current_owner": "local", "state": "enabled"})
        status, explained = fakes.run_all(
            ("system", "service", "status", "snmp", "--json"), ("system", "service", "explain", "snmp")
        )
        assert status.json["features"][0]["status"] == "stopped"
        assert "  STATE_DB still says up: it is a hint, and out of date\n" in explained.out

    def test_a_container_in_a_state_of_its_own(self, fakes):
        words = {"dead": "failed", "paused": "failed", "restarting": "starting", "created": "stopped"}
        for container in words:
            fakes.feature(container, container)
        ran = fakes.run("system", "service", "status", *words, "--json")
        assert ran.code == 3
        assert {f["name"]: f["status"] for f in ran.json["features"]} == words


class TestChanges:
    def test_done_once_and_unchanged_the_second_time(self, fakes):
        cases = [
            ("start", "lldp", "exited", "running"),
            ("stop", "snmp", "running", "stopped"),
            ("enable", "bgp", "exited", "running"),
            ("disable", "radv", "running", "disabled"),
        ]
        for _, name, before, _ in cases:
            fakes.feature(name, before, state="disabled" if name == "bgp" else "enabled")
        for addition in ("", " (unchanged)"):
            fakes.reset()
            shown = fakes.run_all(*(("system", "service", verb, name) for verb, name, _, _ in cases))
            assert shown == [(0, f"{name}: {word}{addition}\n", "") for _, name, _, word in cases]
            states = {name: state(fakes, name) for _, name, _, _ in cases}
            assert states == {"lldp": "running", "snmp": "exited", "bgp": "running", "radv": "exited"}
        assert fakes.writes() == []

    def test_restart(self, trio):
        before = trio.docker.get("snmp").starts
        ran = trio.run("system", "service", "restart", "snmp", "lldp", "--json")
        assert [(f["name"], f["status"], f["changed"]) for f in ran.json["features"]] == [
            ("snmp", "running", True),
            ("lldp", "running", True),
        ]
        assert trio.docker.get("snmp").starts == before + 1
        assert trio.docker.calls["POST", "/containers/snmp/restart"] == 1

    def test_enable_and_disable_write_the_state_and_nothing_else(self, trio):
        leaves = {"state": "enabled", "leaf of tomorrow": "kept", "auto_restart": "enabled"}
        trio.put("CONFIG_DB", "FEATURE|lldp", leaves)
        for verb, word in (("disable", "disabled"), ("enable", "enabled")):
            answer = trio.run("system", "service", verb, "lldp", "--json").json
            assert (answer["changed"], answer["features"][0]["state"]) == (True, word)
            assert trio.row("lldp") == leaves | {"state": word}
        assert trio.row("lldp", "STATE_DB") is None

    def test_a_feature_told_twice_is_one(self, trio):
        assert trio.run("system", "service", "stop", "snmp", "snmp").out == "snmp: stopped\n"
        assert trio.docker.calls["POST", "/containers/snmp/stop"] == 1

    @pytest.mark.parametrize("verb", CHANGES)
    def test_dry_run_shows_the_steps_and_changes_nothing(self, trio, verb):
        trio.feature("template", "exited", state="{{ x }}")
        name = {"start": "lldp", "enable": "template"}.get(verb, "snmp")
        shown, told = trio.run_all(
            ("system", "service", verb, name, "--dry-run"), ("system", "service", verb, name, "--dry-run", "--json")
        )
        assert (shown.code, shown.err) == (0, "")
        steps = shown.out.splitlines()
        assert any("container" in step for step in steps)
        answer = told.json
        assert (answer["dry_run"], answer["changed"]) == (True, True)
        assert [f"{name}: {step}" for step in answer["features"][0]["plan"]] == steps
        assert trio.writes() == []
        assert not os.path.exists(trio.run_dir)

    def test_dry_run_with_nothing_to_do_and_with_a_refusal(self, trio):
        nothing, refused = trio.run_all(
            ("system", "service", "start", "snmp", "--dry-run"),
            ("system", "service", "start", "snmp", "extra", "lldp", "--dry-run", "--json"),
        )
        assert nothing == (0, "snmp: nothing to do\n", "")
        answer = refused.json
        assert refused.code == 5
        assert [f["plan"] for f in answer["features"]] == [
            [],
            [],
            ["start container lldp", "wait until container lldp is running"],
        ]
        assert [f["changed"] for f in answer["features"]] == [False, False, True]

    def test_no_wait_begins_and_ends(self, fakes):
        fakes.feature("snmp", "restarting")
        fakes.feature("lldp", "exited")
        ran = fakes.run("system", "service", "start", "snmp", "lldp", "--no-wait", "--json")
        assert ran.code == 0
        assert [f["changed"] for f in ran.json["features"]] == [False, True]
        assert state(fakes, "lldp") == "running"

    def test_one_that_fails_does_not_stop_the_others(self, trio):
        trio.feature("gone", "")
        trio.feature("snmp2", "exited")
        ran = trio.run("system", "service", "start", "extra", "lldp", "gone", "snmp2")
        assert ran.code == 5
        assert ran.out == "lldp: running\nsnmp2: running\n"
        assert [line for line in ran.err.splitlines() if line.startswith("Error")] == [
            "Error: there is no container gone and no unit that would create it",
            "Error: feature extra is disabled",
        ]
        ran = trio.run("system", "service", "start", "gone", "extra", "snmp2", "--json")
        answer = ran.json
        assert (ran.code, answer["error"]["kind"]) == (1, "failed")
        assert [f["detail"] for f in answer["features"]] == [
            "there is no container gone and no unit that would create it",
            "feature extra is disabled",
            "",
        ]

    def test_an_unknown_one_does_not_stop_the_others(self, trio):
        ran = trio.run("system", "service", "stop", "nosuch", "snmp", "--json")
        answer = ran.json
        assert (ran.code, answer["error"]["kind"], answer["changed"]) == (4, "unknown_feature", True)
        assert [(f["name"], f.get("status"), f["changed"]) for f in answer["features"]] == [
            ("nosuch", None, False),
            ("snmp", "stopped", True),
        ]
        assert state(trio, "snmp") == "exited"
        status, rehearsed = trio.run_all(
            ("system", "service", "status", "snmp", "no/such", "--json"),
            ("system", "service", "start", "snmp", "nosuch", "--dry-run"),
        )
        assert (status.code, [f["name"] for f in status.json["features"]]) == (4, ["snmp", "no/such"])
        assert rehearsed.code == 4
        assert "snmp: start container snmp\n" in rehearsed.out

    def test_the_rules_of_the_switch(self, fakes):
        cases = [
            ("start", "a", "disabled", "feature a is disabled", "system service enable a"),
            ("restart", "b", "always_disabled", "feature b is disabled", "system service enable b"),
            (
                "disable",
                "c",
                "always_enabled",
                "feature c is always_enabled and cannot be disabled",
                "leave c enabled; to run it anew: system service restart c",
            ),
            (
                "enable",
                "d",
                "always_disabled",
                "feature d is always_disabled and cannot be enabled",
                "leave d disabled, or use an image that allows it",
            ),
        ]
        for _, name, word, _, _ in cases:
            fakes.feature(name, "exited", state=word)
        shown = fakes.run_all(*(("system", "service", verb, name, "--json") for verb, name, _, _, _ in cases))
        assert [ran.json["error"] for ran in shown] == [
            {"kind": "refused", "message": sentence, "resolution": step, "exit_code": 5}
            for _, _, _, sentence, step in cases
        ]
        assert fakes.writes() == []

    def test_a_paused_container_is_thawed_and_a_dead_one_named(self, fakes):
        fakes.feature("snmp", "paused")
        fakes.feature("lldp", "dead")
        assert fakes.run("system", "service", "start", "snmp").out == "snmp: running\n"
        ran = fakes.run("system", "service", "start", "lldp")
        assert ran.code == 1
        assert ran.err == "Error: container lldp is dead and cannot be started\nTry: docker rm -f lldp, then again\n"

    def test_a_container_removed_between_list_and_stop_has_stopped(self, fakes):
        fakes.feature("snmp")
        gone = b'{"message":"No such container: snmp"}'
        fakes.docker.inject("POST /containers/snmp/stop", "raw", raw=answer(404, gone))
        with fakes.start("system", "service", "stop", "snmp") as process:
            until(lambda: fakes.docker.calls["POST", "/containers/snmp/stop"])
            fakes.docker.remove(fakes.docker.get("snmp"), force=True)
            ran = ended(process)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("snmp: stopped")

    def test_a_container_removed_between_list_and_start(self, fakes):
        fakes.feature("snmp", "exited")
        gone = b'{"message":"No such container: snmp"}'
        fakes.docker.inject("POST /containers/snmp/start", "raw", raw=answer(404, gone))
        ran = fakes.run("system", "service", "start", "snmp")
        assert (ran.code, ran.err) == (4, "Error: no container snmp\nTry: docker ps -a\n")


class TestTime:
    def test_a_time_limit_that_is_none(self, fakes):
        values = ("nan", "0", "-1", "inf", "1e9", "soon", "")
        for ran in fakes.run_all(*(("system", "service", "stop", "snmp", f"--timeout={v}") for v in values)):
            assert ran.code == 2
            assert ran.err.startswith("Usage: system service stop")
        assert fakes.redis.commands == []

    def test_what_does_not_come_about(self, fakes):
        fakes.feature("snmp", "restarting")
        fakes.feature("lldp", "exited")
        start, wait = fakes.run_all(
            ("system", "service", "start", "snmp", "--timeout", "0.3", "--json"),
            ("system", "service", "wait", "lldp", "--for", "running", "--timeout", "0.3", "--json"),
        )
        assert (start.code, start.json["error"]["kind"]) == (6, "timeout")
        assert start.json["features"][0]["status"] == "starting"
        assert wait.json["error"] == {
            "kind": "timeout",
            "message": "not running in time: lldp is stopped",
            "resolution": "system service explain lldp",
            "exit_code": 6,
        }

    def test_wait_ends_when_it_has_come_about(self, trio):
        running, stopped, legacy = trio.run_all(
            ("system", "service", "wait", "snmp", "--for", "running"),
            ("system", "service", "wait", "lldp", "extra", "--for", "stopped"),
            ("system", "service", "wait", "snmp", "--for", "legacy", "--json"),
        )
        assert running == (0, "snmp: running\n", "")
        assert stopped == (0, "lldp: stopped\nextra: disabled\n", "")
        assert legacy.json["features"][0]["owner"] == "local"
        with trio.start("system", "service", "wait", "lldp", "--for", "running") as process:
            until(lambda: trio.docker.calls["GET", "/containers/json"] > 4)
            trio.docker.act(trio.docker.get("lldp"), "start", {})
            assert ended(process) == (0, "lldp: running\n", "")

    def test_wait_goes_on_over_a_backend_that_is_away(self, trio):
        with trio.start("system", "service", "wait", "lldp", "--for", "running") as process:
            until(lambda: trio.docker.calls["GET", "/containers/json"] > 1)
            trio.docker.stop()
            asked = trio.redis.round_trips
            until(lambda: trio.redis.round_trips > asked + 4)
            trio.docker.act(trio.docker.get("lldp"), "start", {})
            trio.docker.start()
            assert ended(process) == (0, "lldp: running\n", "")

    def test_wait_says_at_its_limit_what_was_away(self, trio):
        trio.docker.stop()
        ran = trio.run("system", "service", "wait", "lldp", "--for", "running", "--timeout", "0.5")
        assert (ran.code, ran.out) == (7, "")
        assert "cannot be reached" in ran.err

    @pytest.mark.parametrize(
        ("goal", "row", "words"),
        [
            ("running", {"state": "disabled"}, "lldp was disabled meanwhile"),
            ("legacy", {"set_owner": "kube"}, "lldp is wanted in kubernetes mode meanwhile"),
        ],
    )
    def test_wait_ends_when_somebody_puts_an_end_to_it(self, trio, goal, row, words):
        with trio.start("system", "service", "wait", "lldp", "--for", goal) as process:
            until(lambda: trio.docker.calls["GET", "/containers/json"] > 1)
            trio.put("CONFIG_DB", "FEATURE|lldp", trio.row("lldp") | row)
            ran = ended(process)
        assert ran.code == 9
        assert ran.err.startswith(f"Error: {words}\n")

    def test_on_its_way_to_a_pod_run_by_nobody_is_not_running(self, trio):
        """The pod is at its gate, and stays there."""
        trio.put("CONFIG_DB", "FEATURE|lldp", {"state": "enabled", "set_owner": "kube"})
        labels = dict(label.split("=", 1) for label in pod_labels("lldp"))
        gate = [["7", "/usr/bin/python3 /usr/bin/container_startup.py -f lldp -o kube -v 2"]]
        trio.docker.create("k8s_lldp", start=True, labels=labels, processes=gate)
        status, wait = trio.run_all(
            ("system", "service", "status", "lldp", "--json"),
            ("system", "service", "wait", "lldp", "--for", "running", "--timeout", "0.3"),
        )
        assert (status.code, status.json["features"][0]["owner"], wait.code) == (3, "none", 6)

    def test_the_second_of_two_commands(self, trio):
        os.makedirs(trio.run_dir)
        path = os.path.join(trio.run_dir, "snmp.lock")
        with open(path, "w", encoding="utf-8") as lock:
            lock.write("pid 4711\n")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            ran = trio.run("system", "service", "stop", "snmp", "lldp", "--timeout", "0.3", "--json")
            assert ran.json["error"] == {
                "kind": "busy",
                "message": "another command is working on snmp (pid 4711)",
                "resolution": "wait for it, or give --timeout",
                "exit_code": 9,
            }
            assert state(trio, "snmp") == "running"
            with trio.start("system", "service", "stop", "snmp") as process:
                until(lambda: trio.docker.calls["GET", "/containers/json"] > 2)
                fcntl.flock(lock, fcntl.LOCK_UN)
                assert ended(process) == (0, "snmp: stopped\n", "")


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_the_action_at_hand_is_finished_and_the_next_command_completes(self, trio, number):
        trio.docker.inject("POST /containers/snmp/stop", "slow", seconds=30, times=1)
        with trio.start("system", "service", "disable", "snmp", "lldp", "--json") as process:
            until(lambda: trio.docker.calls["POST", "/containers/snmp/stop"])
            process.send_signal(number)
            with trio.docker.changed:  # let the stop go on
                trio.docker.generation += 1
                trio.docker.changed.notify_all()
            ran = ended(process)
        error = ran.json["error"]
        assert (ran.code, error["kind"]) == (128 + number, "failed")
        assert error["message"] == f"interrupted by {number.name} between two steps"
        assert state(trio, "snmp") == "exited"
        assert (trio.row("snmp")["state"], trio.row("lldp")["state"]) == ("disabled", "enabled")
        answer = trio.run("system", "service", "disable", "snmp", "lldp", "--json").json
        assert [(f["state"], f["changed"]) for f in answer["features"]] == [("disabled", False), ("disabled", True)]

    @pytest.mark.parametrize("verb", ["start", "wait"])
    def test_while_waiting(self, fakes, verb):
        fakes.feature("snmp", "restarting")
        words = ("start", "snmp") if verb == "start" else ("wait", "snmp", "--for", "running")
        with fakes.start("system", "service", *words) as process:
            looked = "/containers/snmp/json" if verb == "start" else "/containers/json"
            until(lambda: fakes.docker.calls["GET", looked] > 1)
            process.send_signal(signal.SIGTERM)
            ran = ended(process)
        assert ran.code == 143
        assert ran.err.startswith("Error: interrupted by SIGTERM")


class TestPermission:
    def test_sockets_that_may_not_be_opened(self, trio):
        os.chmod(trio.redis.address, 0)
        databases = ended(trio.start("system", "service", "status", "--json", unprivileged=True))
        assert databases.json["error"]["kind"] == "not_permitted"
        assert trio.redis.address in databases.json["error"]["message"]
        os.chmod(trio.redis.address, 0o700)
        os.chmod(trio.docker.address, 0)
        engine = ended(trio.start("system", "service", "status", "--json", unprivileged=True))
        assert engine.json["error"]["message"] == f"Docker at {trio.docker.address} may not be asked"
        assert [f["name"] for f in engine.json["features"]] == ["extra", "lldp", "snmp"]
        assert (databases.code, engine.code) == (8, 8)

    def test_details_of_one_that_a_pod_runs(self, fakes):
        fakes.feature("snmp", "exited", set_owner="kube")
        labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
        made = fakes.docker.create("k8s_snmp", start=True, labels=labels, image="registry/snmp:v2")
        made.started = time.time() - 60
        fakes.serves(made)
        shown = fakes.run("system", "service", "status", "snmp").out
        assert f"\nContainer: {made.id[:12]} of a pod\n    Image: registry/snmp:v2\n" in shown
        assert f"\n    Local: snmp {fakes.docker.get('snmp').id[:12]} exited, docker-snmp:v1\n" in shown


class TestRunDir:
    def test_no_place_for_the_lock(self, trio):
        with open(trio.run_dir, "w", encoding="utf-8"):
            pass
        ran = trio.run("system", "service", "stop", "snmp", "--json")
        assert (ran.code, ran.json["error"]["kind"]) == (1, "failed")
        assert f"{trio.run_dir}/snmp.lock" in ran.json["error"]["message"]
        assert ran.json["features"][0]["status"] == "running"
        assert trio.writes() == []


class TestLogs:
    def test_becomes_the_docker_client_with_the_container_id(self, trio):
        trio.program("docker", ["printf", "%s\\n"])
        ran = trio.run("system", "service", "logs", "snmp", "-f", "-n", "20", "--since", "10m")
        id = trio.docker.get("snmp").id
        words = ["-H", f"unix://{trio.docker.address}", "logs", "--follow", "--tail", "20", "--since=10m", id]
        assert ran == (0, "".join(f"{word}\n" for word in words), "")

    def test_of_the_pod_that_serves(self, trio):
        trio.program("docker", ["echo"])
        trio.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
        trio.docker.crash("snmp", 0)
        labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
        older, newer = (trio.docker.create(f"k8s_snmp_{n}", start=True, labels=labels) for n in (0, 1))
        older.created, older.started = time.time() - 90, time.time() - 90

        def shown() -> str:
            return trio.run("system", "service", "logs", "snmp").out.split()[-1]

        assert shown() == newer.id
        trio.serves(older)
        assert shown() == older.id
        trio.docker.act(trio.docker.get("snmp"), "start", {})
        assert shown() == trio.docker.get("snmp").id

    @pytest.mark.parametrize("since", ["foo", "", "10", "-5m", "10m foo", "2026-13-01T00:00:00Z", "99999999h"])
    def test_since_what_is_no_time(self, trio, since):
        ran = trio.run("system", "service", "logs", "snmp", "--since", since)
        assert ran.code == 2
        assert "is no time: 10m, 2h, or an RFC 3339 time." in ran.err

    @pytest.mark.parametrize("since", ["90s", "1h30m", "1.5h", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.123+02:00"])
    def test_since_a_time(self, trio, since):
        trio.program("docker", ["echo"])
        assert f"--since={since} " in trio.run("system", "service", "logs", "snmp", "--since", since).out

    def test_without_container_and_without_client(self, trio):
        none = trio.run("system", "service", "logs", "extra")
        assert (none.code, none.err) == (
            4,
            "Error: extra has no container, and so no log\nTry: system service explain extra\n",
        )
        client = trio.run("system", "service", "logs", "snmp", PATH=trio.bin)
        assert (client.code, client.err) == (
            1,
            "Error: the docker client is not installed\nTry: apt-get install docker.io\n",
        )


class TestExplain:
    def test_last_words_of_one_that_failed(self, fakes):
        fakes.feature("snmp", "")
        made = fakes.container("snmp", "dead", log=[(1, b"early\n"), (2, b"no \x1b[31mmemory\n")])
        shown, told = fakes.run_all(
            ("system", "service", "explain", "snmp"), ("system", "service", "explain", "snmp", "--json")
        )
        assert shown == (
            0,
            "Now:\n"
            "  snmp is failed, run by none\n"
            "  wanted: state enabled, mode legacy, fallback on\n"
            "  container snmp is dead, and has no unit\n"
            "Why:\n"
            "  container snmp is dead: docker rm -f snmp\n"
            "  Docker says of container snmp: Dead\n"
            "  its last words: early\n"
            "  its last words: no \\x1b[31mmemory\n"
            "Next:\n"
            "  no unit watches container snmp: nobody starts it again when it ends\n"
            "Changes:\n"
            "  none on record\n",
            "",
        )
        feature = told.json["features"][0]
        assert {k: type(feature[k]) for k in ("now", "why", "next", "changes")} == dict.fromkeys(
            ("now", "why", "next", "changes"), list
        )
        assert fakes.docker.calls["GET", f"/containers/{made.id}/logs"] == 2
        assert fakes.writes() == []


class TestMultiAsic:
    @pytest.fixture
    def pizza(self, fakes):
        fakes.asic("asic0", "asic1")
        row = {"has_global_scope": "False", "has_per_asic_scope": "True"}
        fakes.feature("swss", "", **row)
        for namespace in ("asic0", "asic1"):
            fakes.put("CONFIG_DB", "FEATURE|swss", {"state": "enabled", "other": namespace}, namespace)
        fakes.container("swss0")
        fakes.container("swss1", "exited")
        return fakes

    def test_one_feature_is_an_instance_an_asic(self, pizza):
        ran = pizza.run("system", "service", "status", "swss", "--json")
        (swss,) = ran.json["features"]
        assert (ran.code, swss["status"]) == (3, "stopped")  # the worst one
        assert [(i["namespace"], i["container"], i["container_state"]) for i in swss["instances"]] == [
            ("asic0", "swss0", "running"),
            ("asic1", "swss1", "exited"),
        ]

    def test_state_goes_to_the_host_and_every_namespace(self, pizza):
        answer = pizza.run("system", "service", "disable", "swss", "--json").json
        assert answer["features"][0]["status"] == "disabled"
        assert pizza.row("swss")["state"] == "disabled"
        for namespace in ("asic0", "asic1"):
            assert pizza.row("swss", namespace=namespace) == {"state": "disabled", "other": namespace}
        assert state(pizza, "swss0") == "exited"

    def test_a_namespace_without_the_row_gets_none(self, pizza):
        pizza.feature("snmp")
        assert pizza.run("system", "service", "disable", "snmp").code == 0
        assert pizza.row("snmp", namespace="asic0") is None


def test_wrong_usage(fakes):
    words = [("stop",), ("wait", "snmp"), ("nonsense",), ("s", "snmp"), ("list", "snmp"), ("logs", "a", "-n", "-1")]
    for ran in fakes.run_all(*(("system", "service", *w) for w in words)):
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("Usage: system service")


def answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.0 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def test_every_change_ends_with_one_object_that_is_json(trio):
    for ran in trio.run_all(*(("system", "service", verb, "lldp", "--json") for verb in CHANGES)):
        assert json.loads(ran.out)["command"].startswith("system service ")
