"""`system service check` and `monit` as monit and an operator see them: what is printed, and the exit code."""

from __future__ import annotations

import os
import time

PROCESSES = [["100", "/usr/bin/python3 /usr/bin/supervisord -n"]]
LIST = {"/etc/supervisor/critical_processes": b"program:snmpd\n"}


class TestCheck:
    def test_silent_when_all_is_well(self, fakes):
        fakes.feature("snmp")
        fakes.feature("lldp", "", state="disabled")
        assert fakes.run("system", "service", "check") == (0, "", "")
        assert fakes.writes() == []

    def test_the_hosts_sentence_then_a_reason_a_line(self, fakes):
        fakes.feature("bgp", set_owner="kube")
        fakes.feature("lldp10", "exited")
        fakes.feature("lldp2", "")
        fakes.feature("snmp").processes = PROCESSES
        snmp = fakes.docker.get("snmp")
        snmp.files, snmp.started = LIST, time.time() - 60
        fakes.docker.get("bgp").processes = PROCESSES
        reasons = "lldp2: there is no container lldp2\nlldp10: container lldp10 is exited (exited (0) 5 minutes ago)\n"
        note = "bgp: the local image serves: no pod has come yet\n"
        assert fakes.run("system", "service", "check") == (
            3,
            f"Expected containers not running: lldp2, lldp10\n{reasons}{note}",
            "",
        )
        assert fakes.run("system", "service", "check", "--processes") == (
            3,
            "Expected containers not running: lldp2, lldp10\nCritical processes not running: snmp:snmpd\n"
            f"{reasons}snmp: snmpd does not run in container snmp (local)\n{note}",
            "",
        )

    def test_what_is_no_alarm_is_told_and_costs_nothing(self, fakes):
        fakes.feature("snmp", set_owner="kube")
        told = "snmp: the local image serves: no pod has come yet\n"
        assert fakes.run("system", "service", "check", "snmp") == (0, told, "")

    def test_json(self, fakes):
        fakes.feature("snmp", "paused")
        fakes.feature("lldp")
        ran = fakes.run("system", "service", "check", "--json")
        assert ran.code == 3
        assert ran.json["error"] == {
            "kind": "failed",
            "message": "Expected containers not running: snmp",
            "resolution": "system service explain snmp",
            "exit_code": 3,
        }
        assert [(f["name"], f["running"], f["alarm"], f["missing"]) for f in ran.json["features"]] == [
            ("lldp", True, False, []),
            ("snmp", False, True, ["snmp"]),
        ]

    def test_an_unknown_name_does_not_hide_the_others(self, fakes):
        fakes.feature("snmp", "exited")
        ran = fakes.run("system", "service", "check", "nosuch", "snmp")
        assert ran.code == 4
        assert ran.out.splitlines()[0] == "Expected containers not running: snmp"
        assert ran.err.startswith("Error: there is no feature nosuch\n")

    def test_hostile_words_are_made_harmless(self, fakes):
        fakes.feature("snmp", set_owner="kube")
        fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"reason": "\x1b[31m", "since": "1700000000"})
        assert "?[31m" in fakes.run("system", "service", "check").out


class TestMonit:
    def test_the_same_lines_in_both_modes_and_all_states(self, fakes):
        fakes.program("system", ["true"])
        fakes.feature("snmp")
        fakes.feature("lldp", "", state="disabled")
        path = os.path.join(fakes.bin, "system")
        first = fakes.run("system", "service", "monit")
        assert first == (
            0,
            "# Features of this switch, whoever runs them, as `system service monit` prints them: to be made anew"
            " when\n# a feature is added or removed; a change of mode or state needs nothing.\n"
            f'\ncheck program "feature_containers" with path "{path} service check"\n'
            "    if status != 0 for 5 times within 5 cycles then alert\n"
            f'\ncheck program "lldp_processes" with path "{path} service check lldp --processes"\n'
            "    if status != 0 for 5 times within 5 cycles then alert\n"
            f'\ncheck program "snmp_processes" with path "{path} service check snmp --processes"\n'
            "    if status != 0 for 5 times within 5 cycles then alert\n",
            "",
        )
        fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "disabled", "set_owner": "kube"})
        assert fakes.run("system", "service", "monit") == first
        assert sum(fakes.docker.calls.values()) == 0

    def test_for_some_and_with_another_patience(self, fakes):
        fakes.program("system", ["true"])
        fakes.feature("snmp")
        fakes.feature("lldp")
        ran = fakes.run("system", "service", "monit", "snmp", "--patience", "60")
        assert ran.code == 0
        assert ran.out.count("check program") == 2
        assert 'service check --patience 60"' in ran.out
        assert 'service check snmp --processes --patience 60"' in ran.out

    def test_nothing_is_printed_where_not_all_can_be(self, fakes):
        assert fakes.run("system", "service", "monit").out == ""
        fakes.feature("snmp")
        ran = fakes.run("system", "service", "monit", "snmp", "nosuch")
        assert (ran.code, ran.out) == (4, "")
        missing = fakes.run("system", "service", "monit", PATH=fakes.bin)
        assert (missing.code, missing.out) == (1, "")
        assert missing.err.startswith("Error: the program `system` is not in PATH")
