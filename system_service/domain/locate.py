"""Which container runs a feature, and the docker client on it. Asks Docker alone."""

from __future__ import annotations

import os

from system_service.backends.engine import Engine
from system_service.errors import Failed, UnknownFeature
from system_service.model.feature import Owner, valid_name
from system_service.model.pods import pods_of
from system_service.model.snapshot import Container, Run, Seen


def docker_name(engine: Engine, name: str) -> str:
    """The name or id under which Docker runs it: the local container if that runs, else a pod's, else the local one.

    Raises UnknownFeature when there is no such container.
    """
    if valid_name(name):
        listed = engine.containers()
        local = next((c for c in listed if c.name == name), None)
        pods = () if local and local.run in (Run.RUNNING, Run.PAUSED, Run.RESTARTING) else pods_of(name, listed)
        if pods:
            return pods[0].id[:12]  # Docker lists the newest first
        if local:
            return name
    raise UnknownFeature(f"there is no container {name if valid_name(name) else repr(name)}", "docker ps -a")


def runner(seen: Seen) -> Container | None:
    """The container that runs this instance, else the one that comes nearest: a pod's newest, else the local one."""
    if seen.owner is Owner.LOCAL:
        return seen.container
    return seen.serving or next(iter(seen.pods), seen.container)


def replace_by_docker(engine: Engine, *words: str) -> None:
    """Become the host's docker client with these words. Raises Failed when it is not installed."""
    argv = engine.client_argv(*words)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - a list of words, and no shell
    except FileNotFoundError:
        raise Failed("the docker client is not installed", "apt-get install docker.io") from None
