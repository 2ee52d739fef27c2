"""The ways of transfer by name. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.components.declarations import Form
from tlpy.components.registry import Registry
from tlpy.errors import Problems
from tlpy.transfer.base import TransferFacts

_BASE = "tlpy.transfer.base.Transfer"
_GROUPS = "tlpy.transfer.groups.ParameterGroups"

TRANSFERS = Registry(
    "transfer",
    TransferFacts,
    {
        "full": "tlpy.transfer.whole.Full",
        "head": "tlpy.transfer.whole.Head",
        "freeze": "tlpy.transfer.freeze.Freeze",
        "layerwise": "tlpy.transfer.layerwise.Layerwise",
        "bidirectional": "tlpy.transfer.layerwise.Bidirectional",
        "discriminative": "tlpy.transfer.discriminative.Discriminative",
        "gradual": "tlpy.transfer.gradual.Gradual",
        "autolr": "tlpy.transfer.autolr.AutoLR",
        "metalr": "tlpy.transfer.metalr.MetaLR",
        "lora": "tlpy.transfer.lora.LoRA",
    },
    Form(f"a {_BASE} whose groups(architecture) returns {_GROUPS}", ("groups(architecture)",), (_BASE,)),
    Form(
        f"a function that takes the architecture and its arguments and returns {_GROUPS}, or a {_BASE}",
        positional=1,
        function=True,
    ),
)


def complete_transfer(value: Any, where: str, blocks: int | None = None) -> dict[str, Any]:
    """`value` in its long form, with defaults filled in and every argument checked.

    Args:
        value: a name, a class path, or either with arguments.
        where: the param's path, for messages.
        blocks: how many layer groups the architecture has, heads included, where that is known.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    component = TRANSFERS.complete(value, where)
    if component["name"] in TRANSFERS:
        problems = Problems()
        TRANSFERS.make(component, where=where).check(where, blocks, problems)
        problems.raise_if_any()
    return component
