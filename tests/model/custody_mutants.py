"""Faults put into the handover's source, each of which the product of its actors has to catch."""

from __future__ import annotations

from system_service.handover import decide, pods, reconciler, steps, view

from .mutant import Mutant

DECIDE, KEEPER, PODS, STEPS, VIEW = decide, reconciler, pods, steps, view

MUTANTS = (
    Mutant(
        "legacy leaves an open gate alone",
        DECIDE,
        'if pod.gate == OPEN or pod.failed:\n            return _send_back(pod, "legacy is wanted"',
        'if pod.failed:\n            return _send_back(pod, "legacy is wanted"',
    ),
    Mutant(
        "legacy trusts who may have read ready",
        DECIDE,
        'if pod.gate == OPEN or pod.failed:\n            return _send_back(pod, "legacy is wanted"',
        'if pod.gate == OPEN:\n            return _send_back(pod, "legacy is wanted"',
    ),
    Mutant(
        "legacy does not look at pods",
        DECIDE,
        "    for pod in view.pods:\n        if pod.gate == OPEN or",
        "    for pod in ():\n        if pod.gate == OPEN or",
    ),
    Mutant(
        "ready meant for another stays",
        DECIDE,
        'if view.remote == "ready" and (view.local or view.wants == "local" or len(view.pods) > 1):',
        "if False:",
    ),
    Mutant("ready is never taken back", DECIDE, "_SHUT) if view.late else Step(STAY", "_SHUT) if False else Step(STAY"),
    Mutant(
        "who may have read ready is answered again",
        DECIDE,
        "    if pod.failed:\n        return _send_back(pod, _SHUT, view.local)\n    if pod.gate == WAITING:",
        "    if pod.gate == WAITING:",
    ),
    Mutant(
        "the gate is opened beside the local container",
        DECIDE,
        "def _waiting(view: View, pod: PodContainer) -> Step:\n    if not view.local:",
        "def _waiting(view: View, pod: PodContainer) -> Step:\n    if True:",
    ),
    Mutant(
        "a pod at its gate is left there",
        DECIDE,
        'a pod is at its gate") if pod.settled else Step(STAY',
        'a pod is at its gate") if False else Step(STAY',
    ),
    Mutant(
        "ready outlives its pod",
        DECIDE,
        'if view.remote == "ready":\n        return Step(WITHDRAW, why="the pod has gone"',
        'if False:\n        return Step(WITHDRAW, why="the pod has gone"',
    ),
    Mutant("nobody falls back", DECIDE, "if not view.fallback or view.local:", "if True:"),
    Mutant(
        "nothing is made anew",
        DECIDE,
        "return Step(CREATE_LOCAL, why=why) if view.can_create_local else None",
        "return None",
    ),
    Mutant(
        "one that is not there is started",
        DECIDE,
        "    if view.has_local:\n        return Step(START_LOCAL, why=why)",
        "    if True:\n        return Step(START_LOCAL, why=why)",
    ),
    Mutant(
        "a frozen pod stays frozen", DECIDE, 'return Step(RESTART_POD, pod.id, "it is frozen")\n', "return Step(STAY)\n"
    ),
    Mutant(
        "a frozen pod stays where nobody serves",
        DECIDE,
        "    if not pod.renewed and not same:\n        return Step(RESTART_POD",
        "    if False:\n        return Step(RESTART_POD",
    ),
    Mutant(
        "the local container is started beside one that serves",
        DECIDE,
        "    if not view.pods:\n        return _nobody(view)",
        "    if not view.pods or not view.local:\n        return _nobody(view)",
    ),
    Mutant("two that claim it are both let in", DECIDE, "if len(view.pods) > 1:\n        return _several(view)", ""),
    Mutant(
        "an intruder is left beside the pod",
        DECIDE,
        "        if not view.local:\n            return Step(STAY)\n",
        "        return Step(STAY)\n",
    ),
    Mutant(
        "an intruder is left beside two pods",
        DECIDE,
        "        if view.local:\n            return (",
        "        if False:\n            return (",
    ),
    Mutant(
        "two that are frozen stay so",
        DECIDE,
        "if chosen.gate == UNANNOUNCED and not chosen.young:",
        "if False:",
    ),
    Mutant(
        "the one that serves gives way to whoever waits",
        DECIDE,
        "if any(pod.gate == WAITING and pod.may_replace for pod in view.pods):",
        "if any(pod.gate == WAITING for pod in view.pods):",
    ),
    Mutant(
        "stop trusts who may have read ready",
        KEEPER,
        "if pod.mark in self.rows.own.failed or pod.gate in (OPEN, UNKNOWN):",
        "if pod.gate in (OPEN, UNKNOWN):",
    ),
    Mutant(
        "stop leaves an open gate alone",
        KEEPER,
        "if pod.mark in self.rows.own.failed or pod.gate in (OPEN, UNKNOWN):",
        "if pod.mark in self.rows.own.failed:",
    ),
    Mutant(
        "the local container is not stopped",
        STEPS,
        "        self._docker.stop(self._container, 0 if intruder else stop_timeout(self._name))\n",
        "",
    ),
    Mutant(
        "a surplus container is not stopped",
        STEPS,
        "            self._docker.stop(step.id, stop_timeout(self._name))\n",
        "",
    ),
    Mutant(
        "a gate is started over an old announcement",
        STEPS,
        "        self.rows.unannounced(read_by(self.view))\n",
        "",
    ),
    Mutant("nobody is known to be at its gate", PODS, "if at_gate([row[-1] for row in shown]):", "if False:"),
    Mutant(
        "whoever has not announced itself is answered",
        PODS,
        "return WAITING if asks and heard and not pod.paused else UNANNOUNCED",
        "return WAITING",
    ),
    Mutant(
        "a gate whose program still ends is taken for shut",
        PODS,
        'said[0] == "running"\n                and pod.recorded_owner',
        "False",
    ),
    Mutant(
        "whoever starts is taken for one that serves",
        PODS,
        "return OPEN if running else STARTING",
        "return OPEN",
    ),
    Mutant(
        "whoever serves is taken for one that starts",
        PODS,
        "return OPEN if running else STARTING",
        "return STARTING",
    ),
    Mutant(
        "who served once is open for ever",
        PODS,
        "if pod.mark == rows.own.served:",
        "if rows.own.served:",
    ),
)

# Two pods of one DaemonSet, each of which comes back whenever it is stopped.
OF_ONE_MAKER = (
    Mutant(
        "who gave way takes over again",
        VIEW,
        "pod.uid not in (serving.uid, own.displaced)",
        "pod.uid != serving.uid",
    ),
    Mutant("who gave way is not remembered", STEPS, ", displaced=gone.uid or gone.id", ""),
)

BESIDE_CTRMGRD = (
    Mutant("ctrmgrd is waited for for ever", DECIDE, "if view.turn:", "if view.ctrmgrd:"),
    Mutant(
        "a frozen pod is announced beside the local container",
        DECIDE,
        'if view.ctrmgrd and view.remote != "pending":\n        # Announced',
        "if False:\n        # Announced",
    ),
    Mutant(
        "a frozen pod stays frozen beside ctrmgrd",
        DECIDE,
        'return Step(STOP_LOCAL, why="a pod is at its gate")\n    return Step(RESTART_POD',
        "return Step(STAY)\n    return Step(RESTART_POD",
    ),
    Mutant(
        "every pod announces itself beside the fallback",
        STEPS,
        'quiet=view.ctrmgrd and view.wants == "kube"',
        "",
    ),
)
