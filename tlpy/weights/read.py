"""Weights from a file, whoever wrote it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from tlpy.errors import InputError, Problem
from tlpy.weights.file_kinds import SAFETENSORS, TORCH, kind_of

WEIGHTS = "weights.safetensors"
_ROOM = 1 << 20
# Where training tools keep the weights within a checkpoint.
_NESTED = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "network",
    "network_weights",
    "net",
    "encoder",
    "weights",
)
_HINT = "where it was made, save its state_dict alone: torch.save(network.state_dict(), FILE), or safetensors"


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, in the types that the file has; mapped from the file where that can be.

    Args:
        path: a safetensors file, a torch file (`.pt`, `.pth`, `.ckpt`, `.bin`; read without running
            any code in it), or a folder that holds `weights.safetensors`.

    Raises:
        InputError: the file is missing, damaged, of another kind, needs code to be read, holds no tensors, or
            numbers that are not finite.
    """
    file = Path(path)
    if file.is_dir():
        file = file / WEIGHTS
    if not file.is_file():
        raise InputError([Problem(str(path), "no such file of weights")])
    kind = kind_of(file)
    if kind not in (SAFETENSORS, TORCH):
        raise InputError([Problem(str(file), kind)])
    state = _read_safetensors(file) if kind == SAFETENSORS else _unwrap(_read_torch(file), file)
    broken = sorted(name for name, tensor in state.items() if not _is_finite(tensor))
    if broken:
        raise InputError([Problem(str(file), f"NaN or infinite values in {', '.join(broken[:5])}")])
    if not state:
        raise InputError([Problem(str(file), "holds no tensors")])
    return state


def _is_finite(tensor: Tensor) -> bool:
    if tensor.is_quantized or not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    # Numbers of eight bits know no such operation.
    return bool((tensor.float() if tensor.element_size() == 1 else tensor).isfinite().all())


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (SafetensorError, OSError) as error:
        raise InputError([Problem(str(file), f"is no safetensors file, or damaged: {error}")]) from error


def _read_torch(file: Path) -> Any:

    import torch

    try:
        _refuse_bomb(file)
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        reason = "holds more than tensors, or is no torch file; nothing in it was run"
        raise InputError([Problem(str(file), f"{reason}{_first_line(error)}", _HINT)]) from error
    except RuntimeError as error:
        if "TorchScript" not in str(error):
            raise InputError([Problem(str(file), f"is no torch file, or damaged: {error}")]) from error
        reason = "is a TorchScript archive, which holds code; nothing in it was run"
        raise InputError([Problem(str(file), reason, _HINT)]) from error
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever its parser meets in a damaged file
        raise InputError([Problem(str(file), f"is no torch file, or damaged: {error}")]) from error


def _first_line(error: Exception) -> str:
    """What of more than tensors it was, as torch names it."""
    named = [part for part in str(error).split() if "." in part and part.replace(".", "").isidentifier()]
    found = next((part for part in named if not part.startswith(("torch.load", "torch.serialization"))), "")
    return f" (it asks for {found})" if found else ""


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
    if not isinstance(content, Mapping):
        what = f"holds a {type(content).__name__}, expected tensors by name"
        raise InputError([Problem(str(file), what, _HINT)])
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if tensors:
        return tensors
    for key in _NESTED:
        if isinstance(content.get(key), Mapping):
            return _unwrap(content[key], file)
    inside = [str(key) for key, value in content.items() if _holds_tensors(value)]
    if len(inside) == 1:
        return _unwrap(content[inside[0]], file)
    if inside:
        reason = f"holds several networks: {', '.join(inside)}"
        raise InputError([Problem(str(file), reason, "save that which is meant alone")])
    raise InputError([Problem(str(file), f"holds no tensors; its keys: {', '.join(map(str, content))}")])


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(one, Tensor) for one in value.values())
