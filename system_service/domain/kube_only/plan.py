"""What there is of a feature that exists in Kubernetes only, and what is left to do to install it or take it away.

`survey` looks; the plans are pure. What is done with them, and in which order, is in `install`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from system_service.backends.unitfiles import text
from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.plan import starting
from system_service.domain.status.observe import Intent, see
from system_service.domain.switch import Switch
from system_service.errors import Refused, UnknownFeature
from system_service.model import kube_server
from system_service.model.feature import AdminState, Mode, parse_feature
from system_service.model.naming import feature_of_container
from system_service.model.snapshot import Active, FeatureState, Host, InstanceState, Notes, Snapshot, Unit
from system_service.model.state_row import OWN_TABLE

INSTALL, UNINSTALL = "install", "uninstall"
_CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]{0,200}\.(service|target|socket|timer|path|mount|device)")

_ROW = {
    "state": AdminState.ENABLED.value,
    "auto_restart": "enabled",
    "set_owner": Mode.KUBERNETES.stored,
    "no_fallback_to_local": "true",
    "has_global_scope": "True",
    "has_per_asic_scope": "False",
    "delayed": "False",
}
# Leaves that not every image knows: written where other rows of the switch have them.
_WHERE_KNOWN = {
    "has_per_dpu_scope": "False",
    "check_up_status": "false",
    "support_syslog_rate_limit": "false",
    "high_mem_alert": "disabled",
}


LONGEST = 32
"""Letters of a feature's name, as the switch's own model of its configuration has it."""
MOST = 32
"""Features of Kubernetes only on one switch: each has a process that waits, and rows are written by many."""


def installable(name: str) -> bool:
    """Whether a feature of Kubernetes only may have this name."""
    return valid_container(name) and len(name) <= LONGEST


def valid_container(name: str) -> bool:
    """Whether Kubernetes takes it as a container's name."""
    return _CONTAINER.fullmatch(name) is not None


def unit_name(word: str) -> str:
    """`swss` or `swss.service` as a unit's full name, "" for what could be read as anything else in a unit's file."""
    name = word if "." in word else f"{word}.service"
    return name if _UNIT.fullmatch(name) else ""


class Site(NamedTuple):
    """What there is of one name. `row`: its FEATURE row ({}: none, and `snapshot` has a feature made of nothing).

    `file`: the text of our unit, None: there is none. `foreign`: somebody else has a unit of this name. `leaves`: the
    fields that any FEATURE row has. `owner`: the feature whose per-ASIC container bears this name, "". `noted`: the
    words of what is unfinished. `installed`: how many units of ours there are.
    """

    snapshot: Snapshot
    row: Mapping[str, str]
    file: str | None
    foreign: bool
    leaves: frozenset[str]
    owner: str = ""
    noted: tuple[str, ...] = ()
    installed: int = 0

    @property
    def feature(self) -> FeatureState:
        return self.snapshot.features[0]

    @property
    def name(self) -> str:
        return self.feature.spec.name

    @property
    def host(self) -> Host:
        return self.snapshot.host

    @property
    def instance(self) -> InstanceState:
        return self.feature.instances[0]

    @property
    def unit(self) -> Unit:
        return self.instance.unit or Unit(self.instance.spec.unit)

    @property
    def todo(self) -> str:
        """INSTALL or UNINSTALL while that is not finished, else ""."""
        word = self.noted[0] if self.noted else ""
        return word if word in (INSTALL, UNINSTALL) else ""

    @property
    def after(self) -> tuple[str, ...]:
        """The units of an installation that is not finished."""
        return tuple(word for word in self.noted[1:] if unit_name(word) == word)


def survey(switch: Switch, name: str) -> Site:
    """Look at everything that installing and uninstalling may touch. Raises as `observe`, never UnknownFeature."""
    (rows,) = switch.db.tables(("CONFIG_DB", "FEATURE"))
    keys = (("STATE_DB", f"FEATURE|{name}"), ("STATE_DB", f"{OWN_TABLE}|{name}"))
    state_row, own, server = switch.db.rows(*keys, ("CONFIG_DB", kube_server.ROW))
    row = rows.get(name, {})
    feature = parse_feature(name, row or {"set_owner": Mode.KUBERNETES.stored})
    files = switch.unit_files()
    stem, _ = feature_of_container(name, switch.db.namespaces)
    return Site(
        see(switch, Intent((feature,), {name: state_row}, {name: Notes.of(own)}, server)),
        row,
        files.read(name),
        files.others(name),
        frozenset(field for other in rows.values() for field in other),
        stem if stem != name else "",
        files.unfinished().get(name, ()),
        len(files.names()),
    )


# --- installing


def plan_install(site: Site, after: Sequence[str] = ()) -> Plan:
    """What is left until the feature is installed as asked, and, where it is not disabled, its unit active. Pure.

    Raises Refused: the name is taken, or there is no systemd.
    """
    _refuse_install(site)
    return Plan(tuple(_install(site, text(site.name, after), start=True)))


def plan_repair(site: Site) -> Plan:
    """What an image upgrade or a killed `install` left to do; nothing for a feature that was only stopped. Pure.

    Raises Refused: what was begun is not to be completed, as of `plan_install`.
    """
    unit, spec = site.unit, site.feature.spec
    if site.todo == INSTALL:
        _refuse_install(site)
        return Plan(tuple(_install(site, text(site.name, site.after), start=True)))
    if not site.host.systemd or site.todo == UNINSTALL or site.instance.container is not None or site.foreign:
        return Plan()
    if not installable(site.name) or _too_many(site):
        return Plan()
    lost = spec.mode is Mode.KUBERNETES and not spec.fallback
    if not site.row or not site.feature.kube_only or (site.file is None and not lost):
        return Plan()
    fresh = site.file is None or not unit.exists or unit.file_state == "disabled"
    steps = _install(site, site.file or text(site.name), start=fresh)
    return Plan(tuple(step for step in steps if step.kind is not Kind.ADD))  # what is in its row is the operator's


def _refuse_install(site: Site) -> None:
    name = site.name
    if not site.host.systemd:
        raise Refused("systemd does not run here: nobody would keep the feature", "run it on the switch itself")
    if not installable(name):
        raise Refused(f"{name} cannot be the name of a feature", f"choose one of at most {LONGEST} letters")
    if _too_many(site):
        raise Refused(f"there are {site.installed} features of Kubernetes only here", "config feature uninstall NAME")
    if site.owner:
        raise Refused(f"{name} is the container of feature {site.owner} on this switch", "choose another name")
    if site.instance.container is not None:
        raise Refused(
            f"{name} exists on this switch: container {name}", f"config feature mode {name} kubernetes, or another name"
        )
    if site.foreign:
        raise Refused(f"{name} exists on this switch: {site.instance.spec.unit} is its unit", "choose another name")
    if site.row and not site.feature.kube_only:
        raise Refused(f"{name} exists on this switch: it has a FEATURE row", f"show feature config {name}")


def _too_many(site: Site) -> bool:
    return site.file is None and site.installed >= MOST


def _install(site: Site, content: str, start: bool) -> list[Action]:
    name, unit, actions = site.name, site.unit, []
    if site.file != content:
        actions.append(Action(Kind.WRITE_UNIT, unit.name, {"text": content}))
    if actions or unit.stale or not (unit.exists or unit.masked):
        actions.append(Action(Kind.RELOAD, unit.name))
    row = dict(site.row) or {**_ROW, **{k: v for k, v in _WHERE_KNOWN.items() if k in site.leaves}}
    if site.todo == UNINSTALL:
        row["state"] = AdminState.ENABLED.value
    row |= {key: _ROW[key] for key in ("set_owner", "no_fallback_to_local")}
    fields = {key: value for key, value in row.items() if site.row.get(key) != value}
    if fields:
        actions.append(Action(Kind.ADD, name, fields))
    if not start or parse_feature(name, row).state.off:
        return actions
    if unit.masked:
        actions.append(Action(Kind.UNMASK, unit.name))
    if unit.masked or unit.file_state != "enabled":
        actions.append(Action(Kind.ENABLE, unit.name))
    return [*actions, *_start(site)]


def _start(site: Site) -> list[Action]:
    unit = site.unit
    forget = Action(Kind.RESET_FAILED, unit.name)
    if unit.active in (Active.ACTIVE, Active.RELOADING) or starting(site.instance):
        return []
    if unit.active is Active.ACTIVATING:  # in its pause: a start job would wait for it to be over
        return [forget, Action(Kind.RESTART_UNIT, unit.name)]
    settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if unit.active is Active.DEACTIVATING else []
    return [*settle, forget, Action(Kind.START_UNIT, unit.name)]


# --- uninstalling


def refuse_uninstall(site: Site) -> None:
    """Raises UnknownFeature for a name that is nowhere, Refused for what was not installed by us. Pure."""
    name = site.name
    if not site.row and site.file is None and not site.todo:
        raise UnknownFeature(f"there is no feature {name}", "system service list")
    if site.instance.container is not None or site.foreign or (site.row and not site.feature.kube_only):
        raise Refused(
            f"{name} belongs to this switch's image, and was not installed by `config feature install`",
            f"system service disable {name}",
        )


def plan_removal(site: Site) -> Plan:
    """What takes the unit away, once the feature is down. Pure."""
    unit, actions = site.unit, []
    if unit.active not in (Active.INACTIVE, Active.FAILED):
        settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if starting(site.instance) else []
        actions += [*settle, Action(Kind.STOP_UNIT, unit.name)]
    if unit.active is Active.FAILED:
        actions.append(Action(Kind.RESET_FAILED, unit.name))
    if unit.masked:
        actions.append(Action(Kind.UNMASK, unit.name))
    if site.file is not None and (unit.masked or unit.file_state == "enabled"):
        actions.append(Action(Kind.DISABLE, unit.name))
    if site.file is not None:
        actions.append(Action(Kind.REMOVE_UNIT, unit.name))
    if site.file is not None or unit.stale or (unit.exists and not unit.masked):
        actions.append(Action(Kind.RELOAD, unit.name))
    return Plan(tuple(actions))
