"""The daemon on a switch."""

from .daemon import Daemon

Daemon().run()
