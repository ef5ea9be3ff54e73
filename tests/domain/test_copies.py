"""A row's copies on a switch with several ASICs: written all or none, and only what is ours is undone."""

from __future__ import annotations

import pytest

from system_service.backends.switchdb import Edit
from system_service.domain.copies import write_copies
from system_service.errors import Failed, Refused
from tests.support.redis import NUMBERS

ROW = {"state": "enabled", "auto_restart": "enabled", "left": "alone"}
KEY = "FEATURE|snmp"


@pytest.fixture
def asics(fakes):
    fakes.asic("asic0", "asic1")
    for namespace in ("", "asic0", "asic1"):
        fakes.put("CONFIG_DB", KEY, ROW, namespace)
    return fakes


def rows(fakes):
    return [fakes.row("snmp", namespace=namespace) for namespace in ("", "asic0", "asic1")]


def change(fakes, edit=None, before=lambda namespace: None):
    """`before` is called before each copy is written."""

    def decide(row, namespace):
        before(namespace)
        return edit or Edit({"state": "disabled", "new": "field"}, ["auto_restart"])

    return write_copies(fakes.switch().db, "snmp", decide)


def refuse(namespace):
    if namespace == "asic1":
        raise Refused("not here", "")


def test_every_copy_is_written(asics):
    assert change(asics) == (True, None)
    assert rows(asics) == 3 * [{"state": "disabled", "left": "alone", "new": "field"}]
    assert change(asics) == (False, None)


def test_what_one_copy_is_refused_is_undone_in_the_others(asics):
    changed, error = change(asics, before=refuse)
    assert (changed, str(error)) == (False, "not here")
    assert rows(asics) == 3 * [ROW]


def test_so_is_what_one_database_cannot_hold(asics):
    asics.put("CONFIG_DB", KEY, "no hash", "asic1")
    changed, error = change(asics)
    assert (changed, type(error)) == (False, Failed)
    assert rows(asics)[:2] == 2 * [ROW]


def test_what_somebody_else_has_written_meanwhile_stays(asics):
    def meanwhile(namespace):
        if namespace == "asic1":
            asics.put("CONFIG_DB", KEY, {"state": "always_enabled", "new": "field", "auto_restart": "x"}, "asic0")
        refuse(namespace)

    assert change(asics, before=meanwhile)[0] is False
    assert rows(asics) == [ROW, {"state": "always_enabled", "auto_restart": "x"}, ROW]


def test_a_row_that_is_gone_is_not_made_again(asics):
    def meanwhile(namespace):
        if namespace == "asic1":
            asics.asics["asic0"].databases[NUMBERS["CONFIG_DB"]].pop(KEY.encode())
        refuse(namespace)

    assert change(asics, before=meanwhile)[0] is False
    assert rows(asics) == [ROW, None, ROW]


@pytest.mark.parametrize("edited", [False, True])
def test_a_row_that_was_made_is_taken_away_unless_somebody_has_edited_it(asics, edited):
    for redis in (asics.redis, asics.asics["asic0"]):
        redis.databases[NUMBERS["CONFIG_DB"]].pop(KEY.encode())

    def meanwhile(namespace):
        if namespace == "asic1":
            if edited:
                asics.put("CONFIG_DB", KEY, {"state": "enabled", "more": "of it"}, "asic0")
            refuse(namespace)

    assert change(asics, Edit({"state": "enabled"}), meanwhile)[0] is False
    assert rows(asics) == [None, {"state": "enabled", "more": "of it"} if edited else None, ROW]


def test_what_cannot_be_undone_is_told(asics):
    def meanwhile(namespace):
        if namespace == "asic1":
            asics.asics["asic0"].stop()
        refuse(namespace)

    changed, error = change(asics, before=meanwhile)
    assert (changed, str(error)) == (True, "not here")
    assert asics.row("snmp") == ROW
