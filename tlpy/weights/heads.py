"""What a head's outputs stand for, and how the outputs of another head become the same.

Two heads of one label and one size may still say different things: the second class of one is the first of
the other, or a standardised 1 is 70 years here and 30 there. Taken over as they are, such weights are wrong
without a word; here they are compared by what their contract says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tlpy import words
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head


@dataclass(frozen=True)
class Meaning:
    """What the outputs of a head stand for.

    Attributes:
        head: label, type, and the names of its classes or columns.
        scale: mean and sd that its targets were standardised with, in the label's units; None: not known, or
            it is no regression.
        bins: low, high and number of the bins that its outputs are; None: there are none.
    """

    head: Head
    scale: tuple[float, float] | None = None
    bins: tuple[float, float, int] | None = None


@dataclass(frozen=True)
class TakeOver:
    """How a head becomes another one: output k is `factor` times its output `rows[k]`, plus `shift`.

    Attributes:
        source: the label of the head to take.
        rows: its outputs in the new order; None: all as they are.
        how: in words; empty: nothing is changed.
    """

    source: str
    rows: tuple[int, ...] | None = None
    factor: float = 1.0
    shift: float = 0.0
    how: str = ""

    def weight(self, value: Tensor) -> Tensor:
        """The new weight, (outputs, features)."""
        return value if not self.how else self._chosen(value) * self.factor

    def bias(self, value: Tensor) -> Tensor:
        """The new bias, (outputs,)."""
        return value if not self.how else self._chosen(value) * self.factor + self.shift

    def _chosen(self, value: Tensor) -> Tensor:
        return value if self.rows is None else value[list(self.rows)]


def meanings_in(contract: Mapping[str, Any]) -> dict[str, Meaning]:
    """What the heads of a network stand for, by label, as its contract.json says; those that it describes."""
    found = {}
    for task in contract.get("tasks") or ():
        head = Head(
            str(task["label"]), str(task["type"]), tuple(task["classes"]) if task["classes"] else None
        )
        targets = (contract.get("targets") or {}).get(head.label)
        bins = (contract.get("bins") or {}).get(head.label)
        found[head.label] = Meaning(
            head,
            (float(targets["mean"]), float(targets["sd"])) if targets else None,
            (float(bins["low"]), float(bins["high"]), int(bins["bins"])) if bins else None,
        )
    return found


def compare(wanted: Meaning, there: Mapping[str, Meaning]) -> TakeOver | str:
    """How a head of the file becomes the wanted one; else why none does.

    Args:
        wanted: the new network's head.
        there: those of the file, by label.
    """
    label, kind = wanted.head.label, wanted.head.type
    if kind == MULTILABEL:
        return _columns(wanted.head, there)
    known = there.get(label)
    if known is None:
        return "a head that the weights' contract does not have"
    if known.head.type != kind:
        return f"'{label}' was {known.head.type}, and is {kind} here"
    if kind == REGRESSION:
        return _rescaled(wanted, known)
    return _reordered(wanted.head, known.head)


def _columns(head: Head, there: Mapping[str, Meaning]) -> TakeOver | str:
    """Columns of a multilabel head, each by its name, wherever they stand."""
    several = [known.head for known in there.values() if known.head.type == MULTILABEL]
    # That of the same label first, which needs no change.
    for known in sorted(several, key=lambda one: one.label != head.label):
        if set(head.names) <= set(known.names):
            if head.names == known.names:
                return TakeOver(known.label)
            rows = tuple(known.names.index(name) for name in head.names)
            return TakeOver(known.label, rows, how=f"outputs by name: {_listed(head.names)}")
    if not several:
        return "a head that the weights' contract does not have"
    return f"the columns were {_listed(several[0].names)}, and are {_listed(head.names)} here"


def _rescaled(wanted: Meaning, known: Meaning) -> TakeOver | str:
    """A regression head in the new targets' scale, so that what it predicts in the label's units stays."""
    label = wanted.head.label
    if wanted.bins != known.bins:
        return f"the outputs were {_bins(known)}, and are {_bins(wanted)} here"
    if wanted.bins is not None or wanted.scale == known.scale:
        return TakeOver(label)
    if known.scale is None or wanted.scale is None:
        return "the weights' contract does not say what its targets were standardised with"
    (before, spread_before), (after, spread_after) = known.scale, wanted.scale
    numbers = [words.number(float(f"{value:.4g}")) for value in (before, spread_before, after, spread_after)]
    return TakeOver(
        label,
        factor=spread_before / spread_after,
        shift=(before - after) / spread_after,
        how="rescaled: targets had mean {} and sd {}, here {} and {}".format(*numbers),
    )


def _reordered(head: Head, known: Head) -> TakeOver | str:
    """A head of classes with its outputs in the new order."""
    if head.names == known.names:
        return TakeOver(head.label)
    if set(head.names) != set(known.names):
        return f"the classes were {_listed(known.names)}, and are {_listed(head.names)} here"
    order = f"{_listed(known.names)} to {_listed(head.names)}"
    if head.type == BINARY:
        # Its one output is the logit of the second class: that of the first is its negative.
        return TakeOver(head.label, factor=-1.0, how=f"turned round: {order}")
    rows = tuple(known.names.index(name) for name in head.names)
    return TakeOver(head.label, rows, how=f"reordered: {order}")


def _bins(meaning: Meaning) -> str:
    if meaning.bins is None:
        return "a number"
    low, high, count = meaning.bins
    return f"{count} bins from {words.number(low)} to {words.number(high)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown
