"""Faults put into the planner's source, each of which the state space has to catch."""

from __future__ import annotations

from system_service.domain.change import plan
from system_service.domain.change import plan_mode as mode

from .mutant import Mutant

PLAN, MODE = plan, mode

MUTANTS = (
    # a skipped action
    Mutant(
        "start does not forget failures",
        PLAN,
        "        Action(Kind.RESET_FAILED, instance.spec.unit),\n        Action(Kind.START_UNIT,",
        "        Action(Kind.START_UNIT,",
    ),
    Mutant(
        "restart does not forget failures",
        PLAN,
        "return [Action(Kind.RESET_FAILED, unit), Action(Kind.RESTART_UNIT, unit), running]",
        "return [Action(Kind.RESTART_UNIT, unit), running]",
    ),
    Mutant(
        "a start under way is not waited for by stop",
        PLAN,
        "settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if not unit.in_auto_restart else []",
        "settle: list[Action] = []",
    ),
    Mutant(
        "an orphan stays where a start was cut off", PLAN, "return [*settle, stop, *kill]", "return [*settle, stop]"
    ),
    Mutant("an orphan stays where the unit is down", PLAN, "        return kill\n", "        return []\n"),
    Mutant("disable does not mask", PLAN, "rest.append(Action(Kind.MASK, unit.name))", "pass"),
    Mutant("enable does not unmask", PLAN, "actions.append(Action(Kind.UNMASK, instance.unit.name))", "pass"),
    Mutant("enable writes nothing", PLAN, "return [*forget, *write, *thaw", "return [*forget, *thaw"),
    Mutant("featured meets an old failure", PLAN, "return [*forget, *write, *thaw", "return [*write, *thaw"),
    Mutant("a paused container meets featured's start", PLAN, "*write, *thaw, *rest", "*write, *rest"),
    Mutant(
        "disable writes nothing", PLAN, "return [*write, *rest, *acts, *_unlabel", "return [*rest, *acts, *_unlabel"
    ),
    Mutant(
        "a paused container is not thawed",
        PLAN,
        "else [thaw, *_bring_up_unit(feature, instance)]",
        "else _bring_up_unit(feature, instance)",
    ),
    # a swapped pair
    Mutant("intent comes last", PLAN, "*write, *thaw, *rest, *acts]", "*thaw, *rest, *acts, *write]"),
    Mutant("stop, then wait", PLAN, "return [*settle, stop, *kill]", "return [stop, *settle, *kill]"),
    Mutant("container before its unit", PLAN, "return [*settle, stop, *kill]", "return [*settle, *kill, stop]"),
    Mutant(
        "up, then down",
        PLAN,
        "return [*_bring_down(host, instance), *_start_unit(instance)]",
        "return [*_start_unit(instance), *_bring_down(host, instance)]",
    ),
    # an inverted or a lost condition
    Mutant(
        "the engine is driven where a unit exists",
        MODE,
        "return host.systemd and instance.unit is not None and instance.unit.exists",
        "return host.systemd and instance.unit is not None and not instance.unit.exists",
    ),
    Mutant(
        "a unit is seen where there is none",
        MODE,
        "return host.systemd and instance.unit is not None and instance.unit.exists",
        "return host.systemd and instance.unit is not None",
    ),
    Mutant(
        "a unit that waits to be started again is not stopped",
        PLAN,
        "unit is None or unit.active in (Active.INACTIVE, Active.FAILED):\n        # No unit",
        "unit is None or unit.active is not Active.ACTIVE:\n        # No unit",
    ),
    Mutant(
        "a start job sits out RestartSec",
        PLAN,
        "if unit.in_auto_restart:",
        'if unit.sub == "start-pre":',
    ),
    Mutant(
        "an active unit is believed",
        PLAN,
        "        if instance.runs:\n            return []\n"
        "        if instance.run is Run.RESTARTING or feature.spec.mode is Mode.KUBERNETES:\n"
        "            return [running]  # in kubernetes mode the unit's `wait` is at it\n        #",
        "        return []\n        #",
    ),
    Mutant(
        "a running container is believed, its unit down",
        PLAN,
        "    if supervised(host, instance):\n        return _bring_up_unit(feature, instance)\n",
        "    if supervised(host, instance) and instance.run is not Run.RUNNING:\n"
        "        return _bring_up_unit(feature, instance)\n",
    ),
    Mutant(
        "only a running one is restarted",
        PLAN,
        "if instance.run.live or instance.serving else",
        "if instance.run is Run.RUNNING or instance.serving else",
    ),
    Mutant("we stop what featured stops", PLAN, "if host.featured and unit and (write", "if False and (write"),
    Mutant(
        "we enable where featured does", PLAN, "    if host.featured:\n        return", "    if False:\n        return"
    ),
    Mutant("featured gets no chance to unmask", PLAN, "not (write or unit.masked or", "not (write or"),
    Mutant(
        "featured gets no chance to enable", PLAN, 'or unit.masked or unit.file_state == "disabled")', "or unit.masked)"
    ),
    Mutant("featured gets no chance to disable", PLAN, 'or (not unit.masked and unit.file_state != "disabled"))', ")"),
    Mutant("masked by featured is waited for", PLAN, "(not unit.masked and unit.file_state", "(unit.file_state"),
    Mutant(
        "disabled counts as not disabled",
        PLAN,
        '(not unit.masked and unit.file_state != "disabled")',
        "not unit.masked",
    ),
    Mutant("its work is for ever left to featured", PLAN, "self._replace(alone=True)", "self"),
    Mutant("what featured excludes is left to it", PLAN, "name.lower() in _NOT_FEATURED", "name in ()"),
    Mutant("featured acts, whoever asked before", PLAN, "if request.alone or", "if"),
    Mutant(
        "a paused container is thawed while it is stopped",
        PLAN,
        "is Run.PAUSED and active is not Active.DEACTIVATING:",
        "is Run.PAUSED:",
    ),
    # a wrong enum
    Mutant(
        "wait for stopped, not for running",
        PLAN,
        "return [thaw, running] if",
        "return [thaw, Action(Kind.AWAIT_STOPPED, container)] if",
    ),
    Mutant(
        "enable writes disabled", PLAN, '{"state": AdminState.ENABLED.value}', '{"state": AdminState.DISABLED.value}'
    ),
    Mutant(
        "disable writes always_disabled",
        PLAN,
        '{"state": AdminState.DISABLED.value}',
        '{"state": AdminState.ALWAYS_DISABLED.value}',
    ),
    Mutant(
        "stop restarts the container",
        PLAN,
        "kill = [Action(Kind.STOP_CONTAINER,",
        "kill = [Action(Kind.RESTART_CONTAINER,",
    ),
    Mutant("an exited container is not started", PLAN, "(Run.CREATED, Run.EXITED)", "(Run.CREATED, Run.PAUSED)"),
    # a wrong refusal
    Mutant(
        "always_enabled is disabled",
        PLAN,
        "spec.state is AdminState.ALWAYS_ENABLED",
        "spec.state is AdminState.ALWAYS_DISABLED",
    ),
    Mutant("always_disabled is enabled", PLAN, "spec.state is AdminState.ALWAYS_DISABLED", "spec.state is None"),
    Mutant("disabled is started", PLAN, "if feature.spec.state.off:", "if feature.spec.state is AdminState.DISABLED:"),
    Mutant("restart asks no rule", PLAN, "    _refuse_start(host, feature)\n    steps", "    steps"),
    Mutant(
        "masked is started",
        PLAN,
        "and instance.unit and instance.unit.masked:\n            raise",
        "and instance.unit and False:\n            raise",
    ),
    # a feature that exists in Kubernetes only
    Mutant("it is acted on without its unit", PLAN, "if feature.kube_only and host.systemd:", "if False:"),
    Mutant("its gate is not closed", PLAN, "kill = [Action(Kind.CLOSE, instance.spec.feature), *kill]", "pass"),
    Mutant("it goes to legacy mode", MODE, "if feature.kube_only and (mode is", "if False and (mode is"),
    Mutant("no gate is granted to it", MODE, "or feature.kube_only\n", "or False\n"),
    # the change of mode
    Mutant("legacy is written everywhere", MODE, "write) if spec.knows_owner else ())", "write))"),
    Mutant("no gate is asked for", MODE, "if not has_gate(feature):", "if False:"),
    Mutant("per-ASIC moves", MODE, "if any(instance.spec.namespace for", "if all(instance.spec.namespace for"),
    Mutant("without fallback it is written", MODE, "if not stays:", "if fallback is False:"),
    Mutant("the stored fallback wins", MODE, "spec.fallback if fallback is None else fallback", "spec.fallback"),
    Mutant(
        "nobody is told",
        MODE,
        'return Plan(write, Unreachable(f"{served}',
        'return Plan(write, None and Unreachable(f"{served}',
    ),
    Mutant("false is written for fallback", MODE, 'None if fallback else "true"', '"false" if fallback else "true"'),
    Mutant("the owner is written again", MODE, "if spec.mode is not mode or not spec.knows_owner:", "if True:"),
    Mutant("the enum's word is written", MODE, "mode.stored", "mode.value"),
    Mutant("we label the node where ctrmgrd does", MODE, "labelled = _follows(host, feature) or (", "labelled = ("),
    Mutant(
        "ctrmgrd's restart meets the start limit",
        MODE,
        "for s in feature.instances if host.ctrmgrd and",
        "for s in () if",
    ),
    Mutant("a cluster is asked that is ctrmgrd's", MODE, "if by_ctrmgrd or isinstance", "if isinstance"),
    Mutant(
        "a disabled server counts",
        MODE,
        "snapshot.host.ctrmgrd and configured(snapshot.server)",
        'snapshot.host.ctrmgrd and bool(snapshot.server.get("ip"))',
    ),
    Mutant("any label is a gate", MODE, '.get(GATE_LABEL) == "true"\n', '.get(GATE_LABEL) != ""\n'),
    Mutant(
        "legacy asked for again waits for nobody",
        MODE,
        "(bool(write) or any(instance.pods for instance in feature.instances))",
        "bool(write)",
    ),
)
