"""Which databases a switch has, from the host's files, whatever state those are in."""

import builtins
import json
import os

import pytest

from system_service.backends.dbconfig import find_configs
from system_service.errors import NotPermitted, Unreachable

GOOD = {
    "INSTANCES": {"redis": {"hostname": "127.0.0.1", "port": 6379, "unix_socket_path": "/run/r.sock"}},
    "DATABASES": {"CONFIG_DB": {"id": 4, "separator": "|", "instance": "redis"}},
}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "database_config.json"
    file.write_text(json.dumps(GOOD))
    return str(file)


def altered(path, **changes):
    """The good file with CONFIG_DB's entry or its instance changed."""
    instance = {**GOOD["INSTANCES"]["redis"], **changes.get("instance", {})}
    entry = {**GOOD["DATABASES"]["CONFIG_DB"], **changes.get("database", {})}
    with open(path, "w") as file:
        json.dump({"INSTANCES": {"redis": instance}, "DATABASES": {"CONFIG_DB": entry}}, file)
    return find_configs(path)[""]


def test_the_unix_socket_comes_before_tcp(path):
    assert find_configs(path)[""].place("CONFIG_DB") == ("/run/r.sock", 4)


def test_tcp_without_a_socket_path(path):
    assert altered(path, instance={"unix_socket_path": ""}).place("CONFIG_DB") == (("127.0.0.1", 6379), 4)


def test_numbers_may_be_strings(path):
    config = altered(path, instance={"unix_socket_path": "", "port": "7000"}, database={"id": "9"})
    assert config.place("CONFIG_DB") == (("127.0.0.1", 7000), 9)


def test_the_environment_names_the_file(path, monkeypatch):
    monkeypatch.setenv("SYSTEM_SERVICE_DB_CONFIG", path)
    assert find_configs()[""].path == path


@pytest.mark.parametrize("value", [None, ""])
def test_otherwise_it_is_the_hosts(monkeypatch, mocker, value):
    if value is None:
        monkeypatch.delenv("SYSTEM_SERVICE_DB_CONFIG", raising=False)
    else:
        monkeypatch.setenv("SYSTEM_SERVICE_DB_CONFIG", value)
    load = mocker.patch("system_service.backends.dbconfig._load", return_value=GOOD)
    mocker.patch("system_service.backends.dbconfig.os.path.lexists", return_value=False)
    find_configs()
    load.assert_called_once_with("/var/run/redis/sonic-db/database_config.json")


def test_a_database_it_does_not_name(path):
    with pytest.raises(Unreachable) as caught:
        find_configs(path)[""].place("STATE_DB")
    assert str(caught.value) == f"{path} does not say where STATE_DB is (STATE_DB is missing)"


@pytest.mark.parametrize(
    "changes",
    [
        {"database": {"instance": "other"}},
        {"database": {"id": "four"}},
        {"database": {"id": None}},
        {"database": {"id": float("inf")}},
        {"instance": {"unix_socket_path": "", "port": 0}},
        {"instance": {"unix_socket_path": "", "port": "x"}},
        {"instance": {"unix_socket_path": "a\0b"}},
        {"instance": {"unix_socket_path": 7}},
    ],
)
def test_an_entry_that_leads_nowhere_names_the_file_and_the_database(path, changes):
    with pytest.raises(Unreachable) as caught:
        altered(path, **changes).place("CONFIG_DB")
    assert str(caught.value).startswith(f"{path} does not say where CONFIG_DB is (")
    assert caught.value.resolution


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"INSTANCES": [], "DATABASES": {}}', "[" * 100_000])
def test_a_malformed_file_is_named(path, text):
    with open(path, "w") as file:
        file.write(text)
    with pytest.raises(Unreachable) as caught:
        find_configs(path)
    assert str(caught.value).startswith(path + " ")


def test_a_file_that_is_no_text_is_named(path):
    with open(path, "wb") as file:
        file.write(b"\xff\xfe\x00")
    with pytest.raises(Unreachable, match="cannot be read"):
        find_configs(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Unreachable) as caught:
        find_configs(str(tmp_path / "none.json"))
    assert str(caught.value) == f"{tmp_path}/none.json cannot be read (No such file or directory)"


def test_a_file_that_may_not_be_read_is_not_permitted(path, mocker):
    # Tests run as root, whom no file refuses.
    mocker.patch.object(builtins, "open", side_effect=PermissionError(13, "Permission denied", path))
    with pytest.raises(NotPermitted) as caught:
        find_configs(path)
    assert str(caught.value) == f"{path} may not be read"


class TestNamespaces:
    def global_file(self, path, content):
        with open(os.path.join(os.path.dirname(path), "database_global.json"), "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def test_without_a_global_file_there_is_only_the_host(self, path):
        assert list(find_configs(path)) == [""]

    def test_paths_are_relative_to_the_file_and_dpus_are_no_asics(self, tmp_path):
        folder = tmp_path / "redis" / "sonic-db"
        folder.mkdir(parents=True)
        path = str(folder / "database_config.json")
        with open(path, "w") as file:
            json.dump(GOOD, file)
        includes = [
            {"include": "../../redis/sonic-db/database_config.json"},
            {"namespace": "asic0", "include": "../../redis0/sonic-db/database_config.json"},
            {"namespace": "asic1", "include": "../../redis1/sonic-db/database_config.json"},
            {"container_name": "dpu0", "include": "../../redisdpu0/sonic-db/database_config.json"},
        ]
        self.global_file(path, {"INCLUDES": includes, "VERSION": "1.0"})
        assert {name: config.path for name, config in find_configs(path).items()} == {
            "": path,
            "asic0": f"{tmp_path}/redis0/sonic-db/database_config.json",
            "asic1": f"{tmp_path}/redis1/sonic-db/database_config.json",
        }

    def test_a_namespace_whose_file_is_missing_says_so_when_asked(self, path, tmp_path):
        self.global_file(path, {"INCLUDES": [{"namespace": "asic0", "include": "none.json"}]})
        configs = find_configs(path)
        with pytest.raises(Unreachable, match=f"^{tmp_path}/none.json cannot be read"):
            configs["asic0"].place("CONFIG_DB")

    @pytest.mark.parametrize(
        "content",
        [
            *("", "[]", '{"INCLUDES": 7}', '{"INCLUDES": ["x"]}', '{"INCLUDES": [{"namespace": "asic0"}]}'),
            '{"INCLUDES": [{"namespace": "asic0", "include": "a\\u0000b"}]}',
        ],
    )
    def test_a_malformed_global_file_is_no_single_asic_switch(self, path, tmp_path, content):
        self.global_file(path, content)
        with pytest.raises(Unreachable) as caught:
            find_configs(path)
        assert str(caught.value).startswith(f"{tmp_path}/database_global.json ")

    def test_a_global_file_that_names_nobody_is_a_single_asic_switch(self, path):
        self.global_file(path, {"VERSION": "1.0"})
        assert list(find_configs(path)) == [""]
