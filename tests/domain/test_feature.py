"""Rows and names as anybody may have written them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system_service.model.feature import AdminState, Feature, Mode, instances, parse_feature, valid_name
from system_service.model.naming import feature_of_container

FIELDS = st.sampled_from(
    ["state", "auto_restart", "set_owner", "no_fallback_to_local", "has_global_scope", "has_per_asic_scope", "new_leaf"]
)
WORDS = st.sampled_from(["", "true", "True", "false", "kube", "local", "enabled", "disabled", "always_enabled"])
ROWS = st.dictionaries(FIELDS | st.text(max_size=8), WORDS | st.text(max_size=12))
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,10}[a-z_-]", fullmatch=True)


@given(st.text(), ROWS)
def test_any_row_of_strings_is_a_feature(name: str, row: dict[str, str]) -> None:
    feature = parse_feature(name, row)
    assert feature.name == name
    assert feature.fallback is (row.get("no_fallback_to_local", "").lower() != "true")
    assert (feature.mode is Mode.KUBERNETES) is (row.get("set_owner") == "kube")
    assert feature.knows_owner is ("set_owner" in row)


@given(ROWS)
def test_row_that_does_not_say_the_four_words_has_no_known_state(row: dict[str, str]) -> None:
    word = row.get("state", "")
    known = word in ("enabled", "disabled", "always_enabled", "always_disabled")
    assert (parse_feature("x", row).state is AdminState.UNKNOWN) is not known


def test_empty_row_takes_the_hosts_defaults() -> None:
    assert parse_feature("snmp", {}) == Feature("snmp", AdminState.UNKNOWN)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "tRue"])
def test_fallback_is_off_only_for_true(word: str) -> None:
    assert parse_feature("snmp", {"no_fallback_to_local": word}).fallback is False


@pytest.mark.parametrize("word", ["false", "no", "", "0", " true"])
def test_fallback_is_on_for_everything_else(word: str) -> None:
    assert parse_feature("snmp", {"no_fallback_to_local": word}).fallback is True


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../etc",
        "a/b",
        "a|b",
        "a b",
        "a\n",
        "\na",
        "a\0",
        "-x",
        "_x",
        "a;b",
        "$(x)",
        "ü",
        "a" * 65,
        "\u0661",
        "a*",
    ],
)
def test_hostile_name_is_no_feature(name: str) -> None:
    assert not valid_name(name)


@pytest.mark.parametrize("name", ["snmp", "dhcp_relay", "macsec", "p4rt", "a", "my.app-2", "9x", "a" * 64])
def test_name_as_sonic_has_them_is_one(name: str) -> None:
    assert valid_name(name)


@given(st.text(max_size=80))
def test_valid_name_cannot_leave_its_folder_or_its_key(name: str) -> None:
    if valid_name(name):
        assert len(name) <= 64
        assert name not in (".", "..")
        assert not set(name) & set("/|\0\n @*?[]\\:")


@given(NAMES, st.booleans(), st.booleans(), st.lists(st.integers(0, 20), unique=True))
def test_every_instance_is_found_again_by_its_container(name: str, host: bool, asic: bool, indices: list[int]) -> None:
    feature = Feature(name, global_scope=host, per_asic_scope=asic)
    namespaces = [f"asic{i}" for i in indices]
    found = instances(feature, namespaces)
    assert [feature_of_container(i.container, namespaces) for i in found] == [(name, i.namespace) for i in found]
    assert len({i.unit for i in found}) == len({i.container for i in found}) == len(found)


def test_single_asic_switch_has_one_instance_whatever_the_row_says() -> None:
    for host in (True, False):
        (only,) = instances(Feature("lldp", global_scope=host, per_asic_scope=True), ["", ""])
        assert (only.unit, only.container, only.namespace) == ("lldp.service", "lldp", "")


def test_multi_asic_instances_are_named_as_the_host_names_them() -> None:
    units = [
        (i.namespace, i.unit, i.container) for i in instances(Feature("lldp", per_asic_scope=True), ["asic0", "asic10"])
    ]
    assert units == [
        ("", "lldp.service", "lldp"),
        ("asic0", "lldp@0.service", "lldp0"),
        ("asic10", "lldp@10.service", "lldp10"),
    ]


@given(st.text(max_size=12), st.lists(st.from_regex(r"asic[0-9]{1,2}", fullmatch=True)))
def test_any_container_name_is_somebodys(container: str, namespaces: list[str]) -> None:
    feature, namespace = feature_of_container(container, namespaces)
    assert container == feature + namespace.removeprefix("asic")


def test_a_namespace_without_a_number_has_no_container_of_its_own():
    assert feature_of_container("swss", ["asic"]) == ("swss", "")
