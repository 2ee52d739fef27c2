"""Weights into a network, as far as they fit, with a report of everything that did and did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tlpy import words
from tlpy.architectures.base import HEADS, Architecture, head_key
from tlpy.errors import InputError, Problem
from tlpy.weights.adapt import adapt_channels, guess_grid, inflate, resize_positions
from tlpy.weights.heads import TakeOver

_ENCODER = "encoder."
# The size of a transformer's own grid is never taken over, and old files have no such counter.
_GRID, _COUNTER = "patch_embedding.grid", "num_batches_tracked"
_POSITIONS = "patch_embedding.position_embeddings"


@dataclass
class LoadReport:
    """What became of every weight.

    Attributes:
        prefix: what stood before the encoder's names in the file.
        matched: names in the network that were taken over as they are.
        adapted: names in the network, with how their shape was changed.
        new: names in the network that keep their random start, with the reason.
        skipped: names in the file that were not used, with the reason.
        heads: by label, what became of the network's head.
        parameters: how many numbers each parameter of the network has, to tell them from buffers.
    """

    prefix: str = ""
    matched: list[str] = field(default_factory=list)
    adapted: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the parameters that were taken over, as they are or adapted."""
        return frozenset(self.parameters) & frozenset([*self.matched, *self.adapted])

    @property
    def share(self) -> float:
        """The share of the encoder's parameters, counted in numbers, that was taken over."""
        encoder = {name: count for name, count in self.parameters.items() if name.startswith(_ENCODER)}
        return sum(encoder[name] for name in self.loaded if name in encoder) / sum(encoder.values())

    def as_dict(self) -> dict[str, Any]:
        """For `load_report.json`; names sorted."""
        counts = {key: len(getattr(self, key)) for key in ("matched", "adapted", "new", "skipped")}
        return {
            "prefix": self.prefix,
            "share_of_encoder": round(self.share, 4),
            "counts": counts,
            "heads": dict(sorted(self.heads.items())),
            "matched": sorted(self.matched),
            "adapted": dict(sorted(self.adapted.items())),
            "new": dict(sorted(self.new.items())),
            "skipped": dict(sorted(self.skipped.items())),
        }


@torch.no_grad()
def load_weights(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    heads: Mapping[str, TakeOver | str] | None = None,
) -> LoadReport:
    """Take over from `state` what fits the network's encoder, and the heads that say the same.

    Any prefix (`module.`, `backbone.`, `model.encoder.`) is found and taken off. The first
    convolution is adapted to the number of input channels, convolutions to one axis more, position
    embeddings to the image size; a bias the file does not have, beside a weight it has, is set to 0.

    Args:
        architecture: its weights are changed in place; their type and device stay.
        state: tensors by name (`tlpy.weights.read.read_weights`).
        heads: by label, how a head of the file becomes the network's (`tlpy.weights.heads.compare`), or why
            none does. None: they are the network's own, and those of the same label and size are taken.

    Raises:
        InputError: nothing of the encoder was found in `state`.
    """
    target = architecture.state_dict()
    parameters = dict(architecture.named_parameters())
    wanted = [name for name in target if name.startswith(_ENCODER)]
    prefix = _find_prefix(state, [name.removeprefix(_ENCODER) for name in wanted])
    report = LoadReport(prefix=prefix, parameters={n: p.numel() for n, p in parameters.items()})
    used = {name for name in state if name.startswith(prefix) and name.removeprefix(prefix) in _grids(wanted)}
    first = _first_convolution(architecture)
    for name in wanted:
        source = prefix + name.removeprefix(_ENCODER)
        if name.endswith(_GRID):
            continue
        if source not in state:
            _fill_absent(name, target[name], report)
            continue
        used.add(source)
        fixed = name in parameters and not parameters[name].requires_grad and name.endswith(_POSITIONS)
        value, how = _fit(name, state, source, target, name == first, fixed)
        if value is None:
            report.new[name] = report.skipped[source] = how
            continue
        target[name].copy_(value)
        if how:
            report.adapted[name] = how
        else:
            report.matched.append(name)
    _check_features(architecture, state, prefix, target)
    if not any(name in parameters for name in [*report.matched, *report.adapted]):
        examples = f"the file has {', '.join(sorted(state)[:3])}, the network {', '.join(wanted[:3])}"
        raise InputError(
            [Problem("weights", "no weight of the file fits the architecture's encoder", examples)]
        )
    _load_heads(architecture, state, target, heads, report, used)
    for source in state:
        if source not in used:
            report.skipped[source] = "the network has no weight of this name"
    return report


def _check_features(
    architecture: Architecture, state: Mapping[str, Tensor], prefix: str, target: Mapping[str, Tensor]
) -> None:
    """Raises `InputError` where a network of vectors would get a first layer for other features."""
    first = getattr(architecture.encoder, "first", "")
    before, now = state.get(prefix + first), target.get(_ENCODER + first)
    if before is None or now is None or before.shape[1:] == now.shape[1:]:
        return
    message = f"were trained on {before.shape[1]:,} features, these data have {now.shape[1]:,}"
    raise InputError([Problem("weights", message, "a network of vectors knows its features by their place")])


def _grids(wanted: list[str]) -> set[str]:
    return {name.removeprefix(_ENCODER) for name in wanted if name.endswith(_GRID)}


def _find_prefix(state: Mapping[str, Tensor], names: list[str]) -> str:
    """What stands before the encoder's names: the prefix under which most of them are found."""
    known = set(names)
    found: Counter[str] = Counter()
    for source in state:
        parts = source.split(".")
        for cut in range(len(parts)):
            if ".".join(parts[cut:]) in known:
                found["".join(f"{part}." for part in parts[:cut])] += 1
    return min(found, key=lambda prefix: (-found[prefix], len(prefix), prefix), default="")


def _first_convolution(architecture: Architecture) -> str:
    """The name of the weight that sees the image."""
    for name, module in architecture.encoder.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            return f"{_ENCODER}{name}.weight" if name else f"{_ENCODER}weight"
    return ""


def _fill_absent(name: str, own: Tensor, report: LoadReport) -> None:
    """What becomes of a weight that is not in the file."""
    if name.rpartition(".")[2] == _COUNTER:
        return
    weight = name.removesuffix("bias") + "weight"
    if name.endswith(".bias") and (weight in report.adapted or weight in report.matched):
        own.zero_()
        report.adapted[name] = "set to 0: the file has its weight without a bias"
    else:
        report.new[name] = "not in the file"


def _fit(
    name: str,
    state: Mapping[str, Tensor],
    source: str,
    target: Mapping[str, Tensor],
    is_first: bool,
    fixed: bool,
) -> tuple[Tensor | None, str]:
    """The file's tensor in the network's shape and how it got there; None and the reason where it cannot."""
    value, shape = state[source], target[name].shape
    if value.shape == shape:
        return value, ""
    found = f"shape {tuple(value.shape)} in the file, {tuple(shape)} in the network"
    if fixed:
        return None, f"{found}; the fixed positions of this image size are kept"
    if name.endswith(_POSITIONS) and value.ndim == 3 and value.shape[2] == shape[2]:
        after = [int(n) for n in target[name.removesuffix(_POSITIONS) + _GRID]]
        told = state.get(source.removesuffix(_POSITIONS) + _GRID)
        before = guess_grid(value.shape[1], len(after)) if told is None else tuple(int(n) for n in told)
        if before is None or len(before) != len(after):
            return None, f"{found}; the file's grid is not known or has other axes"
        grids = " to ".join(words.size(grid) for grid in (before, after))
        return resize_positions(value, before, after), f"positions interpolated from a grid of {grids}"
    steps = []
    if is_first and value.ndim >= 3 and value.shape[1] != shape[1]:
        steps.append(f"{value.shape[1]} input channels to {shape[1]}")
        value = adapt_channels(value, shape[1])
    if value.ndim >= 3 and len(shape) == value.ndim + 1 and shape[: value.ndim] == value.shape:
        steps.append(f"inflated from {value.ndim - 2}D to {len(shape) - 2}D")
        value = inflate(value, shape)
    return (value, ", ".join(steps)) if value.shape == shape else (None, found)


def _load_heads(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    heads: Mapping[str, TakeOver | str] | None,
    report: LoadReport,
    used: set[str],
) -> None:
    """Each head is taken over whole, as it is or changed so that it says the same; else it starts new."""
    stem = report.prefix.removesuffix(_ENCODER)
    for label in architecture.labels:
        key = f"{HEADS}.{head_key(label)}."
        names = [name for name in target if name.startswith(key)]
        chosen = TakeOver(label) if heads is None else heads.get(label, "a head that is not compared")
        found = chosen if isinstance(chosen, str) else _taken(chosen, key, names, state, stem, target)
        if isinstance(found, str):
            report.new.update(dict.fromkeys(names, found))
            report.heads[label] = f"new: {found}"
            continue
        assert isinstance(chosen, TakeOver)
        for name, (source, value) in found.items():
            target[name].copy_(value)
            used.add(source)
        if chosen.how:
            report.adapted.update(dict.fromkeys(names, chosen.how))
        else:
            report.matched += names
        report.heads[label] = chosen.how or "taken over"
    for source in state:
        if source.startswith(f"{stem}{HEADS}.") and source not in used:
            report.skipped[source] = "a head that the network does not have, or that is new there"
            used.add(source)


def _taken(
    chosen: TakeOver,
    key: str,
    names: list[str],
    state: Mapping[str, Tensor],
    stem: str,
    target: Mapping[str, Tensor],
) -> dict[str, tuple[str, Tensor]] | str:
    """By the network's names, the file's name and the value to take; else why the head is new."""
    found = {}
    for name in names:
        part = name.removeprefix(key)
        source = f"{stem}{HEADS}.{head_key(chosen.source)}.{part}"
        if source not in state:
            return "a head the file does not have"
        if part not in ("weight", "bias") and chosen.how:
            return f"a head of more than one layer, which can't be {chosen.how}"
        if chosen.rows is not None and max(chosen.rows) >= len(state[source]):
            return "a head of another size in the file"
        value = chosen.weight(state[source]) if part == "weight" else chosen.bias(state[source])
        if value.shape != target[name].shape:
            return "a head of another size in the file"
        found[name] = source, value
    return found
