"""A feature that exists in Kubernetes only: installed, run, stopped, killed on the way, and gone without a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import redis

from sandbox import features, images
from sandbox.kube.registry import ADDRESS
from tests.acceptance.console import Console
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

(NAME,) = features.KUBE_ONLY
UNIT = f"/usr/local/lib/systemd/system/{NAME}.service"
RULES = ("Restart", "RestartUSec", "StartLimitIntervalUSec", "StartLimitBurst", "TimeoutStopUSec", "KillMode", "Type")
INSTALL = (
    "write the unit",
    "read the unit",
    "add state=enabled",
    f": enable {NAME}.service",
    "forget earlier failures",
    f": start {NAME}.service",
)
UNINSTALL = (
    "write state=disabled",
    f": stop {NAME}.service",
    f": disable {NAME}.service",
    f": mask {NAME}.service",
    f"set no {NAME}_enabled",
    f": unmask {NAME}.service",
    "remove the unit",
    "read the unit",
)
"""What comes after them is over before a signal has come: tests/domain/kube_only/test_install.py cuts that off."""


def left(console: Console) -> list[str]:
    """Everything on the switch that bears the feature's name."""
    folders = ("/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd/system", "/run/systemd/system")
    found = console.switch.exec(["find", *folders, "-name", f"{NAME}.service*", "-o", "-name", f".{NAME}.*"]).stdout
    loaded = console.unit(NAME, "LoadState", "ActiveState")
    paths = [*found.split(), *([] if loaded == ["not-found", "inactive"] else [f"unit {loaded}"])]
    for number in (CONFIG_DB, STATE_DB):
        with redis.Redis(unix_socket_path=str(console.switch.redis_socket), db=number, decode_responses=True) as client:
            paths += [f"{number} {key} {client.hgetall(key)}" for key in client.keys(f"*|{NAME}")]
    return paths


def wipe(console: Console) -> None:
    """What a failed test left, by the plainest means."""
    names = [UNIT, f"/etc/systemd/system/{NAME}.service", f"/etc/systemd/system/multi-user.target.wants/{NAME}.service"]
    console.switch.exec(["systemctl", "stop", NAME])
    console.switch.exec(["rm", "-rf", *names, f"/etc/systemd/system/{NAME}.service.d"])
    console.switch.exec(["systemctl", "daemon-reload"])
    for number, table in ((CONFIG_DB, "FEATURE"), (STATE_DB, "FEATURE"), (STATE_DB, "SYSTEM_SERVICE")):
        console.witness.write(number, f"{table}|{NAME}", {})


@pytest.fixture
def alone(console: Console) -> Iterator[Console]:
    """A switch in no cluster; the feature is gone at the end."""
    yield console
    console.switch.exec(["config", "feature", "uninstall", NAME])
    if mess := left(console):
        wipe(console)
    assert mess == []


@pytest.fixture
def joined(fleet: Fleet) -> Iterator[Fleet]:
    """A switch in a cluster; the feature is gone at the end, its pod and its label too."""
    yield fleet
    if not fleet.cluster.processes["kube-apiserver"].running:
        fleet.cluster.restart("kube-apiserver")
    fleet.switch.exec(["config", "feature", "uninstall", NAME])
    mess = left(fleet.console), fleet.pods(NAME), fleet.cluster.labels().get(f"{NAME}_enabled")
    if mess != ([], [], None):
        wipe(fleet.console)
        fleet.cluster.label(**{f"{NAME}_enabled": None})
    fleet.cluster.delete(NAME)
    assert mess == ([], [], None)


@contextmanager
def unsynced(console: Console) -> Iterator[None]:
    """Nobody else finishes what is cut off here."""
    units = ("sonic-system-service-sync.path", "sonic-system-service-sync.service")
    console.type(["systemctl", "stop", *units])
    try:
        yield
    finally:
        console.type(["systemctl", "start", units[0]])


def cut_off(console: Console, verb: str, stages: Sequence[str]) -> int:
    """Kill the command at each of its stages that is still to come; how many that were."""
    killed = 0
    for stage in stages:
        if stage in console.switch.exec(["config", "feature", verb, NAME, "--dry-run"]).stdout:
            console.kill_at(f"config feature {verb} {NAME}", stage)
            killed += 1
    return killed


def deploy(fleet: Fleet, version: str = V1) -> None:
    fleet.deploy(NAME, image=f"{ADDRESS}/{images.published(NAME, version)}")


def shown(console: Console) -> dict[str, str]:
    (found,) = console.ask(f"show feature mode {NAME}")["features"]
    return found


def test_without_a_cluster_it_is_pending_and_says_why(alone: Console) -> None:
    console = alone
    assert "nothing" not in console.type(f"config feature install {NAME} --after swss --dry-run")
    assert left(console) == []
    made = console.ask(f"config feature install {NAME} --after swss")
    assert (made["changed"], made["features"][0]["status"]) == (True, "pending")
    row = console.intent(NAME)
    assert set(row) - {"no_fallback_to_local"} == set(features.config_db()["FEATURE"]["snmp"])
    assert (row["state"], row["set_owner"], row["no_fallback_to_local"]) == ("enabled", "kube", "true")

    assert console.unit(NAME, "ActiveState", "UnitFileState", "FragmentPath") == ["active", "enabled", UNIT]
    console.drop_in("snmp", "[Service]\nRestartSec=30\n")
    assert console.unit(NAME, *RULES) == console.unit("snmp", *RULES)
    console.drop_in("snmp", "")
    after = console.unit(NAME, "After")[0].split()
    assert {"database.service", "swss.service"} <= set(after)

    detail = "pending deployment: no Kubernetes server is configured"
    assert (shown(console)["owner"], shown(console)["detail"].startswith(detail)) == ("none", True)
    assert detail in console.type(f"system service status {NAME}", expect=3)
    assert "there is no image of it" in console.type(f"system service explain {NAME}")
    assert console.ask(f"config feature install {NAME} --after swss")["changed"] is False

    # As any other feature.
    console.type(f"system service stop {NAME}")
    assert console.active(NAME) == "inactive"
    assert console.state(NAME)["system_state"] == "down"
    console.type(f"system service start {NAME} --no-wait")
    wait_until("the start", lambda: console.active(NAME) == "active")
    console.type(f"systemctl restart {NAME}")
    assert console.unit(NAME, "ActiveState", "Result") == ["active", "success"]
    console.type(f"system service disable {NAME}")
    assert console.unit(NAME, "ActiveState", "UnitFileState") == ["inactive", "masked"]
    assert console.ask(f"config feature install {NAME} --after swss")["changed"] is False
    console.type(f"system service enable {NAME} --no-wait")
    wait_until("the start", lambda: console.unit(NAME, "ActiveState", "UnitFileState") == ["active", "enabled"])

    assert console.ask(f"config feature uninstall {NAME}")["changed"] is True
    assert left(console) == []
    console.type(f"config feature uninstall {NAME}", expect=4)


def test_what_is_refused(alone: Console) -> None:
    console = alone
    for name in ("snmp", "restapi", "telemetry", "dbus", "switch"):
        before = console.intent(name)
        error = console.ask(f"config feature install {name}", expect=5)["error"]
        assert error["kind"] == "refused"
        assert console.intent(name) == before
    for name in ("snmp", "restapi"):
        assert console.ask(f"config feature uninstall {name}", expect=5)["error"]["resolution"]
    console.type("config feature uninstall dbus", expect=4)
    for wrong in ("dhcp_relay", "Probe", "../x", "x" * 64):
        console.type(["config", "feature", "install", wrong], expect=2)
    for wrong in ("a%n.service", "a b", "a\nExecStart=/x", f"{NAME}", "../x.service"):
        console.type(["config", "feature", "install", NAME, "--after", wrong], expect=2)
    console.type(f"config-kube feature install {NAME}", expect=8, user="admin")  # the host's own refuses first
    assert left(console) == []

    # Somebody else's file is left alone, and so is a row that we did not make.
    console.type(["cp", "/usr/lib/systemd/system/snmp.service", UNIT])
    console.type(f"config feature install {NAME}", expect=5)
    console.type(["cmp", "/usr/lib/systemd/system/snmp.service", UNIT])
    console.type(["rm", UNIT])
    console.type("systemctl daemon-reload")

    console.type(f"config feature install {NAME}")
    row = console.intent(NAME)
    for line, code in ((f"mode {NAME} legacy", 5), (f"mode {NAME} kubernetes --fallback", 5)):
        assert "no image" in console.ask(f"config feature {line}", expect=code)["error"]["message"]
    again = console.ask(f"config feature mode {NAME} kubernetes", expect=7)
    assert (again["changed"], console.intent(NAME)) == (False, row)
    assert NAME not in {f["name"] for f in console.ask("config feature mode --all legacy")["features"]}


def test_rows_changed_by_hand_start_nothing_that_is_not_there(alone: Console) -> None:
    """The host's own commands write what they are told."""
    console = alone
    console.type(f"config feature install {NAME}")
    console.type(f"config feature fallback {NAME} on")
    console.type(f"systemctl restart {NAME}")
    assert console.unit(NAME, "ActiveState", "Result") == ["active", "success"]
    assert shown(console)["status"] == "pending"
    console.type(f"config feature owner {NAME} local")
    wait_until(
        "a word for it", lambda: "there is no local container" in console.type(f"journalctl -u {NAME} -o cat -n 20"), 30
    )
    console.type(f"config feature mode {NAME} kubernetes --no-fallback", expect=7)
    # Nothing here could take over, so nothing has ended for it.
    assert console.unit(NAME, "ActiveState", "Result") == ["active", "success"]


def test_redis_away_is_no_reason_to_fail(alone: Console) -> None:
    console = alone
    console.type(f"config feature install {NAME}")
    console.switch.docker("pause", "database")
    try:
        console.type(f"systemctl restart {NAME}")
        assert console.unit(NAME, "ActiveState", "Result") == ["active", "success"]
    finally:
        console.switch.docker("unpause", "database")
    assert console.active(NAME) == "active"


def test_a_day_in_kubernetes(joined: Fleet) -> None:
    console, fleet = joined.console, joined
    console.ask(f"config feature install {NAME}")
    detail = f"pending deployment: there is no DaemonSet for {NAME} in namespace sonic"
    assert shown(console)["detail"].startswith(detail), shown(console)
    refused = console.type(f"show kubernetes manifest {NAME}", expect=5)
    assert "--image" in refused
    deploy(fleet)
    fleet.await_runner(NAME, "kube")
    console.type(f"system service wait {NAME} --for running")
    fleet.seen(NAME, "kube", V1)
    assert console.ask(f"config feature install {NAME}")["changed"] is False
    assert console.ask(f"config feature mode {NAME} kubernetes")["changed"] is False
    told = console.type(f"system container exec {NAME} printenv IMAGE_VERSION RUNTIME_OWNER").split()
    assert told == [V1, "kube"]

    pod = fleet.pods(NAME)[0]["Id"]
    console.type(f"systemctl stop {NAME}")
    assert fleet.runner(NAME) == "none"
    assert fleet.cluster.labels()[f"{NAME}_enabled"] == "true"
    console.type(f"systemctl start {NAME}")
    fleet.await_runner(NAME, "kube")
    console.type(f"system service restart {NAME}")
    fleet.await_runner(NAME, "kube")
    assert fleet.pods(NAME)[0]["Id"] == pod

    console.type(f"system service stop {NAME}")
    assert fleet.runner(NAME) == "none"
    wait_until("the end of its pod", lambda: not fleet.pods(NAME), 40)
    assert shown(console)["status"] == "stopped"
    console.type(f"system service start {NAME}")
    fleet.seen(NAME, "kube", V1)
    console.type(f"system service disable {NAME}")
    assert (fleet.runner(NAME), console.unit(NAME, "UnitFileState")) == ("none", ["masked"])
    wait_until("the end of its pod", lambda: not fleet.pods(NAME), 40)
    console.type(f"system service enable {NAME}")
    fleet.seen(NAME, "kube", V1)

    deploy(fleet, V2)
    wait_until("the new version", lambda: console.state(NAME).get("container_version") == V2, 60)
    fleet.await_runner(NAME, "kube")
    assert console.ask(f"config feature uninstall {NAME}")["changed"] is True
    assert (left(console), fleet.runner(NAME), fleet.pods(NAME)) == ([], "none", [])


def test_killed_at_every_stage_the_same_command_again_gets_there(joined: Fleet) -> None:
    console, fleet = joined.console, joined
    with unsynced(console):
        killed = cut_off(console, "install", INSTALL)
        console.type(f"config feature install {NAME}")
        deploy(fleet)
        fleet.await_runner(NAME, "kube")
        assert console.unit(NAME, "ActiveState", "UnitFileState") == ["active", "enabled"]
        assert "todo" not in fleet.own(NAME)

        killed += cut_off(console, "uninstall", UNINSTALL)
        if left(console):
            console.type(f"config feature uninstall {NAME}")
        assert (left(console), fleet.pods(NAME)) == ([], [])
        assert killed >= 8


@pytest.mark.parametrize("stage", [INSTALL[0], INSTALL[2], INSTALL[3], INSTALL[5]])
def test_an_install_that_was_killed_is_completed_by_sync(alone: Console, stage: str) -> None:
    console = alone
    with unsynced(console):
        console.kill_at(f"config feature install {NAME} --after swss", stage)
        console.type("system service sync")
    wait_until("the start", lambda: console.unit(NAME, "ActiveState", "UnitFileState") == ["active", "enabled"])
    assert "swss.service" in console.unit(NAME, "After")[0].split()
    assert console.ask(f"config feature install {NAME} --after swss")["changed"] is False
    console.type(f"system service stop {NAME}")
    console.type("system service sync")
    assert console.active(NAME) == "inactive"  # stopped is not interrupted


@pytest.mark.parametrize("stage", [UNINSTALL[1], UNINSTALL[5]])
def test_an_uninstall_that_was_killed_is_completed_by_sync(alone: Console, stage: str) -> None:
    console = alone
    console.type(f"config feature install {NAME}")
    with unsynced(console):
        console.kill_at(f"config feature uninstall {NAME}", stage)
        console.type(f"system service start {NAME} --no-wait", expect=5)
        assert console.ask("system service sync")["changed"] is True
        assert left(console) == []


def test_sync_makes_a_unit_anew_that_an_upgrade_lost(joined: Fleet) -> None:
    console, fleet = joined.console, joined
    console.type(f"config feature install {NAME}")
    deploy(fleet)
    fleet.await_runner(NAME, "kube")
    # Another image: what is below /usr and /etc is the new one's, and STATE_DB is empty.
    console.type(f"systemctl stop {NAME}")
    console.type(["rm", UNIT, f"/etc/systemd/system/multi-user.target.wants/{NAME}.service"])
    console.type("systemctl daemon-reload")
    for table in ("FEATURE", "SYSTEM_SERVICE"):
        console.witness.write(STATE_DB, f"{table}|{NAME}", {})
    assert f"{NAME}.service is missing: system service sync" in shown(console)["detail"]
    console.type(f"system service start {NAME} --no-wait", expect=1)
    console.type("system service sync --boot")  # comes before a pod, and has the oneshot do the rest
    wait_until("the start", lambda: console.unit(NAME, "ActiveState", "UnitFileState") == ["active", "enabled"])
    fleet.await_runner(NAME, "kube")
    console.type(f"system service wait {NAME} --for running")
    fleet.seen(NAME, "kube", V1)


def test_the_api_server_is_dead_meanwhile(joined: Fleet) -> None:
    console, fleet = joined.console, joined
    fleet.cluster.kill("kube-apiserver")
    made = console.ask(f"config feature install {NAME}")
    assert (made["changed"], made["features"][0]["status"]) == (True, "pending")
    assert "cannot be reached" in shown(console)["detail"]
    fleet.cluster.restart("kube-apiserver")
    deploy(fleet)
    # The label sends itself; the longer the server was away, the later: up to 270 s where it takes long to start.
    fleet.await_runner(NAME, "kube", 200)
    wait_until("its label", lambda: fleet.own(NAME).get("label") == "true")

    fleet.cluster.kill("kube-apiserver")
    late = console.ask(f"config feature uninstall {NAME}", expect=7)
    assert (late["changed"], late["features"][0]["status"]) == (True, "disabled")
    assert fleet.runner(NAME) == "none"
    assert console.unit(NAME, "LoadState") == ["not-found"]
    assert console.intent(NAME)["state"] == "disabled"
    assert shown(console)["detail"].startswith("being uninstalled")
    console.type(f"system service enable {NAME}", expect=5)
    fleet.cluster.restart("kube-apiserver")
    wait_until("the end by itself", lambda: not left(console), 200)
    assert (fleet.pods(NAME), fleet.cluster.labels().get(f"{NAME}_enabled")) == ([], None)
