"""Which critical processes there should be, and which of them do not run: from supervisord's files and from ps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system_service.model.critical import COLUMNS, Program, missing, parse_list, processes

SUPERVISORD = "/usr/bin/python3 /usr/local/bin/supervisord -n PATH=/bin"
CONFIGURATION = """
[supervisord]
nodaemon=true
[group:dhcp-relay]
programs=dhcp6relay,isc-dhcpv4-relay-Vlan1000 ; two of them
[group:empty]
programs=
[program:alone]
command=/usr/bin/alone --x=%(ENV_X)s
"""


def rows(*programs, father="10"):
    """supervisord as process 10, its programs as 11, 12, ...; each is (command line and environment)."""
    found = [["10", "1", "10", "S", "100", SUPERVISORD]]
    return found + [[str(n), father, str(n), "S", "90", args] for n, args in enumerate(programs, 11)]


def tagged(name, args="/usr/bin/anything", group=""):
    return f"{args} PATH=/bin SUPERVISOR_ENABLED=1 SUPERVISOR_PROCESS_NAME={name} SUPERVISOR_GROUP_NAME={group or name}"


def left(critical, *programs, **options):
    return missing(critical, processes(rows(*programs, **options)).programs)


class TestList:
    def test_programs_and_groups(self):
        text = "program:snmpd\n\n  program:snmp-subagent  \ngroup:dhcp-relay\ngroup:empty\ngroup:alone\ngroup:unknown\n"
        assert parse_list(text, [CONFIGURATION]) == (
            "program:snmpd",
            "program:snmp-subagent",
            "program:dhcp6relay",
            "program:isc-dhcpv4-relay-Vlan1000",
            "program:alone",
            "group:unknown",
        )

    def test_lines_that_are_none(self):
        text = "snmpd\nprogram:\nprogram: x\nother:x\nprogram:a b\nprogram:\x1b[1m\nprogram:snmpd\nprogram:snmpd\n"
        assert parse_list(text) == ("program:snmpd",)

    def test_a_configuration_that_is_none(self):
        assert parse_list("group:a\n", ["no section\n", "[group:a]\nprograms=b\n"]) == ("program:b",)

    @given(st.text(max_size=200), st.text(max_size=200))
    def test_anything(self, text, configuration):
        assert all(word.partition(":")[0] in ("program", "group") for word in parse_list(text, [configuration]))


class TestMissing:
    def test_supervisords_own_names_tell(self):
        wanted = ("program:snmpd", "program:snmp-subagent")
        both = (tagged("snmpd", "/usr/sbin/snmpd -f"), tagged("snmp-subagent", "python3 -m sonic_ax_impl"))
        assert left(wanted, *both) == ()
        assert left(wanted, both[0]) == ("snmp-subagent",)
        assert left(wanted) == ("snmpd", "snmp-subagent")

    def test_a_script_that_became_something_else(self):
        assert left(("program:gnmi-native",), tagged("gnmi-native", "/usr/sbin/telemetry -port 8080")) == ()

    def test_titles_of_those_that_wrote_over_their_environment(self):
        wanted = ("program:lldpd", "program:redis")
        assert left(wanted, "lldpd: monitor.", "/usr/bin/redis-server 127.0.0.1:6379") == ()
        assert left(wanted, "lldpd: monitor.") == ("redis",)
        assert left(wanted, tagged("other", "/usr/sbin/lldpd"), "/usr/bin/redis-server *:6379") == ("lldpd",)

    def test_each_title_is_one_program(self):
        wanted = ("program:redis", "program:redis_bmp")
        assert left(wanted, "redis-server *:1", "redis-server *:2") == ()
        assert left(wanted, "redis-server *:1") == ("redis_bmp",)
        assert left(("program:redis-chassis", "program:redis"), "redis: x") == ("redis-chassis",)

    def test_a_group_that_only_its_name_is_known_of(self):
        assert left(("group:g",), tagged("one", group="g")) == ()
        assert left(("group:g",), tagged("g", group="other")) == ("g",)

    def test_a_zombie_is_dead(self):
        found = rows(tagged("snmpd"))
        found[1][3] = "Z"
        assert missing(("program:snmpd",), processes(found).programs) == ("snmpd",)

    def test_what_another_has_started_is_none(self):
        """A shell of `docker exec`, a child, and the orphan of a program that has died."""
        assert left(("program:snmpd",), tagged("snmpd"), father="1") == ("snmpd",)
        orphan = rows(tagged("snmpd"))
        orphan[1][2] = "99"
        assert missing(("program:snmpd",), processes(orphan).programs) == ("snmpd",)

    def test_without_supervisord_all_processes_count(self):
        shown = processes([["10", "1", "10", "S", "5", "/usr/sbin/snmpd -f"], ["11", "10", "10", "S", "5", "x"]])
        assert missing(("program:snmpd",), shown.programs) == ()

    def test_a_command_line_that_names_another_program(self):
        args = tagged("real", "/bin/x SUPERVISOR_PROCESS_NAME=fake")
        assert left(("program:fake",), args) == ("fake",)


class TestProcesses:
    def test_the_first_is_the_oldest_with_a_father_outside(self):
        found = processes([["50", "9", "50", "S", "3", "sh"], *rows("x")])
        assert (found.pid, found.age) == ("10", 100.0)

    def test_none(self):
        for told in ([], [["1"]], [["10", "1", "10", "Z", "5", "x"]], [["10", "10", "10", "S", "5", "x"]]):
            assert processes(told) is None

    @given(st.lists(st.lists(st.text(max_size=5), min_size=6, max_size=6), max_size=5))
    def test_anything(self, told):
        shown = processes(told)
        assert shown is None or missing(("program:x", "group:y"), shown.programs) is not None

    def test_columns_are_those_that_are_parsed(self):
        assert len(COLUMNS.split(",")) == len(rows()[0])
        assert processes(rows(tagged("a", "/x/y.sh"))).programs == (Program("a", "a", ("y",)),)
