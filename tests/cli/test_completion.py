"""Tab completion through click's own protocol, as the shells ask: names, modes, and silence on every failure."""

from __future__ import annotations

import pytest


def complete(fakes, line, shell="bash", **environment):
    """What the shell is offered for the last word of the line."""
    words = line.split(" ")
    program = words[0]
    name = {"show": "show-kube", "config": "config-kube"}.get(program, program)
    asked = {
        f"_{name.upper().replace('-', '_')}_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line if shell != "fish" else line.rpartition(" ")[0],
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    ran = fakes.run(program, **asked, **environment)
    assert (ran.code, ran.err) == (0, ""), line
    if shell == "zsh":
        return ran.out.splitlines()[1::3]
    return [row.split(",", 1)[1] for row in ran.out.splitlines() if row]


@pytest.fixture
def four(fakes):
    for name in ("snmp", "lldp10", "lldp2", "a b", "x;rm -rf"):
        fakes.put("CONFIG_DB", f"FEATURE|{name}", {"state": "enabled"})
    return fakes


def test_only_what_was_installed_is_offered_to_uninstall(four):
    four.put("CONFIG_DB", "FEATURE|probe", {"set_owner": "kube", "no_fallback_to_local": "true"})
    four.put("CONFIG_DB", "FEATURE|pmon", {"set_owner": "kube"})
    four.put("CONFIG_DB", "FEATURE|acms", {"set_owner": "kube", "no_fallback_to_local": "false"})
    assert complete(four, "config feature uninstall ") == ["probe"]
    assert complete(four, "config feature install probe --after s") == ["snmp"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("system service stop ", ["lldp2", "lldp10", "snmp"]),
        ("system service stop l", ["lldp2", "lldp10"]),
        ("system service stop lldp2 l", ["lldp10"]),
        ("system service status x", []),
        ("system service explain s", ["snmp"]),
        ("system se stat s", ["snmp"]),
        ("show feature mode s", ["snmp"]),
        ("show feature status l", ["lldp2", "lldp10"]),
        ("config feature mode snmp k", ["kubernetes"]),
        ("config feature mode snmp l", ["lldp2", "lldp10", "legacy"]),
        ("system service st", ["start", "status", "stop"]),
        ("system service wait snmp --for st", ["stopped"]),
        ("system service stop --no", ["--no-wait"]),
    ],
)
def test_offered(four, line, offered):
    """A Tab that takes long says nothing; on a busy machine it is worth another."""
    assert any(complete(four, line) == offered for _ in range(5))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells(four, shell):
    assert complete(four, "system service stop l", shell) == ["lldp2", "lldp10"]


@pytest.mark.parametrize("failure", ["hang", "garbage", "noauth", "down", "config", "empty"])
def test_silence_on_every_failure(four, failure):
    environment = {}
    if failure == "down":
        four.redis.stop()
    elif failure == "config":
        environment["SYSTEM_SERVICE_DB_CONFIG"] = "/nonexistent"
    elif failure == "empty":
        four.redis.databases[4].clear()
    else:
        four.redis.failure = failure
    assert complete(four, "system service stop s", **environment) == []
