"""The scene for tests of a waiter that hands over."""

from __future__ import annotations

from tests.waiter.scene import scene

__all__ = ["scene"]
