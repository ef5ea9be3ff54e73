"""The clock is set, and the repeated hour of autumn comes, at each stage of a handover: nobody is disturbed by that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.support.boot import boot_id, boot_time
from tests.waiter.clock import Clock, missing
from tests.waiter.process import Waiter, until
from tests.waiter.scene import Scene, waiting

Step = Callable[[], None]
HOURS = 2 * 3600.0
AUTUMN = "2026-10-25T"  # in Berlin, at one o'clock UTC, it is two o'clock for the second time
SETTLE = 4.0  # seconds
LINGERS = 1.5  # seconds: long enough to be caught at it


@pytest.fixture(params=["forward", "back", "autumn"])
def turn(request: pytest.FixtureRequest, scene: Scene) -> Iterator[Step]:
    """What happens to the clock."""
    if missing():
        pytest.skip(missing())
    clock = Clock(scene, "Europe/Berlin" if request.param == "autumn" else "UTC")
    if request.param == "autumn":
        clock.set(f"{AUTUMN}00:58:00")

        def pass_by() -> None:
            clock.set(f"{AUTUMN}00:59:59.5")
            until(lambda: clock.now() >= f"{AUTUMN}01:00:00")

        yield pass_by
    else:
        yield lambda: clock.step(HOURS if request.param == "forward" else -HOURS)


def called(scene: Scene, call: str) -> bool:
    """Whether Docker was asked for this."""
    with scene.docker.changed:
        return any(f"{method} {path}".startswith(call) for method, path in scene.docker.calls)


def awake(scene: Scene, waiter: Waiter) -> None:
    """An event that makes it look again, and the look."""

    def looks() -> int:
        found: int = scene.state.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"]
        return found

    before = looks()
    scene.wants(high_mem_alert=str(before))
    until(lambda: looks() > before)
    waiter.idle_or_due()


def test_before_there_is_a_pod(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        turn()
        pod = scene.pod()
        until(lambda: scene.owner() == "kube")
        assert pod.box.starts == 1


def test_while_the_local_container_ends(scene: Scene, turn: Step) -> None:
    scene.local.lingers = LINGERS
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: called(scene, "POST /containers/snmp/stop"))
        turn()
        until(lambda: scene.owner() == "kube")
        assert pod.box.starts == 1


def test_between_the_answer_and_the_opening(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod(obeys=False)
        until(lambda: scene.row()["remote_state"] == "ready")
        turn()
        awake(scene, waiter)
        pod.obeys = True
        until(lambda: scene.owner() == "kube")
        assert (pod.box.starts, scene.local.starts) == (1, 1)


def test_while_a_pod_serves(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube" and "served" in scene.own())
        turn()
        for _ in range(3):
            awake(scene, waiter)
        assert (scene.owner(), pod.box.starts, scene.local.starts) == ("kube", 1, 1)
        assert not scene.own().get("deaths")
    with waiting(scene) as waiter:  # another one has seen nothing of all that
        waiter.idle_or_due()
        awake(scene, waiter)
        assert (scene.owner(), pod.box.starts, scene.local.starts) == ("kube", 1, 1)


def test_while_a_death_is_awaited(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: "served" in scene.own())
        scene.docker.crash(pod.box.name)
        until(lambda: bool(scene.own().get("deaths")))
        turn()
        awake(scene, waiter)
        assert scene.owner() == "none"  # the grace is not over, whatever the clock says
        scene.pod()
        until(lambda: scene.owner() == "kube")
        assert scene.local.starts == 1


def test_the_grace_for_a_death_is_as_long_as_ever(scene: Scene, turn: Step) -> None:
    died = boot_time() - 14
    scene.state.hset("SYSTEM_SERVICE|snmp", mapping={"boot": boot_id(), "deaths": f"{died:.2f}"})
    scene.begin("kube", local=False)
    with waiting(scene) as waiter:
        waiter.idle_or_due()
        turn()
        awake(scene, waiter)
        assert scene.owner() == "none"
        until(lambda: scene.owner() == "local")
        assert boot_time() - died > 20


def test_while_a_pod_settles(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    scene.state.hset(
        "SYSTEM_SERVICE|snmp", mapping={"boot": boot_id(), "fell": f"{boot_time():.2f}", "settle": f"{SETTLE:g}"}
    )
    with waiting(scene) as waiter:
        waiter.idle(3)
        begun = boot_time()
        scene.pod()
        until(lambda: any("settles" in line for line in waiter.said))
        turn()
        awake(scene, waiter)
        until(lambda: scene.owner() == "kube", 60)
        assert boot_time() - begun > SETTLE


def test_on_the_way_home(scene: Scene, turn: Step) -> None:
    scene.begin("kube")
    pod = scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube" and "served" in scene.own())
        pod.box.lingers = LINGERS
        scene.wants(set_owner="local")
        until(lambda: called(scene, f"POST /containers/{pod.box.id}/"))
        turn()
        until(lambda: scene.owner() == "local")
        until(lambda: scene.row()["current_owner"] == "local" and pod.frozen)
        awake(scene, waiter)
        assert scene.owner() == "local"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_switch_is_in_another_zone_than_its_pods(scene: Scene, zone: str) -> None:
    """What a gate writes is the local time of its own."""
    scene.environment["TZ"] = zone
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        first = scene.pod()
        until(lambda: scene.owner() == "kube" and "served" in scene.own())
        awake(scene, waiter)
        scene.docker.crash(first.box.name)
        second = scene.pod()
        until(lambda: scene.owner() == "kube")
        awake(scene, waiter)
        assert (first.box.starts, second.box.starts, scene.local.starts) == (1, 1, 1)
        scene.wants(set_owner="local")
        until(lambda: scene.owner() == "local")
        awake(scene, waiter)
        assert scene.owner() == "local"


def test_the_clock_is_set_for_the_waiter_and_the_time_since_the_boot_is_not(scene: Scene, turn: Step) -> None:
    """Of the clock itself: what all of this rests on."""
    ask = "import time; print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic())"

    def asked() -> list[float]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", ask], env=scene.environment, capture_output=True, text=True, check=True
        )
        return [float(word) for word in done.stdout.split()]

    before = asked()
    turn()
    wall, boot, monotonic = (after - early for after, early in zip(asked(), before, strict=True))
    assert abs(wall - boot) > 0.5
    assert abs(boot - monotonic) < 0.1
    assert 0 <= boot < 60
