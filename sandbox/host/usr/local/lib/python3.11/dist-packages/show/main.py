"""`show` of the sandbox switch: some words of the host's, then what its plugins add."""

from __future__ import annotations

import click
from standin import CONTEXT, AbbreviationGroup, AliasedGroup, own, register_plugins

from show import plugins


@click.group(cls=AliasedGroup, context_settings=CONTEXT)
def cli() -> None:
    """SONiC command line - 'show' command"""


@cli.command()
def version() -> None:
    """Show version information"""
    click.echo("SONiC Software Version: SONiC.sandbox")


@cli.group(cls=AbbreviationGroup)
def feature() -> None:
    """Show feature status"""


@cli.group(cls=AbbreviationGroup)
def kubernetes() -> None:
    pass


@kubernetes.group()
def server() -> None:
    """Server configuration"""


feature.add_command(own("show-kube", "feature", "autorestart", text="Show auto-restart state for a feature"))
feature.add_command(own("show-kube", "feature", "config", text="Show feature config"))
feature.add_command(own("show-kube", "feature", "status", text="Show feature state"))
kubernetes.add_command(own("show-kube", "kubernetes", "labels", text=""))
server.add_command(own("show-kube", "kubernetes", "server", "config", text="Show kube configuration"))
server.add_command(own("show-kube", "kubernetes", "server", "status", text="Show kube configuration"))

register_plugins(plugins, cli)
