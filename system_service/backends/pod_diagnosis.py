"""Why no pod of a feature runs on this node, in as few requests to the API server as tell it.

A thousand switches whose pods do not come ask at the same time: requests are counted, one answer is for all features of
a command, and what was told once is not asked again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from system_service.backends.docker_json import as_object
from system_service.errors import Failed, NotPermitted, plain

if TYPE_CHECKING:
    from system_service.backends.cluster import Cluster

REQUESTS_PER_FEATURE = 3
"""Requests to the API server that suffice to tell why one feature's pod does not run."""
_CREATING = "ContainerCreating"


class PodDiagnosis:
    """Asks the API server why pods do not run, within a budget. `left`: requests that this command may still make."""

    def __init__(self, cluster: Cluster, left: int) -> None:
        self.left = left
        self._cluster = cluster
        self._turn = 0  # requests that are left for the question at hand
        self._deployed: set[str] = set()  # the features whose DaemonSet was seen

    def diagnose(self, features: Sequence[str], most: int) -> dict[str, str]:
        """Feature -> why no pod on this node runs it, "" when one does; `most`: requests to make at most.

        Reasons: no DaemonSet, no pod, Unschedulable, its image is being pulled, ImagePullBackOff and its like,
        CrashLoopBackOff, terminating, evicted. A feature that the budget does not reach is left out.

        Raises Unreachable, NotPermitted, Failed, TimedOut; a request that failed is counted.
        """
        self._turn = min(most, self.left)
        if not self._may():
            return {}
        here = self._cluster.pods(f"spec.nodeName={self._cluster.node}")
        found = {name: _of(here, name) for name in features}
        reasons = self._absent([name for name in features if not found[name]])
        for name, pods in found.items():
            if pods and (reason := self._present(pods, name)) is not None:
                reasons[name] = reason
        return reasons

    def _may(self) -> bool:
        """Count one more request, if the budget has one left."""
        if self._turn == 0:
            return False
        self._turn -= 1
        self.left -= 1
        return True

    def _absent(self, features: Collection[str]) -> dict[str, str]:
        """Of features that have no pod on this node."""
        reasons: dict[str, str] = {}
        unknown = [name for name in features if name not in self._deployed]
        if unknown and self._may():
            sets = self._cluster.daemonsets()
            self._deployed.update(name for name in unknown if any(name in containers(_template(s)) for s in sets))
            reasons = {name: self._no_pod(name) for name in unknown}
        waiting = [name for name in features if name in self._deployed]
        if waiting and self._may():  # a pod that no node has taken yet
            pending = self._cluster.pods("spec.nodeName=")
            for name in waiting:
                pods = [pod for pod in _of(pending, name) if _may_come(pod, self._cluster.node)]
                reasons[name] = _best(pods, name) if pods else self._no_pod(name)
        return reasons

    def _no_pod(self, feature: str) -> str:
        if feature in self._deployed:
            return "the DaemonSet has no pod on this node"
        return f"there is no DaemonSet for {feature} in namespace {self._cluster.namespace}"

    def _present(self, pods: list[dict[str, Any]], feature: str) -> str | None:
        """Of a feature that has pods on this node; None: that takes another request."""
        reason = _best(pods, feature)
        if not reason.startswith(_CREATING):
            return reason
        return self._creating(pods[-1]) if self._may() else None

    def _creating(self, pod: dict[str, Any]) -> str:
        """What of a pod's container is under way: the pull of its image may take long, and only events tell of it."""
        name = plain(as_object(pod.get("metadata")).get("name"))
        try:
            events = self._cluster.events(name)
        except (Failed, NotPermitted):
            events = []
        causes = {plain(e.get("reason")) for e in events if as_object(e.get("involvedObject")).get("name") == name}
        return (
            "its image is being pulled"
            if "Pulling" in causes and "Pulled" not in causes
            else "its container is being made"
        )


def _of(pods: list[dict[str, Any]], feature: str) -> list[dict[str, Any]]:
    """The pods that have the feature's container, the newest last."""
    return sorted((pod for pod in pods if feature in containers(pod)), key=_created)


def _best(pods: list[dict[str, Any]], feature: str) -> str:
    """Why none of these pods runs it, as the newest one says; "" when one does."""
    reasons = [_reason(pod, feature) for pod in pods]
    return "" if "" in reasons else reasons[-1]


def _may_come(pod: dict[str, Any], node: str) -> bool:
    """Whether a pod that no node has taken may be this node's: a DaemonSet makes each of its pods for one node."""
    affinity = as_object(as_object(as_object(pod.get("spec")).get("affinity")).get("nodeAffinity"))
    required = as_object(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    fields = [field for term in _objects(required, "nodeSelectorTerms") for field in _objects(term, "matchFields")]
    named = [field.get("values") for field in fields if field.get("key") == "metadata.name"]
    return not named or any(isinstance(values, list) and node in values for values in named)


def _objects(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of this name; none where there is no list."""
    listed = found.get(name)
    return [as_object(item) for item in listed] if isinstance(listed, list) else []


def _template(daemonset: dict[str, Any]) -> dict[str, Any]:
    return as_object(as_object(daemonset.get("spec")).get("template"))


def containers(pod: dict[str, Any]) -> set[str]:
    """The names of a pod's containers."""
    return {plain(item.get("name")) for item in _objects(as_object(pod.get("spec")), "containers")}


def _reason(pod: dict[str, Any], feature: str) -> str:
    """Why this pod's container does not run; "" when it does."""
    status = as_object(pod.get("status"))
    if as_object(pod.get("metadata")).get("deletionTimestamp"):
        return "its pod is terminating"
    if status.get("phase") == "Failed":
        return f"its pod failed: {plain(status.get('reason')) or 'no reason given'}"
    for item in _objects(status, "containerStatuses"):
        state = as_object(item.get("state"))
        if item.get("name") != feature:
            continue
        if isinstance(state.get("running"), dict):
            return ""
        for word in ("waiting", "terminated"):
            details = as_object(state.get(word))
            if details:
                message = plain(details.get("message"))[:120]
                return f"{plain(details.get('reason')) or word}{f': {message}' if message else ''}"
    for condition in _objects(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{plain(condition.get('reason')) or 'Unschedulable'}: {plain(condition.get('message'))[:120]}"
    return f"its pod is {plain(status.get('phase')) or 'new'}"


def _created(pod: dict[str, Any]) -> str:
    return plain(as_object(pod.get("metadata")).get("creationTimestamp"))
