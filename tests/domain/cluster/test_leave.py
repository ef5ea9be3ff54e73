"""Leaving the cluster: who still needs it, what goes here and there, and what is left when the API server is dead."""

from __future__ import annotations

import os
import time

import pytest

from system_service.domain.cluster.join import join
from system_service.domain.cluster.leave import leave
from system_service.errors import Refused, Unreachable
from system_service.model.pods import pod_labels
from tests.fakes.api_server import Failure

NODE = "leaf-12.example.com"
NODES = "/api/v1/nodes"
OFF = ("inactive", "disabled")
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture
def member(station):
    """It has joined, and the node is there: not Ready, as one is whose kubelet does nothing."""
    assert join(station.switch(), station.order(), station.discovery).error is None
    (node,) = station.api.objects[NODES].values()
    node["metadata"] = {"name": NODE, "labels": {"snmp_enabled": "true", "rack": "r12"}}
    node["status"]["conditions"][0]["status"] = "False"
    station.api.objects[NODES] = {NODE: node}
    station.api.calls.clear()
    return station


def left(station, **order):
    return leave(station.switch(), station.order("reset", **order))


def test_the_way_out(member):
    result = left(member)
    assert (result.error, result.changed, member.told) == (
        None,
        True,
        [
            "stop kubelet.service",
            "disable kubelet.service",
            f"drop the labels snmp_enabled of the node {NODE}",
            f"delete the node {NODE}",
            "take back what kubeadm has put here",
        ],
    )
    assert (result.node.joined, result.node.warnings) == (False, ())
    assert (member.kubelet(), member.api.objects[NODES], member.there("etc/kubernetes/kubelet.conf")) == (
        OFF,
        {},
        False,
    )
    assert member.calls()[-1]["argv"] == ["reset", "--force"]
    assert member.fakes.redis.row(4, "KUBERNETES_MASTER|SERVER")["ip"] == "127.0.0.1"
    again = left(member)
    assert (again.error, again.changed, member.told, member.verbs()) == (None, False, [], ["join", "reset"])


def test_a_dry_run_shows_the_steps_and_does_nothing(member):
    result = left(member, dry_run=True)
    assert (result.changed, len(result.node.plan)) == (True, 5)
    assert (member.kubelet(), member.verbs(), set(member.api.calls)) == (
        ("active", "enabled"),
        ["join"],
        {("GET", f"{NODES}/{NODE}")},
    )


def test_it_is_refused_while_a_feature_needs_the_cluster(member):
    member.fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    member.fakes.feature("lldp", set_owner="local")
    member.fakes.feature("probe", "", set_owner="kube", no_fallback_to_local="true")
    made = member.fakes.container("k8s_lldp", labels=dict(label.split("=", 1) for label in pod_labels("lldp")))
    made.started = time.time() - 60
    member.fakes.serves(made, "lldp")
    for dry_run in (True, False):
        with pytest.raises(Refused, match="kubernetes is wanted for, or runs: lldp, probe, snmp") as refused:
            left(member, dry_run=dry_run)
        assert refused.value.resolution == ("config feature mode lldp snmp legacy; config feature uninstall probe")
    assert (member.kubelet(), member.verbs(), sum(member.api.calls.values())) == (("active", "enabled"), ["join"], 0)


@pytest.mark.parametrize("failure", [Failure(status=503, body=b"{}")])
def test_a_dead_api_server_keeps_nobody_in_and_is_told_later(member, failure):
    member.api.failure = failure
    result = left(member)
    assert (result.error.exit_code, result.changed, result.node.joined) == (7, True, False)
    assert f"this switch is out of the cluster, in which its node {NODE} may be left: the API server at" in str(
        result.error
    )
    assert f"kubectl delete node {NODE}" in result.error.resolution
    assert (member.kubelet(), member.verbs()) == (OFF, ["join", "reset"])
    still = left(member)
    assert (still.error.exit_code, still.changed) == (7, False)
    member.api.failure = None
    later = left(member)
    assert (later.error, later.changed, member.api.objects[NODES]) == (None, True, {})


def test_one_that_dies_under_our_hands(member):
    order = member.order("reset")

    def tell(sentence):
        if sentence.startswith("drop the labels"):
            member.api.failure = Failure(status=503, body=b"{}")

    result = leave(member.switch(), order._replace(tell=tell))
    assert (result.error.exit_code, result.changed) == (7, True)
    assert (member.kubelet(), member.verbs()) == (OFF, ["join", "reset"])


def test_a_cluster_that_lets_no_node_delete_itself(member):
    member.api.failure = Failure(status=403, body=b'{"message": "nodes is forbidden"}')
    result = left(member)
    assert (result.error, result.node.joined) == (None, False)
    (warning,) = result.node.warnings
    assert warning.startswith(f"the node {NODE} stays in the cluster: ")
    assert "nodes is forbidden" in warning


def test_without_a_kubeconfig_the_node_may_be_left(member):
    os.unlink(member.kubeconfig)
    result = left(member)
    assert (result.error.exit_code, result.node.joined) == (7, False)
    assert member.kubeconfig in str(result.error)


def test_a_server_that_was_taken_out_of_the_configuration_is_still_told(member):
    member.set(disable="True", ip="127.0.0.1")
    assert left(member).error is None
    assert member.api.objects[NODES] == {}


def joined_elsewhere(member, text):
    member.write(text, os.path.join(member.root, "etc/kubernetes/kubelet.conf"))


def test_a_node_in_another_cluster_than_the_one_that_was_joined_is_left_alone(member):
    """The kubeconfig is another cluster's, which has a node of this name."""
    joined_elsewhere(member, member.pki.kubeconfig("admin", "https://10.9.9.9:6443", ca="admin"))
    for dry_run in (True, False):
        result = left(member, dry_run=dry_run)
        assert result.error.exit_code == 7
        assert str(result.error).endswith(
            f"in which its node {NODE} may be left: {member.kubeconfig} is of another cluster than https://10.9.9.9:6443"
        )
        assert result.error.resolution == f"kubectl delete node {NODE}, on the control plane of https://10.9.9.9:6443"
    assert (list(member.api.objects[NODES]), sum(member.api.calls.values())) == ([NODE], 0)
    assert (member.kubelet(), member.verbs()) == (OFF, ["join", "reset"])


def test_by_another_name_of_the_same_cluster_the_node_goes(member):
    joined_elsewhere(member, member.pki.kubeconfig("admin", "https://10.9.9.9:6443"))
    assert (left(member).error, member.api.objects[NODES]) == (None, {})


@pytest.mark.parametrize("text", ["", "clusters: [", "clusters: [{cluster: {server: 'https://[x'}}]"])
def test_where_it_cannot_be_told_what_was_joined_no_node_goes(member, text):
    joined_elsewhere(member, text)
    result = left(member)
    assert (result.error.exit_code, "what this switch has joined cannot be told" in str(result.error)) == (7, True)
    assert (list(member.api.objects[NODES]), member.verbs()) == ([NODE], ["join", "reset"])


def test_the_node_of_another_switch_for_which_a_join_was_cut_off_is_left_alone(station):
    """kubeadm refuses to join where a node of this name is Ready, and leaves a file."""
    station.mood("is-cut-off")
    join(station.switch(), station.order(), station.discovery)
    station.api.put(NODES, {"metadata": {"name": NODE, "labels": {"snmp_enabled": "true"}}, "status": READY})
    result = left(station)
    assert (result.error, station.verbs(), station.there("etc/kubernetes/pki/ca.crt")) == (
        None,
        ["join", "reset"],
        False,
    )
    (warning,) = result.node.warnings
    assert warning == f"the node {NODE} is Ready in the cluster, so it is another machine's: it is left alone"
    assert station.api.objects[NODES][NODE]["metadata"]["labels"] == {"snmp_enabled": "true"}


@pytest.mark.parametrize("row", [{"disable": "True", "ip": "127.0.0.1"}, {"ip": "127.0.0.1"}])
def test_a_kubelet_that_is_somebody_elses_work_is_left_alone(station, row):
    station.set(**row)
    station.api.failure = Failure(status=503, body=b"{}")
    station.switch().units.enable("kubelet.service")
    station.switch().units.start("kubelet.service", 5)
    os.makedirs(os.path.join(station.root, "etc/cni/net.d"))
    network = "etc/cni/net.d/kube_cni.10-flannel.conflist"
    station.write("{}", os.path.join(station.root, network))
    result = left(station)
    assert (result.changed, station.kubelet(), station.there(network)) == (False, ("active", "enabled"), True)
    assert station.verbs() == []


def test_a_node_that_is_somebody_elses_work_is_left_alone(member):
    left(member)
    member.api.put(NODES, {"metadata": {"name": NODE}, "status": READY})
    with pytest.raises(Refused, match="is Ready in the cluster, and it is not kubeadm that has joined this switch"):
        left(member)
    assert list(member.api.objects[NODES]) == [NODE]


@pytest.mark.parametrize("step", range(5))
def test_cut_off_after_any_step_the_same_command_completes_it(member, step):
    order = member.order("reset")
    tell = order.tell

    def dies(sentence):
        tell(sentence)
        if len(member.told) > step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave(member.switch(), order._replace(tell=dies))
    assert left(member).error is None
    assert (member.kubelet(), member.api.objects[NODES], member.there("etc/kubernetes/kubelet.conf")) == (
        OFF,
        {},
        False,
    )


def test_a_join_that_was_cut_off_is_taken_back(station):
    station.mood("is-cut-off")
    join(station.switch(), station.order(), station.discovery)
    assert left(station).error is None
    assert (station.verbs(), station.there("etc/kubernetes/pki/ca.crt")) == (["join", "reset"], False)


def test_a_kubeadm_that_leaves_its_files_is_no_way_out(member):
    member.mood("resets-badly")
    result = left(member)
    assert (result.error.exit_code, "yet left its files" in str(result.error)) == (1, True)
    member.mood("joins")
    assert left(member).error is None


def test_the_network_that_a_join_gave_is_taken_away(station):
    os.makedirs(os.path.join(station.root, "usr/share/sonic/templates"))
    station.write("{}", os.path.join(station.root, "usr/share/sonic/templates/kube_cni.10-flannel.conflist"))
    join(station.switch(), station.order(), station.discovery)
    station.write("{}", os.path.join(station.root, "etc/cni/net.d/05-own.conf"))
    left(station)
    assert os.listdir(os.path.join(station.root, "etc/cni/net.d")) == ["05-own.conf"]


def test_an_empty_table_of_features_does_not_tell_who_needs_it(member):
    member.switch().db.remove("CONFIG_DB", "FEATURE|snmp")
    with pytest.raises(Unreachable, match="the FEATURE table of CONFIG_DB is empty"):
        left(member)
    assert member.kubelet() == ("active", "enabled")


def test_where_ctrmgrd_is_installed_it_is_the_one_that_leaves(member, tmp_path, monkeypatch):
    (tmp_path / "ctrmgrd.service").write_text("[Unit]\n")
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
    with pytest.raises(Refused, match="takes it out again, by itself") as refused:
        left(member)
    assert refused.value.resolution == "config kubernetes server disable on"


def test_without_kubeadm_it_is_refused(member, monkeypatch):
    monkeypatch.setenv("PATH", member.fakes.bin)
    member.without_kubeadm()
    with pytest.raises(Refused, match="kubeadm is not installed"):
        left(member)
