"""`system service logs`."""

from __future__ import annotations

import re

import click

from system_service.domain.status.locate import replace_by_docker, runner
from system_service.domain.status.observe import observe
from system_service.domain.switch import Switch
from system_service.errors import UnknownFeature
from system_service.terminal.command import Command
from system_service.terminal.options import name_argument

# What the docker client takes for a length of time, and for a moment; whatever else it is given, it fails late.
_LENGTH = re.compile(r"(?:\d{1,6}(?:\.\d{1,9})?(?:h|ms|m|s))+", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)


class Since(click.ParamType):
    """A length of time before now, or a moment, as the docker client reads them."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _LENGTH.fullmatch(value) or _moment(value):
            return value
        self.fail(f"{value!r} is no time: 10m, 2h, or an RFC 3339 time.", param, ctx)


@click.command("logs", cls=Command)
@name_argument()
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is written.")
@click.option("-n", "--lines", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--since", type=Since(), metavar="T", help="Only what is younger: 10m, 2h, or an RFC 3339 time.")
def command(name: str, follow: bool, lines: int | None, since: str | None) -> None:
    """The log of a feature's container, whoever runs it.

    \b
    Examples:
      system service logs snmp -n 20
      system service logs snmp -f --since 10m
    """
    switch = Switch.from_env()
    instances = observe(switch, (name,)).features[0].instances
    found = [container for container in map(runner, instances) if container]
    if not found:
        unit = next((instance.unit for instance in instances if instance.unit and instance.unit.exists), None)
        next_step = f"journalctl -u {unit.name}" if unit else f"system service explain {name}"
        raise UnknownFeature(f"{name} has no container, and so no log", next_step)
    words = ["logs"]
    words += ["--follow"] if follow else []
    words += ["--tail", str(lines)] if lines is not None else []
    words += [f"--since={since}"] if since else []
    replace_by_docker(switch.docker, *words, found[0].id)


def _moment(value: str) -> bool:
    if not _MOMENT.fullmatch(value):
        return False
    from datetime import datetime  # for those who ask

    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
