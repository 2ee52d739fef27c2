"""The section on learning rates: how fast each layer group moved, epoch by epoch (as MetaLR, figure 4b)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tlpy import words
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run, StageResult
from tlpy.report.sections import BLUE, Section, escape
from tlpy.report.training import distinct_stages

PANELS = 8
"""Stages shown: those of the best variants."""
_WIDTH, _ROW, _NAMES, _GRID, _COLUMN = 1100, 16, 150, 560, 26
# At most so many columns; of more epochs, evenly spaced ones are shown.
_EPOCHS = 60


@dataclass(frozen=True)
class _Panel:
    """One stage: its rates by layer group, an equal number of epochs each."""

    title: str
    rates: dict[str, list[float]]

    @property
    def moving(self) -> list[float]:
        return [rate for of in self.rates.values() for rate in of if rate > 0]

    @property
    def shifts(self) -> bool:
        """Whether groups changed their rates over each other's."""
        by_epoch = zip(*self.rates.values(), strict=False)
        return len({tuple(round(rate / (max(of) or 1), 6) for rate in of) for of in by_epoch}) > 1


def rates(run: Run, rankings: Sequence[Ranking]) -> Section | None:
    """Heat maps of the rate by layer group and epoch; None where no stage has rates of its own by layer."""
    panels = [
        _Panel(label, found)
        for role in ("finetune", "adapt")
        for label, stage in distinct_stages(run, list(rankings), role)
        if (found := _by_layer(stage))
    ]
    if not panels:
        return None
    shown = sorted(panels, key=lambda panel: not panel.shifts)[:PANELS]
    left = len(panels) - len(shown)
    text = (
        "How fast each layer group moved, from the first (above) to the heads, at the start of each epoch: "
        "the darker, the faster, on one logarithmic scale; empty: frozen. On the right, the rate in the last "
        "epoch. Rates that are high at both ends and low between say that the first and the last layers "
        "transfer least (MetaLR's hypothesis). Shown are stages in which layer groups have rates of their "
        "own, those whose rates were learnt or set as they trained first, by the ranks of their variants."
        + (f" {words.count(left, 'further stage')} of lower-ranked variants not shown." if left else "")
    )
    return Section("rates", "Learning rates by layer", text, "html", _figure(shown))


def _by_layer(stage: StageResult) -> dict[str, list[float]]:
    """The rates of a stage whose layer groups have rates of their own; empty for all others."""
    found = stage.learning_rates
    own = {name: of for name, of in found.items() if not name.startswith("objective")}
    differ = len({tuple(of) for of in own.values()}) > 1
    return own if len(own) > 2 and differ else {}


def _figure(panels: Sequence[_Panel]) -> str:
    """All panels, one below the other, on one scale."""
    moving = [math.log10(rate) for panel in panels for rate in panel.moving]
    low, high = (min(moving), max(moving)) if moving else (0.0, 0.0)
    parts: list[str] = []
    top = 0.0
    for panel in panels:
        top = _add_panel(parts, panel, top, low, high)
    top = _add_scale(parts, top, low, high)
    return (
        f'<svg class="tlimb-svg" viewBox="0 0 {_WIDTH} {top:.0f}" role="img" '
        'aria-label="learning rate by layer group and epoch">' + "".join(parts) + "</svg>"
    )


def _add_panel(parts: list[str], panel: _Panel, top: float, low: float, high: float) -> float:
    """Add one heat map; where the next one begins."""
    count = max(len(of) for of in panel.rates.values())
    steps = min(count, _EPOCHS)
    epochs = [round(step * (count - 1) / max(1, steps - 1)) for step in range(steps)]
    wide = min(_COLUMN, _GRID / len(epochs))
    parts.append(f'<text x="0" y="{top + 16:.0f}" class="tlimb-head">{panel.title}</text>')
    top += 26
    for row, (name, of) in enumerate(panel.rates.items()):
        y = top + row * _ROW
        parts.append(f'<text x="{_NAMES - 8}" y="{y + 12:.0f}" text-anchor="end">{escape(name[:22])}</text>')
        for column, epoch in enumerate(epochs):
            rate = of[epoch] if epoch < len(of) else 0.0
            parts.append(
                f'<rect x="{_NAMES + column * wide:.1f}" y="{y:.0f}" width="{wide:.1f}" height="{_ROW - 1}" '
                f"{_fill(rate, low, high)}><title>{escape(name)}, epoch {epoch + 1}: {_said(rate)}"
                "</title></rect>"
            )
        last = _said(of[-1]) if of[-1] > 0 else "frozen"
        parts.append(f'<text x="{_NAMES + wide * len(epochs) + 10:.0f}" y="{y + 12:.0f}">{last}</text>')
    bottom = top + len(panel.rates) * _ROW
    parts.append(f'<text x="{_NAMES}" y="{bottom + 14:.0f}">epoch 1</text>')
    end = _NAMES + wide * len(epochs)
    parts.append(f'<text x="{end:.0f}" y="{bottom + 14:.0f}" text-anchor="end">{count}</text>')
    return bottom + 30


def _add_scale(parts: list[str], top: float, low: float, high: float) -> float:
    """Add the legend; where the figure ends."""
    steps = 40
    for step in range(steps):
        rate = 10 ** (low + (high - low) * step / (steps - 1))
        parts.append(
            f'<rect x="{_NAMES + step * 8}" y="{top:.0f}" width="8" height="12" {_fill(rate, low, high)}/>'
        )
    parts.append(f'<text x="{_NAMES - 8}" y="{top + 11:.0f}" text-anchor="end">{_said(10**low)}</text>')
    parts.append(f'<text x="{_NAMES + steps * 8 + 8}" y="{top + 11:.0f}">{_said(10**high)}</text>')
    return top + 22


def _fill(rate: float, low: float, high: float) -> str:
    """How a cell is painted: frozen ones are empty."""
    if rate <= 0:
        return f'fill="none" stroke="{BLUE}" stroke-opacity="0.15"'
    share = 1.0 if high <= low else (math.log10(rate) - low) / (high - low)
    return f'fill="{BLUE}" fill-opacity="{0.12 + 0.88 * min(max(share, 0.0), 1.0):.2f}"'


def _said(rate: float) -> str:
    """A rate to three digits."""
    return words.number(float(f"{rate:.3g}"))
