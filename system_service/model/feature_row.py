"""What two fields of a FEATURE row of CONFIG_DB say, to everybody who reads them.

Beside `feature` because the waiter cannot afford that module's imports: no typing at run time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def wants_kubernetes(row: Mapping[str, str]) -> bool:
    """Whether the feature is to run from Kubernetes."""
    return row.get("set_owner") == "kube"


def falls_back(row: Mapping[str, str]) -> bool:
    """Whether the local image may serve while Kubernetes cannot.

    Only the string `true` turns that off; the host's own reader takes any non-empty string, `false` too.
    """
    return row.get("no_fallback_to_local", "").lower() != "true"
