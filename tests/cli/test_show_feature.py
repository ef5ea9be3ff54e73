"""`show feature status|config|autorestart`: --json, strange data, a database that is not there."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.redis import write_config

STRANGE_NAMES = ["a|b", "two words", "new\nline", "../../etc/passwd", "x" * 300, "\x1b[31mred", "9" * 5000]
TEMPLATE = "{% if not (DEVICE_METADATA is defined) %}enabled{% else %}disabled{% endif %}"
COMMANDS = ["status", "config", "autorestart"]


def rows(**features: dict) -> dict:
    return {f"FEATURE|{name}": row for name, row in features.items()}


def envelope(ran) -> dict:
    answer = json.loads(ran.out)
    assert (answer["error"] or {}).get("exit_code", 0) == ran.code
    return answer


def test_status_json_has_a_key_for_every_field_there_is(switch):
    state = {"system_state": "up", "update_time": "2026-11-22 14:05:13", "container_id": "", "unknown": "x"}
    switch.load(
        {
            "CONFIG_DB": rows(lldp10={"state": "enabled"}, lldp2={"state": "disabled", "set_owner": "kube"}),
            "STATE_DB": rows(lldp2={"state": "enabled", **state}, gone={"state": "enabled"}),
        }
    )
    assert envelope(switch.run("show", "feature", "status", "--json")) == {
        "command": "show feature status",
        "changed": False,
        "dry_run": False,
        "features": [
            {
                "name": "lldp2",
                "state": "disabled",
                "system_state": "up",
                "update_time": "2026-11-22T14:05:13Z",
                "container_id": "",
                "set_owner": "kube",
                "changed": False,
            },
            {"name": "lldp10", "state": "enabled", "changed": False},
        ],
        "error": None,
    }


def test_status_json_has_no_time_where_the_row_holds_nonsense(switch):
    switch.load({"CONFIG_DB": rows(snmp={"state": "enabled"}), "STATE_DB": rows(snmp={"update_time": "yesterday"})})
    (snmp,) = envelope(switch.run("show", "feature", "status", "snmp", "--json"))["features"]
    assert snmp["update_time"] is None


def test_config_json_says_fallback_as_a_boolean(switch):
    words = {"a": "true", "b": "True", "c": "false", "d": "yes", "e": ""}
    switch.load({"CONFIG_DB": rows(**{n: {"no_fallback_to_local": w} for n, w in words.items()})})
    found = {f["name"]: f["fallback"] for f in envelope(switch.run("show", "feature", "config", "--json"))["features"]}
    assert found == {"a": False, "b": False, "c": True, "d": True, "e": True}


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_feature_json_ends_with_the_hosts_exit_code(switch, command):
    answer = envelope(switch.run("show", "feature", command, "nosuch", "--json"))
    assert answer["error"] == {
        "kind": "unknown_feature",
        "message": "Can not find feature nosuch",
        "resolution": "show feature status",
        "exit_code": 1,
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_empty_table_prints_its_header(switch, command):
    ran = switch.run("show", "feature", command)
    headers = {"autorestart": "Feature    AutoRestart\n---------  -------------\n"}
    assert ran == (0, headers.get(command, "Feature\n---------\n"), "")


@pytest.mark.parametrize("command", COMMANDS)
def test_strange_names_are_shown_harmless_and_in_one_line(switch, command):
    switch.load({"CONFIG_DB": rows(**{n: {"state": "enabled", "auto_restart": "enabled"} for n in STRANGE_NAMES})})
    ran = switch.run("show", "feature", command)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert len(lines) == 2 + len(STRANGE_NAMES)
    assert all(line.isprintable() for line in lines)
    assert {"a|b", "two words", r"new\nline", "../../etc/passwd", "x" * 300, r"\x1b[31mred", "9" * 5000} == {
        line.split("  ")[0] for line in lines[2:]
    }
    found = envelope(switch.run("show", "feature", command, "--json"))["features"]
    assert {f["name"] for f in found} == set(STRANGE_NAMES)


@pytest.mark.parametrize("name", [*STRANGE_NAMES, b"\xff\xfe", "*", "snmp*", "?nmp", "[s]nmp", "SNMP", "snmp "])
def test_a_name_is_taken_literally(switch, name):
    switch.load({"CONFIG_DB": rows(snmp={"state": "enabled"})})
    for argv in (("show", "feature", "status", name), ("config", "feature", "state", name, "disabled")):
        ran = switch.run(*argv)
        assert (ran.code, ran.err) == (1, "")
        assert len(ran.out.splitlines()) == 1
        assert ran.out[:-1].isprintable()
    assert switch.dump()["CONFIG_DB"] == {"FEATURE|snmp": {"state": "enabled"}}


@pytest.mark.parametrize("name", STRANGE_NAMES[:6])
def test_a_strange_name_that_exists_is_found(switch, name):
    switch.load({"CONFIG_DB": rows(**{name: {"state": "enabled"}})})
    answer = envelope(switch.run("show", "feature", "config", name, "--json"))
    assert answer["features"] == [{"name": name, "state": "enabled", "changed": False}]


def test_values_cannot_drive_the_terminal(switch):
    values = {"state": TEMPLATE, "auto_restart": "\x1b]0;owned\x07", "set_owner": "ku\nbe\r\x9b31m"}
    switch.load({"CONFIG_DB": rows(snmp=values)})
    ran = switch.run("show", "feature", "status")
    assert (ran.code, ran.err) == (0, "")
    assert all(line.isprintable() for line in ran.out.splitlines())
    assert re.split(" {2,}", ran.out.splitlines()[2]) == ["snmp", TEMPLATE, r"\x1b]0;owned\x07", r"ku\nbe\r\x9b31m"]


def test_bytes_that_are_no_utf8_are_shown_escaped(switch):
    switch.load({"CONFIG_DB": {b"FEATURE|\xff": {b"state": b"\xfe", b"\xfd": b"x"}}})
    assert switch.run("show", "feature", "status").out.splitlines()[2] == r"\xff       \xfe"
    (found,) = envelope(switch.run("show", "feature", "status", "--json"))["features"]
    assert found == {"name": r"\xff", "state": r"\xfe", "changed": False}


def test_a_row_without_fields_and_a_key_of_another_type_do_not_stop_the_others(switch):
    switch.load({"CONFIG_DB": rows(bare={"NULL": "NULL"}, snmp={"state": "enabled"})})
    switch.databases["CONFIG_DB"].set("FEATURE|text", "x")
    ran = switch.run("show", "feature", "status")
    assert ran == (0, "Feature    State\n---------  -------\nbare\nsnmp       enabled\n", "")


@pytest.mark.parametrize(
    "argv", [*(("show", "feature", command) for command in COMMANDS), ("config", "feature", "owner", "a", "kube")]
)
def test_database_down_is_said_on_stderr(switch, tmp_path, argv):
    config = write_config(str(tmp_path / "database_config.json"), "/nonexistent/redis.sock")
    ran = switch.run(*argv, SYSTEM_SERVICE_DB_CONFIG=config)
    assert (ran.code, ran.out) == (7, "")
    assert "/nonexistent/redis.sock" in ran.err.splitlines()[0]
    assert ran.err.splitlines()[1].startswith("Try: ")
    answer = envelope(switch.run(*argv, "--json", SYSTEM_SERVICE_DB_CONFIG=config))
    assert (answer["error"]["kind"], answer["features"]) == ("unreachable", [])


def test_completion_offers_the_features_that_fit(switch):
    odd = {"sn ow": {"state": "enabled"}, "sn\now": {"state": "enabled"}}
    switch.load({"CONFIG_DB": rows(sn10={"a": "b"}, sn2={"a": "b"}, lldp={"a": "b"}, **odd)})
    tab = {"_SHOW_KUBE_COMPLETE": "bash_complete", "COMP_WORDS": "show-kube feature status sn", "COMP_CWORD": "3"}
    assert switch.run("show", **tab) == (0, "plain,sn2\nplain,sn10\n", "")


def test_completion_is_silent_without_a_database(switch, tmp_path):
    tab = {"_CONFIG_KUBE_COMPLETE": "bash_complete", "COMP_WORDS": "config-kube feature owner s", "COMP_CWORD": "3"}
    config = write_config(str(tmp_path / "database_config.json"), "/nonexistent/redis.sock")
    for path in (config, "/nonexistent"):
        ran = switch.run("config", SYSTEM_SERVICE_DB_CONFIG=path, **tab)
        assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")
