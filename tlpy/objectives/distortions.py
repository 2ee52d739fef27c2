"""The distortions of Models Genesis, on whole batches and in one, two and three dimensions.

Zhou et al. 2021, "Models Genesis", Medical Image Analysis 67. Images are in [0, 1]. Random numbers come from
a generator on the CPU, so that each device gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Generator = torch.Generator | None
# Local shuffling happens in windows of up to this share of each axis.
_WINDOW = 0.1
_BOXES = 5


def bezier(images: Tensor, generator: Generator) -> Tensor:
    """A random monotonous curve of each image's intensities, half of them falling.

    The curve is the cubic Bézier curve from (0, 0) to (1, 1) with two random control points, as in the
    paper, both of whose coordinates rise with its parameter.
    """
    n, points = len(images), 200
    control = torch.rand(n, 2, 2, generator=generator)
    t = torch.linspace(0, 1, points)[None, :, None]
    first, second = control[:, :1], control[:, 1:]
    curve = 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3
    curve = curve.sort(1).values
    falling = torch.rand(n, generator=generator) < 0.5
    found = torch.empty_like(images)
    for row in range(n):
        x, y = (values.contiguous().to(images) for values in curve[row].unbind(1))
        y = y.flip(0) if falling[row] else y
        place = torch.searchsorted(x, images[row].clamp(0, 1).contiguous()).clamp(1, points - 1)
        share = (images[row] - x[place - 1]) / (x[place] - x[place - 1]).clamp(min=1e-6)
        found[row] = y[place - 1] + share.clamp(0, 1) * (y[place] - y[place - 1])
    return found


def shuffle(images: Tensor, generator: Generator) -> Tensor:
    """Voxels change places within windows of up to a tenth of each axis: texture goes, anatomy stays.

    An image is laid out with windows of one random size; the paper draws thousands of windows one by one.
    """
    found = images.clone()
    size = images.shape[2:]
    largest = torch.tensor([max(2, round(axis * _WINDOW)) for axis in size])
    for row in range(len(images)):
        edges = 1 + (torch.rand(len(size), generator=generator) * largest).long()
        offsets = (torch.rand(len(size), generator=generator) * edges).long()
        window = torch.zeros(size, dtype=torch.long)
        for axis, (length, edge, offset) in enumerate(zip(size, edges, offsets, strict=True)):
            place = (torch.arange(length) + offset) // edge
            shape = [-1 if other == axis else 1 for other in range(len(size))]
            window = window * (length + 1) + place.reshape(shape)
        # Sorting by window, once as they lie and once at random, pairs each voxel with one of its window.
        window = window.flatten().to(images.device)
        keys = torch.rand(window.numel(), generator=generator, dtype=torch.float64).to(images.device)
        chance = keys.argsort()
        drawn = chance[window[chance].argsort(stable=True)]
        flat = images[row].flatten(1)
        found[row].flatten(1)[:, window.argsort(stable=True)] = flat[:, drawn]
    return found


def inpaint(images: Tensor, generator: Generator) -> Tensor:
    """Up to five boxes of noise in each image, of a sixth to a third of each axis."""
    found = images.clone()
    size = images.shape[2:]
    least, most = [max(1, axis // 6) for axis in size], [max(1, axis // 3) for axis in size]
    for row in range(len(images)):
        for number in range(_BOXES):
            if number and float(torch.rand((), generator=generator)) >= 0.95:
                break
            window = _box(size, least, most, generator)
            found[row][(slice(None), *window)] = _noise(found[row][(slice(None), *window)], generator)
    return found


def outpaint(images: Tensor, generator: Generator) -> Tensor:
    """Noise around up to five boxes of each image, of three to four sevenths of each axis, that stay."""
    found = _noise(images, generator)
    size = images.shape[2:]
    least, most = [max(1, axis * 3 // 7) for axis in size], [max(1, axis * 4 // 7) for axis in size]
    for row in range(len(images)):
        for number in range(_BOXES):
            if number and float(torch.rand((), generator=generator)) >= 0.95:
                break
            window = _box(size, least, most, generator)
            found[row][(slice(None), *window)] = images[row][(slice(None), *window)]
    return found


def mirror(images: Tensor, generator: Generator) -> Tensor:
    """Each image mirrored along random axes."""
    found = images.clone()
    for row in range(len(images)):
        drawn = torch.rand(images.ndim - 2, generator=generator) < 0.5
        axes = [1 + int(axis) for axis in drawn.nonzero()]
        found[row] = images[row].flip(axes)
    return found


def _box(
    size: Sequence[int], least: Sequence[int], most: Sequence[int], generator: Generator
) -> tuple[slice, ...]:
    """A random box within an image, each edge from `least` to `most`."""
    draws = torch.rand(len(size), 2, generator=generator).tolist()
    box = []
    for axis, low, high, (edge_draw, place) in zip(size, least, most, draws, strict=True):
        edge = min(axis, low + int(edge_draw * (high - low + 1)))
        start = int(place * (axis - edge + 1))
        box.append(slice(start, start + edge))
    return tuple(box)


def _noise(like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(tuple(like.shape), generator=generator).to(like)
