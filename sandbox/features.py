"""What the sandbox switch has: its features, their images, and the CONFIG_DB rows an image would be built with."""

from __future__ import annotations

from typing import Final

UNITS: Final = ("database", "swss", "bgp", "snmp", "lldp")
"""Features with a unit; units, scripts and images bear these names."""

BOOTED: Final = ("database", "swss", "bgp")
"""Units with an [Install] section."""

STARTED_LATER: Final = ("snmp", "lldp")
"""Units without: a switch's featured starts them, here the sandbox does."""

WITHOUT_UNIT: Final = "restapi"
"""A feature that has a container and no unit: only the engine knows it."""

IMAGES: Final = {
    "database": "database",
    "snmp": "snmp",
    "lldp": "lldp",
    "swss": "standin",
    "bgp": "standin",
    WITHOUT_UNIT: "standin",
}
"""Feature to folder below images/. `standin` sleeps under supervisord; the others do their real work."""

PUBLISHED: Final = ("snmp", "lldp")
"""Features whose newer images are in the sandbox's registry."""

KUBE_ONLY: Final = {"probe": "probe"}
"""A feature that the switch's image does not have: its images are in the registry alone. Feature to folder."""

CREATE_OPTIONS: Final = {
    # lldpd needs raw sockets on the ports.
    "lldp": "--cap-add NET_ADMIN",
}

PROFILES: Final = ("kubernetes", "legacy-only")
"""Images built with Kubernetes have set_owner in every row; the others nowhere."""

_COMMON: Final = {
    "auto_restart": "enabled",
    "check_up_status": "false",
    "delayed": "False",
    "has_global_scope": "True",
    "has_per_asic_scope": "False",
    "has_per_dpu_scope": "False",
    "high_mem_alert": "disabled",
    "support_syslog_rate_limit": "true",
}
_ROWS: Final = {
    "database": {"state": "always_enabled", "auto_restart": "always_enabled"},
    "swss": {"state": "enabled"},
    "bgp": {"state": "enabled"},
    "snmp": {"state": "enabled", "delayed": "True"},
    "lldp": {"state": "enabled", "delayed": "True"},
    WITHOUT_UNIT: {"state": "enabled"},
    "dhcp_relay": {"state": "disabled"},
    "nat": {"state": "disabled"},
    "sflow": {"state": "disabled"},
    "telemetry": {"state": "disabled"},
}


def config_db(profile: str = "kubernetes") -> dict[str, dict[str, dict[str, str]]]:
    """Table -> key -> row, as in a switch's config_db.json. ValueError for a profile that is not in PROFILES."""
    if profile not in PROFILES:
        raise ValueError(f"no such profile: {profile}")
    owner = {"set_owner": "local"} if profile == "kubernetes" else {}
    rows = {name: {**_COMMON, **special, **owner} for name, special in _ROWS.items()}
    return {"DEVICE_METADATA": {"localhost": {"hostname": "sonic", "hwsku": "sandbox"}}, "FEATURE": rows}
