"""`--json` of every command that has it: the published schema on success and on every kind of failure.

A command with `--json` that is not in SUCCEEDS fails the walk of the tree; a key that the schema does not name fails
its case.
"""

from __future__ import annotations

import inspect
import os
import time

import pytest
from jsonschema import Draft202012Validator

from system_service import errors
from system_service.domain.change.operate import Ask
from system_service.domain.change.plan import Request, Verb
from system_service.domain.command_lock import command_lock
from system_service.domain.kube_only.install import install
from system_service.terminal.envelope import envelope
from tests.docs.generate import ROOTS, walk
from tests.support.fakes import ended
from tests.support.json_schema import COMMON, PUBLISHED, check
from tests.support.redis import NUMBERS

# Command -> the words after it with which it succeeds where snmp runs.
SUCCEEDS = {
    "show feature autorestart": "",
    "show feature config": "",
    "show feature mode": "snmp",
    "show feature status": "snmp",
    "show kubernetes labels": "",
    "show kubernetes server config": "",
    "show kubernetes server status": "",
    "config feature autorestart": "snmp disabled",
    "config feature fallback": "snmp off",
    "config feature install": "probe --dry-run",
    "config feature mode": "snmp legacy",
    "config feature owner": "snmp local",
    "config feature state": "snmp disabled",
    "config feature uninstall": "probe --dry-run",
    "config kubernetes join": "",
    "config kubernetes label add": "rack r12",
    "config kubernetes label drop": "rack",
    "config kubernetes reset": "",
    "config kubernetes server disable": "on",
    "config kubernetes server insecure": "on",
    "config kubernetes server ip": "10.0.0.1",
    "config kubernetes server port": "6443",
    "system host install": "--dry-run",
    "system host uninstall": "--dry-run",
    "system service check": "",
    "system service disable": "snmp",
    "system service enable": "snmp",
    "system service explain": "snmp",
    "system service list": "",
    "system service restart": "snmp",
    "system service start": "snmp",
    "system service status": "",
    "system service stop": "snmp",
    "system service sync": "",
    "system service wait": "snmp --for running",
}
INSTALL = "config feature install"
# Neither systemd nor kubeadm is here.
MEMBERSHIP = ("config kubernetes join", "config kubernetes reset")
ASKS_NOBODY = "system host install"  # neither Redis nor Docker
NAMES_A_FEATURE = [c for c, words in SUCCEEDS.items() if "snmp" in words or c.startswith("show feature")]
TAKES_THE_LOCK = [f"system service {verb}" for verb in ("disable", "enable", "restart", "start", "stop")]
EVERY_KIND = {cls.kind for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.SwitchError)}


def with_json() -> set[str]:
    """Every command of ours that has --json, as the host's operator says it."""
    found = set()
    for root, command in ROOTS.items():
        for context in walk(command, root.removesuffix("-kube")):
            if any("--json" in param.opts for param in context.command.params):
                found.add(context.command_path)
    return found


def test_every_command_that_has_json_is_here():
    assert with_json() == set(SUCCEEDS)


def test_the_schema_is_one_and_knows_every_kind_of_failure():
    Draft202012Validator.check_schema(PUBLISHED)
    assert set(PUBLISHED["$defs"]["error"]["properties"]["kind"]["enum"]) == EVERY_KIND


def test_a_key_that_nobody_described_is_seen():
    good = dict.fromkeys(COMMON) | {"command": "show feature mode", "changed": False, "dry_run": False, "features": []}
    check(good)
    for bad in ({"new": 1}, {"features": [{"name": "snmp", "changed": False, "new": 1}]}, {"error": {"kind": "new"}}):
        with pytest.raises(AssertionError):
            check(good | bad)


@pytest.fixture
def snmp(fakes):
    fakes.feature("snmp")
    return fakes


def words_of(command: str, words: str | None = None) -> list[str]:
    return [*command.split(), *(SUCCEEDS[command] if words is None else words).split(), "--json"]


def failure(ran, command: str, kind: str) -> dict:
    envelope = ran.json
    assert (envelope["command"], ran.err) == (command, "")
    assert envelope["error"]["kind"] == kind, envelope
    return envelope


@pytest.mark.parametrize("command", [c for c in SUCCEEDS if c not in (INSTALL, *MEMBERSHIP)])
def test_success(snmp, command):
    if command == "config feature uninstall":
        snmp.feature("probe", "", set_owner="kube", no_fallback_to_local="true")
    snmp.program("system", ["true"])
    ran = snmp.run(*words_of(command))
    assert (ran.code, ran.json["command"], ran.json["error"]) == (0, command, None)
    facts = {" server": "server", " label": "labels", " host ": "steps"}
    assert set(ran.json) - COMMON == {key for words, key in facts.items() if words in command}


def test_success_of_an_install_which_needs_systemd(snmp, monkeypatch):
    snmp.systemd()
    for name in ("PATH", "DOCKER_HOST", "SYSTEM_SERVICE_RUN_DIR", "SYSTEM_SERVICE_DB_CONFIG"):
        monkeypatch.setenv(name, snmp.environment[name])
    ask = Ask(INSTALL, ("probe",), Request(Verb.MODE), timeout=20, dry_run=True)
    planned = envelope(install(snmp.switch(), ask, ()))
    check(planned)
    assert (planned["error"], planned["changed"], planned["dry_run"]) == (None, True, True)


@pytest.mark.parametrize("command", [c for c in SUCCEEDS if c in TAKES_THE_LOCK or c == "config feature mode"])
def test_a_dry_run(snmp, command):
    envelope = snmp.run(*words_of(command), "--dry-run").json
    assert envelope["dry_run"] is True
    assert isinstance(envelope["features"][0]["plan"], list)


@pytest.mark.parametrize("command", ["system service stop", "config feature mode"])
def test_a_dry_run_that_fails_is_one_too(snmp, command):
    snmp.redis.stop()
    envelope = snmp.run(*words_of(command), "--dry-run").json
    assert (envelope["dry_run"], envelope["error"]["kind"]) == (True, "unreachable")


def test_unreachable(snmp):
    snmp.redis.stop()
    asking = [command for command in SUCCEEDS if command != ASKS_NOBODY]
    for command, ran in zip(asking, snmp.run_all(*map(words_of, asking)), strict=True):
        assert failure(ran, command, "unreachable")["error"]["exit_code"] == 7


def test_not_permitted(snmp):
    os.chmod(snmp.redis.address, 0)
    asking = [command for command in SUCCEEDS if command != ASKS_NOBODY]
    ways = [snmp.start(*words_of(command), unprivileged=True) for command in asking]
    for command, process in zip(asking, ways, strict=True):
        assert failure(ended(process), command, "not_permitted")["error"]["exit_code"] == 8


def test_unknown_feature(snmp):
    ways = [words_of(c, SUCCEEDS[c].replace("snmp", "nosuch") or "nosuch") for c in NAMES_A_FEATURE]
    for command, ran in zip(NAMES_A_FEATURE, snmp.run_all(*ways), strict=True):
        failure(ran, command, "unknown_feature")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("config feature autorestart", "database disabled"),
        ("config feature state", "database disabled"),
        ("config kubernetes join", ""),
        ("config kubernetes reset", ""),
        ("config feature mode", "bgp kubernetes"),
        ("system service disable", "database"),
        ("system service start", "nat"),
        ("system service restart", "nat"),
    ],
)
def test_refused(snmp, command, words):
    snmp.feature("database", state="always_enabled", auto_restart="always_enabled")
    snmp.feature("bgp")
    snmp.feature("nat", "", state="disabled")
    failure(snmp.run(*words_of(command, words)), command, "refused")


def test_timeout(snmp):
    ways = {
        "config feature state": "snmp disabled --block --timeout 0.1",
        "system service wait": "snmp --for stopped --timeout 0.1",
    }
    for command, words in ways.items():
        failure(snmp.run(*words_of(command, words)), command, "timeout")


def test_busy(snmp):
    os.makedirs(snmp.run_dir, exist_ok=True)
    ways = [words_of(c, f"{SUCCEEDS[c]} --timeout 0.2") for c in (*TAKES_THE_LOCK, "config feature mode")]
    with command_lock(snmp.run_dir, "snmp", time.monotonic() + 1, lambda: None):
        for words, ran in zip(ways, snmp.run_all(*ways), strict=True):
            failure(ran, " ".join(words[:3]), "busy")


def test_failed(snmp):
    snmp.feature("lldp", "exited")
    for database, key in (("CONFIG_DB", "KUBERNETES_MASTER|SERVER"), ("STATE_DB", "KUBE_LABELS|SET")):
        snmp.redis.put(NUMBERS[database], key, "no row")
    ways = {
        command: words
        for command, words in SUCCEEDS.items()
        if command.startswith(("config kubernetes l", "config kubernetes s"))
    }
    ways["system service status"] = "lldp"
    for command, words in ways.items():
        failure(snmp.run(*words_of(command, words)), command, "failed")
