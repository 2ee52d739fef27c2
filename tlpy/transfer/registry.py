"""The ways of transfer by name. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.components.legacy import Entry, Registry
from tlpy.errors import Problems

TRANSFERS: Registry[Entry] = Registry(
    "transfer",
    [
        Entry("full", "tlpy.transfer.full:full", {}, "every parameter is taken over and trained"),
        Entry(
            "head", "tlpy.transfer.head:head", {}, "the encoder is kept as it is, only the heads are trained"
        ),
        Entry(
            "freeze",
            "tlpy.transfer.freeze:freeze",
            {"up_to": None, "blocks": None},
            "the layers before `up_to`, or the blocks m to n of `blocks: [m, n]`, are kept as they are",
        ),
    ],
)


def complete_transfer(value: Any, where: str, blocks: int | None = None) -> dict[str, Any]:
    """`value` in its long form, with defaults filled in and every argument checked.

    Args:
        value: a name, a class path, or either with arguments.
        where: the param's path, for messages.
        blocks: how many layer groups the architecture has, heads included
            (`len(tlpy.architectures.layer_names.block_names(…))`), where that is known.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    component = TRANSFERS.complete(value, where)
    if component["name"] != "freeze":
        return component
    problems = Problems()
    up_to, span = component["up_to"], component["blocks"]
    if (up_to is None) == (span is None):
        example = "{name: freeze, up_to: layer3.1.conv1} or {name: freeze, blocks: [1, 4]}"
        problems.add(where, "freeze takes either `up_to` or `blocks`", f"for example {example}")
    if up_to is not None and not (isinstance(up_to, str) and up_to):
        problems.add(f"{where}.up_to", f"expected the name of a layer, found {up_to!r}")
    if span is not None and not is_span(span):
        problems.add(f"{where}.blocks", f"expected [first, last] with 1 <= first <= last, found {span!r}")
    elif span is not None and blocks is not None and span[1] >= blocks:
        problems.add(
            f"{where}.blocks",
            f"the last frozen block is {span[1]}, but the last of the {blocks} blocks, the heads, must train",
        )
    problems.raise_if_any()
    return {**component, "blocks": None if span is None else list(span)}


def is_span(value: Any) -> bool:
    """Whether `value` is `[first, last]`, whole numbers with 1 <= first <= last."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    if not all(isinstance(edge, int) and not isinstance(edge, bool) for edge in value):
        return False
    return 1 <= value[0] <= value[1]
