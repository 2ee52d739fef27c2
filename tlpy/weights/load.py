"""Weights into a network, as far as they fit, with a report of everything that did and did not."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tlpy.architectures.base import HEADS, Architecture, head_key
from tlpy.errors import InputError, Problem
from tlpy.weights.fit import GRID, Fitter, plain, type_name
from tlpy.weights.heads import TakeOver
from tlpy.weights.names import OtherNames, recognise
from tlpy.weights.report import ENCODER, LoadReport

# What follows from the network alone, and counters that old files do not have.
_OWN = (GRID, "relative_position_index")
_COUNTER = "num_batches_tracked"


@torch.no_grad()
def load_weights(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    heads: Mapping[str, TakeOver | str] | None = None,
    channels: str | None = None,
) -> LoadReport:
    """Take over from `state` what fits the network's encoder, and the heads that say the same.

    Names may be those of others whom the encoder knows (`other_names`), and any prefix (`module.`,
    `backbone.`, `model.encoder.`) is found and taken off. The first convolution is adapted to the number of
    input channels, convolutions to one axis more, position embeddings to the image size; a bias the file does
    not have, beside a weight it has, is set to 0.

    Args:
        architecture: its weights are changed in place; their type and device stay. On torch's `meta` device
            nothing is written, and the report is the same.
        state: tensors by name (`tlpy.weights.read.read_weights`).
        heads: by label, how a head of the file becomes the network's (`tlpy.weights.heads.compare`), or why
            none does. None: they are the network's own, and those of the same label and size are taken.
        channels: `sum` or `mean`, where the file has other channels; None: that which keeps the response to
            an image whose channels are all alike.

    Raises:
        InputError: nothing of the encoder was found in `state`.
    """
    target = architecture.state_dict()
    parameters = dict(architecture.named_parameters())
    wanted = {name.removeprefix(ENCODER): one for name, one in target.items() if name.startswith(ENCODER)}
    others: OtherNames = getattr(architecture.encoder, "other_names", {})
    naming = recognise(_shapes(state), _shapes(wanted), others)
    report = LoadReport(
        prefix=naming.prefix,
        names=naming.writer,
        parameters={name: one.numel() for name, one in parameters.items()},
        blocks=architecture.blocks(),
    )
    fitter = Fitter.of(architecture, state, naming, channels)
    used = _load_encoder(wanted, fitter, report)
    _check_features(architecture, wanted, state, naming.sources)
    if not any(name in parameters for name in [*report.matched, *report.adapted]):
        raise InputError([_nothing_fits(state, wanted, report)])
    _load_heads(architecture, state, target, heads, report, used)
    for source in state:
        if source not in used:
            report.skipped[source] = "the network has no weight of this name"
    return report


def _load_encoder(wanted: Mapping[str, Tensor], fitter: Fitter, report: LoadReport) -> set[str]:
    """Each weight of the encoder as it is, adapted, or left at random; the file's names that were used."""
    sources = fitter.naming.sources
    used = {source for name, source in sources.items() if name.endswith(_OWN)}
    for name, own in wanted.items():
        if name.endswith(_OWN):
            continue
        source = sources.get(name)
        if source is None:
            _fill_absent(ENCODER + name, own, report)
            continue
        used.add(source)
        value, how = fitter.fit(name, own)
        if value is None:
            report.new[ENCODER + name] = report.skipped[source] = how
            continue
        own.copy_(value)
        _note_type(fitter.state[source], own, report)
        if how:
            report.adapted[ENCODER + name] = how
        else:
            report.matched.append(ENCODER + name)
    return used


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(one.shape) for name, one in tensors.items()}


def _nothing_fits(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], report: LoadReport) -> Problem:
    """What tells a file of another architecture from one of other widths."""
    if report.new and report.skipped:
        name, how = next(iter(report.new.items()))
        why = "no weight of the file fits the architecture's encoder: names are its own, shapes are not"
        return Problem("weights", why, f"{name.removeprefix(ENCODER)}: {how}")
    examples = f"the file has {', '.join(sorted(state)[:3])}, the network {', '.join(list(wanted)[:3])}"
    return Problem("weights", "no weight of the file fits the architecture's encoder", examples)


def _check_features(
    architecture: Architecture,
    wanted: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    sources: Mapping[str, str],
) -> None:
    """Raises `InputError` where a network of vectors would get a first layer for other features."""
    first = getattr(architecture.encoder, "first", "")
    before, now = state.get(sources.get(first, "")), wanted.get(first)
    if before is None or now is None or before.shape[1:] == now.shape[1:]:
        return
    message = f"were trained on {before.shape[1]:,} features, these data have {now.shape[1]:,}"
    raise InputError([Problem("weights", message, "a network of vectors knows its features by their place")])


def _note_type(value: Tensor, own: Tensor, report: LoadReport) -> None:
    """Remember numbers that came in another type than the network's."""
    if own.is_floating_point() and value.dtype != own.dtype:
        kind = type_name(value)
        report.converted[kind] = report.converted.get(kind, 0) + 1


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


def _load_heads(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    heads: Mapping[str, TakeOver | str] | None,
    report: LoadReport,
    used: set[str],
) -> None:
    """Each head is taken over whole, as it is or changed so that it says the same; else it starts new."""
    stem = report.prefix.removesuffix(ENCODER)
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
            _note_type(state[source], target[name], report)
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
        there = plain(state[source])
        value = chosen.weight(there) if part == "weight" else chosen.bias(there)
        if value.shape != target[name].shape:
            return "a head of another size in the file"
        found[name] = source, value
    return found
