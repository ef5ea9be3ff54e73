"""The API server's answers, past TLS."""

from __future__ import annotations

import io

import urllib3
from hypothesis import given
from hypothesis import strategies as st

from system_service.backends.cluster import Cluster
from tests.fuzz.inputs import FEW, JSON, TEXT, as_bytes, near, tolerates

POD = {
    "metadata": {"name": "snmp-x", "creationTimestamp": "2026-11-22T10:00:00Z", "deletionTimestamp": None},
    "spec": {"nodeName": "sonic", "containers": [{"name": "snmp"}]},
    "status": {
        "phase": "Pending",
        "reason": "Evicted",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}],
        "containerStatuses": [{"name": "snmp", "state": {"waiting": {"reason": "ContainerCreating"}}}],
    },
}
DAEMONSET = {"spec": {"template": {"spec": {"containers": [{"name": "snmp"}]}}}}
EVENT = {"reason": "Pulling", "involvedObject": {"name": "snmp-x"}}
NODE = {
    "metadata": {"labels": {"snmp_enabled": "true"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
BODIES = st.one_of(
    near({"items": [DAEMONSET, POD, EVENT]}, NODE, {"message": "no"}, {"gitVersion": "v1"}).map(as_bytes),
    st.binary(max_size=200),
    JSON.map(as_bytes),
)
STATUSES = st.sampled_from([200, 201, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503])


class Pool:
    """In the place of the client's connections: the same answers in turn, again and again."""

    def __init__(self, answers: list[tuple[int, bytes]], retry: str) -> None:
        self._answers, self._retry, self.asked = answers, retry, 0

    def request(self, method: str, url: str, **_: object) -> urllib3.HTTPResponse:
        status, body = self._answers[self.asked % len(self._answers)]
        self.asked += 1
        headers = {"Retry-After": self._retry}
        return urllib3.HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)


@FEW
@given(answers=st.lists(st.tuples(STATUSES, BODIES), min_size=1, max_size=4), retry=TEXT)
def test_an_answer(answers: list[tuple[int, bytes]], retry: str) -> None:
    for ask in (
        lambda cluster: cluster.look(),
        lambda cluster: cluster.label({"snmp_enabled": "true"}),
        lambda cluster: cluster.version(),
        lambda cluster: cluster.why("snmp"),
        lambda cluster: cluster.present("snmp"),
        lambda cluster: cluster.remove(),
    ):
        cluster = Cluster("/nowhere", "sonic")
        cluster._pool = pool = Pool(answers, retry)
        cluster._host = "https://sonic:6443"
        tolerates(lambda ask=ask, cluster=cluster: ask(cluster))
        assert 1 <= pool.asked <= 4


def test_a_good_answer_is_one() -> None:
    cluster = Cluster("/nowhere", "sonic")
    cluster._pool = Pool([(200, as_bytes(NODE))], "")
    assert dict(cluster.look().labels) == {"snmp_enabled": "true"}
    cluster._pool = Pool([(200, as_bytes({"items": [DAEMONSET, POD]}))], "")
    assert cluster.why("snmp") == "its container is being made"
