"""Where `system container` differs from the host's script on purpose: when, why, and what it does instead.

Each rule looks at a case's inputs alone, and rewrites what was recorded to what has to come here. A rule that does not
say what comes instead excuses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from tests.recordings.container_inputs import ANY, Inputs, OneOf, Result
from tests.recordings.replay import Case, Deliberate

LABELS: Final = "KUBE_LABELS|SET"
PARTS: Final = ("exit_code", "ends", "stdout", "actions", "containers_after", "rows_after")


class Rule(NamedTuple):
    """`instead` changes a result in place, from what was recorded to what comes here."""

    applies: Callable[[Inputs], bool]
    instead: Callable[[Inputs, Result], None]
    reason: str

    def deliberate(self) -> Deliberate:
        return Deliberate(lambda case: self.applies(Inputs(case)), PARTS, self.reason)


def expected(case: Case, recorded: Result) -> Result:
    """What has to come here: the recorded result, as changed by every rule that applies, in their order."""
    inputs, result = Inputs(case), copy.deepcopy(recorded)
    for rule in RULES:
        if rule.applies(inputs):
            rule.instead(inputs, result)
    return result


def row(inputs: Inputs, result: Result) -> Result:
    """The feature's row in an expected result."""
    found: Result = result["rows_after"].setdefault(f"FEATURE|{inputs.name}", {})
    return found


def start_over(inputs: Inputs, result: Result, **fields: Any) -> None:
    """Expect the feature's row as it was before, but for these fields."""
    result["rows_after"][f"FEATURE|{inputs.name}"] = {**inputs.state, **fields}


def as_before(inputs: Inputs, result: Result) -> None:
    """Expect all rows and containers as they were."""
    result["rows_after"] = copy.deepcopy(inputs.state_rows)
    result["containers_after"] = {c["name"]: c["state"] for c in inputs.containers}
    result["actions"] = []


def acts(inputs: Inputs, *verbs: tuple[str, ...], up: str | OneOf) -> list[Any]:
    """Expected actions on the local container; `up`: system_state at that moment."""
    return [[verb, inputs.name, *seconds, up] for verb, *seconds in verbs]


# --- labels


def _label(inputs: Inputs) -> str:
    return f"{inputs.name}_enabled"


def _unlabelled(inputs: Inputs) -> bool:
    before = inputs.state_rows.get(LABELS, {})
    return inputs.ctrmgrd and inputs.verb == "kill" and not inputs.moves and _label(inputs) not in before


def _no_label(inputs: Inputs, result: Result) -> None:
    labels = result["rows_after"].get(LABELS, {})
    if labels.get(_label(inputs)) == "false":
        del labels[_label(inputs)]
    if not labels:
        result["rows_after"].pop(LABELS, None)


# --- start


def _local_up(inputs: Inputs) -> Result:
    return {
        "system_state": "up",
        "current_owner": "local",
        "container_id": inputs.name,
        "remote_state": "none",
        "update_time": "<now>",
    }


def _serves_locally(inputs: Inputs, result: Result) -> None:
    start_over(inputs, result, **_local_up(inputs))
    result["containers_after"][inputs.name] = "running"
    result["actions"] = [] if inputs.local_runs else acts(inputs, ("start",), up="up")


def _left_to_the_pod(inputs: Inputs, result: Result) -> None:
    remote = inputs.state.get("remote_state")
    # A gate is started anew when it may be frozen; it has to find a word that it announces itself over.
    found = {None: (None, "none"), "": ("none",), "stopped": ("stopped",)}.get(remote, (remote, "none"))
    if inputs.serves:
        start_over(inputs, result, system_state="up", update_time="<now>")
    else:
        start_over(inputs, result, system_state="up", update_time="<now>", remote_state=OneOf(found))
    result["containers_after"] = {c["name"]: c["state"] for c in inputs.containers}
    result["actions"] = OneOf(([], [["restart", pod["name"], "up"] for pod in inputs.pods]))


def _nobody_yet(inputs: Inputs, result: Result) -> None:
    remote = inputs.state.get("remote_state")
    found = (None, "none") if remote is None else ("none",) if remote == "" else (remote, "none")
    start_over(inputs, result, system_state="up", update_time="<now>", remote_state=OneOf(found))
    result["containers_after"], result["actions"] = {c["name"]: c["state"] for c in inputs.containers}, []


def _unrecorded(inputs: Inputs, result: Result) -> None:
    as_before(inputs, result)
    if inputs.local and not inputs.pods and inputs.local_runs is (inputs.verb == "stop"):
        seconds = [_seconds(inputs)] if inputs.verb == "stop" else []
        result["actions"] = [[inputs.verb, inputs.name, *seconds, inputs.state.get("system_state")]]
        result["containers_after"][inputs.name] = "exited" if inputs.verb == "stop" else "running"


def _legacy_word(inputs: Inputs, result: Result) -> None:
    labels = result["rows_after"].setdefault(LABELS, {})
    labels[_label(inputs)] = "false"


# --- stop and kill


def _down(inputs: Inputs, result: Result) -> None:
    remote = inputs.state.get("remote_state")
    kept: tuple[Any, ...] = ("none",)
    if remote == "pending" and inputs.moves:
        kept = ("pending",)  # whoever waits at its gate goes on waiting
    elif remote == "stopped":
        kept = ("stopped",) if inputs.ctrmgrd else ("none", "stopped")
    elif remote is None:
        kept = (None, "none")
    down = {"system_state": "down", "current_owner": "none", "container_id": "", "update_time": "<now>"}
    start_over(inputs, result, **down, remote_state=OneOf(kept))


def _all_end(inputs: Inputs, result: Result, local: list[str]) -> None:
    after = {c["name"]: c["state"] for c in inputs.containers}
    gated = "down" if inputs.moves else inputs.state.get("system_state")
    # Who finds `ready` may have read it before it was taken back.
    past = inputs.serves or (inputs.moves and inputs.state.get("remote_state") == "ready")
    result["actions"] = [["restart", pod["name"], "down"] for pod in inputs.pods if past]
    if inputs.local_runs:
        result["actions"].append([local[0], inputs.name, *local[1:], gated])
        after[inputs.name] = "exited"
    result["containers_after"] = after


def _seconds(inputs: Inputs) -> str:
    argv = inputs.case["argv"]
    given = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-t", "--timeout")]
    return given[0] if given else "60" if inputs.name == "teamd" else "10"


def _stopped(inputs: Inputs, result: Result) -> None:
    _all_end(inputs, result, ["stop", _seconds(inputs)])
    if inputs.records:
        _down(inputs, result)


def _killed(inputs: Inputs, result: Result) -> None:
    _all_end(inputs, result, ["kill"])
    if inputs.moves:
        _down(inputs, result)
        if inputs.ctrmgrd:
            result["rows_after"].setdefault(LABELS, {})[_label(inputs)] = "false"


# --- id and wait


def _by_docker(inputs: Inputs, result: Result) -> None:
    if not inputs.local_runs and inputs.pods:
        result["exit_code"], result["stdout"] = 0, f"{inputs.pods[-1]['id'][:12]}\n"
    elif inputs.local:
        result["exit_code"], result["stdout"] = 0, f"{inputs.name}\n"
    else:
        result["exit_code"], result["stdout"] = 4, ""


def _waits(inputs: Inputs, result: Result) -> None:
    result["exit_code"], result["ends"] = None, "waits"


def _life(inputs: Inputs, result: Result) -> None:
    """The local container's life, and the row says that it runs it."""
    as_before(inputs, result)
    if inputs.local != "running" and inputs.local != "paused":
        result["exit_code"], result["ends"] = 0, "exits"
        return
    _waits(inputs, result)
    version = next(c.get("version") for c in inputs.containers if c["name"] == inputs.name)
    stable = {"container_stable_version": version} if version else {}
    if inputs.records and inputs.redis:
        filled = {} if inputs.state.get("system_state") else _local_up(inputs)
        start_over(inputs, result, **filled, **stable)


def _watched(inputs: Inputs, result: Result) -> None:
    """A pod's gate is not played, so that only the rules which hold at every moment are looked at."""
    _waits(inputs, result)
    rows = row(inputs, result)
    rows.clear()
    rows |= dict.fromkeys(("update_time", "container_id", "container_version", "container_stable_version"), ANY)
    rows["system_state"] = "up"
    result["containers_after"] = {c["name"]: c["state"] for c in inputs.containers}
    result["actions"] = ANY
    if inputs.serves:
        rows |= {"current_owner": "kube", "remote_state": "running"}
        result["actions"] = []
    else:
        words = ("pending", "ready", "none", *(["stopped"] if inputs.state.get("remote_state") == "stopped" else []))
        rows |= {"current_owner": OneOf(("none", "local", "kube", None)), "remote_state": OneOf(words)}
        if inputs.fallback and inputs.local:
            result["containers_after"][inputs.name] = OneOf((inputs.local, "running"))


# --- failures


def _without_redis(inputs: Inputs, result: Result) -> None:
    after = {c["name"]: c["state"] for c in inputs.containers}
    result["actions"] = []
    result["rows_after"] = {}
    if inputs.verb == "id":
        _by_docker(inputs, result)
    elif inputs.verb == "wait":
        result["exit_code"], result["ends"] = (None, "waits") if inputs.local_runs else (0, "exits")
    else:
        result["exit_code"] = 0 if inputs.local else 4
        done = {"start": "start", "stop": "stop", "kill": "kill"}[inputs.verb]
        if inputs.local and inputs.local_runs is not (done == "start"):
            seconds = [_seconds(inputs)] if done == "stop" else []
            result["actions"] = [[done, inputs.name, *seconds, None]]
            after[inputs.name] = "running" if done == "start" else "exited"
    result["containers_after"] = after


def _without_docker(inputs: Inputs, result: Result) -> None:
    if inputs.verb == "wait":
        _waits(inputs, result)
        result["containers_after"] = {}
        return
    result["exit_code"] = 7
    recorded, key = result["rows_after"], f"FEATURE|{inputs.name}"
    if label := recorded.get(LABELS, {}).get(_label(inputs)):
        recorded[LABELS][_label(inputs)] = OneOf((inputs.state_rows.get(LABELS, {}).get(_label(inputs)), label))
    fields = {*recorded.get(key, {}), *inputs.state}
    recorded[key] = {
        field: OneOf((inputs.state.get(field), recorded.get(key, {}).get(field))) for field in sorted(fields)
    }


def _no_container(inputs: Inputs, result: Result) -> None:
    result["exit_code"] = 4


def _refused(inputs: Inputs, result: Result) -> None:
    result["exit_code"] = 1
    if inputs.verb == "stop":  # it still runs: whether the row says so already is no matter
        recorded = row(inputs, result)
        for field in recorded:
            recorded[field] = OneOf((recorded[field], inputs.state.get(field)))


# --- instances of ASICs


def _asic(inputs: Inputs, result: Result) -> None:
    """The row is the feature's, in the ASIC's own database (looked at by the replayer as `ASIC ...` rows)."""
    result["rows_after"] = copy.deepcopy(inputs.state_rows)
    if inputs.verb == "kill":
        _all_end(inputs, result, ["kill"])
    asic = f"asic{inputs.name.removeprefix(inputs.stem)} FEATURE|{inputs.stem}"
    up = {**_local_up(inputs)}
    if inputs.verb == "start":
        result["rows_after"][asic] = up
    elif inputs.verb == "wait":
        version = next(c.get("version") for c in inputs.containers if c["name"] == inputs.name)
        result["rows_after"][asic] = {**up, "container_stable_version": version}
    elif inputs.verb == "stop":
        down = {"system_state": "down", "current_owner": "none", "container_id": "", "remote_state": "none"}
        result["rows_after"][asic] = {**down, "update_time": "<now>"}
    for action in result["actions"]:
        action[-1] = "up" if inputs.verb == "start" else None


# --- arguments


def _nothing_told(inputs: Inputs, result: Result) -> None:
    result["exit_code"], result["stdout"] = 7, ""


def _helps(inputs: Inputs, result: Result) -> None:
    result["exit_code"], result["stdout"] = 0, ANY


def _inspects(inputs: Inputs, result: Result) -> None:
    result["exit_code"], result["stdout"] = (0, ANY) if inputs.containers else (4, "")


def _plays(inputs: Inputs, *verbs: str) -> bool:
    return inputs.verb in verbs and inputs.redis and inputs.docker and not inputs.asic


def _starts_kube(inputs: Inputs) -> bool:
    return _plays(inputs, "start") and inputs.kube


RULES: Final = (
    Rule(
        lambda i: _plays(i, "start") and i.ctrmgrd and i.config.get("set_owner", "local") not in ("local", "kube"),
        _legacy_word,
        "set_owner is kubernetes only where it says `kube`: any other word is legacy, and wants no pod",
    ),
    Rule(
        lambda i: _plays(i, "start", "stop") and i.ctrmgrd and not i.config,
        _unrecorded,
        "without a FEATURE row (a reload) nobody knows what is wanted: the local container starts where no pod is, or"
        " stops, and nothing is noted",
    ),
    Rule(
        lambda i: _starts_kube(i) and not i.pods and bool(i.local) and i.fallback,
        _serves_locally,
        "no pod is here, so that the local image serves at once; `connected` and remote_state are hearsay, and fallback"
        " is off only where no_fallback_to_local is `true`",
    ),
    Rule(
        lambda i: _starts_kube(i) and not i.pods and not (i.local and i.fallback),
        _nobody_yet,
        "without fallback the row is made such that a gate announces itself over it",
    ),
    Rule(
        lambda i: _starts_kube(i) and bool(i.pods),
        _left_to_the_pod,
        "a pod is here: the local container never starts beside it, the unit's `wait` lets the pod in or falls back",
    ),
    Rule(
        lambda i: _plays(i, "stop") and (bool(i.pods) or i.state.get("container_id", i.name) != i.name or i.moves),
        _stopped,
        "Docker says what there is to stop, not container_id: the local container is stopped, and a pod that serves is"
        " restarted at its closed gate, so that the kubelet makes no other; running becomes `none`, because ctrmgrd"
        " starts again what says `stopped`",
    ),
    Rule(
        lambda i: _plays(i, "stop") and not i.ctrmgrd and "set_owner" in i.config,
        _stopped,
        "kubernetes mode needs no ctrmgrd: a row that knows owners is written without it",
    ),
    Rule(
        lambda i: _plays(i, "stop") and i.ctrmgrd and i.records and not i.pods and not i.moves and not i.failures,
        _down,
        "whatever remote_state said is over when nobody runs it, but for `stopped`",
    ),
    Rule(
        lambda i: _plays(i, "kill") and not i.failures and (bool(i.local) or bool(i.pods)),
        _killed,
        "who kills wants it dead, be it disabled and whatever the row says; a pod that serves is restarted at its"
        " closed gate, and the row says down, because nothing may come back in the middle of a reboot",
    ),
    Rule(
        lambda i: _plays(i, "start") and not i.ctrmgrd and i.kube and not i.fallback,
        _nobody_yet,
        "kubernetes mode needs no ctrmgrd: a row that knows owners is written without it",
    ),
    Rule(
        lambda i: _plays(i, "id"),
        _by_docker,
        "by Docker, not by container_id, which goes stale; where there is no container, exit code 4",
    ),
    Rule(
        lambda i: _plays(i, "wait") and not i.kube and not i.failures,
        _life,
        "it is the local container's life: it ends when that does, also where there is none, and a `pending` in the row"
        " is no reason to end; a row that does not say so is made to",
    ),
    Rule(
        lambda i: _plays(i, "wait") and i.kube and bool(i.pods),
        _watched,
        "whether a pod serves is seen, not read; local and pod are never both there, and nobody has to wait for a time"
        " limit before the local image serves",
    ),
    Rule(
        lambda i: _plays(i, "wait") and i.kube and not i.pods,
        _life,
        "the local image serves until a pod is at its gate, and the row says so",
    ),
    Rule(
        lambda i: not i.redis and i.verb in ("start", "stop", "kill", "wait", "id"),
        _without_redis,
        "without Redis Docker's answer decides: a database that is down is no reason to fail a unit",
    ),
    Rule(
        lambda i: not i.docker and i.verb in ("start", "stop", "kill", "wait"),
        _without_docker,
        "a failure has its exit code, 7; `wait` outlives a restart of Docker",
    ),
    Rule(
        lambda i: _plays(i, "start", "stop", "kill") and not i.local and not i.pods and not i.kube,
        _no_container,
        "a failure has its exit code: 4 where there is no such container",
    ),
    Rule(
        lambda i: _plays(i, "start", "stop", "kill") and bool(i.failures),
        _refused,
        "a failure has its exit code: 1 where Docker refuses",
    ),
    Rule(
        lambda i: _plays(i, "wait") and bool(i.failures),
        _waits,
        "`wait` outlives a Docker that refuses to answer",
    ),
    Rule(
        lambda i: i.asic and i.verb in ("start", "stop", "kill", "wait"),
        _asic,
        "an instance on an ASIC has the feature's row, in its ASIC's database, and no label: it cannot move",
    ),
    Rule(
        _unlabelled,
        _no_label,
        "legacy is wanted, and no pod is here: there is no label to drop",
    ),
    Rule(
        lambda i: not i.docker and i.verb == "id",
        _nothing_told,
        "by Docker, which cannot be asked: exit code 7",
    ),
    Rule(lambda i: not i.case["argv"], _helps, "a bare group shows its help, and ends with 0"),
    Rule(lambda i: bool({"-h", "--help"} & {*i.case["argv"]}), _helps, "help is in words of its own"),
    Rule(lambda i: i.verb == "inspect", _inspects, "`inspect` is a verb of ours"),
)


def deliberate() -> Iterator[Deliberate]:
    """The rules for the frame."""
    return (rule.deliberate() for rule in RULES)
