"""Faults put into the handover's source, each of which the product of its actors has to catch."""

from __future__ import annotations

from system_service.handover import decide, keeper, view

from .mutant import Mutant

DECIDE, KEEPER, VIEW = decide, keeper, view

MUTANTS = (
    Mutant(
        "legacy leaves an open gate alone",
        DECIDE,
        "if kube.gate == OPEN or kube.failed:\n            return Step(RENEW",
        "if kube.failed:\n            return Step(RENEW",
    ),
    Mutant(
        "legacy trusts who may have read ready", DECIDE, "if kube.gate == OPEN or kube.failed:", "if kube.gate == OPEN:"
    ),
    Mutant(
        "legacy starts beside the unknown",
        DECIDE,
        "if kube.gate == UNKNOWN and not (kube.closed and kube.young):",
        "if False:",
    ),
    Mutant(
        "legacy does not look at pods",
        DECIDE,
        "def _local(view: View) -> Step:\n    for kube in view.kube:",
        "def _local(view: View) -> Step:\n    for kube in ():",
    ),
    Mutant(
        "a surplus container stays",
        DECIDE,
        "if len(view.kube) > 1:\n        return Step(STOP_KUBE",
        "if len(view.kube) > 2:\n        return Step(STOP_KUBE",
    ),
    Mutant("ready is never taken back", DECIDE, "if view.late else Step(STAY)", "if False else Step(STAY)"),
    Mutant(
        "who may have read ready is answered again",
        DECIDE,
        "if kube.failed:\n        return Step(STOP_KUBE if kube.renewed",
        "if False:\n        return Step(STOP_KUBE if kube.renewed",
    ),
    Mutant(
        "the gate is opened beside the local container",
        DECIDE,
        "if not view.local:\n            falls",
        "if True:\n            falls",
    ),
    Mutant("a pod at its gate is left there", DECIDE, "if view.settled else Step(STAY", "if False else Step(STAY"),
    Mutant(
        "ready outlives its pod",
        DECIDE,
        'if view.remote == "ready":\n        return Step(WITHDRAW, why="the pod has gone")',
        'if False:\n        return Step(WITHDRAW, why="the pod has gone")',
    ),
    Mutant("nobody falls back", DECIDE, "if view.fallback and view.has_local and view.grace_over:", "if False:"),
    Mutant(
        "the local container starts beside the unknown",
        DECIDE,
        "        if kube.gate == HELD:\n            return Step(START_LOCAL",
        "        if True:\n            return Step(START_LOCAL",
    ),
    Mutant("the rows alone say who waits", KEEPER, "if seen else UNKNOWN", "if seen else kube.gate"),
    Mutant("nobody is known to be at its gate", KEEPER, "seen = at_gate(self.docker.processes(id))", "seen = False"),
    Mutant("whoever is not open is at its gate", KEEPER, "seen = at_gate(self.docker.processes(id))", "seen = True"),
    Mutant(
        "stop trusts who may have read ready",
        KEEPER,
        "if kube.failed or kube.gate in (OPEN, UNKNOWN):",
        "if kube.gate in (OPEN, UNKNOWN):",
    ),
    Mutant(
        "stop leaves an open gate alone",
        KEEPER,
        "if kube.failed or kube.gate in (OPEN, UNKNOWN):",
        "if kube.failed:",
    ),
    Mutant(
        "a gate is started over an old announcement",
        KEEPER,
        "        if announce:\n            self.rows.unannounced(now)\n",
        "",
    ),
    Mutant(
        "a surplus container is not stopped",
        KEEPER,
        '            self.rows.note(now, "served")\n            self.docker.stop(step.id, stop_timeout(self._name))\n',
        '            self.rows.note(now, "served")\n',
    ),
    Mutant(
        "the local container is not stopped",
        KEEPER,
        "            self.docker.stop(self._container, stop_timeout(self._name))\n",
        "",
    ),
    Mutant(
        "another's announcement is taken for its own", VIEW, 'state.get("container_version") == kube.version and ', ""
    ),
)

BESIDE_CTRMGRD = (
    Mutant("ctrmgrd is waited for for ever", DECIDE, "if view.turn:", "if view.ctrmgrd:"),
    Mutant(
        "a frozen pod is announced beside the local container",
        DECIDE,
        "if view.ctrmgrd:\n        # Announced",
        "if False:\n        # Announced",
    ),
    Mutant(
        "a frozen pod stays frozen",
        DECIDE,
        'return Step(STOP_LOCAL, why="a pod is at its gate")\n    return Step(RENEW',
        "return Step(STAY)\n    return Step(RENEW",
    ),
    Mutant(
        "every pod announces itself beside the fallback",
        KEEPER,
        'quiet=self.view.ctrmgrd and self.view.wants == "kube"',
        "",
    ),
)
