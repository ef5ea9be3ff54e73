"""Looking: builds a Snapshot from the backends in the fewest calls, and changes nothing.

Two Redis round trips, one Docker list, one question to systemd, however many features; where ctrmgrd is at work one
round trip more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from system_service.backends import ctrmgrd
from system_service.domain.switch import Switch
from system_service.errors import Failed, UnknownFeature, Unreachable
from system_service.model import kube_server
from system_service.model.feature import Feature, Mode, instances, parse_feature, valid_name
from system_service.model.naming import label
from system_service.model.natural import natural
from system_service.model.pods import pods_of
from system_service.model.snapshot import Container, FeatureState, Host, InstanceState, Notes, Run, Snapshot
from system_service.model.state_row import LABELS_ROW, OWN_TABLE

FEATURED = "featured.service"
_LIST = "system service list"


class Intent(NamedTuple):
    """What CONFIG_DB wants of some features, and what STATE_DB says of them; `own`, `server` as in Snapshot.

    `unknown`: the names that have no FEATURE row, each with its error. `everything`: no names were given.
    """

    features: tuple[Feature, ...]
    state_rows: Mapping[str, Mapping[str, str]]
    own: Mapping[str, Notes]
    server: Mapping[str, str]
    unknown: Mapping[str, UnknownFeature] = MappingProxyType({})
    everything: bool = False


def observe(switch: Switch, names: Sequence[str] = ()) -> Snapshot:
    """Everything about the named features, in the order asked; all features in natural order when none is named.

    Raises:
        UnknownFeature: a name has no FEATURE row.
        Unreachable: a backend does not answer, or the FEATURE table is empty (a reload may be under way).
        NotPermitted: a socket may not be opened.
    """
    intended = intent(switch, names)
    for error in intended.unknown.values():
        raise error
    return see(switch, intended)


def intent(switch: Switch, names: Sequence[str] = ()) -> Intent:
    """What is wanted: Redis and nothing else. Raises as `observe`, UnknownFeature only when no name is known."""
    return _named(switch, tuple(dict.fromkeys(names))) if names else _all(switch)


def see(switch: Switch, intended: Intent, listed: Sequence[Container] | None = None) -> Snapshot:
    """What Docker and systemd show of these features. Raises Unreachable, NotPermitted, TimedOut.

    `listed`: Docker's list, if one has it already and needs to know of nobody else who acts; systemd is not asked then.
    """
    scopes = {f.name: instances(f, switch.db.namespaces) for f in intended.features}
    by_docker_alone = listed is not None
    systemd = not by_docker_alone and switch.units.available()
    listed = switch.docker.containers() if listed is None else listed
    containers = {c.name: c for c in listed}
    pods = {f.name: pods_of(f.name, listed) for f in intended.features}
    wanted_units = [i.unit for f in intended.features for i in scopes[f.name]]
    # A line each needs no more than systemd can say of all of them at once; a plan, or the details of one, do.
    ask = switch.units.states if intended.everything else switch.units.show
    units = ask(*wanted_units, FEATURED) if systemd else {}
    featured = units.get(FEATURED)
    # It starts late: installed and not masked decides, not whether it runs at this moment.
    acts = featured is not None and featured.exists and not featured.masked
    host = Host(systemd, acts, not by_docker_alone and ctrmgrd.present())
    own = _labelled(switch, intended) if host.ctrmgrd else intended.own
    states = {
        f.name: tuple(
            InstanceState(
                i,
                containers.get(i.container),
                units.get(i.unit),
                () if i.namespace else pods[f.name],
                None
                if i.namespace
                else _serving(switch, containers.get(i.container), pods[f.name], intended.own[f.name]),
            )
            for i in scopes[f.name]
        )
        for f in intended.features
    }
    only = {f.name: kube_only(switch, f, states[f.name]) for f in intended.features}
    unfinished = switch.unit_files().unfinished() if any(only.values()) else {}
    return Snapshot(
        host,
        tuple(
            FeatureState(
                f,
                states[f.name],
                intended.state_rows[f.name],
                own[f.name]._replace(todo=next(iter(unfinished.get(f.name, ())), "")),
                only[f.name],
                not only[f.name] and bare(switch, f, states[f.name]),
            )
            for f in intended.features
        ),
        intended.server,
    )


def bare(switch: Switch, feature: Feature, states: Sequence[InstanceState]) -> bool:
    """Whether no local container could take over: there is none, nor the image that its unit's script names.

    Asked where Kubernetes has a part in it. A script that names none is believed to be able, and an image of which
    Docker cannot tell is believed to be there.
    """
    if any(s.container or s.spec.namespace for s in states):
        return False
    if not feature.knows_owner or not (feature.mode is Mode.KUBERNETES or any(s.pods for s in states)):
        return False
    from system_service.backends.unit_script import image

    name = image(feature.name)
    try:
        return bool(name) and not switch.docker.has_image(name)
    except Failed:  # Docker's own trouble with one image is no word about the others
        return False


def _serving(switch: Switch, local: Container | None, pods: Sequence[Container], own: Notes) -> Container | None:
    """Who of the pods runs it. Beside a local container that runs only one that is noted: no more has to be asked."""
    if not pods or (local is not None and local.run is Run.RUNNING and not own.served):
        return None
    from system_service.domain.status.serving import serving_container  # a switch in legacy mode never comes here

    return serving_container(switch, pods, own)


def _labelled(switch: Switch, intended: Intent) -> Mapping[str, Notes]:
    """Our rows where ctrmgrd sends the labels: what is wanted and sent is what its own row says."""
    (labels,) = switch.db.rows(("STATE_DB", LABELS_ROW))
    said = {f.name: labels.get(label(f.name), "") for f in intended.features}
    return {n: own._replace(want=said[n] or "false", label=said[n]) for n, own in intended.own.items()}


def kube_only(switch: Switch, feature: Feature, states: Sequence[InstanceState]) -> bool:
    """Whether nothing here could run it: there is no container, and no unit but one that `config feature install` made.

    An image upgrade loses that unit; a row that wants kubernetes without fallback still tells.
    """
    if not feature.knows_owner or any(s.container or s.spec.namespace for s in states):
        return False
    files = switch.unit_files()
    if files.read(feature.name) is not None:
        return True
    others = any(s.unit and s.unit.exists and not s.unit.masked and not s.unit.stale for s in states)
    ours = not others and not files.others(feature.name)
    return ours and feature.mode is Mode.KUBERNETES and not feature.fallback


def _named(switch: Switch, names: tuple[str, ...]) -> Intent:
    unknown = {n: UnknownFeature(f"there is no feature {n!r}", _LIST) for n in names if not valid_name(n)}
    asked = [n for n in names if n not in unknown]
    keys = (("CONFIG_DB", "FEATURE"), ("STATE_DB", "FEATURE"), ("STATE_DB", OWN_TABLE))
    places = [(db, f"{table}|{name}") for name in asked for db, table in keys]
    *found, server = switch.db.rows(*places, ("CONFIG_DB", kube_server.ROW))
    rows = {name: row for name, row in zip(asked, found[::3], strict=True) if row}
    if missing := [n for n in asked if n not in rows]:
        unknown |= _unknown(switch, missing)
    for name in names if not rows else ():
        raise unknown[name]
    features = tuple(parse_feature(name, row) for name, row in rows.items())
    state_rows = dict(zip(asked, found[1::3], strict=True))
    own = {name: Notes.of(row) for name, row in zip(asked, found[2::3], strict=True)}
    return Intent(features, state_rows, own, server, {n: unknown[n] for n in names if n in unknown})


def _all(switch: Switch) -> Intent:
    rows, state_rows, own_rows, servers = switch.db.tables(
        ("CONFIG_DB", "FEATURE"), ("STATE_DB", "FEATURE"), ("STATE_DB", OWN_TABLE), ("CONFIG_DB", "KUBERNETES_MASTER")
    )
    if not rows:
        raise _empty()
    # A row whose name cannot be a unit or a container is nobody's feature; the host's own tables show it.
    features = tuple(parse_feature(name, rows[name]) for name in sorted(filter(valid_name, rows), key=natural))
    found = {f.name: state_rows.get(f.name, {}) for f in features}
    own = {f.name: Notes.of(own_rows.get(f.name, {})) for f in features}
    return Intent(features, found, own, servers.get("SERVER", {}), everything=True)


def _unknown(switch: Switch, names: list[str]) -> dict[str, UnknownFeature]:
    (rows,) = switch.db.tables(("CONFIG_DB", "FEATURE"))
    if not rows:
        raise _empty()
    known = sorted(filter(valid_name, rows), key=natural)
    from system_service.model.near import near

    meant = {name: near(name, known) for name in names}
    hint = {name: f"did you mean {', '.join(meant[name])}?" if meant[name] else _LIST for name in names}
    return {name: UnknownFeature(f"there is no feature {name}", hint[name]) for name in names}


def _empty() -> Unreachable:
    return Unreachable(
        "the FEATURE table of CONFIG_DB is empty: a config reload may be under way", "wait a moment and try again"
    )
