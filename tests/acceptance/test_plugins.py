"""`show` and `config` of the switch have our commands, and are otherwise the host's."""

from __future__ import annotations

from tests.acceptance.console import Console


def test_the_switchs_own_show_and_config_have_our_commands(console: Console) -> None:
    listed = console.type("show feature")
    assert "\n  status       Show feature state\n" in listed
    assert "\n  mode         Show who runs a feature" in listed
    answer = console.ask("show feat mo snmp")
    assert (answer["command"], answer["features"][0]["name"]) == ("show feature mode", "snmp")
    assert console.ask("config feature mode snmp legacy")["command"] == "config feature mode"
    assert console.type("show feature stat snmp") == console.type("show-kube feature status snmp")
    assert console.type("config kubernetes server port 70000", expect=2)
    # The host asks who calls before any plugin is asked.
    assert console.type("config feature mode snmp legacy", expect=1, user="admin").startswith("Root privileges")


def test_nothing_of_ours_is_seen_where_it_was_not_asked_for(console: Console) -> None:
    assert console.type("show version") == "SONiC Software Version: SONiC.sandbox\n"
    installed = console.type("pip show -f sonic-system-service")
    for program in ("show", "config"):
        assert [line.strip() for line in installed.splitlines() if f" {program}/" in line and ".pyc" not in line] == [
            f"{program}/plugins/sonic_system_service.py"
        ]


def test_a_login_shell_of_the_switch_finds_our_completion_by_itself(console: Console) -> None:
    line = ". /usr/share/bash-completion/bash_completion; _completion_loader {0}; complete -p {0}"
    for program in ("system", "show-kube", "config-kube"):
        found = console.type(["bash", "--norc", "-c", line.format(program)])
        assert found == f"complete -o nosort -F _sonic_system_service {program}\n"
    pages = sorted(console.type("ls /usr/local/share/man/man1").split())
    assert {"config-kube.1", "show-kube.1", "system.1"} <= {*pages}
