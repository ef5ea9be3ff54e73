"""What units and scripts ask of one container: start, stop, kill, id, state. Works before Redis does.

Docker's answer decides the outcome. STATE_DB is told what the host's own script would tell it, and only on an image
whose FEATURE rows know owners; a database that is down is no reason to fail a unit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from system_service.backends import ctrmgrd
from system_service.backends.docker import Docker, no_container
from system_service.backends.switchdb import Edit, SwitchDB
from system_service.errors import Failed, SwitchError, UnknownFeature, Unreachable
from system_service.model.feature import Feature, Mode, parse_feature, valid_name
from system_service.model.naming import feature_of_container, stop_timeout
from system_service.model.pods import pods_of
from system_service.model.snapshot import Container, Run
from system_service.model.state_row import host_time, local_down, local_up

if TYPE_CHECKING:
    from system_service.handover.reconciler import Reconciler

_SECOND_TRY = 0.5  # seconds until a start that Docker has refused is tried once more


class ContainerScript(NamedTuple):
    """One container by its docker name (`snmp`, `swss0`), with its feature as far as Redis could tell."""

    name: str
    docker: Docker
    db: SwitchDB | None
    feature: Feature | None
    namespace: str
    warnings: list[str]
    tell: Callable[[str], None] = lambda sentence: None

    @classmethod
    def open(cls, name: str, tell: Callable[[str], None] = lambda sentence: None) -> ContainerScript:
        """Raises UnknownFeature for a name that cannot be a container's; a database that is down is a warning."""
        if not valid_name(name):
            raise UnknownFeature(f"there is no container {name!r}", "docker ps -a")
        docker = Docker.from_env()
        try:
            db = SwitchDB.from_config()
            stem, namespace = feature_of_container(name, db.namespaces)
            (row,) = db.rows(("CONFIG_DB", f"FEATURE|{stem}"), namespace=namespace)
        except SwitchError as error:
            return cls(name, docker, None, None, "", [str(error)], tell)
        return cls(name, docker, db, parse_feature(stem, row) if row else None, namespace, [], tell)

    def start(self) -> bool:
        """Start the local container. False: it is not started, and the unit's `wait` takes it from here.

        Raises UnknownFeature (no such container), Failed, Unreachable, NotPermitted: of Docker, of the action lock, or
        of a database that answers nonsense. One that does not answer is a warning, and Docker is acted on alone.
        """
        may, reconciler = self._may_start()
        if not may or self._only_pods():
            return False
        if reconciler is None:
            self._start_local()
            return True
        from system_service.handover.action_lock import ActionLock

        with ActionLock(self.name, say=self.tell):
            try:
                # A pod may have come meanwhile, whose gate the unit's `wait` opens.
                reconciler.look()
                if not reconciler.may_start_local():
                    return False
            except Unreachable as error:
                self.warnings.append(str(error))
            # A pod that is frozen is restarted at its gate beside it, which ctrmgrd is not to take for a reason.
            self._start_local(
                quiet=reconciler.view.ctrmgrd and reconciler.rows.wants == "kube" and bool(reconciler.view.pods)
            )
        return True

    def _start_local(self, quiet: bool = False) -> None:
        # The intent is recorded first, as the host's script does: a start that is cut off is then still to be done.
        self._record(local_up(self.name, host_time(), quiet))
        try:
            self.docker.start(self.name)
        except Failed:
            container = self.docker.find(self.name)
            if container is None:
                raise
            if container.run is Run.PAUSED:
                self.docker.unpause(self.name)
            else:
                # Once more: a refusal that passes (systemd is being reloaded) would cost the unit a start and a pause.
                time.sleep(_SECOND_TRY)
                self.docker.start(self.name)

    def stop(self, timeout: int | None) -> None:
        """Stop it, with `timeout` seconds until it is killed (default: the feature's). Raises as `start`."""
        name = self.feature.name if self.feature else self.name
        grace = stop_timeout(name) if timeout is None else timeout
        taken, failure = self._close(grace)
        if self.feature is not None and self.feature.mode is Mode.LEGACY:
            self._unlabel()
        if taken:
            self.docker.stop(self.name, grace)
            if failure:
                raise failure
        elif not self._only_pods():
            stopped = self.docker.stop(self.name, grace)
            self._record_down()
            if stopped is None:  # nobody runs it all the same
                raise no_container(self.name)

    def kill(self) -> None:
        """Kill it at once; a stopped one is left alone. Raises as `start`."""
        if self.feature is not None and self.feature.mode is Mode.KUBERNETES:
            # A reboot: no pod is to come back in the middle of it.
            self._label(False)
        taken, failure = self._close(0)
        if taken:
            self._label(False)
            self.docker.kill(self.name)
            if failure:
                raise failure
        elif not self._only_pods() and self.docker.kill(self.name) is None:
            raise no_container(self.name)

    def _may_start(self) -> tuple[bool, Reconciler | None]:
        """Whether the local container is the one to start, and where Kubernetes has a part in it, who is to look again.

        Whoever else may run the feature is dealt with first.
        """
        pods = self._pods()
        try:
            reconciler = self._reconciler(pods)
            if reconciler is None:
                self._unlabel()
                # Without Redis nobody can say who is wanted: what runs goes on, and there is never a second one.
                return not pods, None
            reconciler.rows.up()
            if not reconciler.rows.wants:  # nor without a row
                return False, None
            if reconciler.rows.wants == "kube":
                self._label(True)
                reconciler.revive()
                reconciler.look()
            else:
                reconciler.reconcile()
                self._unlabel()
            # What is wanted may be another by now, and a step may have been put off.
            return reconciler.may_start_local(), reconciler
        except Unreachable as error:
            self.warnings.append(str(error))
            return not pods, None

    def _close(self, grace: int) -> tuple[bool, SwitchError | None]:
        """Take the feature from whoever runs it from Kubernetes: whether anybody does, or could, and what went wrong.

        What went wrong is raised by the caller, once it has done its own part.
        """
        try:
            pods = self._pods()
        except SwitchError:
            self._shut()
            raise
        failure: SwitchError | None = None
        closed = False
        try:
            reconciler = self._reconciler(pods)
            if reconciler is not None:
                reconciler.close(grace)
                reconciler.rows.stopped()
                closed = True
        except Unreachable as error:
            self.warnings.append(str(error))
        except SwitchError as error:
            failure = error
        if not closed:
            for pod in pods:  # no gate without Redis: what cannot be held back is stopped
                try:
                    self.docker.stop(pod.id, grace)
                except SwitchError as error:
                    failure = failure or error
        return bool(pods) or closed or failure is not None, failure

    def _shut(self) -> None:
        """Docker cannot be asked: what is wanted is noted all the same, and no gate is answered from here on."""
        if self.db is None or self.namespace or self.feature is None or self.feature.mode is not Mode.KUBERNETES:
            return
        from system_service.handover.rows import Rows

        rows = Rows(self.db, self.feature.name, self.name)
        with suppress(SwitchError):
            rows.read()
            rows.down([found for found in (rows.own.answered, rows.own.heard) if found])

    def _unlabel(self) -> None:
        """Legacy is wanted: beside ctrmgrd, which sends no label for a unit that is down, none may be left behind."""
        if self.db is not None and self.feature is not None and ctrmgrd.present():
            self._label(False)

    def _only_pods(self) -> bool:
        """Whether this is a feature that exists in Kubernetes only, where no row can say so: its unit does."""
        if self.feature is not None and not self.warnings:
            return False
        from system_service.backends.unitfiles import UnitFiles  # Redis is down, or a reload is under way

        return UnitFiles().read(self.name) is not None and self.docker.find(self.name) is None

    def _label(self, desired: bool) -> None:
        """What the node's label is to be from now on. Never in the way of a start or a stop."""
        from system_service.backends.trigger import ask  # a switch in legacy mode comes here beside ctrmgrd alone
        from system_service.domain.change.labels import set_desired

        if self.db is None or self.feature is None or self.namespace:  # an instance on an ASIC cannot move
            return
        try:
            if set_desired(self.db, self.feature.name, desired):
                ask()
        except SwitchError as error:
            self.warnings.append(str(error))

    def _pods(self) -> tuple[Container, ...]:
        """The feature's running pod containers. An image that knows no owners has none, and Docker is not asked.

        A row that is absent says nothing of that: a reload empties the table for a moment.
        """
        if self.namespace or (self.feature is not None and not self._owned):
            return ()
        return pods_of(self.feature.name if self.feature else self.name, self.docker.containers())

    def _reconciler(self, pods: Sequence[Container]) -> Reconciler | None:
        """What hands the feature over; None where Kubernetes has no part in it, or the rows cannot be read."""
        if self.db is None or self.namespace:
            return None
        if not pods and (self.feature is None or self.feature.mode is not Mode.KUBERNETES):
            return None
        from system_service.handover.reconciler import Reconciler  # a switch in legacy mode never comes here
        from system_service.handover.rows import Rows

        name = self.feature.name if self.feature else self.name
        rows = Rows(self.db, name, self.name)
        rows.read()
        return Reconciler(rows, self.docker, name, self.name, self.tell)

    def record(self, fields: dict[str, str] | None) -> bool:
        """Write STATE_DB fields for a container that reports itself; False where the image has no such fields.

        `fields`: None for those of one that is down.

        Raises UnknownFeature when it has no FEATURE row, Unreachable when STATE_DB was not told: here that is all there
        was to do.
        """
        if self.db is not None and self.feature is None:
            raise UnknownFeature(f"there is no feature for container {self.name}", "system service list")
        changed = self._record_down() if fields is None else self._record(fields)
        if self.warnings:
            raise Unreachable("; ".join(self.warnings), "systemctl status database")
        return changed

    def _record(self, fields: dict[str, str]) -> bool:
        return self._edit(lambda row: Edit(fields))

    def _record_down(self) -> bool:
        now = host_time()
        return self._edit(lambda row: Edit(local_down(now, row.get("remote_state", ""))))

    def _edit(self, decide: Callable[[dict[str, str]], Edit]) -> bool:
        if self.db is None or self.feature is None or not self._owned:
            return False
        try:
            self.db.update("STATE_DB", f"FEATURE|{self.feature.name}", decide, namespace=self.namespace)
        except SwitchError as error:
            self.warnings.append(str(error))
            return False
        return True

    @property
    def _owned(self) -> bool:
        """Whether rows know owners on this image: this one says so, or ctrmgrd is there, to which none is local."""
        return (self.feature is not None and self.feature.knows_owner) or ctrmgrd.present()
