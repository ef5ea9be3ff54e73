"""How a server is verified: its chain and its name, as the kubelet, kubectl and curl do it."""

from __future__ import annotations

import ssl


def verifying(authority: str | None = None, cafile: str | None = None) -> ssl.SSLContext:
    """A context that trusts this authority (PEM, or the path of a file with it), or the switch's own ones.

    Raises ssl.SSLError, OSError: it is none.
    """
    context = ssl.create_default_context(cafile=cafile, cadata=authority)
    # Python 3.13 asks for more than RFC 5280 does of those who verify: the authority that a cluster was made with years
    # ago may have no key identifiers.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
