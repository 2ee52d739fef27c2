"""AutoLR: rates are tuned until layers change the more the nearer they are to the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tlpy.architectures.family import HEADS
from tlpy.components.rules import Positive, Share, at_least
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups
    from tlpy.transfer.running import Running

# What is wanted at first lies between these times the smallest and the largest change.
_LOW, _HIGH = 2.0, 0.4
# The first layer group's rate over the second's; it is not ranked.
_STEM = 0.5
# What the score must be falls by this each epoch that stands, down to the second.
_EASIER, _EASIEST = 0.99, 0.8
# The least that a wanted change may be of what it was: repairing an order can ask for less than nothing.
_LEAST = 0.05


@dataclass
class AutoLR(Transfer):
    """an epoch stands if later layers changed more than earlier ones; else it is tried again at other rates

    Ro & Choi 2021, without their pruning of layers. After an epoch, layer group i of the n that are ranked
    (all but the first one and the heads) has changed by v_i = ‖ΔW‖/(numbers in it). With A_k the place of the
    k-th smallest v, the score is 1 - 2 Σ|k - A_k|/n². Below `score` the network is taken back to where the
    epoch began and each rate multiplied with v*_i/v_i: in the first epoch v* rises evenly from 2 min v to
    0.4 max v, later on what is out of order is put in order from the middle outwards; v* stays the same for
    all trials of an epoch.

    A trial is one of the stage's `epochs`, so that it is compared at equal cost. After `retries` of them, and
    at the stage's end, an epoch stands as it is (the original tries without end).

    Args:
        score: at least this, at first; it falls by 1 % with each epoch that stands, down to 0.8.
        retries: how often an epoch is tried again.
        head: the heads' rate over that of all others, which is the stage's `lr` (the paper: 0.01 and 0.001).
    """

    noun = "AutoLR"
    cites = (
        "Ro Y, Choi JY. AutoLR: layer-wise pruning and auto-tuning of learning rates in fine-tuning of deep "
        "networks. AAAI 2021.",
    )

    score: Share = 0.94
    retries: Annotated[int, at_least(0)] = 5
    head: Positive = 10.0

    def __post_init__(self) -> None:
        self._before: dict[str, Any] = {}
        self._wanted: list[float] = []
        self._tries = self._stood = 0

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import group_by_block

        return group_by_block(architecture, {HEADS: self.head})

    def start_epoch(self, running: Running) -> None:
        self._before = running.snapshot()

    def end_epoch(self, running: Running) -> bool:
        _, ranked = _ranked(running)
        changes = self._changes(running, ranked)
        last = self._tries >= self.retries or running.epoch == running.epochs
        if last or order_score(changes) >= self._needed():
            self._before, self._wanted, self._tries = {}, [], 0
            self._stood += 1
            return True
        if not self._wanted:
            self._wanted = evenly(changes) if self._stood == 0 else in_order(changes)
        running.restore(self._before)
        self._before = {}
        stem, ranked = _ranked(running)  # an optimizer that took up a state has groups of its own
        for group, wanted, change in zip(ranked, self._wanted, changes, strict=True):
            if change > 0:
                group["lr_scale"] *= max(wanted / change, _LEAST)
        for group in stem:
            group["lr_scale"] = _STEM * ranked[0]["lr_scale"]
        self._tries += 1
        return False

    def _needed(self) -> float:
        needed = self.score
        for _ in range(self._stood):
            if needed > _EASIEST:
                needed *= _EASIER
        return needed

    def _changes(self, running: Running, groups: Sequence[Mapping[str, Any]]) -> list[float]:
        """The norm of each group's change since the epoch began, over how many numbers it has."""
        import torch

        names = {id(parameter): name for name, parameter in running.architecture.named_parameters()}
        before, found = self._before["architecture"], []
        for group in groups:
            pairs = [(p.detach(), before[names[id(p)]]) for p in group["params"]]
            squares = [torch.sum((now.double() - then.double()) ** 2) for now, then in pairs]
            count = sum(now.numel() for now, _ in pairs)
            found.append(float(torch.stack(squares).sum().sqrt()) / count)
        return found

    def state(self) -> dict[str, Any]:
        return {"wanted": list(self._wanted), "tries": self._tries, "stood": self._stood}

    def resume(self, state: Mapping[str, Any]) -> None:
        self._wanted = list(state["wanted"])
        self._tries, self._stood = int(state["tries"]), int(state["stood"])


def _ranked(running: Running) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first group of the encoder, and those after it."""
    encoder = [group for group in running.groups if group["name"] != HEADS]
    return encoder[:1], encoder[1:]


def order_score(changes: Sequence[float]) -> float:
    """1 where `changes` ascend, 0 at worst: 1 - 2 Σ|k - A_k|/n², A_k the place of the k-th smallest."""
    places = sorted(range(len(changes)), key=lambda place: changes[place])
    moved = sum(abs(number - place) for number, place in enumerate(places))
    return 1.0 - 2.0 * moved / max(1, len(changes)) ** 2


def evenly(changes: Sequence[float]) -> list[float]:
    """From twice the smallest to 0.4 times the largest change in even steps, ascending."""
    low, high = sorted((_LOW * min(changes), _HIGH * max(changes)))
    return [low + (high - low) * place / max(1, len(changes) - 1) for place in range(len(changes))]


def in_order(changes: Sequence[float]) -> list[float]:
    """`changes`, with what is out of order set a step beside its neighbour, from the middle outwards.

    A step is the range over the number of gaps.
    """
    wanted, middle = list(changes), len(changes) // 2
    step = (max(changes) - min(changes)) / max(1, len(changes) - 1)
    for place in range(middle, 0, -1):
        if wanted[place] < wanted[place - 1]:
            wanted[place - 1] = wanted[place] - step
    for place in range(middle, len(changes) - 1):
        if wanted[place] > wanted[place + 1]:
            wanted[place + 1] = wanted[place] + step
    return wanted
