"""The switch as one object: its three backends, opened lazily. The one place that puts them together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from system_service.backends.docker import Docker
from system_service.backends.docker_api import PATIENCE
from system_service.backends.switchdb import SwitchDB
from system_service.backends.units import Units
from system_service.model.naming import RUN_DIR, run_dir

if TYPE_CHECKING:
    from system_service.backends.cluster import Cluster
    from system_service.backends.kubeadm import Kubeadm
    from system_service.backends.unitfiles import UnitFiles
    from system_service.handover.reconciler import Reconciler


class Switch(NamedTuple):
    """`run_dir` holds the lock files (made by tmpfiles.d on a switch); `unit_dirs` as UnitFiles takes them.

    `root` is what kubeadm's folders are below.
    """

    db: SwitchDB
    docker: Docker
    units: Units
    run_dir: str = RUN_DIR
    unit_dirs: tuple[str, ...] = ()
    root: str = "/"

    def unit_files(self) -> UnitFiles:
        """Units of features that exist in Kubernetes only."""
        from system_service.backends.unitfiles import UnitFiles

        return UnitFiles(*self.unit_dirs)

    def cluster(self) -> Cluster:
        """The API server; asked for only where Kubernetes has a part in it."""
        from system_service.backends.cluster import Cluster

        return Cluster.from_env()

    def kubeadm(self) -> Kubeadm:
        """What joins this switch to a cluster."""
        from system_service.backends.kubeadm import Kubeadm

        return Kubeadm(self.root)

    def reconciler(self, feature: str, tell: Callable[[str], None]) -> Reconciler:
        """What hands this feature over, where no unit's `wait` does."""
        from system_service.handover.reconciler import Reconciler
        from system_service.handover.rows import Rows

        # A command's deadline is none of a step that has begun: to be cut off in the middle is to have nobody run it.
        docker = Docker(self.docker.address, PATIENCE)
        return Reconciler(Rows(self.db, feature, feature), docker, feature, feature, tell)

    @classmethod
    def from_env(cls) -> Switch:
        """The switch that the environment names (docs/settings.md).

        Raises:
            Unreachable: the database configuration is missing or malformed.
            NotPermitted: it may not be read.
        """
        return cls(
            SwitchDB.from_config(),
            Docker.from_env(),
            Units(),
            run_dir(),
        )
