"""Carrying out one step of a handover, in Docker and in the rows. decide.py says which."""

from __future__ import annotations

import time

from system_service.errors import Failed, SwitchError, UnknownFeature
from system_service.handover.decide import (
    ANSWER,
    HAND_OVER,
    RESTART_POD,
    START_LOCAL,
    STOP_LOCAL,
    STOP_POD,
    WITHDRAW,
)
from system_service.handover.view import STARTING, View, mark
from system_service.model.boot import uptime
from system_service.model.handover_reasons import OF_A_POD
from system_service.model.naming import stop_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from system_service.backends.docker import Docker
    from system_service.handover.decide import Step
    from system_service.handover.pods import Pods
    from system_service.handover.rows import Rows


class Steps:
    """Steps for the feature `name`, whose local container has the docker name `container`.

    `view`: what the step at hand was decided on. `stopped_local`: the local container was stopped here, to hand over:
    no death.
    """

    def __init__(self, rows: Rows, docker: Docker, pods: Pods, name: str, container: str) -> None:
        self.rows = rows
        self.view = View()
        self.stopped_local = False
        self._docker = docker
        self._pods = pods
        self._name = name
        self._container = container

    def do(self, step: Step, view: View) -> None:
        """One step, decided on this view. Raises what `Rows` and `Docker` raise."""
        rows, self.view = self.rows, view
        if step.kind in (STOP_LOCAL, HAND_OVER):
            self._stop_local(step)
        elif step.kind == START_LOCAL:
            self._start_local(step)
        elif step.kind == ANSWER:
            self._answer(step.id)
        elif step.kind == WITHDRAW:
            if rows.withdraw(read_by(self.view)) and step.id:
                rows.fell("the pod's gate did not open")
        elif step.kind == RESTART_POD:
            rows.note("served")
            # Nobody else is to be seen to first: the local one starts as soon as the old processes are dead.
            alone = view.wants == "local" and view.has_local and not view.local and len(view.pods) == 1
            self.renew(step.id, between=(lambda: self._start_local(step)) if alone else None)
        elif step.kind == STOP_POD:
            gone = next((pod for pod in view.pods if pod.id == step.id), None)
            if gone and gone.recorded_owner and gone is view.serving:
                rows.note("served", displaced=gone.uid or gone.id)
                rows.opens(_opening(view, step.id))
                rows.vanished()
            self._docker.stop(step.id, stop_timeout(self._name))

    def _stop_local(self, step: Step) -> None:
        """Nothing is asked between its end and the answer to the gate: that is the outage."""
        # One that nobody wanted, beside a pod that serves, gets no time: two run the feature until it has ended.
        intruder = self.view.serving is not None
        self.stopped_local = True
        begun = uptime()
        self._docker.stop(self._container, 0 if intruder else stop_timeout(self._name))
        took = uptime() - begun
        if self.view.ctrmgrd and not intruder:
            self.rows.stopped()
        if step.kind == HAND_OVER:
            self._answer(step.id)
        if intruder and self.view.serving:
            self.rows.kube_up(self.view.serving.id, self.view.serving.version)
        else:
            self.rows.note(stop=f"{took:.2f}")

    def _answer(self, id: str) -> None:
        pod = next(pod for pod in self.view.pods if pod.id == id)
        # Another version is an update, and the end of the old one's container was no failure.
        update = ("deaths",) if self.rows.own.version not in ("", pod.version) else ()
        self.rows.note(*update, answered=f"{pod.mark} {uptime():.1f}", version=pod.version)
        if not self.rows.answer(pod.version):
            self.rows.note("answered")

    def _start_local(self, step: Step) -> None:
        own, view = self.rows.own, self.view
        failed = bool(own.deaths or own.tries) or any(pod.failed for pod in view.pods)
        failed = failed and not own.ended_at and not view.same_version
        if view.wants == "kube" and failed and not view.failed_too_often:
            self.rows.fell(own.reason or step.why)
        elif view.wants == "kube":
            self.rows.note(reason=step.why if step.why in OF_A_POD else own.reason or step.why)
        if not self.rows.local_up(quiet=view.ctrmgrd and view.wants == "kube"):
            return
        try:
            self._docker.start(self._container)
            self.rows.note(took=since("local"))
        finally:
            self.stopped_local = False

    def renew(
        self, id: str, announce: bool = True, grace: int | None = None, between: Callable[[], None] | None = None
    ) -> None:
        """Restart a pod's container in place: its processes end, and it comes back at its gate.

        `between`: what is done once they have ended, as of Docker.restart.
        """
        seconds = stop_timeout(self._name) if grace is None else grace
        self.rows.opens(_opening(self.view, id))
        self.rows.filled(up=announce)
        if announce:
            self._unannounced()
        failures: list[SwitchError] = []
        then = between or (self._unannounced if announce else None)

        def meanwhile() -> None:
            try:
                if then:
                    then()
            except SwitchError as error:  # the restart goes on all the same
                failures.append(error)

        try:
            self._docker.restart(id, seconds, meanwhile if then else None)
        except (Failed, UnknownFeature):
            # What cannot be restarted is stopped: its owner makes a new one.
            self._docker.stop(id, seconds)
        for error in failures:
            raise error
        described = self._docker.inspect(id)
        if announce and described is not None:
            tries = self.rows.own.tries + 1
            self.rows.note(renewed=f"{mark(described)} {uptime():.1f} {tries}")

    def _unannounced(self) -> None:
        """What its predecessor said, while it was being stopped too, is not to be taken for the next one's word."""
        self.rows.read()
        said = (self.rows.state.get("remote_state", ""), self.rows.state.get("container_version", ""))
        if self.view.ctrmgrd and self.view.local and said[0] == "pending":
            # Over `pending` a gate writes its version and nothing else: of that ctrmgrd makes no restart of the unit.
            self.rows.unheard(said[1])
            self._pods.rewritten("pending", "")
            return
        self.rows.unannounced(read_by(self.view))
        remote = "none" if self.rows.state.get("remote_state") != "stopped" else "stopped"
        self._pods.rewritten(remote, self.rows.state.get("container_version", ""))


def read_by(view: View) -> list[str]:
    """Marks of those that were at their gates, or past them: each may have read a `ready`."""
    return [pod.mark for pod in view.pods if pod.gate != STARTING]


def _opening(view: View, id: str) -> list[str]:
    return [pod.mark for pod in view.pods if pod.id == id and pod.opening]


def since(owner: str) -> str:
    """The field that says since when this owner runs it."""
    return f"{owner} {time.time():.0f}"
