"""What a person sees of us at a terminal: tables that fit or say how they were cut, and colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system_service.terminal import screen
from tests.terminal.console import Terminal, seen, shown, typed

WHY = (
    "the node has no room for it: 0/1 nodes are available, 1 Insufficient memory. preemption: 0/1 nodes are "
    "available, 1 No preemption victims found for incoming pod"
)
SINCE = {"system_state": "up", "update_time": "2026-11-24 09:30:12"}


@pytest.fixture
def mixed(fakes):
    """A feature that is as wanted, one that is stopped, and one that runs by fallback for a reason that is long."""
    fakes.feature("database", state="always_enabled")
    fakes.feature("lldp", "exited")
    fakes.feature("snmp", set_owner="kube")
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"reason": WHY})
    for name in ("database", "snmp"):
        fakes.put("STATE_DB", f"FEATURE|{name}", SINCE)
    return fakes


def see(fakes, line: str, columns: int = 80, rows: int = 50, stderr=None, **environment: str) -> tuple[Terminal, int]:
    options = {} if stderr is None else {"stderr": stderr}
    return shown(typed(line), seen(fakes.environment, **environment), columns=columns, rows=rows, **options)


def test_a_table_that_fits_is_the_same_as_in_a_pipe(mixed):
    for line in ("show feature mode", "system service list", "system service status"):
        terminal, code = see(mixed, line, columns=300, stderr=-3)  # DEVNULL
        piped = mixed.run(*line.split())
        assert (terminal.text + "\n", code) == (piped.out, piped.code)


def test_a_table_that_is_too_wide_is_cut_at_a_word_and_says_so(mixed):
    terminal, code = see(mixed, "show feature mode")
    assert code == 0
    assert terminal.lines == [
        "Feature   Mode        Owner  Fallback  Status    Detail",
        "--------  ----------  -----  --------  --------  -------------------------------",
        "database  legacy      local  on        running",
        "lldp      legacy      none   on        stopped",
        "snmp      kubernetes  local  on        fallback  the local image serves: the…",
        "(no Since, Version; Detail cut. Whole: --json, or system service status NAME)",
    ]


def test_status_has_room_for_more(mixed):
    terminal, code = see(mixed, "system service status")
    assert code == 3
    assert terminal.lines == [
        "Feature   Status    Mode        Owner  Detail",
        "--------  --------  ----------  -----  -----------------------------------------",
        "database  running   legacy      local",
        "lldp      stopped   legacy      none",
        "snmp      fallback  kubernetes  local  the local image serves: the node has no…",
        "(no Since; Detail cut. Whole: --json, or with its NAME)",
        "Error: not running: lldp",
        "Try: system service explain lldp",
    ]


def test_without_anything_to_cut_a_table_only_loses_its_air(fakes):
    for name in ("database", "snmp"):
        fakes.feature(name)
        fakes.put("STATE_DB", f"FEATURE|{name}", SINCE)
    terminal, _ = see(fakes, "show feature mode")
    assert terminal.lines == [
        "Feature   Mode    Owner  Fallback  Status   Version  Since",
        "--------  ------  -----  --------  -------  -------  -------------------",
        "database  legacy  local  on        running  v1       2026-11-24 09:30:12",
        "snmp      legacy  local  on        running  v1       2026-11-24 09:30:12",
    ]


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        (80, "Feature    State           AutoRestart    Mode        Owner    Status"),
        (66, "Feature   State           AutoRestart  Mode        Owner  Status"),
        (60, "Feature   State           Mode        Owner  Status"),
        (46, "Feature   State           Mode        Status"),
    ],
)
def test_a_table_without_sentences_loses_its_air_and_then_a_column(mixed, columns, header):
    terminal, _ = see(mixed, "system service list", columns=columns)
    assert terminal.lines[0] == header
    assert terminal.lines[2].startswith("database  ")
    assert terminal.lines[2].endswith("  running")
    assert ("AutoRestart" in header) is ("(no AutoRestart" not in terminal.text)


def test_columns_decides_where_it_is_set(mixed):
    terminal, _ = see(mixed, "show feature mode", columns=200, COLUMNS="80")
    assert "(no Since, Version; Detail cut." in terminal.text
    for nonsense in ("0", "-3", "wide"):
        terminal, _ = see(mixed, "show feature mode", columns=300, COLUMNS=nonsense)
        assert WHY in terminal.text


def test_a_pipe_is_never_cut_and_never_coloured(mixed):
    for line in ("show feature mode", "system service status", "system service status snmp"):
        ran = mixed.run(*line.split(), COLUMNS="40", TERM="xterm-256color")
        assert WHY in ran.out
        assert "\x1b" not in ran.out + ran.err


def test_what_is_said_of_one_feature_is_wrapped(mixed):
    terminal, code = see(mixed, "system service status snmp")
    assert code == 0
    assert "   Detail: the local image serves: the node has no room for it: 0/1 nodes are" in terminal.lines
    assert "           available, 1 Insufficient memory. preemption: 0/1 nodes are" in terminal.lines
    terminal, _ = see(mixed, "system service explain snmp")
    assert "  the local image serves: the node has no room for it: 0/1 nodes are available," in terminal.lines
    assert "    1 Insufficient memory. preemption: 0/1 nodes are available, 1 No preemption" in terminal.lines


def test_a_sentence_alone_may_be_what_is_cut(mixed):
    terminal, _ = see(mixed, "show feature mode", columns=140)
    assert terminal.lines[-1] == "(Detail cut. Whole: --json, or system service status NAME)"
    assert "  Since                Detail" in terminal.lines[0]
    assert terminal.lines[4].endswith(" the local image serves: the node has no room for it: 0/1…")


def test_an_error_is_wrapped_and_its_next_step_is_not(mixed):
    terminal, code = see(mixed, "config feature mode lldp kubernetes", columns=60)
    assert code == 7
    assert terminal.lines[-3:] == [
        "Error: kubernetes is wanted for lldp; the local image serves",
        "  until it can be had: no Kubernetes server is configured",
        "Try: config kubernetes server ip ADDRESS",
    ]


def test_the_hosts_own_table_is_the_hosts(mixed):
    terminal, _ = see(mixed, "show feature status", columns=40)
    piped = mixed.run("show", "feature", "status").out
    assert "".join(terminal.text.split()) == "".join(piped.split())
    assert terminal.colours == set()


def test_status_words_have_their_colours_and_the_columns_stay(mixed):
    terminal, _ = see(mixed, "system service list")
    assert [terminal.colour(word) for word in ("running", "fallback", "stopped")] == ["green", "brown", "red"]
    assert terminal.lines == mixed.run("system", "service", "list").out.splitlines()
    assert terminal.colour("kubernetes") == "default"
    terminal, _ = see(mixed, "system service status lldp")
    assert terminal.colour("Status: ") == "default"
    assert terminal.lines[1] == "   Status: stopped"
    assert terminal.colour("Error:") == "red"
    assert terminal.colour(" not running: lldp") == "default"


@pytest.mark.parametrize("refusal", ["NO_COLOR=1", "TERM=dumb", "TERM="])
def test_colours_are_not_for_everybody(mixed, refusal):
    name, _, value = refusal.partition("=")
    for line in (
        "system service status",
        "show feature mode",
        "system service stop nosuch",
        "system service stop lldp",
    ):
        terminal, _ = see(mixed, line, **{name: value})
        assert terminal.colours == set()
        assert "\x1b" not in terminal.text


def test_an_empty_no_color_asks_for_nothing(mixed):
    terminal, _ = see(mixed, "system service list", NO_COLOR="")
    assert terminal.colours == {"green", "brown", "red"}


def test_json_is_plain_on_a_terminal_too(mixed):
    for line in ("system service status --json", "show feature mode --json", "system service stop nosuch --json"):
        terminal, _ = see(mixed, line, columns=300, rows=200)
        assert terminal.text.startswith("{")
        assert terminal.colours == set()


def test_a_terminal_without_the_letter_gets_three_dots(mixed):
    terminal, _ = see(mixed, "show feature mode", PYTHONIOENCODING="latin-1")
    assert "  the local image serves: the...\n" in terminal.text


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
SENTENCES = st.lists(WORDS, min_size=1, max_size=20).map(" ".join)


@given(SENTENCES, st.integers(6, 60))
def test_what_is_cut_fits_and_is_the_beginning_in_whole_words(text, width):
    cut = screen._cut(text, width)
    assert len(cut) <= width
    if cut != text:
        more = "…" if cut.endswith("…") else "..."
        kept = cut.removesuffix(more)
        assert text.startswith(kept)
        first, *_ = text.split(" ")
        assert kept.rstrip(" ,;:") == kept or len(first) >= width - len(more)
        assert len(first) > width - len(more) or text[len(kept) :].lstrip(",;:").startswith(" ")


@given(st.lists(st.tuples(WORDS, WORDS, SENTENCES), min_size=1, max_size=4), st.integers(50, 120))
def test_a_table_with_a_sentence_fits(rows, columns):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "_columns", lambda stream: columns)
        lines, widths, lost = screen._fitted([["Name", "Since", "Detail"], *map(list, rows)], ("Since",))
    assert screen._length(widths) <= columns
    assert [line[0] for line in lines[1:]] == [row[0] for row in rows]
    left_out = len(lines[0]) == 2
    cut = any(line[-1] != row[-1] for line, row in zip(lines[1:], rows, strict=True))
    assert bool(lost) is (left_out or cut)
