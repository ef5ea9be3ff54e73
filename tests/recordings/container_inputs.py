"""What a recorded case of `container` begins with, in the words of the rules, and results that leave a choice."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, NamedTuple

from tests.recordings.play import NAME_LABEL, TYPE_LABEL
from tests.recordings.replay import Case

Result = dict[str, Any]


class OneOf(NamedTuple):
    """In an expected result: any of these values is right. None: the field is absent."""

    values: tuple[Any, ...]


ANY: Final = OneOf(("*",))


class Inputs:
    """What a case begins with, in the words of the rules. A feature's instance on an ASIC has the feature's row."""

    def __init__(self, case: Case) -> None:
        self.case = case
        words = [word for word in case["argv"] if not word.startswith("-") and not word.isdigit()]
        self.name = words[1] if len(words) == 2 else ""
        self.verb = words[0] if self.name else ""  # a wrong usage is nobody's case
        database = case.get("database") or {}
        self.config_rows = database.get("CONFIG_DB", {})
        self.state_rows = database.get("STATE_DB", {})
        self.config = self.config_rows.get(f"FEATURE|{self.name}", {})
        self.state = self.state_rows.get(f"FEATURE|{self.name}", {})
        self.containers = case.get("containers") or []
        self.redis = case.get("redis") != "stopped"
        self.docker = case.get("docker") != "missing"
        self.ctrmgrd = case.get("kubernetes_image", True)
        stem = self.name.rstrip("0123456789")
        self.stem = stem if stem != self.name and not self.config and f"FEATURE|{stem}" in self.config_rows else ""

    @property
    def asic(self) -> bool:
        return bool(self.stem) and self.config_rows[f"FEATURE|{self.stem}"].get("has_per_asic_scope") == "True"

    @cached_property
    def local(self) -> str:
        """The state of the local container; "" where there is none."""
        return next((c["state"] for c in self.containers if c["name"] == self.name), "")

    @property
    def local_runs(self) -> bool:
        return self.local in ("running", "paused", "restarting")

    @cached_property
    def pods(self) -> list[Case]:
        """Running containers that Kubernetes made for the feature."""
        wanted = {NAME_LABEL: self.name, TYPE_LABEL: "container"}
        return [
            c
            for c in self.containers
            if c["state"] in ("running", "paused", "restarting") and wanted.items() <= c.get("labels", {}).items()
        ]

    @property
    def serves(self) -> bool:
        """Whether a pod runs the feature, past its gate (play.fill)."""
        said = (self.state.get("current_owner"), self.state.get("remote_state"))
        return bool(self.pods) and said == ("kube", "running")

    @property
    def kube(self) -> bool:
        return self.config.get("set_owner") == "kube"

    @property
    def fallback(self) -> bool:
        return self.config.get("no_fallback_to_local", "").lower() != "true"

    @property
    def records(self) -> bool:
        """Whether the feature's row of STATE_DB is written: who knows no owner is told of none."""
        return bool(self.config) and ("set_owner" in self.config or self.ctrmgrd)

    @property
    def moves(self) -> bool:
        """Whether Kubernetes has, or is to have, a part in it."""
        return self.redis and (self.kube or bool(self.pods and self.records))

    @property
    def failures(self) -> list[Any]:
        return self.case.get("failures", [])


def chosen(value: Any, here: Any) -> Any:
    """An expected value, its choices decided by what is here where that is one of them."""
    if isinstance(value, dict):
        found = {key: chosen(part, here.get(key) if isinstance(here, dict) else None) for key, part in value.items()}
        # A field that may be absent, and a row that has no other.
        return {k: part for k, part in found.items() if part != {} and (part is not None or k not in _open(value))}
    if isinstance(value, OneOf):
        return here if value == ANY or here in value.values else value.values[0]
    return value


def _open(value: dict[str, Any]) -> set[str]:
    return {key for key, part in value.items() if isinstance(part, OneOf)}
