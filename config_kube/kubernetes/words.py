"""What an operator may type for a server and for a label, as click types. All give the word back as it was typed."""

from __future__ import annotations

import re
from typing import Any

import click

from system_service.model import kube_server
from system_service.model.address import is_host, is_subdomain

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


class Host(click.ParamType):
    """An IPv4 or IPv6 address, or a host name."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value)
        if not is_host(word):
            self.fail(f"{word!r} is neither a host name nor an IPv4 or IPv6 address.", param, ctx)
        return word


class Port(click.ParamType):
    """A TCP port."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        number = kube_server.port(str(value))
        if number is None:
            self.fail(f"{value!r} is no port: a number from 1 to 65535.", param, ctx)
        return str(number)


class LabelKey(click.ParamType):
    """[PREFIX/]NAME: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        prefix, slash, name = str(value).rpartition("/")
        if not _LABEL.fullmatch(name) or (slash and not is_subdomain(prefix)):
            self.fail(
                f"{value!r} is no label key: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both "
                "ends; before it, if wanted, a lower-case domain name and '/'.",
                param,
                ctx,
            )
        return str(value)


class LabelValue(click.ParamType):
    """What the key's name may be, or nothing."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value and not _LABEL.fullmatch(str(value)):
            self.fail(
                f"{value!r} is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both "
                "ends.",
                param,
                ctx,
            )
        return str(value)
