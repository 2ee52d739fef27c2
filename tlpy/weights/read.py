"""Weights from a file, whoever wrote it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from tlpy.errors import InputError, Problem

WEIGHTS = "weights.safetensors"
_ROOM = 1 << 20
# Where training tools keep the weights within a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model_state", "model", "network_weights", "net", "weights")


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU.

    Args:
        path: a safetensors file, a torch file (`.pt`, `.pth`, `.ckpt`, `.bin`; read without running
            any code in it), or a folder that holds `weights.safetensors`.

    Raises:
        InputError: the file is missing, damaged, needs code to be read, or holds no tensors.
    """
    file = Path(path)
    if file.is_dir():
        file = file / WEIGHTS
    if not file.is_file():
        raise InputError([Problem(str(path), "no such file of weights")])
    state = _read_safetensors(file) if file.suffix == ".safetensors" else _unwrap(_read_torch(file), file)
    broken = sorted(
        name for name, tensor in state.items() if tensor.is_floating_point() and not _is_finite(tensor)
    )
    if broken:
        raise InputError([Problem(str(file), f"NaN or infinite values in {', '.join(broken[:5])}")])
    if not state:
        raise InputError([Problem(str(file), "holds no tensors")])
    return state


def _is_finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (SafetensorError, OSError) as error:
        raise InputError([Problem(str(file), f"is no safetensors file, or damaged: {error}")]) from error


def _read_torch(file: Path) -> Any:
    import pickle

    import torch

    try:
        _refuse_bomb(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "holds more than tensors, or is no torch file; nothing in it was run"
        hint = "save its state_dict alone, best as safetensors"
        raise InputError([Problem(str(file), reason, hint)]) from error
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever its parser meets in a damaged file
        raise InputError([Problem(str(file), f"is no torch file, or damaged: {error}")]) from error


def _refuse_bomb(file: Path) -> None:
    """Raise `InputError` for an archive that unpacks to far more than it is: torch packs nothing."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked, packed = sum(info.file_size for info in archive.infolist()), file.stat().st_size
    if unpacked > 2 * packed + _ROOM:
        message = f"unpacks to {unpacked / 1e9:,.1f} GB, but is {packed / 1e9:,.3f} GB"
        raise InputError([Problem(str(file), message)])


def _unwrap(content: Any, file: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if tensors:
            return tensors
        for key in _NESTED:
            if isinstance(content.get(key), Mapping):
                return _unwrap(content[key], file)
        raise InputError([Problem(str(file), f"holds no tensors; its keys: {', '.join(map(str, content))}")])
    raise InputError([Problem(str(file), f"holds a {type(content).__name__}, expected tensors by name")])
