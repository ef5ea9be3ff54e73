"""featured, as it was recorded: its rules, and a daemon made of them that is given its switch and its time.

Nothing here waits or speaks to anything: `Featured` asks its `Switch`, and sleeps where that lets it. The rules alone
are also the planner's model's (tests/model). Held to recordings by tests/recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

STATES = ("enabled", "disabled", "always_enabled", "always_disabled")
FIXED = ("always_enabled", "always_disabled")
ON = ("enabled", "always_enabled")
EXCLUDED = frozenset({"telemetry", "frr_bmp"})
ENABLE, DISABLE = "enable", "disable"

PORT_TIMEOUT = 180  # whole seconds after which the ports are no longer waited for
SETTLE_TIMEOUT = 60  # seconds for which a stop waits for a start that is under way
SETTLE_PAUSE = 1  # seconds between two looks at it
PORTS_READY = "PortInitDone"


# --- the rules


def excluded(name: str) -> bool:
    """Whether featured leaves the feature alone, whatever its state."""
    return name.lower() in EXCLUDED


def change(known: str | None, state: str | None) -> str | None:
    """What is done about a state, where `known` is the one that was last carried out (None: none was).

    None: there is no way from one to the other.
    """
    allowed = STATES if known is None else FIXED if known in FIXED else ("enabled", "disabled")
    if state not in allowed:
        return None
    return ENABLE if state in ON else DISABLE


def calls(what: str, file_state: str) -> tuple[str, ...]:
    """What systemctl is told about a unit whose UnitFileState is this; none: it counts as done already."""
    if what == ENABLE:
        return () if file_state == "enabled" else ("unmask", "enable", "start")
    return () if file_state in ("disabled", "masked") else ("is-active", "stop", "disable", "mask")


def may_fail(verb: str) -> bool:
    """Whether featured goes on when this call of systemctl failed."""
    return verb == "enable"


def written_back(known: str | None, found: str | None) -> bool:
    """Whether `known` is written over the state that is found in a row."""
    return known is not None and found != known and (known in FIXED or found not in STATES)


def file_after(verb: str, file_state: str, unmasked: str = "disabled") -> str:
    """systemd's part: a unit's UnitFileState after this call. `unmasked`: what a mask has hidden."""
    if verb == "mask":
        return "masked"
    before, after = {
        "unmask": ("masked", unmasked),
        "enable": ("disabled", "enabled"),
        "disable": ("enabled", "disabled"),
    }.get(verb, ("", file_state))
    return after if file_state == before else file_state


# --- the daemon


class Switch(Protocol):
    """What featured finds. A namespace is "" for the host's databases, or asicN's."""

    asics: int
    """How many; 0 on a switch with one."""
    metadata: Mapping[str, Any]
    """What templates are rendered with."""

    def systemctl(self, *words: str) -> tuple[int, str]: ...  # exit code, stdout
    def names(self) -> Iterable[str]: ...  # of all FEATURE rows in CONFIG_DB
    def ports_ready(self) -> bool: ...
    def row(self, name: str, namespace: str = "") -> Mapping[str, str]: ...  # of CONFIG_DB; empty: there is none
    def write(self, database: str, name: str, fields: Mapping[str, str], namespace: str = "") -> None: ...
    def delete(self, database: str, name: str, namespace: str = "") -> None: ...  # also where there is none
    def drop_in(self, unit: str, text: str) -> None: ...
    def now(self) -> float: ...  # seconds
    def sleep(self, seconds: float) -> None: ...


class Feature(NamedTuple):
    """A row, rendered."""

    name: str
    state: str | None = None
    auto_restart: str = "disabled"
    delayed: bool = False
    global_scope: bool = True
    asic_scope: bool = False


class Ended(Exception):
    """featured has ended with exit code 1. The text is the last line it wrote to stderr."""


class Featured:
    """One life of the daemon: `start`, then `row`, `port` and `tick` as things happen.

    Raises:
        Ended: by any of them. Nothing may be asked of it afterwards.
    """

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.known: dict[str, Feature] = {}
        self._delays = True
        self._begun = switch.now()

    def start(self) -> None:
        """Act on the rows that are there."""
        for name in sorted(self.switch.names()):
            feature = self._read(name, self.switch.row(name))
            self.known[name] = feature
            self._set_restart(feature)
            self._carry_out(feature)
            self._set_scopes(feature)
            self._write_back(feature)
            if self.switch.row(name).get("delayed") != str(feature.delayed):
                self._everywhere(name, {"delayed": str(feature.delayed)})
        for name in sorted(self.switch.names()):
            self.row(name)  # subscribing tells of each once more
        if self.switch.ports_ready():
            self.port(PORTS_READY)

    def row(self, name: str) -> None:
        """A row of FEATURE in the host's CONFIG_DB was written or deleted."""
        row = self.switch.row(name)
        if not row:
            self._forget(name)
            return
        feature = self._read(name, row)
        known = self.known.setdefault(name, Feature(name))
        if known.auto_restart != feature.auto_restart:
            self._set_restart(feature)
            known = self.known[name] = known._replace(auto_restart=feature.auto_restart)
        if known.state == feature.state:
            return
        if self._carry_out(feature):
            self._set_scopes(feature)
            self._write_back(feature)
            self.known[name] = feature
        else:
            self._write_back(known)

    def port(self, key: str) -> None:
        """A row of PORT_TABLE was written."""
        if key == PORTS_READY:
            self._delays = False
            for feature in tuple(self.known.values()):
                if feature.delayed:
                    self._carry_out(feature)

    def tick(self) -> None:
        """Time has passed, and nothing else happened."""
        if self._delays and int(self.switch.now() - self._begun) > PORT_TIMEOUT:
            self.port(PORTS_READY)

    def _forget(self, name: str) -> None:
        self.known.pop(name, None)
        self.switch.delete("STATE_DB", name)
        for database in ("CONFIG_DB", "STATE_DB"):
            for namespace in self._namespaces()[1:]:
                self.switch.delete(database, name, namespace)

    def _carry_out(self, feature: Feature) -> bool:
        """Whether the state is now taken for carried out."""
        what = change(self.known[feature.name].state, feature.state)
        if what is None:
            return False
        if feature.delayed and self._delays:
            return True
        if excluded(feature.name):
            return False
        for unit in self._units(feature):
            for verb in calls(what, self._file_state(unit)):
                if verb == "is-active":
                    self._settle(unit)
                elif self.switch.systemctl(verb, unit)[0] and not may_fail(verb):
                    self._report(feature.name, "failed")
                    return False
        self._report(feature.name, "enabled" if what == ENABLE else "disabled")
        return True

    def _settle(self, unit: str) -> None:
        until = self.switch.now() + SETTLE_TIMEOUT
        while self.switch.now() < until and self.switch.systemctl("is-active", unit)[1].strip() == "activating":
            self.switch.sleep(SETTLE_PAUSE)

    def _set_scopes(self, feature: Feature) -> None:
        """Take down what the scopes exclude on a switch with ASICs, and write rendered scopes into the rows."""
        for unit in self._units(feature, every=True):
            file_state = self._file_state(unit)
            wanted = feature.asic_scope if "@" in unit else feature.global_scope
            if wanted or not self.switch.asics or file_state in ("", "masked"):
                continue
            for verb in ("stop", "disable", "mask"):
                if self.switch.systemctl(verb, unit)[0]:
                    self._report(feature.name, "failed")
                    return
        scopes = {"has_global_scope": str(feature.global_scope), "has_per_asic_scope": str(feature.asic_scope)}
        self._everywhere(feature.name, scopes)

    def _write_back(self, known: Feature) -> None:
        for namespace in self._namespaces():
            if written_back(known.state, self.switch.row(known.name, namespace).get("state")):
                self.switch.write("CONFIG_DB", known.name, {"state": known.state or ""}, namespace)

    def _set_restart(self, feature: Feature) -> None:
        rule = "always" if "enabled" in feature.auto_restart else "no"
        for unit in self._units(feature):
            self.switch.drop_in(unit, f"[Service]\nRestart={rule}\n")
        self.switch.systemctl("daemon-reload")

    def _file_state(self, unit: str) -> str:
        code, out = self.switch.systemctl("show", unit, "--property", "UnitFileState")
        return "invalid" if code else out.strip().partition("=")[2]

    def _report(self, name: str, state: str) -> None:
        for namespace in self._namespaces():
            self.switch.write("STATE_DB", name, {"state": state}, namespace)

    def _everywhere(self, name: str, fields: Mapping[str, str]) -> None:
        """Write what differs."""
        for namespace in self._namespaces():
            row = self.switch.row(name, namespace)
            if differ := {field: value for field, value in fields.items() if row.get(field) != value}:
                self.switch.write("CONFIG_DB", name, differ, namespace)

    def _namespaces(self) -> list[str]:
        return ["", *(f"asic{n}" for n in range(self.switch.asics))]

    def _units(self, feature: Feature, *, every: bool = False) -> list[str]:
        asics = self.switch.asics
        host = [f"{feature.name}.service"] if feature.global_scope or every or not asics else []
        return host + [f"{feature.name}@{n}.service" for n in range(asics) if feature.asic_scope or every]

    def _read(self, name: str, row: Mapping[str, str]) -> Feature:
        if "has_timer" in row:
            raise Ended(
                "ValueError: Invalid obsolete field 'has_timer' in FEATURE table. "
                "Please update configuration schema version"
            )

        def rendered(field: str, among: tuple[str, ...]) -> str:
            value = render(row[field], self.switch.metadata)
            value = {"true": "True", "false": "False"}.get(value.lower(), value)
            if value not in among:
                raise Ended(f"ValueError: Invalid value rendered for feature {name}: {value}".rstrip())
            return value

        def flag(field: str, default: bool) -> bool:
            return rendered(field, ("True", "False")) == "True" if field in row else default

        return Feature(
            name,
            rendered("state", STATES) if "state" in row else None,
            row.get("auto_restart", "disabled"),
            flag("delayed", default=False),
            flag("has_global_scope", default=True),
            flag("has_per_asic_scope", default=False),
        )


def render(text: str, metadata: Mapping[str, Any]) -> str:
    """A template rendered. Raises Ended."""
    import jinja2  # the model has no templates

    try:
        return str(jinja2.Template(text).render(metadata))
    except jinja2.TemplateError as error:
        raise Ended(f"{type(error).__module__}.{type(error).__name__}: {error.message}") from error
