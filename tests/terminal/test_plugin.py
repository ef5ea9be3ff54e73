"""A command of ours in a group of the host's: described by its table's line, and for the rest the real one."""

from __future__ import annotations

import click
import pytest

from show_kube.cli import cli as ours
from show_kube.feature.mode import command as mode
from system_service.terminal.plugin import Deferred, extend

MODE = ("mode", "show_kube.feature.mode", "Show who runs a feature")


def test_listed_without_its_module():
    group = click.Group("feature", commands=[Deferred("mode", "no.such.module", "A line of help")])
    assert "  mode  A line of help" in group.get_help(click.Context(group)).splitlines()


def test_looked_at_it_is_the_real_one():
    deferred = Deferred(*MODE)
    assert (deferred.params, deferred.help, deferred.callback) == (mode.params, mode.help, mode.callback)
    settings = mode.context_settings
    shown = [c.get_help(click.Context(c, info_name="mode", **settings)) for c in (deferred, mode)]
    assert set(shown[0].split()) == set(shown[1].split())
    described = click.Group("feature", commands=[deferred]).to_info_dict(click.Context(click.Group("x")))
    assert [p["name"] for p in described["commands"]["mode"]["params"]][:2] == ["name", "as_json"]


def test_called_its_context_is_the_real_ones():
    context = Deferred(*MODE).make_context("mode", ["snmp", "--json"])
    assert context.command is mode
    assert context.params == {"name": "snmp", "as_json": True}


def test_a_module_that_is_not_there_is_a_sentence():
    with pytest.raises(click.ClickException, match="`mode` cannot be loaded: No module named "):
        Deferred("mode", "no.such.module", "").make_context("mode", [])


def test_what_the_host_has_is_the_same_object_afterwards():
    theirs = click.Command("mode")
    feature, kubernetes = click.Group("feature", commands=[theirs]), click.Group("kubernetes")
    host = click.Group("show", commands=[feature, kubernetes, click.Command("version")])
    for _ in range(2):
        extend(host, ours)
        assert feature.commands["mode"] is theirs
        assert (host.commands["feature"], host.commands["kubernetes"]) == (feature, kubernetes)
        assert set(feature.commands) == set(ours.commands["feature"].table)
        assert set(host.commands) == {"feature", "kubernetes", "version"}
        added = dict(feature.commands)
    extend(host, ours)
    assert feature.commands == added


def test_a_missing_group_is_ours_once():
    host = click.Group("show")
    for _ in range(2):
        extend(host, ours)
        assert host.commands == ours.commands
        assert ours.commands["feature"].commands == {}
