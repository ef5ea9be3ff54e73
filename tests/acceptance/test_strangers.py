"""Who may what, names that are none, rows that are none."""

from __future__ import annotations

import redis

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import CONFIG_DB

ROWS = features.config_db()["FEATURE"]
LOOKING = (
    "system service list",
    "system service status",
    "system service status snmp --json",
    "system service explain snmp",
    "show feature mode",
    "show feature status",
    "system container id snmp",
)


def test_a_member_of_the_docker_and_redis_groups_may_look(console: Console) -> None:
    for line in LOOKING:
        console.type(line, user="admin")
    console.type("system service status nat", expect=3, user="admin")


def test_what_only_root_may_do_is_refused_before_anything_is_done(console: Console) -> None:
    lives = {name: console.life(name) for name in features.IMAGES}
    for line in ("system service stop snmp", "system service disable lldp", "config-kube feature mode snmp kubernetes"):
        error = console.ask(line, expect=8, user="admin")["error"]
        assert (error["kind"], error["resolution"]) == ("not_permitted", "run it as root (sudo)"), error
    assert {name: console.life(name) for name in features.IMAGES} == lives
    assert {name: console.intent(name) for name in ROWS} == ROWS


def test_a_feature_without_unit_needs_no_root(console: Console) -> None:
    """Nor does it matter who was there before: the lock is shared by the group."""
    name = features.WITHOUT_UNIT
    console.type(f"system service start {name}")
    console.heeds(name)
    console.type(f"system service stop {name}", user="admin")
    assert console.life(name) is None
    console.type(f"system service start {name}", user="admin")
    console.type(f"system service start {name}")
    assert console.life(name) is not None


def test_others_may_not_even_look(console: Console) -> None:
    for line in ("system service status", "system service status snmp --json", "system service stop snmp"):
        assert "may not be opened" in console.type(line, expect=8, user="nobody")
    console.type("system container start snmp", expect=8, user="nobody")
    assert console.active("snmp") == "active"


def test_an_unknown_feature(console: Console) -> None:
    error = console.ask("system service stop snm", expect=4)["error"]
    assert (error["kind"], error["resolution"]) == ("unknown_feature", "did you mean snmp?")
    console.type("system service status frobnicate", expect=4)
    console.type("system service restart snmp frobnicate", expect=4)


NAMES = ["a|b", "two words", "snmp\n", "x" * 300, "", "--", "snmp;id", "../../tmp/evil"]
COMMANDS = [
    *(["service", verb] for verb in ("status", "stop", "start", "disable", "explain", "logs")),
    *(["container", verb] for verb in ("start", "wait", "stop", "id")),
]


def test_a_name_that_is_none(console: Console) -> None:
    console.type("touch /run/before")
    lines = [["system", *COMMANDS[number % 2], "--", name] for number, name in enumerate(NAMES)]
    lines += [["system", *words, "--", NAMES[-1]] for words in COMMANDS]
    lines += [["config", "feature", "mode", "--", name, "legacy"] for name in ("../../tmp/evil", "a|b")]
    for line in lines:
        console.type(line, expect=4)
    made = console.type("find /run/sonic-system-service /run/lock /tmp /run/before -newer /run/before")
    assert made == ""
    console.type("rm /run/before")


def test_rows_of_no_feature(console: Console) -> None:
    """Bytes that are no text, a row without a field, a template for a state."""
    strange = {b"FEATURE|caf\xe9\n": {b"state": b"enabled\xff"}, b"FEATURE|hollow": {b"NULL": b"NULL"}}
    strange |= {b"FEATURE|jinja": {b"state": b"{% if x %}enabled{% endif %}"}}
    with redis.Redis(unix_socket_path=str(console.switch.redis_socket), db=CONFIG_DB) as client:
        try:
            for key, row in strange.items():
                client.hset(key, mapping=row)
            listed = {f["name"]: f["status"] for f in console.ask("system service list")["features"]}
            assert listed.keys() == {*ROWS, "hollow", "jinja"}
            console.type("system service status jinja", expect=3)
            console.type("system service start hollow --timeout 5", expect=1)
            console.type("show feature status")
        finally:
            client.delete(*strange)
