"""Where statistics of batch normalisation of a domain's own can have an effect."""

from __future__ import annotations

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.records import Stage
from tlpy.transfer.registry import TRANSFERS


def adabn_idle(stage: Stage) -> str:
    """Why `adabn` does nothing in a stage, whether or not it was asked for; empty where it does something.

    Of an own network nothing is known before it is built; training refuses it where it has no such layers.
    """
    if not stage.heads:
        return "no label is learnt, so that there is no labelled domain"
    if not stage.blind:
        return "no data set takes part by its images alone (`unlabelled`)"
    if not ARCHITECTURES.facts(stage.architecture["name"]).batch_norm:
        return f"{stage.architecture['name']} has no batch normalisation"
    if stage.transfer is not None and TRANSFERS.facts(stage.transfer["name"]).heads_alone:
        return f"transfer {stage.transfer['name']} keeps the encoder as it is, its statistics too"
    return ""
