"""What may stand for a machine in the network: an IPv4 or IPv6 address, or a host name."""

from __future__ import annotations

import re

# RFC 1123, and what Kubernetes calls a DNS subdomain. The last part of a name is no number, or it would be an address.
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # the name of an interface


def is_host(word: str) -> bool:
    """A host name in any case, or an address; an IPv6 one may have a zone (`fe80::1%eth0`)."""
    return _NAME.fullmatch(word.lower()) is not None or _version(word) is not None


def is_subdomain(word: str) -> bool:
    """What Kubernetes takes as the name of a node, and as the prefix of a label's key."""
    return _SUBDOMAIN.fullmatch(word) is not None


def https_url(host: str, port: int) -> str:
    """The URL of a server; an IPv6 address is bracketed, and its zone escaped (RFC 6874)."""
    return f"https://[{host.replace('%', '%25')}]:{port}" if _version(host) == 6 else f"https://{host}:{port}"


def _version(word: str) -> int | None:
    import ipaddress

    address, zoned, zone = word.partition("%")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return None
    return None if zoned and (version == 4 or not _ZONE.fullmatch(zone)) else version
