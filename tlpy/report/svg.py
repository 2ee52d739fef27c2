"""Two figures that MultiQC has no plot for, as inline SVG: points with intervals, and scores by setting.

Text takes the page's colour, so that both read on a light and on a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tlpy import words
from tlpy.report.sections import BLUE, GREY, ORANGE, escape

_WIDTH = 1100
# Of a name on an axis, in characters.
_LONGEST = 26
_ROW = 26


@dataclass(frozen=True)
class Mark:
    """One row of a forest plot: a value, its interval (NaN: none), and the text beside it.

    Attributes:
        muted, apart: whether it is shown in grey, or in orange.
    """

    label: str
    value: float
    low: float
    high: float
    text: str
    muted: bool = False
    apart: bool = False


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers that span low..high."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    raw = span / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _limits(marks: Sequence[Mark], reference: float | None) -> tuple[float, float]:
    """The axis: all values, and their intervals as far as these do not squeeze the values together."""
    values = [mark.value for mark in marks] + ([reference] if reference is not None else [])
    low, high = min(values), max(values)
    span = max(high - low, 0.02 * max(abs(low), abs(high)), 1e-6)
    lows = [mark.low for mark in marks if math.isfinite(mark.low)]
    highs = [mark.high for mark in marks if math.isfinite(mark.high)]
    low = max(min([low, *lows]), low - 3 * span)
    high = min(max([high, *highs]), high + 3 * span)
    margin = 0.04 * (high - low or span)
    return low - margin, high + margin


def forest(marks: Sequence[Mark], axis: str, reference: float | None, header: tuple[str, str]) -> str:
    """A point and an interval per row. An interval cut off by the axis ends in an arrow.

    Args:
        axis: what the axis shows, with its unit.
        reference: where to draw a vertical line, such as no gain; None for none.
        header: titles of the columns of labels and of texts.
    """
    left, right, top = 400, 800, 34
    low, high = _limits(marks, reference)
    bottom = top + _ROW * len(marks)

    def x(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    parts = [
        f'<text x="0" y="18" class="tlimb-head">{escape(header[0])}</text>',
        f'<text x="{right + 24}" y="18" class="tlimb-head">{escape(header[1])}</text>',
    ]
    for tick in ticks(low, high):
        parts.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom}" class="tlimb-grid"/>'
        )
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{_short(tick)}</text>')
    if reference is not None:
        parts.append(
            f'<line x1="{x(reference):.1f}" x2="{x(reference):.1f}" y1="{top - 6}" y2="{bottom}" '
            'class="tlimb-reference"/>'
        )
    for row, mark in enumerate(marks):
        y = top + _ROW * (row + 0.5)
        colour = ORANGE if mark.apart else GREY if mark.muted else BLUE
        parts.append(
            f'<text x="0" y="{y + 4:.1f}"><title>{escape(mark.label)}</title>{_cut(mark.label, 60)}</text>'
        )
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            parts.append(
                f'<line x1="{x(mark.low):.1f}" x2="{x(mark.high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
                'stroke-width="2"/>'
            )
            parts += [_arrow(x(end), y, side, colour) for end, side in _cut_off(mark, low, high)]
        parts.append(f'<circle cx="{x(mark.value):.1f}" cy="{y}" r="4.5" fill="{colour}"/>')
        parts.append(f'<text x="{right + 24}" y="{y + 4:.1f}">{escape(mark.text)}</text>')
    parts.append(
        f'<text x="{(left + right) / 2}" y="{bottom + 40}" text-anchor="middle">{escape(axis)}</text>'
    )
    return _figure(parts, bottom + 50, axis)


def _cut_off(mark: Mark, low: float, high: float) -> list[tuple[float, int]]:
    return [(end, side) for end, side in ((mark.low, -1), (mark.high, 1)) if not low <= end <= high]


def _arrow(x: float, y: float, side: int, colour: str) -> str:
    return f'<path d="M{x + 5 * side:.1f},{y} l{-7 * side},-4 l0,8 z" fill="{colour}"/>'


@dataclass(frozen=True)
class Panel:
    """Scores by the values of one setting: for each value, its variants' (validation, test)."""

    title: str
    values: Sequence[tuple[str, Sequence[tuple[float, float]]]]


def strips(panels: Sequence[Panel], axis: str, show: Callable[[float], str]) -> str:
    """For each setting and value: every variant as a dot, the mean as a bar; validation left, test right."""
    top, height, gap = 30, 230, 26
    scores = [score for panel in panels for _, pairs in panel.values for pair in pairs for score in pair]
    scores = [score for score in scores if math.isfinite(score)]
    low, high = (min(scores), max(scores)) if scores else (0.0, 1.0)
    margin = 0.06 * ((high - low) or max(abs(high), 1e-3))
    low, high = low - margin, high + margin
    parts: list[str] = []

    def y(value: float) -> float:
        return top + height * (1 - (value - low) / (high - low))

    total = sum(len(panel.values) for panel in panels)
    slot = min(150.0, (_WIDTH - 70 - gap * len(panels)) / max(total, 1))
    right = 70 + slot * total + gap * (len(panels) - 1)
    # Names that would not fit side by side are turned, so that resnet10 and resnet101 can be told apart.
    longest = max((len(value) for panel in panels for value, _ in panel.values), default=0)
    turned = longest > max(4, int(slot / 7))
    below = 0.57 * 7 * min(longest, _LONGEST) if turned else 0
    for tick in ticks(low, high):
        parts.append(
            f'<line x1="60" x2="{right:.0f}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" class="tlimb-grid"/>'
        )
        parts.append(f'<text x="52" y="{y(tick) + 4:.1f}" text-anchor="end">{_short(tick)}</text>')
    x = 70.0
    for panel in panels:
        width = slot * len(panel.values)
        parts.append(
            f'<text x="{x + width / 2:.1f}" y="16" text-anchor="middle" class="tlimb-head">'
            f"{escape(panel.title)}</text>"
        )
        for value, pairs in panel.values:
            centre = x + slot / 2
            for side, colour, column in ((-1, GREY, 0), (1, ORANGE, 1)):
                at = centre + side * slot * 0.16
                found = [pair[column] for pair in pairs if math.isfinite(pair[column])]
                parts += [
                    f'<circle cx="{at:.1f}" cy="{y(v):.1f}" r="3" fill="{colour}" opacity="0.55"/>'
                    for v in found
                ]
                if found:
                    mean = sum(found) / len(found)
                    name = "validation" if column == 0 else "test"
                    parts.append(
                        f'<line x1="{at - slot * 0.11:.1f}" x2="{at + slot * 0.11:.1f}" y1="{y(mean):.1f}" '
                        f'y2="{y(mean):.1f}" stroke="{colour}" stroke-width="3">'
                        f"<title>{name}: mean {show(mean)} of {len(found)}</title></line>"
                    )
            place = f'x="{centre:.1f}" y="{top + height + 18}"'
            how = 'text-anchor="middle"'
            if turned:
                how = f'text-anchor="end" transform="rotate(-35 {centre:.1f} {top + height + 12})"'
            parts.append(f"<text {place} {how}><title>{escape(value)}</title>{_cut(value, _LONGEST)}</text>")
            x += slot
        x += gap
    legend = top + height + 42 + round(below)
    parts.append(
        f'<circle cx="70" cy="{legend - 4}" r="4" fill="{GREY}"/><text x="80" y="{legend}">validation</text>'
    )
    parts.append(
        f'<circle cx="170" cy="{legend - 4}" r="4" fill="{ORANGE}"/><text x="180" y="{legend}">test</text>'
    )
    parts.append(f'<text x="230" y="{legend}">bar: mean over variants. Axis: {escape(axis)}</text>')
    return _figure(parts, legend + 10, axis)


@dataclass(frozen=True)
class Cloud:
    """One panel of a scatter plot: (true, predicted) pairs, with a title and numbers above."""

    title: str
    numbers: str
    points: Sequence[tuple[float, float]]
    muted: bool = False


def scatter(clouds: Sequence[Cloud], x_axis: str, y_axis: str) -> str:
    """Square panels side by side on one scale, each with the line of perfect prediction.

    A panel shows at most 1,500 points, evenly taken from the sorted ones.
    """
    side, top, left, gap = 400, 48, 70, 110
    values = [value for cloud in clouds for point in cloud.points for value in point]
    low, high = min(values), max(values)
    margin = 0.04 * ((high - low) or 1.0)
    low, high = low - margin, high + margin
    parts: list[str] = []
    for number, cloud in enumerate(clouds):
        start = left + number * (side + gap)

        def x(value: float, start: float = start) -> float:
            return start + side * (value - low) / (high - low)

        def y(value: float) -> float:
            return top + side * (1 - (value - low) / (high - low))

        parts.append(f'<text x="{start}" y="16" class="tlimb-head">{_cut(cloud.title, 60)}</text>')
        parts.append(f'<text x="{start}" y="36">{_cut(cloud.numbers, 70)}</text>')
        for tick in ticks(low, high):
            ends = f'y1="{y(tick):.1f}" y2="{y(tick):.1f}" class="tlimb-grid"'
            parts.append(f'<line x1="{start}" x2="{start + side}" {ends}/>')
            ends = f'x1="{x(tick):.1f}" x2="{x(tick):.1f}" class="tlimb-grid"'
            parts.append(f'<line y1="{top}" y2="{top + side}" {ends}/>')
            below = f'x="{x(tick):.1f}" y="{top + side + 18}" text-anchor="middle"'
            parts.append(f"<text {below}>{_short(tick)}</text>")
            beside = f'x="{start - 8}" y="{y(tick) + 4:.1f}" text-anchor="end"'
            parts.append(f"<text {beside}>{_short(tick)}</text>")
        parts.append(
            f'<line x1="{start}" y1="{top + side}" x2="{start + side}" y2="{top}" class="tlimb-reference"/>'
        )
        colour, step = GREY if cloud.muted else BLUE, math.ceil(len(cloud.points) / 1500)
        parts += [
            f'<circle cx="{x(true):.1f}" cy="{y(guess):.1f}" r="3.5" fill="{colour}" opacity="0.65"/>'
            for true, guess in cloud.points[::step]
        ]
        middle, bottom = start + side / 2, top + side + 40
        parts.append(f'<text x="{middle}" y="{bottom}" text-anchor="middle">{escape(x_axis)}</text>')
        turned = f"rotate(-90 {start - 46} {top + side / 2})"
        parts.append(
            f'<text x="{start - 46}" y="{top + side / 2}" text-anchor="middle" transform="{turned}">'
            f"{escape(y_axis)}</text>"
        )
    return _figure(parts, top + side + 52, f"{y_axis} against {x_axis}")


def _figure(parts: Sequence[str], height: float, name: str) -> str:
    return (
        f'<svg class="tlimb-svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(name)}">'
        + "".join(parts)
        + "</svg>"
    )


def _short(value: float) -> str:
    return words.number(value).replace("-", "−")


def _cut(text: str, length: int) -> str:
    return escape(text if len(text) <= length else text[: length - 1] + "…")
