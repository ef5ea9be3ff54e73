"""The Kubernetes server as the host's rows have it: KUBERNETES_MASTER|SERVER of CONFIG_DB (wanted) and STATE_DB (seen).

No dataclasses: a command that looks pays for every import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ROW = "KUBERNETES_MASTER|SERVER"

# What a field that is not in the row means.
DEFAULTS = {"ip": "", "port": "6443", "insecure": "False", "disable": "False"}


def fields(row: Mapping[str, str]) -> dict[str, str]:
    """The row without what the host writes into one that has no field."""
    return {field: value for field, value in row.items() if field != "NULL"}


def desired(row: Mapping[str, str]) -> dict[str, Any] | None:
    """CONFIG_DB's row as plain values: `ip`, `port` (None: no number), `insecure`, `disable`; None without a row."""
    if not fields(row):
        return None
    known = {**DEFAULTS, **row}
    return {
        "ip": known["ip"],
        "port": port(known["port"]),
        "insecure": known["insecure"].lower() == "true",
        "disable": known["disable"].lower() == "true",
    }


def configured(server: Mapping[str, str]) -> bool:
    """Whether the operator has set a Kubernetes server (KUBERNETES_MASTER|SERVER), and not disabled it."""
    return bool(server.get("ip")) and server.get("disable", "").lower() != "true"


def why_no_server(server: Mapping[str, str]) -> tuple[str, str] | None:
    """Why the operator wants no Kubernetes server to be used, and the next step; None: he does."""
    if not server.get("ip"):
        return "no Kubernetes server is configured", "config kubernetes server ip ADDRESS"
    if not configured(server):
        return "the Kubernetes server is disabled", "config kubernetes server disable off"
    return None


def url(row: Mapping[str, str]) -> str:
    """The address of CONFIG_DB's server; "" where the row has none that could be one."""
    from system_service.model.address import https_url, is_host

    known = {**DEFAULTS, **row}
    number = port(known["port"])
    return https_url(known["ip"], number) if number and is_host(known["ip"]) else ""


def port(text: str) -> int | None:
    """A TCP port in decimal digits; None for anything else."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return number if 0 < number < 65536 else None
