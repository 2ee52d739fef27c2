"""Pictures of prepared images for the report: what the network gets, upright as a radiologist expects it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

PICTURES = 4  # of a data set
LARGEST = 256
_LARGEST_OF_THREE = 160
_GAP = 4


def picture_name(image: str) -> str:
    """The file name of an image's picture; ids may hold slashes, a file's name must be a safe one."""
    safe = (letter if letter.isalnum() or letter in "-_." else "_" for letter in image)
    return f"{''.join(safe)}.png"


def save_picture(
    image: np.ndarray,
    path: Path,
    axes: str | None,
    spacing: Sequence[float] | None,
    vector: bool = False,
) -> None:
    """Write the middle of a prepared image as a grey PNG.

    A picture or slice fills 256 pixels; a volume gives its three central slices side by side, 160 pixels
    each; a stack of slices its middle one; a series its curve; a vector a bar for each
    feature. Grey runs from the 1st to the 99th percentile.

    Args:
        image: (channels, *size).
        path: the file to write.
        axes: what each axis points to (`RA`, `RAS`, …). Known: drawn in radiological convention (anterior or
            superior up, the patient's right on the left). None: rows and columns as stored.
        spacing: mm along each axis, for the picture's proportions; None: square pixels.
        vector: whether its values are features, between which no curve leads.
    """
    from PIL import Image

    middle = image[len(image) // 2]
    if middle.ndim == 1:
        Image.fromarray(_bars(middle) if vector else _curve(middle)).save(path, optimize=True)
        return
    mm = tuple(spacing or (1.0,) * middle.ndim)
    if middle.ndim == 2:
        planes = [(middle, mm)]
    else:
        planes = [
            (np.take(middle, middle.shape[k] // 2, axis=k), tuple(v for j, v in enumerate(mm) if j != k))
            for k in (2, 1, 0)
        ]
    tiles = [_upright(plane, sizes, axes is not None) for plane, sizes in planes]
    low, high = np.percentile(np.concatenate([tile.ravel() for tile, _ in tiles]), (1, 99))
    scale = 255.0 / max(float(high - low), 1e-12)
    grey = [(np.clip((tile - low) * scale, 0, 255).astype(np.uint8), sizes) for tile, sizes in tiles]
    heights = [tile.shape[0] * sizes[0] for tile, sizes in grey]
    widths = [tile.shape[1] * sizes[1] for tile, sizes in grey]
    zoom = (LARGEST if len(grey) == 1 else _LARGEST_OF_THREE) / max(*heights, *widths)
    shapes = [
        (max(1, round(zoom * w)), max(1, round(zoom * h))) for h, w in zip(heights, widths, strict=True)
    ]
    total = sum(width for width, _ in shapes) + _GAP * (len(shapes) - 1)
    canvas = Image.new("L", (total, max(height for _, height in shapes)))
    left = 0
    for (tile, _), shape in zip(grey, shapes, strict=True):
        drawn = Image.fromarray(tile).resize(shape, Image.Resampling.BICUBIC)
        canvas.paste(drawn, (left, (canvas.height - shape[1]) // 2))
        left += shape[0] + _GAP
    canvas.save(path, optimize=True)


def _upright(
    plane: np.ndarray, spacing: tuple[float, ...], anatomical: bool
) -> tuple[np.ndarray, tuple[float, float]]:
    """Rows and columns of a plane as drawn, and mm per row and column.

    In RAS+ order the first axis of each plane points to the right or anterior and the second to anterior or
    superior: the second becomes rows from top to bottom, both reversed.
    """
    if not anatomical:
        return plane, (spacing[0], spacing[1])
    return plane.T[::-1, ::-1], (spacing[1], spacing[0])


def _curve(values: np.ndarray) -> np.ndarray:
    """The values of a series as a curve, white on black, from its minimum to its maximum."""
    height = LARGEST // 2
    at = np.interp(np.linspace(0, len(values) - 1, LARGEST), np.arange(len(values)), values)
    low, high = float(at.min()), float(at.max())
    rows = np.rint((high - at) / max(high - low, 1e-12) * (height - 1)).astype(int)
    canvas = np.zeros((height, LARGEST), np.uint8)
    for column, (row, before) in enumerate(zip(rows, np.roll(rows, 1), strict=True)):
        start = row if column == 0 else before
        canvas[min(row, start) : max(row, start) + 1, column] = 255
    return canvas


def _bars(values: np.ndarray) -> np.ndarray:
    """The features of a vector as bars from zero, white on black; of many, the range of each few."""
    height = LARGEST // 2
    groups = np.array_split(values, min(LARGEST, len(values)))
    low = np.array([min(0.0, float(group.min())) for group in groups])
    high = np.array([max(0.0, float(group.max())) for group in groups])
    top, span = high.max(), max(high.max() - low.min(), 1e-12)
    first, last = (np.rint((top - ends) / span * (height - 1)).astype(int) for ends in (high, low))
    rows = np.arange(height)[:, None]
    bars = np.where((rows >= first) & (rows <= last), 255, 0).astype(np.uint8)
    wide = LARGEST // len(groups)
    if wide < 3:
        return np.repeat(bars, wide, axis=1)
    return np.concatenate([np.pad(bar[:, None].repeat(wide - 1, 1), ((0, 0), (0, 1))) for bar in bars.T], 1)
