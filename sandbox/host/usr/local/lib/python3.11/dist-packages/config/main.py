"""`config` of the sandbox switch: some words of the host's, then what its plugins add."""

from __future__ import annotations

import os
import sys

import click
from standin import CONTEXT, AbbreviationGroup, own, register_plugins

from config import plugins


@click.group(cls=AbbreviationGroup, context_settings=CONTEXT)
def config() -> None:
    """SONiC command line - 'config' command"""
    if os.geteuid() != 0:
        sys.exit("Root privileges are required for this operation")


@config.command()
def save() -> None:
    """Export current config DB to a file on disk."""


@config.group(cls=AbbreviationGroup)
def feature() -> None:
    """Configure features"""


@config.group(cls=AbbreviationGroup)
def kubernetes() -> None:
    """kubernetes command line"""


@kubernetes.group()
def server() -> None:
    """Server configuration"""


@kubernetes.group()
def label() -> None:
    """label configuration"""


feature.add_command(own("config-kube", "feature", "autorestart", text="Enable/disable autosrestart of a feature"))
feature.add_command(own("config-kube", "feature", "fallback", text="set fallback for a feature"))
feature.add_command(own("config-kube", "feature", "owner", text="set owner for a feature"))
feature.add_command(own("config-kube", "feature", "state", text="Enable/disable a feature"))
server.add_command(own("config-kube", "kubernetes", "server", "disable", text="Specify whether it is disabled"))
server.add_command(own("config-kube", "kubernetes", "server", "insecure", text="Specify whether it is insecure"))
server.add_command(own("config-kube", "kubernetes", "server", "ip", text="Specify a kubernetes cluster VIP"))
server.add_command(own("config-kube", "kubernetes", "server", "port", text="Specify a kubernetes Service port"))
label.add_command(own("config-kube", "kubernetes", "label", "add", text="Add a label to this node"))
label.add_command(own("config-kube", "kubernetes", "label", "drop", text="Drop a label from this node"))

register_plugins(plugins, config)
