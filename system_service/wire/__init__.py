"""Bytes on sockets: Redis and HTTP, small enough for the waiter (no dataclasses, no typing at run time)."""
