"""One tensor of a file for one weight of a network: as it is, adapted, or why neither can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from tlpy import words
from tlpy.architectures.base import Architecture
from tlpy.weights.adapt import (
    adapt_channels,
    guess_grid,
    inflate,
    inflate_merged_norm,
    inflate_merging,
    resize_bias_table,
    resize_positions,
    way_of_channels,
)
from tlpy.weights.names import Naming

POSITIONS = "patch_embedding.position_embeddings"
GRID = "patch_embedding.grid"
_BIAS_TABLE = "relative_position_bias_table"
_MERGING = "downsample.reduction.weight"
_MERGED_NORMS = ("downsample.norm.weight", "downsample.norm.bias")
# Tokens that stand for the whole image before those of its patches, and may have positions of their own.
_WHOLE_IMAGE = ("cls_token", "class_token", "dist_token")

# What is taken over, and how it was changed (empty: not at all); or None, and why it is not.
Fitted = tuple[Tensor | None, str]


@dataclass(frozen=True)
class Fitter:
    """Brings tensors of a file into the shapes of a network.

    Attributes:
        state: the file's tensors by its names.
        naming: which is which.
        first: the network's name of the convolution that sees the image; empty: there is none.
        dims: the network's axes, and those of the file, as its first convolution tells; None: not known.
        grid: a transformer's patches along each axis; None: it has none.
        fixed: names of positions that are not learnt, but follow from the grid.
        way: `sum` or `mean` of the channels where there are others; None: what keeps the response.
    """

    state: Mapping[str, Tensor]
    naming: Naming
    first: str
    dims: tuple[int | None, int | None]
    grid: tuple[int, ...] | None
    fixed: frozenset[str]
    way: str | None = None

    @classmethod
    def of(
        cls, architecture: Architecture, state: Mapping[str, Tensor], naming: Naming, way: str | None
    ) -> Fitter:
        """For an architecture's encoder; names are those within it."""
        encoder = architecture.encoder
        first, dims = first_convolution(encoder)
        source = naming.sources.get(first)
        before = None if source is None else state[source].ndim - 2
        grid = getattr(encoder, "grid", None)
        fixed = frozenset(name for name, one in encoder.named_parameters() if not one.requires_grad)
        return cls(state, naming, first, (dims, before), tuple(grid) if grid else None, fixed, way)

    def fit(self, name: str, target: Tensor) -> Fitted:
        """The file's tensor for a weight.

        Args:
            name: within the encoder; the file has it.
            target: the network's, which may be on torch's `meta` device.
        """
        value, shape = plain(self.state[self.naming.sources[name]]), tuple(target.shape)
        if target.is_floating_point() and not value.is_floating_point():
            return None, f"{type_name(value)} in the file, expected numbers with a fraction"
        if name.endswith(POSITIONS):
            return self._positions(name, value, shape)
        if tuple(value.shape) == shape:
            return value, ""
        found = f"shape {tuple(value.shape)} in the file, {shape} in the network"
        if name.endswith(_BIAS_TABLE) and value.ndim == 2 and value.shape[1] == shape[1]:
            return self._bias_table(value, shape, found)
        if self.dims == (3, 2) and (other := _merged(name, value)) is not None and other.shape == shape:
            return other, "inflated from 2D to 3D"
        return self._convolution(name, value, shape, found)

    def _convolution(self, name: str, value: Tensor, shape: tuple[int, ...], found: str) -> Fitted:
        steps = []
        if name == self.first and value.ndim >= 3 and value.shape[1] != shape[1]:
            before, way = value.shape[1], self.way or way_of_channels(value.shape[1], shape[1])
            steps.append(f"{words.count(before, 'input channel')} to {shape[1]} ({way})")
            value = adapt_channels(value, shape[1], way)
        if value.ndim >= 3 and len(shape) == value.ndim + 1 and shape[: value.ndim] == value.shape:
            steps.append(f"inflated from {value.ndim - 2}D to {len(shape) - 2}D")
            value = inflate(value, shape)
        return (value, ", ".join(steps)) if value.shape == shape else (None, found)

    def _positions(self, name: str, value: Tensor, shape: tuple[int, ...]) -> Fitted:
        """A transformer's positions, without those of tokens that are no patch, from grid to grid."""
        found = f"shape {tuple(value.shape)} in the file, {shape} in the network"
        after = self.grid
        if value.ndim != 3 or value.shape[2] != shape[2] or after is None:
            return (value, "") if value.shape == shape else (None, found)
        before, extra = self._grid_of(name, value.shape[1])
        if before is None and value.shape == shape:
            return value, ""
        if name in self.fixed and before != after:
            return None, f"{found}; the fixed positions of this image size are kept"
        if before is None or len(before) not in (len(after), len(after) - 1):
            return None, f"{found}; the file's grid is not known or has other axes"
        steps = [f"without that of {words.count(extra, 'token')} for the whole image"] if extra else []
        value = value[:, extra:]
        if before[: len(after)] != after[: len(before)]:
            grids = " to ".join(words.size(grid) for grid in (before, after[: len(before)]))
            steps.append(f"positions interpolated from a grid of {grids}")
        if len(before) < len(after):
            steps.append(f"repeated from {len(before)}D to {len(after)}D")
        return (resize_positions(value, before, after) if before != after else value), ", ".join(steps)

    def _grid_of(self, name: str, tokens: int) -> tuple[tuple[int, ...] | None, int]:
        """The grid of the file's patches, and how many tokens stand before them; None: not known."""
        told = self.state.get(self.naming.prefix + name.removesuffix(POSITIONS) + GRID)
        if told is not None:
            return tuple(int(edge) for edge in told), 0
        assert self.grid is not None
        dims = self.dims[1] or len(self.grid)
        whole = sum(self.naming.prefix + token in self.state for token in _WHOLE_IMAGE)
        for extra in dict.fromkeys((whole, 0)):
            if tokens - extra == prod(self.grid):
                # As many as there are here: rather the same grid than another of as many.
                return self.grid, extra
            if (guessed := guess_grid(tokens - extra, dims)) is not None:
                return guessed, extra
        return None, 0

    def _bias_table(self, value: Tensor, shape: tuple[int, ...], found: str) -> Fitted:
        """A Swin transformer's biases, from window to window."""
        here, there = self.dims
        before = guess_grid(value.shape[0], there or 0)
        after = guess_grid(shape[0], here or 0)
        if before is None or after is None or len(after) not in (len(before), len(before) + 1):
            return None, f"{found}; the windows' edges are not known"
        steps = []
        if before[0] != after[0]:
            steps.append(f"biases interpolated from a window of {before[0] // 2 + 1} to {after[0] // 2 + 1}")
        if len(before) < len(after):
            steps.append(f"repeated from {len(before)}D to {len(after)}D")
        return resize_bias_table(value, before, after), ", ".join(steps)


def first_convolution(encoder: nn.Module) -> tuple[str, int | None]:
    """The name of the weight that sees the image, and its axes; of no convolution an empty name."""
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            return f"{name}.weight" if name else "weight", module.weight.ndim - 2
    return "", None


def plain(value: Tensor) -> Tensor:
    """Numbers with a fraction, where they are quantised or of eight bits: few operations know these."""
    if value.is_quantized:
        return value.dequantize()
    return value.float() if value.is_floating_point() and value.element_size() == 1 else value


def type_name(value: Tensor) -> str:
    """`float16`."""
    return str(value.dtype).removeprefix("torch.")


def _merged(name: str, value: Tensor) -> Tensor | None:
    """What merges patches in a Swin transformer of two axes, for three; None: it is another layer."""
    if name.endswith(_MERGING) and value.ndim == 2 and value.shape[1] % 4 == 0:
        return inflate_merging(value)
    if name.endswith(_MERGED_NORMS) and value.ndim == 1 and len(value) % 4 == 0:
        return inflate_merged_norm(value)
    return None
