"""The device, its memory and its random numbers."""

from __future__ import annotations

import os
import random
import resource
import sys

import numpy as np
import torch

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.errors import InputError, Problem
from tlpy.supervision.limits import limit_in_words, memory_limit

ACCELERATORS = ("auto", "cpu", "gpu")


def choose_accelerator(asked: str) -> str:
    """`cpu` or `gpu`. Raises `InputError` where a GPU was asked for and there is none."""
    if asked not in ACCELERATORS:
        raise InputError(
            [Problem("accelerator", f"unknown accelerator '{asked}'", f"valid: {', '.join(ACCELERATORS)}")]
        )
    there = torch.cuda.is_available()
    if asked == "gpu" and not there:
        hint = "run with the option that passes GPUs into containers, or set accelerator: cpu"
        raise InputError([Problem("accelerator", "a GPU was asked for, but torch finds none", hint)])
    return "gpu" if there and asked != "cpu" else "cpu"


def check_devices(accelerator: str, devices: int) -> None:
    """Raise `InputError` where there are fewer GPUs than asked for."""
    if accelerator == "gpu" and devices > torch.cuda.device_count():
        found = torch.cuda.device_count()
        hint = "one task trains on the GPUs of one machine"
        raise InputError([Problem("devices", f"{devices} GPUs were asked for, torch finds {found}", hint)])


def use_threads(threads: int) -> None:
    """Compute with as many threads as a stage says, whatever cores there are: others, other numbers."""
    torch.set_num_threads(threads)


def configure(accelerator: str) -> None:
    """Kernels that give equal numbers each time."""
    if accelerator == "gpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        # A few 3D kernels have no deterministic twin: they are used, with a warning.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def seed_everything(*numbers: int) -> None:
    """Seed Python, NumPy and torch from one or more numbers (a stage's seed; an epoch)."""
    sequence = np.random.SeedSequence(numbers)
    high, low = (int(word) for word in sequence.generate_state(2, np.uint32))
    random.seed(high)
    np.random.seed(low)
    torch.manual_seed((high << 32 | low) & (2**63 - 1))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch could have prevented this."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator" in text or "out of memory" in text or "CUBLAS_STATUS_ALLOC_FAILED" in text
    )


def out_of_host_memory(error: BaseException) -> str | None:
    """What to say where it was the machine's memory, not the device's, that ran out; None of other errors."""
    text = str(error)
    if "DefaultCPUAllocator" in text or (isinstance(error, MemoryError) and "CUDA" not in text):
        return f"out of memory ({limit_in_words(memory_limit())})"
    return None


def is_device_lost(error: BaseException) -> bool:
    """Whether the GPU can't be used any more in this process, whatever comes next."""
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


def reset_peak_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb(accelerator: str) -> float:
    """The GPU's peak since the last reset, or the process's peak since its start, in MiB."""
    if accelerator == "gpu":
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def device_name(accelerator: str) -> str:
    """The GPU's name, or `cpu`."""
    return torch.cuda.get_device_name() if accelerator == "gpu" else "cpu"


def memory_format(architecture: str, dims: int, accelerator: str) -> torch.memory_format:
    """The layout a network trains fastest in: channels last on a GPU, on a CPU as its facts say.

    1D has one layout only. On a CPU, ResNets take 15 % (2D) to 50 % (3D) longer in channels last.
    """
    if accelerator != "gpu" and not ARCHITECTURES.facts(architecture).channels_last:
        return torch.contiguous_format
    return {2: torch.channels_last, 3: torch.channels_last_3d}.get(dims, torch.contiguous_format)
