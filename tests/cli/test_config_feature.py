"""`config feature owner|fallback|state|autorestart`: guarded writes, the recorded defects not repeated, --block."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import tempfile
import time

import pytest
import redis

from tests.support.redis import RedisServer, write_global

SNMP = {"state": "enabled", "auto_restart": "enabled", "set_owner": "local", "a leaf of tomorrow": "kept"}
DATABASE = {"state": "always_enabled", "auto_restart": "always_enabled"}


@pytest.fixture
def snmp(switch):
    switch.load({"CONFIG_DB": {"FEATURE|snmp": SNMP, "FEATURE|database": DATABASE, "FEATURE|bare": {"NULL": "NULL"}}})
    return switch


def config_row(switch, name="snmp") -> dict[str, str]:
    return switch.databases["CONFIG_DB"].hgetall(f"FEATURE|{name}")


def wait_until(process, true, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not true():
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"it ended too early, with {process.wait(timeout=0.02)}")  # the tick of this wait
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("argv", "field", "value", "shown"),
    [
        (("owner", "snmp", "kube"), "set_owner", "kube", {"set_owner": "kube"}),
        (("fallback", "snmp", "off"), "no_fallback_to_local", "true", {"fallback": False}),
        (("state", "snmp", "disabled"), "state", "disabled", {"state": "disabled"}),
        (("autorestart", "snmp", "disabled"), "auto_restart", "disabled", {"auto_restart": "disabled"}),
    ],
)
def test_one_field_is_written_once_and_nothing_else(snmp, argv, field, value, shown):
    for changed in (True, False):
        ran = snmp.run("config", "feature", *argv, "--json")
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(ran.out) == {
            "command": f"config feature {argv[0]}",
            "changed": changed,
            "dry_run": False,
            "features": [{"name": "snmp", **shown, "changed": changed}],
            "error": None,
        }
        assert config_row(snmp) == SNMP | {field: value}
    assert snmp.run("config", "feature", *argv) == (0, "", "")


@pytest.mark.parametrize("before", ["true", "false", "True", None])
def test_fallback_on_leaves_no_field_behind(snmp, before):
    if before:
        snmp.databases["CONFIG_DB"].hset("FEATURE|snmp", "no_fallback_to_local", before)
    answer = json.loads(snmp.run("config", "feature", "fallback", "snmp", "on", "--json").out)
    assert answer["changed"] is (before is not None)
    assert config_row(snmp) == SNMP


@pytest.mark.parametrize(
    ("argv", "kind", "sentence"),
    [
        (("owner", "nosuch", "kube"), "unknown_feature", "Unable to retrieve nosuch from FEATURE table"),
        (("fallback", "nosuch", "on"), "unknown_feature", "Unable to retrieve nosuch from FEATURE table"),
        (("state", "nosuch", "enabled"), "unknown_feature", "Feature 'nosuch' doesn't exist"),
        (("autorestart", "nosuch", "enabled"), "unknown_feature", "Feature 'nosuch' doesn't exist"),
        (
            ("state", "database", "disabled"),
            "refused",
            "Feature 'database' state is always enabled and can not be modified",
        ),
        (
            ("autorestart", "database", "disabled"),
            "refused",
            "Feature 'database' auto-restart is always enabled and can not be modified",
        ),
        (("state", "bare", "enabled"), "refused", "Feature 'bare' has no state and can not be modified"),
        (("autorestart", "bare", "enabled"), "refused", "Feature 'bare' has no auto-restart and can not be modified"),
    ],
)
def test_what_the_switch_refuses_ends_with_1_and_a_sentence_on_stdout(snmp, argv, kind, sentence):
    before = snmp.dump()
    assert snmp.run("config", "feature", *argv) == (1, sentence + "\n", "")
    ran = snmp.run("config", "feature", *argv, "--json")
    answer = json.loads(ran.out)
    assert (ran.code, ran.err, answer["changed"]) == (1, "", False)
    error = answer["error"]
    assert (error["kind"], error["message"], error["exit_code"]) == (kind, sentence, 1)
    assert snmp.dump() == before


def test_a_template_is_replaced_like_any_other_state(snmp):
    snmp.databases["CONFIG_DB"].hset("FEATURE|snmp", "state", "{% if x %}enabled{% endif %}")
    assert snmp.run("config", "feature", "state", "snmp", "enabled") == (0, "", "")
    assert config_row(snmp) == SNMP


def test_the_hint_is_for_terminals_and_for_writes(snmp):
    for hint in (True, False):
        ours, theirs = pty.openpty()
        try:
            with snmp.start("config", "feature", "owner", "snmp", "kube", stderr=theirs) as process:
                assert process.wait(timeout=60) == 0
            os.set_blocking(ours, False)
            try:
                said = os.read(ours, 1000).decode()
            except BlockingIOError:
                said = ""
        finally:
            os.close(ours)
            os.close(theirs)
        assert said.count("config save") == hint


class TestBlock:
    def test_ends_when_state_db_follows(self, snmp):
        with snmp.start("config", "feature", "state", "snmp", "disabled", "--block", "--json") as process:
            wait_until(process, lambda: config_row(snmp)["state"] == "disabled")
            assert process.poll() is None
            snmp.databases["STATE_DB"].hset("FEATURE|snmp", "state", "disabled")
            out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, b"")
        assert json.loads(out)["changed"] is True

    def test_ends_with_1_when_it_fails(self, snmp):
        with snmp.start("config", "feature", "state", "snmp", "disabled", "--block") as process:
            wait_until(process, lambda: config_row(snmp)["state"] == "disabled")
            snmp.databases["STATE_DB"].hset("FEATURE|snmp", "state", "failed")
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (1, b"Feature failed to be disabled\n", b"")

    def test_a_failure_of_before_is_no_answer(self, snmp):
        snmp.databases["STATE_DB"].hset("FEATURE|snmp", "state", "failed")
        with snmp.start("config", "feature", "state", "snmp", "disabled", "--block") as process:
            wait_until(process, lambda: config_row(snmp)["state"] == "disabled")
            snmp.databases["STATE_DB"].hset("FEATURE|snmp", "state", "disabled")
            assert process.communicate(timeout=30) == (b"", b"")
        assert process.returncode == 0

    def test_a_failure_that_stays_is_one_at_the_end(self, snmp):
        snmp.databases["STATE_DB"].hset("FEATURE|snmp", "state", "failed")
        argv = ("config", "feature", "state", "snmp", "disabled", "--block", "--timeout", "0.3")
        assert snmp.run(*argv) == (1, "Feature failed to be disabled\n", "")
        # Nothing to change now: what STATE_DB says is the last word, and there is nothing to wait for.
        assert snmp.run(*argv[:-1], "600") == (1, "Feature failed to be disabled\n", "")

    def test_has_a_time_limit(self, snmp):
        argv = ("config", "feature", "state", "snmp", "disabled", "--block", "--timeout", "0.3")
        ran = snmp.run(*argv)
        assert (ran.code, ran.out) == (6, "")
        assert ran.err.startswith("Error: snmp was not disabled within 0.3 s")
        answer = json.loads(snmp.run(*argv, "--json").out)
        assert (answer["error"]["kind"], answer["error"]["exit_code"]) == ("timeout", 6)
        assert answer["features"] == [{"name": "snmp", "state": "disabled", "changed": False}]

    def test_ctrl_c_ends_with_130_and_says_that_the_intent_stands(self, snmp):
        with snmp.start("config", "feature", "state", "snmp", "disabled", "--block") as process:
            wait_until(process, lambda: config_row(snmp)["state"] == "disabled")
            # The write is seen before the command has heard of it: only a command that asks again is waiting.
            asked = snmp.databases["STATE_DB"].info("commandstats")["cmdstat_hgetall"]["calls"]
            info = snmp.databases["STATE_DB"].info
            wait_until(process, lambda: info("commandstats")["cmdstat_hgetall"]["calls"] > asked + 2)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (130, b"")
        assert err.startswith(b"Error: stopped waiting")


class TestNamespaces:
    @pytest.fixture
    def asic(self, snmp):
        """A switch with one ASIC, whose databases are a Redis of their own."""
        with (
            tempfile.TemporaryDirectory(prefix="asic") as folder,
            RedisServer(folder) as server,
            redis.Redis(unix_socket_path=server.address, db=4, decode_responses=True) as client,
        ):
            global_file = write_global(os.path.dirname(snmp.server.config), asic0=server.config)
            try:
                yield client
            finally:
                os.unlink(global_file)

    @pytest.mark.parametrize(("command", "field"), [("state", "state"), ("autorestart", "auto_restart")])
    def test_every_database_gets_it(self, snmp, asic, command, field):
        asic.hset("FEATURE|snmp", mapping=SNMP)
        assert snmp.run("config", "feature", command, "snmp", "disabled") == (0, "", "")
        assert asic.hgetall("FEATURE|snmp") == config_row(snmp) == SNMP | {field: "disabled"}

    @pytest.mark.parametrize(("command", "word"), [("state", "state"), ("autorestart", "auto-restart")])
    def test_databases_that_disagree_are_refused(self, snmp, asic, command, word):
        asic.hset("FEATURE|snmp", mapping={"state": "disabled", "auto_restart": "disabled"})
        ran = snmp.run("config", "feature", command, "snmp", "disabled")
        assert ran == (1, f"Feature 'snmp' {word} is not consistent across namespaces\n", "")
        assert config_row(snmp) == SNMP

    def test_a_feature_that_one_database_lacks_does_not_exist(self, snmp, asic):
        assert snmp.run("config", "feature", "state", "snmp", "disabled").out == "Feature 'snmp' doesn't exist\n"
        assert config_row(snmp) == SNMP

    def test_a_write_that_fails_in_one_database_is_undone_in_the_others(self, snmp, asic):
        asic.hset("FEATURE|snmp", mapping=SNMP)
        # Reads go on, writes are refused: as on a full disk.
        asic.config_set("maxmemory", "1")
        ran = snmp.run("config", "feature", "state", "snmp", "disabled", "--json")
        answer = json.loads(ran.out)
        assert (ran.code, answer["error"]["kind"], answer["changed"]) == (7, "unreachable", False)
        assert config_row(snmp) == asic.hgetall("FEATURE|snmp") == SNMP

    def test_owner_concerns_the_host_alone(self, snmp, asic):
        asic.hset("FEATURE|snmp", mapping=SNMP)
        assert snmp.run("config", "feature", "owner", "snmp", "kube").code == 0
        assert asic.hget("FEATURE|snmp", "set_owner") == "local"
