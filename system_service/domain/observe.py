"""Looking: builds a Snapshot from the backends in the fewest calls, and changes nothing.

Two Redis round trips, one Docker list, one `systemctl show`, however many features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from system_service.domain.switch import Switch
from system_service.errors import UnknownFeature, Unreachable
from system_service.model.feature import Feature, instances, parse_feature, valid_name
from system_service.model.natural import natural
from system_service.model.snapshot import FeatureSeen, Host, Seen, Snapshot, Unit

FEATURED = "featured.service"
CTRMGRD = "ctrmgrd.service"


def observe(switch: Switch, names: Sequence[str] = ()) -> Snapshot:
    """Everything about the named features, in the order asked; all features in natural order when none is named.

    Raises:
        UnknownFeature: a name has no FEATURE row.
        Unreachable: a backend does not answer, or the FEATURE table is empty (a reload may be under way).
        NotPermitted: a socket may not be opened.
    """
    features, states, server = _intent(switch, names)
    scopes = {f.name: instances(f, switch.db.namespaces) for f in features}
    containers = {c.name: c for c in switch.engine.containers()}
    systemd = switch.units.available()
    wanted_units = [i.unit for f in features for i in scopes[f.name]]
    units = switch.units.show(*wanted_units, FEATURED, CTRMGRD) if systemd else {}
    return Snapshot(
        Host(systemd, _acts(units, FEATURED), _acts(units, CTRMGRD)),
        tuple(
            FeatureSeen(
                f,
                tuple(Seen(i, containers.get(i.container), units.get(i.unit)) for i in scopes[f.name]),
                states[f.name],
            )
            for f in features
        ),
        server,
    )


def configured(switch: Switch, names: Sequence[str] = ()) -> tuple[Feature, ...]:
    """The features' intent alone: CONFIG_DB and nothing else. Raises as `observe`."""
    return tuple(_intent(switch, names)[0])


def _intent(
    switch: Switch, names: Sequence[str]
) -> tuple[list[Feature], dict[str, Mapping[str, str]], Mapping[str, str]]:
    rows: dict[str, dict[str, str]]
    state_rows: Mapping[str, Mapping[str, str]]
    if names:
        for name in names:
            if not valid_name(name):
                raise UnknownFeature(f"there is no feature {name!r}", "system service list")
        wanted = [(db, f"FEATURE|{name}") for name in names for db in ("CONFIG_DB", "STATE_DB")]
        *found, server = switch.db.rows(*wanted, ("CONFIG_DB", "KUBERNETES_MASTER|SERVER"))
        rows = dict(zip(names, found[::2], strict=True))
        state_rows = dict(zip(names, found[1::2], strict=True))
        missing = [name for name in names if not rows[name]]
        if missing:
            raise _unknown(switch, missing[0])
        order: Iterable[str] = dict.fromkeys(names)
    else:
        rows, state_rows, servers = switch.db.tables(
            ("CONFIG_DB", "FEATURE"), ("STATE_DB", "FEATURE"), ("CONFIG_DB", "KUBERNETES_MASTER")
        )
        if not rows:
            raise _empty()
        server = servers.get("SERVER", {})
        # A row whose name cannot be a unit or a container is nobody's feature; the host's own tables show it.
        order = sorted(filter(valid_name, rows), key=natural)
    features = [parse_feature(name, rows[name]) for name in order]
    return features, {f.name: state_rows.get(f.name, {}) for f in features}, server


def _unknown(switch: Switch, name: str) -> Exception:
    (rows,) = switch.db.tables(("CONFIG_DB", "FEATURE"))
    if not rows:
        return _empty()
    near = [n for n in sorted(rows, key=natural) if valid_name(n) and (n.startswith(name) or name.startswith(n))]
    hint = f"did you mean {', '.join(near)}?" if near else "system service list"
    return UnknownFeature(f"there is no feature {name}", hint)


def _empty() -> Unreachable:
    return Unreachable(
        "the FEATURE table of CONFIG_DB is empty: a config reload may be under way", "wait a moment and try again"
    )


def _acts(units: Mapping[str, Unit], name: str) -> bool:
    # These daemons start late: installed and not masked decides, not whether they run at this moment.
    unit = units.get(name)
    return unit is not None and unit.exists and not unit.masked
