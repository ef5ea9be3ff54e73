"""Drawings of what was measured, as SVG: who ran a feature over time, a terminal session, figures over dates. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "faint": "#8c959f",
    "local": "#0969da",
    "pod": "#1a7f37",
    "lost": "#cf222e",
}
DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#7d8590",
    "local": "#4493f8",
    "pod": "#3fb950",
    "lost": "#f85149",
}
PALETTES = {"light": LIGHT, "dark": DARK}

_WIDTH, _LEFT, _RIGHT = 960, 130, 20
_FONT = 'font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"'


class Turn(NamedTuple):
    """From `begin` to `end` (seconds) `runner` ran the feature: "local image", or a version of a pod's."""

    begin: float
    end: float
    runner: str


class Scene(NamedTuple):
    """What was seen over `seconds`. `typed`: the moments of command lines, or of what happened elsewhere.

    `silences`: (begin, end) of each time without an answer for an SNMP client.
    """

    seconds: float
    typed: Sequence[tuple[float, str]]
    turns: Sequence[Turn]
    silences: Sequence[tuple[float, float]]


def handover(scene: Scene, palette: Mapping[str, str]) -> str:
    """Three rows over time: what was typed, in what the feature ran, what an SNMP client lost."""
    scale = (_WIDTH - _LEFT - _RIGHT) / scene.seconds
    foot = 84 + 20 * len(scene.typed)

    def at(moment: float) -> float:
        return round(_LEFT + moment * scale, 1)

    parts = []
    for row, (moment, line) in enumerate(scene.typed):
        y = 24 + 20 * row
        parts.append(_line(at(moment), y + 4, at(moment), foot, palette["faint"], "2 3"))
        end = moment > scene.seconds / 2  # a long line on the right is written to the left of its mark
        parts.append(_text(at(moment) + (-5 if end else 5), y, line, palette["ink"], "end" if end else "start"))
    lane = foot - 62
    parts.append(_text(_LEFT - 10, lane + 16, "snmpd runs in", palette["ink"], "end"))
    for turn in scene.turns:
        colour = palette["local" if turn.runner == "local image" else "pod"]
        width = max(1.5, (turn.end - turn.begin) * scale)
        parts.append(_box(at(turn.begin), lane, width, 22, colour))
        if width > 8 * len(turn.runner):
            parts.append(_text(at(turn.begin) + width / 2, lane + 15, turn.runner, palette["paper"], "middle"))
    lane += 32
    parts.append(_text(_LEFT - 10, lane + 16, "SNMP client", palette["ink"], "end"))
    parts.append(_line(at(0), lane + 11, at(scene.seconds), lane + 11, palette["faint"]))
    for begin, end in scene.silences:
        parts.append(_box(at(begin), lane, max(1.5, (end - begin) * scale), 22, palette["lost"]))
        parts.append(_text(at((begin + end) / 2), foot + 10, f"{end - begin:.1f} s", palette["lost"], "middle"))
    parts += [
        _text(at(second), foot + 28, f"{second} s", palette["faint"], "middle")
        for second in range(0, int(scene.seconds) + 1, 10)
    ]
    return _page(foot + 40, parts, palette)


class Said(NamedTuple):
    """A line of a session: `moment` (seconds), and whether it was typed."""

    moment: float
    text: str
    typed: bool = False


def session(lines: Sequence[Said], palette: Mapping[str, str]) -> str:
    """A terminal in which line after line appears as it came, over and over; still where nothing moves."""
    over = (lines[-1].moment if lines else 0.0) + 6.0
    parts = []
    for row, line in enumerate(lines):
        share = min(99.9, 100 * line.moment / over)
        frames = f"@keyframes l{row} {{0%,{share:.2f}% {{opacity:0}} {share + 0.01:.2f}%,100% {{opacity:1}}}}"
        parts.append(f"<style>{frames} .l{row} {{animation:l{row} {over:.1f}s step-end infinite}}</style>")
        colour = palette["local"] if line.typed else palette["ink"]
        parts.append(f'<g class="l{row}">{_text(16, 28 + 18 * row, line.text, colour, "start")}</g>')
    still = "<style>@media (prefers-reduced-motion: reduce) {g {animation:none !important}}</style>"
    return _page(28 + 18 * len(lines), [*parts, still], palette)


def history(rows: Sequence[tuple[str, Mapping[str, float]]], palette: Mapping[str, str]) -> str:
    """Each figure, as so many times `import click`, over the dates of `rows`; 0 is at the foot."""
    names = list(dict.fromkeys(name for _, figures in rows for name in figures))
    most = max(figures[name] for _, figures in rows for name in figures)
    height, foot = 200, 220
    step = (_WIDTH - 360) / max(1, len(rows) - 1)
    parts = [
        _text(60 + step * index, foot + 20, date, palette["faint"], "middle") for index, (date, _) in enumerate(rows)
    ]
    one = foot - height / most
    parts.append(_line(60, one, 60 + step * (len(rows) - 1), one, palette["faint"], "2 3"))
    parts.append(_text(60, one - 6, "python3 -c 'import click' is 1", palette["faint"], "start"))
    colours = ("local", "pod", "lost", "ink", "faint")
    for number, name in enumerate(names):
        colour = palette[colours[number % len(colours)]]
        points = [
            (60 + step * index, foot - height * figures[name] / most)
            for index, (_, figures) in enumerate(rows)
            if name in figures
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        latest = next(figures[name] for _, figures in reversed(rows) if name in figures)
        parts.append(_text(_WIDTH - 285, 24 + 20 * number, f"{name}: {latest:g}", colour, "start"))
    return _page(foot + 40, parts, palette)


def _page(height: float, parts: Sequence[str], palette: Mapping[str, str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" font-size="13" {_FONT}>'
    return "\n".join([head, _box(0, 0, _WIDTH, height, palette["paper"]), *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    place = f'x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text {place} xml:space="preserve">{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}"{dashed}/>'
