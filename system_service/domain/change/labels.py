"""Node labels send themselves: our row has what is wanted and what the API server took; the difference is sent.

Whoever changes what is wanted notes it and asks; a root oneshot (`system service sync`) sends it, later each time
while the API server is away (`later`). Nothing to send: no question to anybody. Where ctrmgrd is at work it sends them:
what is wanted then stands where the host's own script puts it, and nothing of ours speaks to the API server for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import NamedTuple

from system_service.backends import ctrmgrd
from system_service.backends.switchdb import Edit, SwitchDB
from system_service.domain.change.actions import Action, Kind
from system_service.domain.change.plan_mode import has_gate, wants_label
from system_service.domain.command_lock import command_lock
from system_service.domain.status.waiting_for import stopped
from system_service.domain.switch import Switch
from system_service.errors import Failed, SwitchError, UnknownNode
from system_service.model.feature import Mode, instances, parse_feature, valid_name
from system_service.model.kube_server import configured
from system_service.model.naming import LONGEST_LABEL, feature_of_label, label
from system_service.model.snapshot import Active, Notes, Snapshot
from system_service.model.state_row import LABELS_ROW, OWN_TABLE

UNKNOWN = "unknown"
"""In the place of true or false: what the API server has of this label."""
SENDER = ".labels"
"""The lock of whoever sends; no feature's name."""
_PATIENCE = 15.0  # seconds for another who sends: a connection, an answer, and some

_UP = (Active.ACTIVE, Active.RELOADING)


class Sent(NamedTuple):
    """What the API server took of the labels, None: removed; and why it did not take the others, by their keys."""

    labels: Mapping[str, str | None] = MappingProxyType({})
    failures: Mapping[str, SwitchError] = MappingProxyType({})


def set_desired(db: SwitchDB, feature: str, desired: bool, *, sure: bool = True) -> bool:
    """Note whether a pod of the feature may be here; False when nothing is left for us to send.

    With `sure` false what is noted of the API server is not believed: somebody has seen it otherwise.
    """
    word = str(desired).lower()
    if ctrmgrd.present():
        row, own = db.rows(("STATE_DB", LABELS_ROW), ("STATE_DB", f"{OWN_TABLE}|{feature}"))
        said = row.get(label(feature))
        changes = (said or "false") != word
        if said != word:  # a write is a patch to ctrmgrd, also of what is so
            db.write("STATE_DB", LABELS_ROW, {label(feature): word})
        if changes or desired or own:  # the day it is masked, what is wanted and what it may have sent is ours to know
            set_unknown(db, feature, desired)
        return False
    sent = ""

    def note(row: Mapping[str, str]) -> Edit | None:
        nonlocal sent
        sent = row.get("label", "false")
        if row.get("want") == word and sure:
            return None
        # What was wanted before and is not known to be taken may have been taken all the same.
        if sure and row.get("want", sent) == sent:
            return Edit({"want": word})
        sent = UNKNOWN
        return Edit({"want": word, "label": UNKNOWN})

    db.update("STATE_DB", f"{OWN_TABLE}|{feature}", note)
    return sent != word


def set_unknown(db: SwitchDB, feature: str, desired: bool) -> None:
    """Note what is wanted, and that nobody of ours knows what the API server has: another sends it."""
    db.update("STATE_DB", f"{OWN_TABLE}|{feature}", lambda row: Edit({"want": str(desired).lower(), "label": UNKNOWN}))


def record_desired(switch: Switch, snapshot: Snapshot) -> list[str]:
    """Record in our rows which features want their label on the node, as CONFIG_DB and the units have it by now.

    Returns the features whose label has to be read from the node first: those of whose label nothing is recorded, and
    those with a label on record for which no pod has come. A label that has to be sent anyway is not read: in a fleet
    that would be two requests a switch in the place of one. What `system service stop` took away is not wanted again:
    only a feature whose unit is up wants a pod. Raises Unreachable, NotPermitted, Failed.
    """
    doubtful: list[str] = []
    if snapshot.host.ctrmgrd:  # which sends them, and nobody of ours does
        return doubtful
    for feature in snapshot.features:
        name, own = feature.spec.name, feature.own
        if not feature.spec.knows_owner or not has_gate(feature) or not feature.instances:
            continue
        if any(instance.spec.namespace for instance in feature.instances):
            continue
        to_run = wants_label(snapshot.host, feature) and not stopped(feature)
        if to_run and own.want != "true":
            set_desired(switch.db, name, True)
        pods = any(instance.pods for instance in feature.instances)
        noted, wish = own.label, own._replace(want="true") if to_run else own
        if (noted in (None, UNKNOWN) and not unsent({name: wish})) or (noted == "true" and to_run and not pods):
            doubtful.append(name)
    return doubtful


def ask_node(switch: Switch, names: Sequence[str]) -> None:
    """Note which of these features' labels the node has. Raises what the cluster backend raises."""
    try:
        labels: Mapping[str, str] = switch.cluster().look().labels
    except UnknownNode:  # a node that is gone has taken its labels along
        labels = {}
    # One that was uninstalled meanwhile gets no row of ours any more.
    features = switch.db.rows(*(("CONFIG_DB", f"FEATURE|{name}") for name in names))
    for name in (name for name, row in zip(names, features, strict=True) if row):
        there = labels.get(label(name)) == "true"

        def decide(row: Mapping[str, str], there: bool = there) -> Edit:
            # What is there and nobody wants is to go.
            return Edit({"label": str(there).lower()} | ({} if row.get("want") else {"want": "false"}))

        switch.db.update("STATE_DB", f"{OWN_TABLE}|{name}", decide)


def unsent(noted: Mapping[str, Notes]) -> dict[str, str | None]:
    """The labels that the API server has not taken yet, by their keys; None: to be removed.

    What is no label's name is left out: one that the API server refuses would keep all others back.
    """
    found: dict[str, str | None] = {}
    for name, own in noted.items():
        sent = "false" if own.label is None else own.label
        if (
            valid_name(name)
            and len(label(name)) <= LONGEST_LABEL
            and own.want in ("true", "false")
            and own.want != sent
        ):
            found[label(name)] = "true" if own.want == "true" else None
    return found


def send(
    switch: Switch,
    names: Sequence[str] = (),
    check: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Sent:
    """Send what is unsent, in one patch. One that is refused keeps no other back.

    `check` may raise to give up waiting for another who sends.
    `tell` gets a sentence before the API server is spoken to.

    As long as the operator has set no Kubernetes server, or disabled it, nothing is sent; nor where ctrmgrd sends.

    Raises:
        Busy: somebody else is sending all the while.
        SwitchError: what the cluster backend raises, and the lock; then nothing was taken.
    """
    if ctrmgrd.present() or not _left(switch, names):
        return Sent()
    # One at a time: what is noted last is what was sent last.
    with alone(switch, check):
        labels = _left(switch, names)
        if labels:
            tell(str(Action(Kind.LABEL, "", labels)))
            try:
                _patch(switch, labels)
            except UnknownNode:
                raise
            except Failed as error:
                return _one_by_one(switch, labels) if len(labels) > 1 else Sent({}, dict.fromkeys(labels, error))
        return Sent(labels)


def alone(switch: Switch, check: Callable[[], None] = lambda: None) -> AbstractContextManager[int]:
    """The lock of whoever speaks to the API server of labels: what is noted last is what was sent last."""
    return command_lock(switch.run_dir, SENDER, time.monotonic() + _PATIENCE, check)


def _patch(switch: Switch, labels: Mapping[str, str | None]) -> None:
    try:
        switch.cluster().label(labels)
    except UnknownNode:  # a node that is gone has taken its labels along
        if any(labels.values()):
            raise
    for key, value in labels.items():
        set_acknowledged(switch.db, feature_of_label(key), value is not None)


def _one_by_one(switch: Switch, labels: Mapping[str, str | None]) -> Sent:
    """Where the API server cannot be asked any more, that is what became of all that were left."""
    sent: dict[str, str | None] = {}
    failures: dict[str, SwitchError] = {}
    gone: SwitchError | None = None
    for key, value in labels.items():
        try:
            if gone is None:
                _patch(switch, {key: value})
                sent[key] = value
        except Failed as error:
            failures[key] = error
        except SwitchError as error:
            gone = error
        if gone is not None:
            failures[key] = gone
    return Sent(sent, failures)


def _left(switch: Switch, names: Sequence[str]) -> dict[str, str | None]:
    """What is to be sent; a wish that CONFIG_DB no longer has (the host's own commands write there) is withdrawn.

    A label that draws a pod here is sent for a feature alone whose own row wants Kubernetes: our rows are written by
    many, and what is sent bears the switch's credentials.
    """
    rows, features, servers = switch.db.tables(
        ("STATE_DB", OWN_TABLE), ("CONFIG_DB", "FEATURE"), ("CONFIG_DB", "KUBERNETES_MASTER")
    )
    if not configured(servers.get("SERVER", {})):
        return {}
    candidates = {name: Notes.of(row) for name, row in rows.items() if not names or name in names}
    for name, own in list(candidates.items()):
        feature = parse_feature(name, features.get(name, {}))
        if own.want != "true":
            continue
        if name not in features:  # a reload, or nobody's feature: it says nothing, and nothing is sent
            del candidates[name]
        elif feature.mode is Mode.LEGACY or feature.state.off:
            if _withdrawn(switch, name, own.row):
                candidates[name] = own._replace(want="false", label=UNKNOWN if own.label is None else own.label)
            else:  # somebody wants something of it at this moment, and asks for it to be sent
                del candidates[name]
    return unsent(candidates)


def _withdrawn(switch: Switch, name: str, before: Mapping[str, str]) -> bool:
    """Note that no pod is wanted, unless our row is not as it was seen, or CONFIG_DB has changed meanwhile."""
    key = f"{OWN_TABLE}|{name}"
    if not switch.db.update("STATE_DB", key, lambda row: Edit({"want": "false"}) if row == before else None):
        return False
    # Who wants a pod writes CONFIG_DB first and our row after it, which it finds as it should be if it was sooner.
    (row,) = switch.db.rows(("CONFIG_DB", f"FEATURE|{name}"))
    feature = parse_feature(name, row)
    if feature.mode is Mode.LEGACY or feature.state.off:
        return True
    switch.db.update("STATE_DB", key, lambda row: Edit({"want": "true"}))
    return False


def set_acknowledged(db: SwitchDB, feature: str, value: bool) -> None:
    """Note that the API server has this label now. What is wanted may be another already."""
    word = str(value).lower()
    # A feature that was uninstalled meanwhile has no such row any more, and gets none.
    db.update("STATE_DB", f"{OWN_TABLE}|{feature}", lambda row: Edit({"label": word}) if row else None)


def close_gates(switch: Switch, snapshot: Snapshot) -> list[str]:
    """No gate may open because nothing is said yet. The features that got their first word.

    At boot, and when the database has restarted and is empty. A feature whose unit is up has a `wait` that says the
    word again which it knows; until then nobody else may: `down` would stop what runs. A unit on its way up, or between
    two lives, has none. Raises as `Units.states`.
    """
    closed = []
    up = _up(switch, snapshot)
    for feature in snapshot.features:
        name = feature.spec.name
        # Docker is not asked at boot: an image that only its label tells from one without gate is known by its mode.
        gated = has_gate(feature) or feature.spec.mode is Mode.KUBERNETES
        if not feature.spec.knows_owner or not gated or feature.state_row.get("system_state") or name in up:
            continue
        if switch.db.update("STATE_DB", f"FEATURE|{name}", _down):
            closed.append(name)
    return closed


def _up(switch: Switch, snapshot: Snapshot) -> set[str]:
    """The features of which a unit is up."""
    if not switch.units.available():
        return set()
    units = {
        instance.unit: feature.spec.name
        for feature in snapshot.features
        for instance in instances(feature.spec, switch.db.namespaces)
    }
    states = switch.units.states(*units)
    return {name for unit, name in units.items() if states[unit].active in _UP}


def _down(row: Mapping[str, str]) -> Edit | None:
    return None if row.get("system_state") else Edit({"system_state": "down"})
