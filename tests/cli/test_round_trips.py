"""What a look costs is counted at the other end: two round trips to Redis, one call to Docker, nothing written."""

from __future__ import annotations

import os
import time

import pytest

from system_service.model.pods import pod_labels

LOOKS = (
    ("system", "service", "list"),
    ("system", "service", "status"),
    ("system", "service", "status", "f0"),
    ("system", "service", "status", "f0", "f1", "f2", "--json"),
    ("system", "service", "check"),
    ("system", "service", "check", "f0", "f1"),
    ("show", "feature", "mode"),
    ("show", "feature", "mode", "f1", "--json"),
)


@pytest.mark.parametrize("count", [3, 30, 300])
def test_however_many_features(fakes, count):
    for index in range(count):
        fakes.feature(f"f{index}")
        fakes.put("STATE_DB", f"FEATURE|f{index}", {"system_state": "up", "update_time": "2026-11-22 10:00:00"})
    for words in LOOKS:
        fakes.reset()
        ran = fakes.run(*words)
        assert (ran.code, ran.err) == (0, ""), words
        assert fakes.redis.round_trips <= 2, words
        assert dict(fakes.docker.calls) == {("GET", "/containers/json"): 1}, words
        assert fakes.writes() == []


def test_the_hosts_own_ask_docker_nothing(fakes):
    for index in range(30):
        fakes.feature(f"f{index}")
    for word in ("status", "config", "autorestart"):
        fakes.reset()
        assert fakes.run("show", "feature", word).code == 0
        assert fakes.redis.round_trips <= 2
        assert sum(fakes.docker.calls.values()) == 0


@pytest.mark.parametrize(("verb", "calls"), [("id", 1), ("start", 1)])
def test_a_units_calls(fakes, verb, calls):
    """What systemd runs at boot, for a container that runs already."""
    fakes.feature("snmp", set_owner="")
    assert fakes.run("system", "container", verb, "snmp").code == 0
    assert sum(fakes.docker.calls.values()) == calls
    assert fakes.redis.round_trips == (1 if verb == "start" else 0)


def test_what_monit_asks_for_every_minute(fakes):
    """A call a container for its processes, and one more for each that a pod runs: since when it does."""
    os.makedirs(fakes.run_dir)
    for index in range(25):
        made = fakes.feature(f"f{index}")
        made.processes, made.started = [["100", "supervisord"]], time.time() - 60
    pod = fakes.docker.get("f0")
    pod.name, pod.labels = "k8s_f0", dict(label.split("=", 1) for label in pod_labels("f0"))
    fakes.put("CONFIG_DB", "FEATURE|f0", {"state": "enabled", "set_owner": "kube"})
    fakes.serves(pod, "f0")
    for _ in range(2):
        fakes.reset()
        assert fakes.run("system", "service", "check", "--processes") == (0, "", "")
    tops = {("GET", f"/containers/{container.id}/top"): 1 for container in fakes.docker.containers.values()}
    described = ("GET", f"/containers/{pod.id}/json")
    assert dict(fakes.docker.calls) == {("GET", "/containers/json"): 1, described: 1, **tops}
    assert fakes.redis.round_trips <= 2
    assert fakes.units.calls() == []


def test_a_multi_asic_switch_is_asked_once_each(fakes):
    fakes.asic("asic0", "asic1")
    fakes.feature("swss", "", has_per_asic_scope="True", has_global_scope="False")
    for name in ("swss0", "swss1"):
        fakes.container(name)
    assert fakes.run("system", "service", "status").code == 0
    assert fakes.redis.round_trips <= 2
    assert all(redis.round_trips <= 2 for redis in fakes.asics.values())
    assert sum(fakes.docker.calls.values()) == 1
