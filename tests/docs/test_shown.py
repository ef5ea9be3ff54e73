"""What the documents show is compared with what is said: the same lines in the same order, whatever the moment."""

from __future__ import annotations

from tests.acceptance.documented import judge, mask, missing
from tests.docs.lines import Line

SAID = """\
Feature    Mode    Since
---------  ------  -------------------
bgp        legacy  2027-01-01 10:00:00
snmp       legacy  2027-01-02 11:00:00
"""


def test_more_may_be_said_than_is_shown_and_columns_may_be_wider() -> None:
    assert missing(["Feature  Mode  Since", "--  --  --", "snmp  legacy  2026-11-24 09:30:12"], SAID) == ""


def test_less_or_in_another_order_or_something_else_may_not() -> None:
    for shown in (["lldp  legacy  2027-01-01 10:00:00"], ["snmp legacy 2027-01-02 11:00:00", "Feature Mode Since"]):
        assert missing(shown, SAID) == shown[-1]
    assert missing(["bgp  kubernetes  2027-01-01 10:00:00"], SAID)


def test_what_differs_each_time_is_no_difference() -> None:
    assert mask("Container: snmp 31d6867355fa exited") == mask("Container: snmp  0123456789ab exited")
    assert mask("version 20260701.1 after 0.3 s") == mask("version 20260801.1 after 12 s")
    assert mask("2026-11-24T09:30:12Z") == mask("2027-01-01T00:00:00Z")
    assert mask("-h, --help, -?  Show this") == mask("  -?, -h, --help  Show this")
    assert mask("defaced") == "defaced"
    assert mask("registry.example.com/docker-snmp") == mask("127.0.0.1:5000/docker-snmp")


def test_the_exit_code_is_the_one_that_is_shown() -> None:
    good, bad = Line("page.md", 1, "x"), Line("page.md", 1, "x", ("Error: no",))
    assert (judge(good, 0, ""), judge(bad, 5, "Error: no")) == ("", "")
    assert "exit 5" in judge(good, 5, "")
    assert "a failure" in judge(bad, 0, "Error: no")
    assert "traceback" in judge(good, 0, "Traceback (most recent call last)")
