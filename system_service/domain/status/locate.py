"""Which container runs a feature, and the docker client on it. Asks Docker alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

from system_service.backends.docker import Docker
from system_service.errors import Failed, UnknownFeature
from system_service.model.feature import Owner, valid_name
from system_service.model.pods import pods_of
from system_service.model.snapshot import Container, InstanceState


def docker_name(docker: Docker, name: str) -> str:
    """The name or id under which Docker runs it: the local container if that runs, else a pod's, else the local one.

    Raises UnknownFeature when there is no such container.
    """
    if valid_name(name):
        listed = docker.containers()
        local = next((c for c in listed if c.name == name), None)
        pods = () if local and local.run.live else pods_of(name, listed)
        if pods:
            return _past_its_gate(docker, pods).id[:12]
        if local:
            return name
    raise UnknownFeature(f"there is no container {name if valid_name(name) else repr(name)}", "docker ps -a")


def _past_its_gate(docker: Docker, pods: Sequence[Container]) -> Container:
    """Of several the one that is not at its gate, as far as its processes tell.

    Where none is, the newest, which Docker lists first.
    """
    if len(pods) > 1:
        from system_service.handover.view import at_gate  # one is what there is, nearly always

        for pod in pods:
            try:
                rows = docker.top(pod.id, "pid,args")
            except Failed:
                continue
            if rows and not at_gate([row[-1] for row in rows]):
                return pod
    return pods[0]


def runner(instance: InstanceState) -> Container | None:
    """The container that runs this instance, else the one that comes nearest: a pod's newest, else the local one."""
    if instance.owner is Owner.LOCAL:
        return instance.container
    return instance.serving or next(iter(instance.pods), instance.container)


def replace_by_docker(docker: Docker, *words: str) -> None:
    """Become the host's docker client with these words. Raises Failed when it is not installed."""
    argv = docker.client_argv(*words)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - a list of words, and no shell
    except FileNotFoundError:
        raise Failed("the docker client is not installed", "apt-get install docker.io") from None
