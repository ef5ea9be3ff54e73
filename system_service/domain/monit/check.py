"""What monit asks: do the containers run that should, whoever runs them, and their critical processes?

Expected are the features that are not disabled, in each scope they have. What runs is Docker's word: containers by
their exact names, a pod's by their exact labels and only behind an open gate. systemd is asked in one case alone: since
when a kubernetes-only feature is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from system_service.domain.result import CheckReport, DeadProcess, Result, Unseen
from system_service.domain.status.noted import died
from system_service.domain.status.observe import intent, see
from system_service.domain.status.report import detail, pending
from system_service.domain.status.waiting_for import awaited, stopped
from system_service.domain.switch import Switch
from system_service.errors import Failed, NotRunning, SwitchError
from system_service.model.clock import docker_time
from system_service.model.feature import Mode, Owner
from system_service.model.snapshot import Active, Container, FeatureState, InstanceState, Run

if TYPE_CHECKING:
    from system_service.domain.status.processes import Alive

# Seconds that a kubernetes-only feature may wait for its pod before that is an alarm.
PATIENCE = 300.0
_COMMAND = "system service check"
_MOVES = "it is being handed over"
# Those that the host starts for every ASIC, also for one whose card is not there.
_OF_EVERY_ASIC = frozenset({"database", "bgp"})
# A row that turns an option of bgpd on: no container has this name.
_NO_CONTAINER = frozenset({"frr_bmp"})
# A row that images keep which bring gnmi in its place.
_TELEMETRY, _TELEMETRY_IMAGE = "telemetry", "docker-sonic-telemetry"


class _Verdict(NamedTuple):
    """On one instance. `missing`: critical processes. `why`: of an alarm, or of what is none but may seem one."""

    container: str
    runs: bool
    alarm: bool = False
    missing: tuple[str, ...] = ()
    owner: Owner = Owner.NONE
    why: str = ""


def check(
    switch: Switch,
    names: Sequence[str] = (),
    *,
    critical: bool = False,
    patience: float = PATIENCE,
    partial: bool = False,
) -> Result:
    """The named features in the order asked, all when none is named; `critical`: their critical processes too.

    The Result's error is NotRunning on an alarm, UnknownFeature where a name has no FEATURE row, Failed where Docker
    could not tell of a container's processes. With `partial`, when Docker cannot be asked, it is that, and the reports
    hold what CONFIG_DB says.

    Raises:
        UnknownFeature: no name has one.
        Unreachable, NotPermitted, TimedOut: Redis or Docker cannot be asked, or the FEATURE table is empty.
    """
    intended = intent(switch, names)
    error: SwitchError | None = next(iter(intended.unknown.values()), None)
    try:
        listed = switch.docker.containers()
        alive = _alive(switch) if critical else None
        checker = _Checker(switch, alive, patience)
        found: dict[str, CheckReport | Unseen] = {
            feature.spec.name: checker.feature(feature) for feature in see(switch, intended, listed).features
        }
        doubt = checker.error
        if alive:
            alive.forget_all_but(listed)
    except SwitchError as failure:
        if not partial:
            raise
        error, doubt = failure, None
        found = {feature.name: Unseen(feature.name, feature, error=failure) for feature in intended.features}
    order = dict.fromkeys(names) or found
    reports = tuple(found.get(name) or Unseen(name, error=intended.unknown[name]) for name in order)
    judged = [report for report in reports if isinstance(report, CheckReport)]
    if lines := sentences(judged):
        first = next(report.name for report in judged if report.alarm)
        error = error or NotRunning("; ".join(lines), f"system service explain {first}")
    return Result(_COMMAND, reports, error=error or doubt)


def sentences(reports: Sequence[CheckReport]) -> list[str]:
    """The alarms in the host checker's words; none when all is well."""
    down = [name for report in reports for name in report.missing]
    dead = [f"{dead.container}:{dead.process}" for report in reports for dead in report.missing_processes]
    lines = [f"Expected containers not running: {', '.join(down)}"] if down else []
    return [*lines, *([f"Critical processes not running: {', '.join(dead)}"] if dead else [])]


def _alive(switch: Switch) -> Alive:
    from system_service.domain.status.processes import Alive  # containers alone cost less

    return Alive(switch)


def _absent(switch: Switch) -> frozenset[str]:
    if not switch.db.namespaces:
        return frozenset()
    from system_service.backends.chassis import absent_asics  # of switches with several ASICs

    return absent_asics(switch.db)


class _Checker:
    def __init__(self, switch: Switch, alive: Alive | None, patience: float) -> None:
        self.switch = switch
        self.error: Failed | None = None  # what could not be told of one container hides no other
        self._alive = alive
        self._absent = _absent(switch)
        self._patience = patience
        self._now = time.time()

    def feature(self, feature: FeatureState) -> CheckReport:
        spec = feature.spec
        expected = self._expected(feature)
        verdicts = (
            [self._instance(feature, instance) for instance in feature.instances if self._there(instance)]
            if expected
            else []
        )
        return CheckReport(
            spec,
            feature.owner,
            expected,
            running=all(v.runs for v in verdicts) if expected else any(instance.runs for instance in feature.instances),
            alarm=any(v.alarm for v in verdicts),
            missing=tuple(v.container for v in verdicts if v.alarm and not v.runs),
            missing_processes=tuple(
                DeadProcess(v.container, v.owner, process) for v in verdicts if v.alarm for process in v.missing
            ),
            detail="; ".join(dict.fromkeys(v.why for v in verdicts if v.why)),
        )

    def _expected(self, feature: FeatureState) -> bool:
        spec = feature.spec
        if spec.state.off or spec.name in _NO_CONTAINER:
            return False
        if spec.name == _TELEMETRY and spec.mode is Mode.LEGACY and not any(s.container for s in feature.instances):
            try:
                self.switch.docker.image(_TELEMETRY_IMAGE)
            except Failed:
                return False
        return True

    def _there(self, instance: InstanceState) -> bool:
        """Whether it has an ASIC to run for: a chassis need not have all of its cards."""
        return instance.spec.feature in _OF_EVERY_ASIC or instance.spec.namespace not in self._absent

    def _instance(self, feature: FeatureState, instance: InstanceState) -> _Verdict:
        name = instance.spec.container
        container, owner = _runner(instance)
        if container is not None:
            try:
                dead = self._alive.dead(feature, container, owner) if self._alive else ()
            except Failed as error:
                self.error = self.error or error
                return _Verdict(name, True, owner=owner, why=str(error))
            if dead is not None:
                return self._judged(feature, _Verdict(name, True, bool(dead), dead, owner, detail(feature)))
            # It has ended since the list.
            ended = instance.container._replace(run=Run.EXITED) if instance.container else None
            instance = instance._replace(container=ended, serving=None)
        return self._down(feature, instance)

    def _judged(self, feature: FeatureState, verdict: _Verdict) -> _Verdict:
        if not verdict.alarm:
            return verdict
        from system_service.domain.monit.handing_over import acting  # where all is well, nobody asks

        leaves = verdict.owner is Owner.LOCAL and feature.spec.mode is Mode.KUBERNETES
        if (
            leaves
            and any(instance.pods for instance in feature.instances)
            and acting(self.switch.run_dir, feature.spec.name)
        ):
            # supervisord ends its programs one by one while its container is being stopped for the pod.
            return verdict._replace(alarm=False, missing=(), why=_MOVES)
        who = "a pod's container" if verdict.owner is Owner.KUBE else f"container {verdict.container}"
        sentence = f"{', '.join(verdict.missing)} does not run in {who} ({verdict.owner.value})"
        return verdict._replace(why=sentence)

    def _down(self, feature: FeatureState, instance: InstanceState) -> _Verdict:
        from system_service.domain.monit.handing_over import in_transit

        name = instance.spec.container
        if in_transit(self.switch, feature, instance):
            return _Verdict(name, False, why=_MOVES)
        why = why_down(feature, instance)
        if pending(feature.spec) and not stopped(feature) and not any(pod.run is Run.PAUSED for pod in instance.pods):
            since, doubt = self._waits_since(feature, instance)
            waited = max(0.0, self._now - since)  # a clock that was set back
            if doubt:
                why = doubt
            elif (age := died(feature.own)) is not None and age < waited:
                why = f"the pod's container ended; {why}"
            elif waited < self._patience:
                return _Verdict(name, False, why=f"{why}; an alarm in {self._patience - waited:.0f} s")
        return _Verdict(name, False, True, why=why)

    def _waits_since(self, feature: FeatureState, instance: InstanceState) -> tuple[float, str]:
        """Since when (Unix time) a kubernetes-only feature waits for its pod, or why it does not wait at all.

        The unit's life began the waiting. Where there is none, the rows tell since when they say so; 0.0: nobody knows.
        """
        name = instance.spec.unit
        try:
            unit = self.switch.units.show(name)[name] if self.switch.units.available() else None
        except SwitchError:  # what systemd cannot tell is no alarm of its own
            unit = None
        if unit is not None and unit.exists:
            if unit.active in (Active.INACTIVE, Active.FAILED):
                return 0.0, f"{name} is {unit.active.value}"
            return docker_time(unit.since), ""
        return feature.own.since if feature.own.reason else 0.0, ""


def _runner(instance: InstanceState) -> tuple[Container | None, Owner]:
    """The container that runs it. A paused one runs nothing."""
    if instance.container is not None and instance.run is Run.RUNNING:
        return instance.container, Owner.LOCAL
    if instance.serving is not None and instance.serving.run is Run.RUNNING:
        return instance.serving, Owner.KUBE
    return None, Owner.NONE


def why_down(feature: FeatureState, instance: InstanceState) -> str:
    """Why nobody runs this instance, as far as Docker tells; its unit, which is not asked, is taken to be up."""
    paused = next((pod for pod in instance.pods if pod.run is Run.PAUSED), None)
    if paused is not None:
        return f"the pod's container {paused.id[:12]} is paused"
    waits = awaited(feature, instance) if feature.spec.mode is Mode.KUBERNETES else ""
    if instance.container is None:
        return waits or f"there is no container {instance.spec.container}"
    text = f"container {instance.spec.container} is {instance.run.value}"
    status = instance.container.status
    text += f" ({status[:1].lower()}{status[1:]})" if instance.run is Run.EXITED and status.startswith("Exited") else ""
    return f"{text}; {waits}" if waits else text
