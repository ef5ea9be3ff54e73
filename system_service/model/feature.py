"""What a feature is: its CONFIG_DB row, parsed tolerantly, and the one mapping from features to instances.

No I/O here. Rows are hashes of strings as Redis holds them; a missing or strange field never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from system_service.model.feature_row import falls_back, wants_kubernetes

# A feature's name becomes a unit, a container, a lock file and a Redis key: letters, digits, `_`, `-`, `.`, at most
# 64 of them, starting with a letter or a digit: every name SONiC ships, and nothing that could escape a path.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TRUE = frozenset({"true", "True", "TRUE"})


class Mode(Enum):
    """What is wanted. `stored` is the word in `set_owner`."""

    LEGACY = "legacy"
    KUBERNETES = "kubernetes"

    @property
    def stored(self) -> str:
        return "kube" if self is Mode.KUBERNETES else "local"


class Owner(Enum):
    """Who runs it now, as seen in Docker."""

    LOCAL = "local"
    KUBE = "kube"
    NONE = "none"


class AdminState(Enum):
    """FEATURE.state. UNKNOWN: absent, or something that is none of the four words (a raw template)."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ALWAYS_ENABLED = "always_enabled"
    ALWAYS_DISABLED = "always_disabled"
    UNKNOWN = "unknown"

    @property
    def off(self) -> bool:
        return self in (AdminState.DISABLED, AdminState.ALWAYS_DISABLED)

    @property
    def on(self) -> bool:
        return self in (AdminState.ENABLED, AdminState.ALWAYS_ENABLED)


class Feature(NamedTuple):
    """One FEATURE row of CONFIG_DB.

    `restarts`: whether it is started again when it ends, in the words of `state`. `knows_owner`: the row has a
    `set_owner` field, as on images built with Kubernetes. `fallback`: the local image may serve while Kubernetes
    cannot.
    """

    name: str
    state: AdminState = AdminState.UNKNOWN
    restarts: AdminState = AdminState.ENABLED
    mode: Mode = Mode.LEGACY
    knows_owner: bool = False
    fallback: bool = True
    global_scope: bool = True
    per_asic_scope: bool = False

    @property
    def auto_restart(self) -> bool:
        return not self.restarts.off


class Instance(NamedTuple):
    """One feature in one scope: the host (`namespace` "") or an ASIC (`asic0`, ...)."""

    feature: str
    namespace: str
    unit: str
    container: str


def valid_name(name: str) -> bool:
    """Whether a feature can have this name: it becomes a unit, a container, a file of a lock and a key in Redis."""
    return _NAME.fullmatch(name) is not None


def parse_feature(name: str, row: Mapping[str, str]) -> Feature:
    """A Feature from a row of strings; what is missing or strange takes the host's default."""
    return Feature(
        name=name,
        state=_admin(row.get("state", "")),
        restarts=_admin(row.get("auto_restart", "enabled")),
        mode=Mode.KUBERNETES if wants_kubernetes(row) else Mode.LEGACY,
        knows_owner="set_owner" in row,
        fallback=falls_back(row),
        global_scope=row.get("has_global_scope", "True") in _TRUE,
        per_asic_scope=row.get("has_per_asic_scope", "False") in _TRUE,
    )


def _admin(word: str) -> AdminState:
    return AdminState(word) if word in AdminState._value2member_map_ else AdminState.UNKNOWN


def instances(feature: Feature, namespaces: Iterable[str]) -> tuple[Instance, ...]:
    """Where a feature runs. `namespaces` are the ASICs of the switch, empty on a single-ASIC one.

    On a single-ASIC switch every feature has exactly one instance, on the host, whatever its row says of ASICs.
    """
    asics = [n for n in namespaces if n]
    name = feature.name
    host = Instance(name, "", f"{name}.service", name)
    if not asics:
        return (host,)
    found = [host] if feature.global_scope else []
    if feature.per_asic_scope:
        for namespace in asics:
            index = namespace.removeprefix("asic")
            found.append(Instance(name, namespace, f"{name}@{index}.service", f"{name}{index}"))
    return tuple(found)
