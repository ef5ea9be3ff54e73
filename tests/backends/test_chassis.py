"""Which ASICs are there: asked of a chassis' supervisor card alone, and never in the way of anything."""

from __future__ import annotations

import os

import pytest

from system_service.backends.chassis import absent_asics, supervisor
from system_service.backends.switchdb import SwitchDB
from tests.support.redis import NUMBERS, write_config

CHASSIS = 13
TABLE = "CHASSIS_FABRIC_ASIC_TABLE"


@pytest.fixture
def card(fakes, monkeypatch):
    """Sets what the platform says of this card; a switch with two ASICs."""
    fakes.asic("asic0", "asic1")
    write_config(fakes.config, fakes.redis.address, {**NUMBERS, "CHASSIS_STATE_DB": CHASSIS})
    folder = os.path.join(fakes.folder, "platform")
    os.mkdir(folder)
    monkeypatch.setenv("SYSTEM_SERVICE_PLATFORM_DIR", folder)

    def says(text: str) -> None:
        with open(os.path.join(folder, "platform_env.conf"), "w", encoding="utf-8") as file:
            file.write(text)

    return says


def absent(fakes):
    return sorted(absent_asics(SwitchDB.from_config(fakes.config)))


def test_those_of_cards_that_are_not_inserted(fakes, card):
    card("max_reload_time=60\nsupervisor=1\n")
    assert absent(fakes) == ["asic0", "asic1"]
    fakes.redis.put(CHASSIS, f"{TABLE}|asic1", {"pci_address": "0000:03:00.0"})
    assert absent(fakes) == ["asic0"]


@pytest.mark.parametrize("text", ["", "supervisor=0\n", "#supervisor=1\n", "supervisor=10\n", "\0" * 100])
def test_another_card_has_all_of_its_own(fakes, card, text):
    card(text)
    assert absent(fakes) == []
    assert fakes.redis.round_trips == 0


def test_a_chassis_database_that_is_away_takes_nothing_from_what_is_expected(fakes, card):
    card("supervisor=1\n")
    write_config(fakes.config, fakes.redis.address)
    assert absent(fakes) == []
    fakes.redis.stop()
    assert absent(fakes) == []


def test_a_switch_with_one_asic_is_not_asked(fakes, monkeypatch):
    monkeypatch.setenv("SYSTEM_SERVICE_PLATFORM_DIR", fakes.folder)
    assert absent(fakes) == []
    assert fakes.redis.round_trips == 0


@pytest.mark.parametrize("name", ["onie_platform", "aboot_platform"])
def test_the_platform_s_folder_is_told_by_the_machine(tmp_path, monkeypatch, name):
    monkeypatch.delenv("SYSTEM_SERVICE_PLATFORM_DIR", raising=False)
    monkeypatch.setattr("system_service.backends.chassis.DEVICES", str(tmp_path / "device"))
    folder = tmp_path / "device" / "x86_64-chassis-r0"
    folder.mkdir(parents=True)
    (folder / "platform_env.conf").write_text("supervisor=1\n")
    machine = tmp_path / "machine.conf"
    assert supervisor(str(machine)) is False
    machine.write_text(f"onie_version=1\n{name}=x86_64-chassis-r0\n")
    assert supervisor(str(machine)) is True
    machine.write_text(f"{name}=../device/x86_64-chassis-r0\n")
    assert supervisor(str(machine)) is False
