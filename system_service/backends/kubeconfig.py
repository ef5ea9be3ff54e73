"""A kubeconfig as text: read as a plain file that nobody else writes, parsed, and the entries of a context found.

What is done with it is `cluster`'s, which is the client of that API server, and `discovery`'s, which joins it.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from system_service.backends.docker_json import as_object
from system_service.errors import NotPermitted, SwitchError, Unreachable

EXTRA = "pip install kubernetes pyyaml"
"""What brings the client, by the names of those who make it: the name of this package is nobody's on public indexes."""
MOST = 1 << 20  # bytes of a file
_EMBEDDED = ("certificate-authority-data", "client-certificate-data", "client-key-data")

Unusable = Callable[[str], SwitchError]
"""The error for a file that cannot be used, with the reason in it."""


def contents(path: str, unusable: Unusable) -> tuple[bytes, os.stat_result]:
    """A plain file's content, and what it is. Raises NotPermitted, or what `unusable` makes."""
    try:
        # Whatever is named: a pipe that nobody writes to, or a device, must not be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is no plain file")
            with open(handle, "rb", closefd=False) as file:
                return file.read(MOST), status
        finally:
            os.close(handle)
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read", "run it as root (sudo)") from error
    except (OSError, ValueError) as error:
        raise unusable(getattr(error, "strerror", None) or str(error)) from error


def vouching(path: str, unusable: Unusable, *, root: bool = True) -> tuple[bytes, os.stat_result]:
    """The content of a file that says whom to trust, or who asks: one that others may write vouches for nobody.

    With `root` it has to be root's, or of who asks.

    Raises NotPermitted, or what `unusable` makes.
    """
    content, status = contents(path, unusable)
    if status.st_mode & 0o022:
        raise unusable(f"others may write it: chmod go-w {path}")
    if root and status.st_uid not in (0, os.geteuid()):
        raise unusable(f"others may write it: chown root {path}")
    return content, status


def embedded(path: str, entry: dict[str, Any], key: str, unusable: Unusable, *, root: bool = True) -> str:
    """A value in base64, given so or as the name of a file (relative to the kubeconfig); "" when there is none.

    Raises as `vouching`.
    """
    if data := given(entry, key, unusable):
        return data
    content = _beside(path, entry.get(key.removesuffix("-data")), unusable, root)
    return "" if content is None else base64.b64encode(content).decode("ascii")


def given(entry: dict[str, Any], key: str, unusable: Unusable) -> str:
    """A value in base64, "" when there is none. Raises what `unusable` makes."""
    found = entry.get(key)
    data = "".join(found.split()) if isinstance(found, str) else ""
    try:
        base64.b64decode(data, validate=True)
    except ValueError:
        raise unusable(f"its {key} is no base64") from None
    return data


def token(path: str, user: dict[str, Any], unusable: Unusable, *, root: bool = True) -> str:
    """The bearer token, given so or as the name of a file; "" when there is none. Raises as `vouching`."""
    content = _beside(path, user.get("tokenFile"), unusable, root)
    found = user.get("token") if content is None else content.decode("utf-8", "replace").strip()
    return found if isinstance(found, str) else ""


def _beside(path: str, name: object, unusable: Unusable, root: bool) -> bytes | None:
    """The content of the file that a kubeconfig names; None when it names none."""
    if not isinstance(name, str) or not name:
        return None
    whole = os.path.join(os.path.dirname(os.path.abspath(path)), name)
    return vouching(whole, lambda problem: unusable(f"{whole}: {problem}"), root=root)[0]


def parse(text: bytes, unusable: Unusable) -> dict[str, Any]:
    """Raises what `unusable` makes, and Unreachable where nothing reads YAML."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _yaml(text, unusable)
    if not isinstance(found, dict):
        raise unusable("it is no kubeconfig")
    return found


def _yaml(text: bytes, unusable: Unusable) -> Any:
    """All scalars are text: whatever a tag calls them, nothing is made of them."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise Unreachable("nothing here reads YAML, which a kubeconfig is written in", EXTRA) from error
    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes text, lists and mappings, and nothing else
    # Its own sentences quote the file, in which there are keys.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise unusable("it is no YAML") from None


def named(found: dict[str, Any], table: str, name: object) -> dict[str, Any]:
    """The entry of this name; without a name the only entry."""
    table_ = found.get(table)
    rows = [row for row in table_ if isinstance(row, dict)] if isinstance(table_, list) else []
    if not name:
        return rows[0] if len(rows) == 1 else {}
    return next((row for row in rows if row.get("name") == name), {})


def trusted(path: str, unusable: Unusable) -> dict[str, Any]:
    """The current context of a kubeconfig and its entries alone, fit to be used with root's rights for years.

    What it names files for is embedded.

    Raises what `unusable` makes for one that others may write (it says whom to trust, and so do the files that it
    names), that has a program run or a token fetched, that does not verify its server, or that goes through a proxy.
    """
    found = parse(vouching(path, unusable)[0], unusable)
    current = found.get("current-context")
    context = as_object(named(found, "contexts", current).get("context"))
    if not context:
        raise unusable("it has no current context")
    cluster = as_object(named(found, "clusters", context.get("cluster")).get("cluster"))
    user = as_object(named(found, "users", context.get("user")).get("user"))
    for word in ("exec", "auth-provider"):
        if user.get(word):
            raise unusable(f"it would have a program run ({word}): give it a certificate or a token")
    if str(cluster.get("insecure-skip-tls-verify") or "false").lower() != "false":
        raise unusable("it does not verify its server (insecure-skip-tls-verify)")
    if cluster.get("proxy-url"):
        raise unusable("it goes through a proxy (proxy-url): the API server is spoken to directly")
    user = {**_embedded(path, user, unusable), "token": token(path, user, unusable)}
    user.pop("tokenFile", None)
    cluster = _embedded(path, cluster, unusable)
    name = "switch"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def _embedded(path: str, entry: dict[str, Any], unusable: Unusable) -> dict[str, Any]:
    """The entry with the content in the place of every certificate and key that is named."""
    named_ = {key.removesuffix("-data") for key in _EMBEDDED}
    data = {key: embedded(path, entry, key, unusable) for key in _EMBEDDED}
    return {key: value for key, value in entry.items() if key not in named_} | data


@contextmanager
def in_memory(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same with every embedded certificate and key as the path of a file that is on no disk, for the body."""
    with ExitStack() as stack:
        entries = {}
        for table, kind in (("clusters", "cluster"), ("users", "user")):
            entry = dict(config[table][0][kind])
            for key in _EMBEDDED:
                if data := entry.pop(key, ""):
                    entry[key.removesuffix("-data")] = stack.enter_context(_memory(key, data))
            entries[table] = [{"name": config[table][0]["name"], kind: entry}]
        yield {**config, **entries}


@contextmanager
def _memory(name: str, data: str) -> Iterator[str]:
    handle = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.fchmod(handle, 0o600)
        with open(handle, "wb", closefd=False) as file:
            file.write(base64.b64decode(data))
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
