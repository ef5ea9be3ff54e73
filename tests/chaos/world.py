"""Everybody who has a hand in the switch: takes the steps that were drawn, and brings back what they took away."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable
from http.client import HTTPException

import pytest
import redis

from sandbox.kube.registry import ADDRESS
from sandbox.processes import SandboxError
from tests.acceptance.fleet import V1, V2, Fleet
from tests.acceptance.test_claims import another
from tests.acceptance.test_kills import CONFIGURATION
from tests.chaos.prompt import Command, Prompt
from tests.chaos.steps import COMMANDS, NAMES, Event, Kind, Step
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

FAILURES = (
    *(SandboxError, AssertionError, OSError, HTTPException, redis.RedisError, ValueError, LookupError),
    *(subprocess.TimeoutExpired, pytest.fail.Exception),
)
"""What becomes of an attempt while a part is away, by whoever makes it."""
MISSING = f"{ADDRESS}/docker-{{}}:never"
BACK = 90.0  # seconds until what was brought back serves again
_PATCH = "application/strategic-merge-patch+json"


class World:
    """`commands`: those that were typed since `forget`. `undone`: steps that could not be taken, and why."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.prompt = Prompt(fleet.console)
        self.commands: list[Command] = []
        self.undone: list[str] = []
        self.unlabelled: set[str] = set()
        self.told_late = False  # the API server was away: what it was not told is told again later
        self._reloaded: dict[str, dict[str, str]] = {}
        self._rollouts = 0
        # The switch prints them only while all of it is there.
        images = dict.fromkeys((V1, V2), "") | {"never": MISSING}
        self._manifests = {
            (name, version): fleet.manifest(name, version, image.format(name))
            for name in NAMES
            for version, image in images.items()
        }
        for name in NAMES:
            fleet.cluster.apply(self._manifests[name, V1])

    def forget(self) -> None:
        """Another bunch begins."""
        self.commands, self.undone, self.told_late = [], [], False
        self.unlabelled.clear()

    def happen(self, event: Event) -> None:
        """Take a step, or bring back what it took away. What cannot be done at the moment is noted."""
        try:
            self._back(event.step) if event.back else self._take(event.step)
        except FAILURES as error:
            self.undone.append(f"{event.step}: {str(error).splitlines()[:1]}")

    def _take(self, step: Step) -> None:
        if step.kind in COMMANDS:
            self.commands += [self.prompt.begin(line, step.kill) for line in step.lines]
            return
        acts: dict[Kind, Callable[[Step], object]] = {
            Kind.DEPLOY: lambda step: self._apply(step.names[0], step.lines[0]),
            Kind.MISSING: lambda step: self._apply(step.names[0], "never"),
            Kind.SECOND: self._second,
            Kind.ROLLOUT: self._rollout,
            Kind.PODS: lambda step: self.fleet.delete_pods(step.names[0]),
            Kind.LABEL: self._unlabel,
            Kind.KUBELET: lambda step: self.fleet.cluster.kill("kubelet"),
            Kind.API: self._kill_api,
            Kind.REDIS: lambda step: self._kill_redis(),
            Kind.EMPTIED: lambda step: self._empty(),
            Kind.DOCKERD: lambda step: self.fleet.switch.engine.stop("KILL"),
            Kind.DOCKER_KILL: lambda step: self.fleet.switch.docker("kill", step.names[0]),
            Kind.DOCKER_START: lambda step: self.fleet.switch.docker("start", step.names[0]),
            Kind.WAIT: lambda step: self.prompt.run(f"systemctl kill --kill-who=main --signal=KILL {step.names[0]}"),
            Kind.RELOAD: lambda step: self._reload(),
        }
        acts[step.kind](step)

    def _back(self, step: Step) -> None:
        if step.kind is Kind.DOCKERD:
            self._start_dockerd()
        elif step.kind is Kind.RELOAD:
            self._refill()
        else:
            self._restart_cluster()

    def restore(self) -> None:
        """Bring back all that is still away, and take away what does not belong here. Raises as those do."""
        self._start_dockerd()
        wait_until("a database that is loaded", self._loaded, BACK)
        self._refill()
        self._restart_cluster()
        cluster = self.fleet.cluster
        for name in NAMES:
            if cluster.daemonsets(f"{name}-again"):
                cluster.delete(f"{name}-again")
                wait_until("the end of its pods", lambda: not cluster.pods(f"{name}-again"), BACK)  # noqa: B023
            if not self.fleet.cluster.daemonsets(name) or self.version(name) == "never":
                self._apply(name, V1)
        if self.told_late:
            # Its next try may be minutes away.
            self.prompt.run("systemctl reset-failed sonic-system-service-sync.service")
            self.prompt.run("systemctl start sonic-system-service-sync.service")

    def version(self, name: str) -> str:
        """Which one the cluster's DaemonSet has."""
        (found,) = self.fleet.cluster.daemonsets(name)
        (container,) = found["spec"]["template"]["spec"]["containers"]
        return str(container["image"]).rpartition(":")[2]

    def label(self, name: str) -> None:
        """Set the label again that a hand has removed."""
        if name in self.unlabelled:
            self.fleet.cluster.label(**{f"{name}_enabled": "true"})
            self.unlabelled.discard(name)

    def forgive(self, name: str) -> bool:
        """Have the next pod not wait for minutes because others failed; whether there was anything to forgive."""
        with self._database(STATE_DB) as rows, self._database(CONFIG_DB) as intents:
            forgiven = bool(rows.hdel(f"SYSTEM_SERVICE|{name}", "fell", "settle", "deaths"))
            if forgiven and (row := intents.hgetall(f"FEATURE|{name}")):
                intents.hset(f"FEATURE|{name}", mapping=row)  # `wait` looks again
        return forgiven

    def hurry(self, name: str) -> bool:
        """Have no pod wait for minutes because the kubelet backs off; whether one did."""
        for pod in self.fleet.cluster.pods(name):
            for status in pod["status"].get("containerStatuses", ()):
                if "BackOff" in (status["state"].get("waiting") or {}).get("reason", ""):
                    self.fleet.delete_pods(name)
                    return True
        return False

    # --- one act each ---

    def _database(self, number: int) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.fleet.switch.redis_socket), db=number, decode_responses=True)

    def _apply(self, name: str, version: str) -> None:
        self.fleet.cluster.apply(self._manifests[name, version])

    def _second(self, step: Step) -> None:
        name = step.names[0]
        self.fleet.cluster.apply(another(self._manifests[name, step.lines[0]], f"{name}-again"))

    def _rollout(self, step: Step) -> None:
        """`kubectl rollout restart`."""
        self._rollouts += 1
        (found,) = self.fleet.cluster.daemonsets(step.names[0])
        path = f"/apis/apps/v1/namespaces/{found['metadata']['namespace']}/daemonsets/{step.names[0]}"
        template = {"metadata": {"annotations": {"restarted": str(self._rollouts)}}}
        self.fleet.cluster.request("PATCH", path, {"spec": {"template": template}}, _PATCH)

    def _unlabel(self, step: Step) -> None:
        self.fleet.cluster.label(**{f"{step.names[0]}_enabled": None})
        self.unlabelled.add(step.names[0])

    def _kill_api(self, step: Step) -> None:
        self.told_late = True
        self.fleet.cluster.kill("kube-apiserver")

    def _restart_cluster(self) -> None:
        cluster = self.fleet.cluster
        for name in ("kube-apiserver", "kubelet"):
            if not cluster.processes[name].running:
                cluster.restart(name)
        cluster.refresh()

    def _loaded(self) -> bool:
        """Whether Redis is there; for a moment after its end its unit is still active."""
        with contextlib.suppress(redis.RedisError), self._database(CONFIG_DB) as client:
            loaded = bool(client.exists("DEVICE_METADATA|localhost"))
            return loaded and self.fleet.console.active("database") == "active"
        return False

    def _start_dockerd(self) -> None:
        if not self.fleet.switch.engine.answers():
            self.fleet.switch.engine.start()

    def _kill_redis(self) -> None:
        """On a switch whose configuration is saved: it is loaded again from there."""
        tables: dict[str, dict[str, dict[str, str]]] = {}
        with self._database(CONFIG_DB) as client:
            for key in client.keys("*|*"):
                table, _, name = key.partition("|")
                tables.setdefault(table, {})[name] = client.hgetall(key)
        self.fleet.switch.write_file(CONFIGURATION, json.dumps(tables), "644")
        listed = self.fleet.switch.docker("top", "database", "-eo", "pid,args").splitlines()
        pid = next(line.split()[0] for line in listed if "redis-server" in line)
        self.fleet.switch.engine.room.run(["kill", "-9", pid])

    def _empty(self) -> None:
        with self._database(STATE_DB) as client:
            if keys := client.keys("*"):  # a flush is told to nobody
                client.delete(*keys)
        self.prompt.run("systemctl restart sonic-system-service-gates.service")

    def _reload(self) -> None:
        with self._database(CONFIG_DB) as client:
            self._reloaded = {key: client.hgetall(key) for key in client.keys("FEATURE|*")}
            if self._reloaded:
                client.delete(*self._reloaded)

    def _refill(self) -> None:
        with self._database(CONFIG_DB) as client:
            for key, row in self._reloaded.items():
                client.hset(key, mapping=row)
        self._reloaded = {}
