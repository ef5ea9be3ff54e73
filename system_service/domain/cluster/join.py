"""Joining the configured cluster by kubeadm: what is left to do until the switch is its node and its kubelet runs."""

from __future__ import annotations

from system_service.backends import files, trigger
from system_service.backends.join_discovery import Discovery, authority_of, handed_over, prove, read
from system_service.backends.kubeadm import KUBELET, Kubeadm
from system_service.domain.cluster.node import Hand, Order, Standing, Step, Steps, change, refuse_where_nobody_joins
from system_service.domain.result import Result
from system_service.domain.switch import Switch
from system_service.errors import Refused, SwitchError
from system_service.model.address import is_subdomain
from system_service.model.kube_server import why_no_server
from system_service.model.snapshot import Active

_ASK = 5.0  # seconds for an answer of the server


def join(switch: Switch, order: Order, discovery_file: str = "") -> Result:
    """Join; `discovery_file` is a kubeconfig ("": the switch's own).

    Raises:
        Refused: no server is set, or nobody here could join it.
        Unreachable, NotPermitted, TimedOut: nothing could be begun.
    """
    path = discovery_file or switch.cluster().kubeconfig

    def planned(standing: Standing) -> Steps:
        _refuse(switch.kubeadm(), standing)
        return _kept(switch, standing, path) if standing.joined else _joining(switch, standing, path)

    result = change(switch, order, planned)
    if result.changed and not order.dry_run:
        trigger.ask(switch.run_dir)  # labels that nobody could send before
    return result


def _refuse(kubeadm: Kubeadm, standing: Standing) -> None:
    if no_server := why_no_server(standing.row):
        raise Refused(*no_server)
    refuse_where_nobody_joins(kubeadm, "config kubernetes server ip ADDRESS")
    if not standing.server:
        raise Refused("the Kubernetes server in CONFIG_DB is no address", "config kubernetes server ip ADDRESS")
    if not standing.systemd:
        raise Refused("systemd does not run here: nobody would keep the kubelet", "run it on the switch itself")
    if not standing.kubelet.exists:
        raise Refused(f"there is no {KUBELET}: the kubelet is not installed", "use an image built with Kubernetes")
    if standing.kubelet.masked:
        raise Refused(f"{KUBELET} is masked", f"systemctl unmask {KUBELET}")
    if not is_subdomain(standing.node):
        raise Refused(
            f"{standing.node!r} cannot be the name of a node: lower-case letters, digits, '-' and '.' only",
            "change the host's name, or set SYSTEM_SERVICE_NODE_NAME",
        )


def _kept(switch: Switch, standing: Standing, path: str) -> Steps:
    """It has joined: is that the cluster which is meant, and is the kubelet up, now and after a boot?"""
    if isinstance(standing.member, SwitchError):
        raise standing.member
    if standing.member and not standing.member.same(Discovery(standing.server, _authority(path))):
        raise Refused(
            f"this switch has joined {standing.member.server}, and not {standing.server}",
            "config kubernetes reset, then join",
        )
    steps = _enable(switch, standing)
    if not standing.kubelet_runs:
        steps.append(Step(f"start {KUBELET}", lambda hand: _start(switch, hand)))
    if left := switch.kubeadm().bootstrap():
        steps.append(Step(f"remove {left}, with which kubeadm let the kubelet in", lambda hand: files.remove(left)))
    return Steps(steps)


def _authority(path: str) -> str:
    try:
        return read(path).authority
    except SwitchError:
        return ""


def _joining(switch: Switch, standing: Standing, path: str) -> Steps:
    kubeadm = switch.kubeadm()
    there = read(path).at(standing.server)
    steps, warnings = [], []
    if there.exposed:
        warnings.append(f"{path} may be read by others than its owner: chmod 600 {path}")
    if there.authority and standing.insecure:
        warnings.append(f"insecure is on and changes nothing: {path} says who the server is, and it is verified")
    if not there.authority and not standing.insecure:
        raise Refused(
            f"{path} does not say by which authority {standing.server} is known (certificate-authority-data)",
            "complete it; or, to believe whoever answers there: config kubernetes server insecure on",
        )
    if standing.begun:
        steps.append(Step("clear what a join that was cut off has left", lambda hand: _reset(kubeadm, hand)))
    if not kubeadm.bridges():
        steps.append(Step("load the kernel's bridge filter", lambda hand: kubeadm.load_bridges()))
    if template := kubeadm.network():
        steps.append(Step(f"give pods the network of {template}", lambda hand: kubeadm.lay_network()))
    steps += _enable(switch, standing)
    how = "" if there.authority else ", whoever answers there"
    steps.append(
        Step(
            f"join {standing.server} as {standing.node}{how}",
            lambda hand: _hand_over(switch, standing, there, warnings, hand),
        )
    )
    return Steps(steps, warnings)


def _hand_over(switch: Switch, standing: Standing, there: Discovery, warnings: list[str], hand: Hand) -> None:
    if not there.authority:
        authority = authority_of(standing.server, min(_ASK, hand.left), hand.check)
        there = Discovery(there.server, authority, there.login)
        warnings.append(
            f"insecure is on: {standing.server} was believed unverified; its authority, from now on the one that "
            f"counts, has the fingerprint {there.fingerprint} (SHA-256)"
        )
    prove(there, min(_ASK, hand.left), hand.check)
    with handed_over(there) as file:
        switch.kubeadm().join(file, standing.node, hand.left, hand.check, hand.lock)
    if switch.units.show(KUBELET)[KUBELET].active is not Active.ACTIVE:  # kubeadm has started it, where it could
        _start(switch, hand)


def _reset(kubeadm: Kubeadm, hand: Hand) -> None:
    kubeadm.reset(hand.left, hand.check, hand.lock)


def _enable(switch: Switch, standing: Standing) -> list[Step]:
    if standing.kubelet.file_state != "disabled":
        return []
    return [Step(f"enable {KUBELET}", lambda hand: switch.units.enable(KUBELET))]


def _start(switch: Switch, hand: Hand) -> None:
    switch.units.reset_failed(KUBELET)
    switch.units.start(KUBELET, hand.left)
