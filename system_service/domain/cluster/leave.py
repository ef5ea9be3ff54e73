"""Leaving the cluster: the kubelet down for good, the node and its labels gone there, kubeadm's files gone here.

What is near never waits for what is far: with the API server dead this switch is out all the same, and the command
says what is left there, which the same command takes away later.
"""

from __future__ import annotations

from system_service.backends.join_discovery import Discovery, cluster_of
from system_service.backends.kubeadm import KUBELET
from system_service.domain.change.labels import set_acknowledged
from system_service.domain.cluster.node import Order, Standing, Step, Steps, change, refuse_where_nobody_joins
from system_service.domain.result import Result
from system_service.domain.status.observe import intent, observe
from system_service.domain.switch import Switch
from system_service.errors import NotPermitted, Refused, SwitchError, UnknownNode, Unreachable
from system_service.model.feature import Mode
from system_service.model.kube_server import configured
from system_service.model.naming import label
from system_service.model.snapshot import FeatureState, Node


def leave(switch: Switch, order: Order) -> Result:
    """Leave the cluster; nothing to leave is fine.

    Raises:
        Refused: a feature needs it, or nobody here could leave it.
        Unreachable, NotPermitted, TimedOut: nothing could be begun.
    """
    return change(
        switch,
        order,
        lambda standing: _leaving(switch, standing),
        # No feature may set out for the cluster while the switch leaves it.
        lambda: [feature.name for feature in intent(switch).features],
    )


def _leaving(switch: Switch, standing: Standing) -> Steps:
    kubeadm = switch.kubeadm()
    refuse_where_nobody_joins(kubeadm, "config kubernetes server disable on")
    features = observe(switch).features
    _refuse_while_needed(features)
    here = standing.joined or standing.begun
    found = Steps()
    steps = []
    if here and standing.kubelet_runs:
        steps.append(Step(f"stop {KUBELET}", lambda hand: switch.units.stop(KUBELET, hand.left)))
    if here and standing.kubelet.file_state == "enabled":
        steps.append(Step(f"disable {KUBELET}", lambda hand: switch.units.disable(KUBELET)))
    there = _node(switch, standing, found)
    if isinstance(there, Node) and there.ready and not standing.joined:
        if not here:
            raise Refused(
                f"the node {standing.node} is Ready in the cluster, and it is not kubeadm that has joined this switch",
                f"if the kubelet has just been stopped: again in a minute; else: kubectl delete node {standing.node}",
            )
        # kubeadm refuses to join where a node of this name is Ready, and leaves a file.
        found.warnings.append(
            f"the node {standing.node} is Ready in the cluster, so it is another machine's: it is left alone"
        )
    elif isinstance(there, Node):
        names = [f.spec.name for f in features if label(f.spec.name) in there.labels]
        if names:
            sentence = f"drop the labels {', '.join(map(label, names))} of the node {standing.node}"
            steps.append(Step(sentence, lambda hand: _drop(switch, names)))
        steps.append(Step(f"delete the node {standing.node}", lambda hand: _delete(switch, standing, found)))
    elif there is not None:
        _left_there(standing, there, found)
    if here:
        steps.append(
            Step("take back what kubeadm has put here", lambda hand: kubeadm.reset(hand.left, hand.check, hand.lock))
        )
    if kubeadm.network_laid() and (here or not standing.kubelet_runs):
        steps.append(Step("take the network of pods away", lambda hand: kubeadm.lift_network()))
    found.steps = steps
    return found


def _refuse_while_needed(features: tuple[FeatureState, ...]) -> None:
    needed = [
        f for f in features if f.spec.mode is Mode.KUBERNETES or any(instance.serving for instance in f.instances)
    ]
    if not needed:
        return
    names = [f.spec.name for f in needed]
    home = [f.spec.name for f in needed if not f.kube_only]
    ways = [f"config feature mode {' '.join(home)} legacy"] if home else []
    ways += [f"config feature uninstall {f.spec.name}" for f in needed if f.kube_only]
    raise Refused(f"kubernetes is wanted for, or runs: {', '.join(names)}", "; ".join(ways))


def _node(switch: Switch, standing: Standing, found: Steps) -> Node | SwitchError | None:
    """This switch's node in the cluster, None: there is none, or no cluster is meant."""
    cluster = switch.cluster()
    if not configured(standing.row) and not standing.joined:
        return None
    if standing.joined and (why := _elsewhere(cluster.kubeconfig, standing.member)):
        at = standing.member.server if isinstance(standing.member, Discovery) else "the cluster"
        found.last = Unreachable(
            f"this switch is out of the cluster, in which its node {standing.node} may be left: {why}",
            f"kubectl delete node {standing.node}, on the control plane of {at}",
        )
        return None
    try:
        return cluster.look()
    except UnknownNode:
        return None
    except SwitchError as error:
        return error


def _elsewhere(kubeconfig: str, member: Discovery | SwitchError | None) -> str:
    """Why the kubeconfig does not lead to the cluster that was joined, "": it does."""
    try:
        there = cluster_of(kubeconfig)
    except SwitchError as error:
        return str(error)
    if isinstance(member, Discovery):
        return "" if member.same(there) else f"{kubeconfig} is of another cluster than {member.server}"
    return str(member)


def _drop(switch: Switch, names: list[str]) -> bool:
    """What fails here fails for the node as well, which takes its labels along."""
    try:
        switch.cluster().label({label(name): None for name in names})
    except SwitchError:
        return False
    for name in names:
        set_acknowledged(switch.db, name, False)
    return True


def _delete(switch: Switch, standing: Standing, found: Steps) -> bool:
    try:
        switch.cluster().remove()
    except SwitchError as error:
        _left_there(standing, error, found)
        return False
    return True


def _left_there(standing: Standing, error: SwitchError, found: Steps) -> None:
    """The node stays: where that is how the cluster wants it, a warning; else something that is left to do."""
    if isinstance(error, NotPermitted):
        found.warnings.append(f"the node {standing.node} stays in the cluster: {error}")
        return
    found.last = Unreachable(
        f"this switch is out of the cluster, in which its node {standing.node} may be left: {error}",
        f"config kubernetes reset again when it answers; or, on the control plane: kubectl delete node {standing.node}",
    )
