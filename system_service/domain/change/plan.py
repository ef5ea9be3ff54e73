"""Deciding: from what is seen and what is asked to the steps in between. Pure: no clock, no I/O, no hidden state.

Every plan is complete (it can be shown before it is run), and every prefix of it leads to a state from which planning
again leads to the same end. Rules of the switch that forbid something are raised as Refused.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.plan_mode import plan_mode, supervised
from system_service.errors import Failed, Refused
from system_service.model.feature import AdminState, Mode
from system_service.model.naming import label
from system_service.model.snapshot import Active, FeatureState, Host, InstanceState, Run, Snapshot

# Features whose state featured does not act on, in any case of their letters.
_NOT_FEATURED = frozenset({"frr_bmp", "telemetry"})


class Verb(Enum):
    """What can be asked of a feature."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    ENABLE = "enable"
    DISABLE = "disable"
    MODE = "mode"


class Request(NamedTuple):
    """A verb, and for MODE the wanted mode and the fallback setting (None: stays as it is).

    `alone`: featured has had its chance, and what is left of its part is ours.
    """

    verb: Verb
    mode: Mode = Mode.LEGACY
    fallback: bool | None = None
    alone: bool = False

    def followup(self) -> Request:
        """What is asked once the first plan has been carried out: a restarted feature has to be running."""
        return Request(Verb.START) if self.verb is Verb.RESTART else self._replace(alone=True)


def plan(snapshot: Snapshot, feature: FeatureState, request: Request) -> Plan:
    """The plan for one feature of the snapshot.

    Raises:
        Refused: a rule of the switch forbids it (always_enabled, disabled, masked, no gate, per-ASIC).
        Failed: it cannot be done from here (no container, a dead one).
    """
    if request.verb is Verb.MODE:
        return plan_mode(snapshot, feature, request.mode, request.fallback)
    make = {
        Verb.START: _start,
        Verb.STOP: _stop,
        Verb.RESTART: _restart,
        Verb.ENABLE: _enable,
        Verb.DISABLE: _disable,
    }[request.verb]
    host = snapshot.host
    if request.alone or feature.spec.name.lower() in _NOT_FEATURED:
        host = Host(host.systemd, featured=False)
    return Plan(tuple(make(host, feature)))


def starting(instance: InstanceState) -> bool:
    """Whether a start job is at work. `auto-restart` is systemd's pause before the next try: nothing runs then."""
    unit = instance.unit
    return unit is not None and unit.active in (Active.ACTIVATING, Active.RELOADING) and not unit.in_auto_restart


def _start(host: Host, feature: FeatureState) -> list[Action]:
    _refuse_start(host, feature)
    return [action for instance in feature.instances for action in _bring_up(host, feature, instance)]


def _refuse_start(host: Host, feature: FeatureState) -> None:
    name = feature.spec.name
    _refuse_leaving(feature)
    if feature.spec.state.off:
        raise Refused(f"feature {name} is disabled", f"system service enable {name}")
    for instance in feature.instances:
        if supervised(host, instance) and instance.unit and instance.unit.masked:
            raise Refused(f"{instance.spec.unit} is masked", f"system service enable {name}")


def _refuse_leaving(feature: FeatureState) -> None:
    name = feature.spec.name
    if feature.kube_only and feature.own.todo == "uninstall":
        raise Refused(f"{name} is being uninstalled", f"config feature uninstall {name}, or install it again")


def _refuse_lost(host: Host, feature: FeatureState) -> None:
    """Without its unit nobody would keep a feature that exists in Kubernetes only."""
    if feature.kube_only and host.systemd:
        raise Failed(f"{feature.spec.name}.service is missing", "system service sync")


def _bring_up(host: Host, feature: FeatureState, instance: InstanceState) -> list[Action]:
    container = instance.spec.container
    running = Action(Kind.AWAIT_RUNNING, container)
    active = instance.unit.active if supervised(host, instance) and instance.unit else None
    if instance.run is Run.PAUSED and active is not Active.DEACTIVATING:  # a stop under way ends a paused one too
        thaw = Action(Kind.UNPAUSE_CONTAINER, container)
        return [thaw, running] if active in (None, Active.ACTIVE) else [thaw, *_bring_up_unit(feature, instance)]
    if supervised(host, instance):
        return _bring_up_unit(feature, instance)
    if instance.runs:
        return []
    if instance.run is Run.RESTARTING:
        return [running]
    _refuse_lost(host, feature)
    if feature.spec.mode is Mode.KUBERNETES:
        return [Action(Kind.KEEP, feature.spec.name)]
    if instance.run in (Run.CREATED, Run.EXITED):
        return [Action(Kind.START_CONTAINER, container), running]
    if instance.run is Run.ABSENT:
        raise Failed(
            f"there is no container {container} and no unit that would create it",
            f"create the container, or install {instance.spec.unit}",
        )
    raise Failed(
        f"container {container} is {instance.run.value} and cannot be started", f"docker rm -f {container}, then again"
    )


def _bring_up_unit(feature: FeatureState, instance: InstanceState) -> list[Action]:
    unit = instance.unit
    assert unit is not None  # noqa: S101 - supervised() has just seen it; this tells mypy
    running = Action(Kind.AWAIT_RUNNING, instance.spec.container)
    if starting(instance):
        # It may come up by itself; if it does not, start is a fresh try, and on a running unit it does nothing.
        return [Action(Kind.AWAIT_SETTLED, unit.name), *_start_unit(instance)]
    if unit.active is Active.DEACTIVATING:
        return [Action(Kind.AWAIT_SETTLED, unit.name), *_start_unit(instance)]
    if unit.active is Active.ACTIVE:
        if instance.runs:
            return []
        if instance.run is Run.RESTARTING or feature.spec.mode is Mode.KUBERNETES:
            return [running]  # in kubernetes mode the unit's `wait` is at it
        # The unit's `wait` should have ended with the container: it is not ours, or about to end.
        return _restart_unit(instance)
    if unit.in_auto_restart:
        # A start job would wait for RestartSec to be over; a restart job begins at once.
        return _restart_unit(instance)
    return _start_unit(instance)


def _restart_unit(instance: InstanceState) -> list[Action]:
    return [
        Action(Kind.RESET_FAILED, instance.spec.unit),
        Action(Kind.RESTART_UNIT, instance.spec.unit),
        Action(Kind.AWAIT_RUNNING, instance.spec.container),
    ]


def _start_unit(instance: InstanceState) -> list[Action]:
    # Without reset-failed an operator's third start in twenty minutes would meet the unit's start limit.
    return [
        Action(Kind.RESET_FAILED, instance.spec.unit),
        Action(Kind.START_UNIT, instance.spec.unit),
        Action(Kind.AWAIT_RUNNING, instance.spec.container),
    ]


def _stop(host: Host, feature: FeatureState) -> list[Action]:
    down = [action for instance in feature.instances for action in _bring_down(host, instance)]
    return [*down, *_unlabel(feature)]


def _unlabel(feature: FeatureState) -> list[Action]:
    """A feature that is stopped wants no pod; systemctl keeps it, for the start that follows."""
    if feature.spec.mode is not Mode.KUBERNETES or feature.own.want in (None, "false"):
        return []
    return [Action(Kind.LABEL, feature.spec.name, {label(feature.spec.name): None})]


def _bring_down(host: Host, instance: InstanceState) -> list[Action]:
    unit = instance.unit
    kill = [Action(Kind.STOP_CONTAINER, instance.spec.container), Action(Kind.AWAIT_STOPPED, instance.spec.container)]
    kill = kill if instance.run.live else []
    if instance.serving is not None:
        kill = [Action(Kind.CLOSE, instance.spec.feature), *kill]
    if not supervised(host, instance) or unit is None or unit.active in (Active.INACTIVE, Active.FAILED):
        # No unit, or one that is down while its container is not: nobody else will stop it.
        return kill
    # No wait for the container after STOP_UNIT: a unit that is down stops nothing any more, looking again shows it.
    stop = Action(Kind.STOP_UNIT, unit.name)
    if unit.active is Active.ACTIVE:
        return [stop]
    # systemd runs ExecStop for an active unit only: in its pauses and when a start was cut off, the container stays.
    # A stop while ExecStartPre runs kills it, so a start under way is waited for.
    settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if not unit.in_auto_restart else []
    return [*settle, stop, *kill]


def _restart(host: Host, feature: FeatureState) -> list[Action]:
    _refuse_start(host, feature)
    steps = [
        _cycle(host, feature, instance) if instance.run.live or instance.serving else _bring_up(host, feature, instance)
        for instance in feature.instances
    ]
    return [action for step in steps for action in step]


def _cycle(host: Host, feature: FeatureState, instance: InstanceState) -> list[Action]:
    unit, container = instance.spec.unit, instance.spec.container
    running = Action(Kind.AWAIT_RUNNING, container)
    if not supervised(host, instance) or instance.unit is None:
        _refuse_lost(host, feature)
        if instance.serving is not None:
            return [Action(Kind.CLOSE, feature.spec.name), Action(Kind.KEEP, feature.spec.name)]
        return [Action(Kind.RESTART_CONTAINER, container), running]
    if instance.unit.active is Active.ACTIVE:
        return [Action(Kind.RESET_FAILED, unit), Action(Kind.RESTART_UNIT, unit), running]
    # An orphan, or a unit on its way: take the container down as stop would, then start it under its unit.
    return [*_bring_down(host, instance), *_start_unit(instance)]


def _enable(host: Host, feature: FeatureState) -> list[Action]:
    spec = feature.spec
    if spec.state is AdminState.ALWAYS_DISABLED:
        raise Refused(
            f"feature {spec.name} is always_disabled and cannot be enabled",
            f"leave {spec.name} disabled, or use an image that allows it",
        )
    _refuse_leaving(feature)
    write = [] if spec.state.on else [Action(Kind.WRITE, spec.name, {"state": AdminState.ENABLED.value})]
    if host.featured:
        return _enable_by_featured(host, feature, write)
    actions = list(write)
    for instance in feature.instances:
        if supervised(host, instance) and instance.unit:
            if instance.unit.masked:
                actions.append(Action(Kind.UNMASK, instance.unit.name))
            if instance.unit.masked or instance.unit.file_state == "disabled":
                actions.append(Action(Kind.ENABLE, instance.unit.name))
        actions += _bring_up(host, feature, instance)
    return actions


def _enable_by_featured(host: Host, feature: FeatureState, write: list[Action]) -> list[Action]:
    """featured unmasks, enables and starts. Our part is the intent, and afterwards the rest."""
    forget, thaw, rest, acts = [], [], [], list[Action]()
    for instance in feature.instances:
        unit = instance.unit if supervised(host, instance) else None
        if unit is None or not (write or unit.masked or unit.file_state == "disabled"):
            rest += _bring_up(host, feature, instance)
            continue
        if write or unit.active is Active.FAILED:
            # Before the write: featured's start would meet the limit.
            forget.append(Action(Kind.RESET_FAILED, unit.name))
        if instance.run is Run.PAUSED and unit.active is not Active.DEACTIVATING:
            # The unit's start script fails on a paused container.
            thaw.append(Action(Kind.UNPAUSE_CONTAINER, instance.spec.container))
        acts = _let_featured(feature, AdminState.ENABLED)
    return [*forget, *write, *thaw, *rest, *acts]


def _let_featured(feature: FeatureState, state: AdminState) -> list[Action]:
    """A moment for featured: on a change it acts, or is still at the one before. What it leaves is done by us then.

    It leaves a unit that is `enabled` as it is, or one to be disabled that is `disabled` or masked; and all of them
    where it has failed before: it knows the old state then, and takes going back to it for no change.
    """
    return [Action(Kind.AWAIT_FEATURED, feature.spec.name, {"state": state.value})]


def _disable(host: Host, feature: FeatureState) -> list[Action]:
    spec = feature.spec
    if spec.state is AdminState.ALWAYS_ENABLED:
        raise Refused(
            f"feature {spec.name} is always_enabled and cannot be disabled",
            f"leave {spec.name} enabled; to run it anew: system service restart {spec.name}",
        )
    write = [] if spec.state.off else [Action(Kind.WRITE, spec.name, {"state": AdminState.DISABLED.value})]
    rest, acts = [], list[Action]()
    for instance in feature.instances:
        unit = instance.unit if supervised(host, instance) else None
        if host.featured and unit and (write or (not unit.masked and unit.file_state != "disabled")):
            acts = _let_featured(feature, AdminState.DISABLED)
            continue
        rest += _bring_down(host, instance)
        if unit and not unit.masked:
            if unit.file_state == "enabled":
                rest.append(Action(Kind.DISABLE, unit.name))
            rest.append(Action(Kind.MASK, unit.name))
    return [*write, *rest, *acts, *_unlabel(feature)]
