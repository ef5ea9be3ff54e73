"""`config kubernetes ...` and `show kubernetes ...`: the server and the labels, as the host has them, but checked."""

from __future__ import annotations

import os

import pytest

SERVER, LABELS = "KUBERNETES_MASTER|SERVER", "KUBE_LABELS|SET"
WHOLE = {"ip": "10.0.0.1", "port": "6443", "insecure": "False", "disable": "False"}


def row(switch, database, key):
    return switch.databases[database].hgetall(key)


@pytest.fixture
def joined(switch):
    """A switch with a server."""
    switch.load({"CONFIG_DB": {SERVER: WHOLE}})
    return switch


@pytest.mark.parametrize(("field", "typed", "stored"), [("ip", "fe80::1%eth0", None), ("port", "06444", "6444")])
def test_a_word_is_stored(joined, field, typed, stored):
    assert joined.run("config", "kubernetes", "server", field, typed) == (0, "", "")
    assert row(joined, "CONFIG_DB", SERVER) == {**WHOLE, field: stored or typed}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("server ip 10.0.0.256", "'10.0.0.256' is neither a host name nor an IPv4 or IPv6 address."),
        ("server port 70000", "'70000' is no port: a number from 1 to 65535."),
        ("label add -- -rack r12", "'-rack' is no label key: at most 63 letters"),
        ("label add rack r/12", "'r/12' is no label value: at most 63 letters"),
        ("label drop rack=r12", "'rack=r12' is no label key: at most 63 letters"),
    ],
)
def test_what_is_none_is_wrong_usage_and_changes_nothing(joined, words, said):
    ran = joined.run("config", "kubernetes", *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
    assert joined.dump() == {"CONFIG_DB": {SERVER: WHOLE}, "STATE_DB": {}}


@pytest.mark.parametrize("field", ["insecure", "disable"])
def test_on_and_off(joined, field):
    for word, stored in (("on", "True"), ("on", "True"), ("off", "False")):
        assert joined.run("config", "kubernetes", "server", field, word) == (0, "", "")
        assert row(joined, "CONFIG_DB", SERVER) == {**WHOLE, field: stored}
    assert joined.run("config", "kubernetes", "server", field, "yes").code == 2


def test_a_field_that_is_missing_gets_its_default_and_others_stay(switch):
    switch.load({"CONFIG_DB": {SERVER: {"port": "7443", "insecure": "True", "strange": "x"}}})
    assert switch.run("config", "kubernetes", "server", "ip", "kube").code == 0
    assert row(switch, "CONFIG_DB", SERVER) == {
        **{"ip": "kube", "port": "7443", "insecure": "True", "disable": "False", "strange": "x"}
    }


def test_a_row_without_fields_is_none(switch):
    switch.load(
        {"CONFIG_DB": {SERVER: {"NULL": "NULL"}}, "STATE_DB": {LABELS: {"NULL": "NULL"}, SERVER: {"NULL": "NULL"}}}
    )
    assert switch.run("show", "kubernetes", "server", "config").out == "Kubernetes server is not configured\n"
    assert switch.run("show", "kubernetes", "server", "status").out == "Kubernetes server has no status info\n"
    assert switch.run("show", "kubernetes", "labels").out == "name    value\n------  -------\n"
    assert switch.run("config", "kubernetes", "server", "ip", "10.0.0.1").code == 0
    assert switch.run("config", "kubernetes", "label", "add", "rack", "r12").code == 0
    assert row(switch, "CONFIG_DB", SERVER) == WHOLE
    assert row(switch, "STATE_DB", LABELS) == {"rack": "r12"}


def test_what_is_configured_is_shown(joined):
    assert joined.run("show", "kubernetes", "server", "config").out == (
        "ip        port    insecure    disable\n"
        "--------  ------  ----------  ---------\n"
        "10.0.0.1  6443    False       False\n"
    )


def test_what_is_missing_in_a_row_is_shown_as_what_it_means(switch):
    switch.load({"CONFIG_DB": {SERVER: {"disable": "True"}}, "STATE_DB": {SERVER: {"connected": "true"}}})
    assert switch.run("show", "kubernetes", "server", "config").out.splitlines()[2].split() == ["6443", "False", "True"]
    assert switch.run("show", "kubernetes", "server", "status").out.splitlines()[2].split() == ["6443", "true"]


def test_labels_are_shown_in_order(switch):
    switch.load({"STATE_DB": {LABELS: {"rack": "r12", "hwsku": "x\x1b[31m", "a/b": ""}}})
    assert switch.run("show", "kubernetes", "labels").out == (
        "name    value\n------  ---------\na/b\nhwsku   x\\x1b[31m\nrack    r12\n"
    )


@pytest.mark.parametrize(("key", "value"), [("example.com/site", "berlin"), ("rack", "")])
def test_a_label_is_added(switch, key, value):
    switch.load({"STATE_DB": {LABELS: {"hwsku": "x"}}})
    assert switch.run("config", "kubernetes", "label", "add", key, value) == (0, "", "")
    assert row(switch, "STATE_DB", LABELS) == {"hwsku": "x", key: value}


def test_a_dropped_label_stays_as_false(switch):
    switch.load({"STATE_DB": {LABELS: {"rack": "r12", "hwsku": "x"}}})
    assert switch.run("config", "kubernetes", "label", "drop", "rack") == (0, "", "")
    assert row(switch, "STATE_DB", LABELS) == {"rack": "false", "hwsku": "x"}


def test_a_server_that_becomes_usable_has_labels_sent(fakes):
    """The path unit watches a file; who writes it asks."""
    os.mkdir(fakes.run_dir)
    asked = os.path.join(fakes.run_dir, "sync")

    def asks(*words):
        if os.path.exists(asked):
            os.unlink(asked)
        ran = fakes.run("config", "kubernetes", "server", *words)
        assert (ran.code, ran.err) == (0, "")
        return os.path.exists(asked)

    assert not asks("disable", "on")
    assert not asks("ip", "10.0.0.1")  # there is one now, but it is disabled
    assert asks("disable", "off")
    assert asks("ip", "10.0.0.2")
    assert asks("port", "7443")
    assert not asks("port", "7443")  # nothing changed
    assert not asks("disable", "on")


def test_json_of_a_change(fakes):
    first = fakes.run("config", "kubernetes", "server", "ip", "kube", "--json").json
    assert first["command"] == "config kubernetes server ip"
    assert first["changed"] is True
    assert first["server"] == {"ip": "kube", "port": 6443, "insecure": False, "disable": False}
    again = fakes.run("config", "kubernetes", "server", "ip", "kube", "--json").json
    assert (again["changed"], again["server"]) == (False, first["server"])
    label = fakes.run("config", "kubernetes", "label", "add", "rack", "r12", "--json").json
    assert (label["changed"], label["labels"]) == (True, {"rack": "r12"})


def test_json_of_what_there_is(fakes):
    for words in ("server config", "server status"):
        assert fakes.run("show", "kubernetes", *words.split(), "--json").json["server"] is None
    fakes.put("CONFIG_DB", SERVER, {**WHOLE, "port": "x", "disable": "true"})
    fakes.put("STATE_DB", SERVER, {"ip": "10.0.0.1", "connected": "true", "update_time": "2026-11-22 14:05:00"})
    fakes.put("STATE_DB", LABELS, {"rack": "r12"})
    shown = fakes.run("show", "kubernetes", "server", "config", "--json").json["server"]
    assert shown == {"ip": "10.0.0.1", "port": None, "insecure": False, "disable": True}
    assert fakes.run("show", "kubernetes", "server", "status", "--json").json["server"] == {
        **{"ip": "10.0.0.1", "port": 6443, "connected": True, "update_time": "2026-11-22T14:05:00Z"}
    }
    assert fakes.run("show", "kubernetes", "labels", "--json").json["labels"] == {"rack": "r12"}


def test_a_row_of_another_kind_is_said_to_be_so(switch):
    switch.databases["CONFIG_DB"].set(SERVER, "x")
    ran = switch.run("config", "kubernetes", "server", "ip", "kube")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: {SERVER} in CONFIG_DB is not a row")
