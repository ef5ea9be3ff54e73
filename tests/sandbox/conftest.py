"""The session's sandbox switch, for the tests of the sandbox itself."""

from tests.support.switch import switch, witness

__all__ = ["switch", "witness"]
