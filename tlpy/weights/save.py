"""Weights to a file."""

from __future__ import annotations

from pathlib import Path

from torch import nn


def save_weights(architecture: nn.Module, path: Path | str) -> None:
    """Write a network's weights as safetensors. Equal weights give equal bytes.

    Names are `encoder.…` and `heads.<label>.…`; tensors are contiguous whatever the memory format
    they were trained in, and of the type they have.
    """
    from safetensors.torch import save_file

    state = architecture.state_dict()
    # A clone of its own: safetensors refuses tensors that share memory.
    tensors = {name: state[name].detach().cpu().clone().contiguous() for name in sorted(state)}
    save_file(tensors, str(path))
