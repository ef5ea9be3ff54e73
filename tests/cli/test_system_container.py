"""`system container ...` as units, scripts and containers call it, over the wire fakes."""

from __future__ import annotations

import json

import pytest

from system_service.domain.own_container import own_id

CALLS = (("start", "snmp"), ("stop", "snmp"), ("kill", "snmp"))


def state(fakes, name="snmp"):
    return fakes.docker.get(name).state


def test_a_life(fakes):
    fakes.feature("snmp", "exited")
    assert fakes.run("system", "container", "start", "snmp") == (0, "", "")
    assert state(fakes) == "running"
    row = fakes.row("snmp", "STATE_DB")
    assert {k: row[k] for k in ("system_state", "current_owner", "container_id", "remote_state")} == {
        "system_state": "up",
        "current_owner": "local",
        "container_id": "snmp",
        "remote_state": "none",
    }
    assert fakes.run("system", "container", "stop", "-t", "3", "snmp") == (0, "", "")
    assert (state(fakes), fakes.row("snmp", "STATE_DB")["system_state"]) == ("exited", "down")


def test_every_verb_of_the_hosts_takes_a_timeout(fakes):
    fakes.feature("snmp", "exited")
    for words in (("start", "-t", "60", "snmp"), ("kill", "snmp", "--timeout", "60"), ("wait", "-t", "60", "snmp")):
        assert fakes.run("system", "container", *words).code == 0
    assert fakes.run("system", "container", "id", "-t", "60", "snmp") == (0, "snmp\n", "")
    assert fakes.run("system", "container", "start", "-t", "x", "snmp").code == 2


def test_a_start_of_what_runs_writes_no_feature_row(fakes):
    fakes.feature("snmp", set_owner="")
    before = fakes.row("snmp")
    assert fakes.run("system", "container", "start", "snmp") == (0, "", "")
    assert (fakes.row("snmp"), fakes.row("snmp", "STATE_DB")) == (before, None)
    assert fakes.redis.round_trips == 1


@pytest.mark.parametrize("broken", ["stopped", "no config", "noauth", "garbage", "loading"])
def test_without_redis_it_acts_on_docker_alone(fakes, broken):
    for name in ("snmp", "lldp", "teamd"):
        fakes.feature(name, "exited" if name == "snmp" else "running")
    environment = {}
    if broken == "stopped":
        fakes.redis.stop()
    elif broken == "no config":
        environment["SYSTEM_SERVICE_DB_CONFIG"] = fakes.folder + "/nothing.json"
    else:
        fakes.redis.failure = broken
    start, stop, kill = fakes.run_all(
        ("system", "container", "start", "snmp"),
        ("system", "container", "stop", "lldp"),
        ("system", "container", "kill", "teamd"),
        **environment,
    )
    for ran in (start, stop):
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.startswith("Warning: ")
        assert ran.err.endswith(": acted on Docker alone\n")
    assert kill.code == 0
    assert (state(fakes, "snmp"), state(fakes, "lldp"), state(fakes, "teamd")) == ("running", "exited", "exited")


def test_docker_alone_decides_the_exit_code(fakes):
    fakes.feature("snmp", "exited")
    fakes.docker.stop()
    for ran in fakes.run_all(*(("system", "container", *call) for call in CALLS)):
        assert ran.code == 7
        assert ran.err.startswith(f"Error: Docker at {fakes.docker.address} cannot be reached")
        assert "Try: systemctl status docker\n" in ran.err


def test_kube_without_fallback_is_left_to_wait(fakes):
    fakes.feature("snmp", "exited", set_owner="kube", no_fallback_to_local="true")
    ran = fakes.run("system", "container", "start", "snmp")
    assert ran == (0, "", "snmp: left to Kubernetes and the unit's `wait`\n")
    assert state(fakes) == "exited"
    # Who runs it is not said before it is so.
    row = fakes.row("snmp", "STATE_DB")
    assert row.keys() == {"system_state", "remote_state", "update_time"}
    assert (row["system_state"], row["remote_state"]) == ("up", "none")


def test_id_and_inspect(fakes):
    made = fakes.feature("snmp", "exited")
    id, inspect = fakes.run_all(("system", "container", "id", "snmp"), ("system", "container", "inspect", "snmp"))
    assert id == (0, "snmp\n", "")
    (shown,) = json.loads(inspect.out)
    assert (shown["Id"], shown["Name"]) == (made.id, "/snmp")
    labels = {"io.kubernetes.container.name": "snmp", "io.kubernetes.docker.type": "container"}
    pod = fakes.container("k8s_snmp", labels=labels | {"io.kubernetes.pod.namespace": "default"})
    assert fakes.run("system", "container", "id", "snmp").out == f"{pod.id[:12]}\n"
    assert fakes.redis.commands == []


def test_exec_becomes_the_docker_client(fakes):
    fakes.feature("snmp")
    fakes.program("docker", ["sh", "-c", 'printf "%s\\n" "$@"; exit 42', "docker"])
    ran = fakes.run("system", "container", "exec", "snmp", "ls", "-l", "a b", "--help")
    words = ["-H", f"unix://{fakes.docker.address}", "exec", "--interactive", "snmp", "ls", "-l", "a b", "--help"]
    assert ran == (42, "".join(f"{word}\n" for word in words), "")


def test_unknown_containers(fakes):
    fakes.feature("snmp")
    fakes.docker.create("other", id="beef" * 16, start=True)
    commands = [(verb, "nosuch") for verb in ("start", "stop", "kill", "id", "inspect")]
    commands += [("exec", "nosuch", "ls"), ("state", "nosuch", "down"), ("id", "beef"), ("wait", "a/b"), ("id", "")]
    for words, ran in zip(commands, fakes.run_all(*(("system", "container", *c) for c in commands)), strict=True):
        assert (ran.code, ran.out) == (4, ""), words
        assert ran.err.startswith("Error: "), words
        assert "\nTry: " in ran.err, words
    assert {path.split("/")[2] for _, path in fakes.writes()} == {"nosuch"}


class TestState:
    def test_up_and_down(self, fakes):
        fakes.feature("snmp")
        fakes.put("STATE_DB", "FEATURE|snmp", {"state": "enabled"})
        assert fakes.run("system", "container", "state", "snmp", "up", "kube", "--version", "v2") == (0, "", "")
        row = fakes.row("snmp", "STATE_DB")
        row.pop("update_time")
        assert row == {
            "state": "enabled",
            "system_state": "up",
            "current_owner": "kube",
            "remote_state": "running",
            "container_id": own_id(),  # this very process's, where it runs in a container
            "container_version": "v2",
        }
        assert fakes.run("system", "container", "state", "snmp", "down") == (0, "", "")
        assert fakes.row("snmp", "STATE_DB")["system_state"] == "down"
        assert sum(fakes.docker.calls.values()) == 0

    def test_usage(self, fakes):
        wrong = [("up",), ("down", "local"), ("sideways",), ("up", "nobody")]
        for ran in fakes.run_all(*(("system", "container", "state", "snmp", *w) for w in wrong)):
            assert (ran.code, ran.out) == (2, "")
        assert fakes.redis.commands == []

    def test_without_redis_there_is_nothing_it_can_do(self, fakes):
        fakes.feature("snmp")
        fakes.redis.stop()
        ran = fakes.run("system", "container", "state", "snmp", "up", "local")
        assert (ran.code, ran.out) == (7, "")
        assert fakes.redis.address in ran.err


def test_a_container_of_an_asic(fakes):
    fakes.asic("asic0", "asic1")
    fakes.feature("swss", "", has_per_asic_scope="True", has_global_scope="False")
    fakes.put("CONFIG_DB", "FEATURE|swss", {"set_owner": "local"}, "asic0")
    fakes.container("swss0", "exited")
    assert fakes.run("system", "container", "start", "swss0") == (0, "", "")
    assert state(fakes, "swss0") == "running"
    assert fakes.row("swss", "STATE_DB", "asic0")["container_id"] == "swss0"
    assert fakes.row("swss", "STATE_DB") is None
