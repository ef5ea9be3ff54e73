"""The image of a pod that has proved itself becomes the local one, and older images go: docker's client alone."""

from __future__ import annotations

import json

from .programs import run, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_ABSENT = "Error: No such object"  # as an older docker says it; newer ones write it small, which is not recognised


def tag_latest(feature: str, container: str, version: str) -> bool | None:
    """Have the local image be the pod's, and remove the local container.

    True: done. None: the pod's container no longer runs, and nothing was done. False: to be tried again.
    """
    listed = _docker("Failed to run docker ps.", "ps")
    if listed is None:
        return False
    if container not in listed:
        return None
    shown = _docker(f"Failed to inspect container: {container}.", "inspect", container)
    if shown is None:
        return False
    image = json.loads(shown)[0]["Image"].removeprefix("sha256:")[:12]
    repository = next((repository for repository, _, id in _images() if id == image), None)
    if repository is None:
        say(f"Failed to find image {image} in docker images output")
        return False
    local = repository.rpartition("/")[2]
    if _docker(f"Failed to tag {local}:{version} to latest.", "tag", image, f"{local}:latest") is None:
        return False
    return _remove(feature)


def _remove(feature: str) -> bool:
    """The local container; False when it runs or cannot be removed."""
    found = run("docker", "inspect", feature)
    if found.returncode:
        if found.stderr.startswith(_ABSENT):
            return True
        say(f"Failed to docker inspect {feature}. Err: {found.stderr.strip()}")
        return False
    if json.loads(found.stdout)[0]["State"]["Running"]:
        say(f"Feature {feature} container is running, it's unexpected")
        return False
    return _docker(f"Failed to docker rm {feature}.", "rm", feature) is not None


def clean(feature: str, version: str, last: str) -> bool:
    """Remove what is neither `version` nor `last` of a feature's images. False: to be tried again.

    A local image of another name than `latest` goes alone, and the pulled ones stay that time.
    """
    versions = [item for item in _images() if feature in item[0] and item[1] != "latest"]
    pulled = {tag: (repository, id) for repository, tag, id in versions if "/" in repository}
    if version not in pulled:
        return True
    local = [item for item in versions if "/" not in item[0]]
    if local:
        return all(_drop_local(feature, *item, pulled) for item in local)
    old = [id for tag, (_, id) in pulled.items() if tag not in (version, last)]
    told = f"Failed to clean {feature} old version images."
    return not old or _docker(told, "rmi", *old, "--force") is not None


def _drop_local(feature: str, repository: str, tag: str, image: str, pulled: Mapping[str, tuple[str, str]]) -> bool:
    """A pulled image of its version gives its name to it: a pod may ask for that one again."""
    steps: list[tuple[str, ...]] = [("rmi", f"{repository}:{tag}")]
    if tag in pulled:
        name = f"{pulled[tag][0]}:{tag}"
        steps[:0] = [("rmi", name), ("tag", image, name)]
    return all(_docker(f"Failed to clean {feature} local version images.", *step) is not None for step in steps)


def _images() -> list[tuple[str, str, str]]:
    """(repository, tag, id) of each."""
    lines = (line.split() for line in run("docker", "images").stdout.splitlines())
    return [(words[0], words[1], words[2]) for words in lines if len(words) > 2]


def _docker(failure: str, *words: str) -> str | None:
    """Its output; None when it failed, which is said."""
    done = run("docker", *words)
    if done.returncode:
        say(f"{failure} Err: {done.stderr.strip()}")
        return None
    return done.stdout
