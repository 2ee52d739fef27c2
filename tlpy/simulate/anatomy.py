"""The anatomy of a phantom brain: signed distances of warped ellipsoids, folded by random fields.

Everything is in millimetres in RAS with the origin in the middle of the grid, so that one person looks the
same on every grid that is fine and large enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlpy.simulate.people import Person, generator

Field = NDArray[np.float32]
Point = tuple[Field, Field, Field]

# The folding that all brains have in common is drawn with this; only the rest differs between people.
_SPECIES = 20260101
_HALF_EXTENT = 126.0
_SLAB = 20_000


@dataclass(frozen=True)
class Grid:
    """A voxel grid centred on the origin: `shape` in voxels, `spacing` in mm (isotropic), axes R, A, S."""

    shape: tuple[int, int, int]
    spacing: float

    @property
    def affine(self) -> NDArray[np.float64]:
        affine = np.diag([self.spacing] * 3 + [1.0])
        affine[:3, 3] = [-(n - 1) / 2 * self.spacing for n in self.shape]
        return affine

    def axis(self, k: int) -> Field:
        """The coordinates of axis `k` in mm."""
        n = self.shape[k]
        return ((np.arange(n) - (n - 1) / 2) * self.spacing).astype(np.float32)


@dataclass(frozen=True)
class Tissues:
    """Shares of a voxel, each (X, Y, Z) float32 in [0, 1]; `brain` is the mask of a skull-stripped scan."""

    csf: Field
    grey: Field
    white: Field
    brain: NDArray[np.bool_]


@lru_cache(maxsize=32)
def _basis(grid: Grid, k: int, knot: float) -> tuple[Field, slice, int]:
    """Cubic B-spline weights (voxels of axis k, knots in use) for control points every `knot` mm, which knots
    those are, and how many there are in all (on any grid)."""
    count = int(np.ceil(2 * _HALF_EXTENT / knot)) + 4
    knots = (np.arange(count) - (count - 1) / 2) * knot
    u = np.abs(grid.axis(k)[:, None] - knots) / knot
    weights = np.where(u < 1, 2 / 3 - u**2 + u**3 / 2, np.clip(2 - u, 0, None) ** 3 / 6)
    used = np.flatnonzero(weights.any(axis=0))
    within = slice(int(used[0]), int(used[-1]) + 1)
    return np.ascontiguousarray(weights[:, within], dtype=np.float32), within, count


def smooth_field(grid: Grid, rng: np.random.Generator, knot: float) -> Field:
    """A random field of unit standard deviation that varies over about `knot` mm, as a cubic B-spline."""
    axes = [_basis(grid, k, knot) for k in range(3)]
    # The mean over positions of the summed squared weights is the variance of the field.
    scale = np.float32(1.0 / np.sqrt(np.prod([np.mean(np.sum(basis**2, axis=1)) for basis, _, _ in axes])))
    draws = rng.standard_normal([count for _, _, count in axes], dtype=np.float32)
    values = scale * draws[tuple(used for _, used, _ in axes)]
    (x, _, _), (y, _, _), (z, _, _) = axes
    # Stacks of small products: BLAS keeps these on one thread, which matters with a process on each core.
    plane = np.matmul(np.matmul(x, np.moveaxis(values, 2, 0)), y.T)
    return np.matmul(np.ascontiguousarray(np.moveaxis(plane, 0, 2)), z.T)


@lru_cache(maxsize=4)
def _common_folds(grid: Grid) -> Field:
    return smooth_field(grid, np.random.default_rng(_SPECIES), knot=8.0)


def ellipsoid(p: Point, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Field:
    """First-order signed distance in mm to an ellipsoid, positive inside.

    With k0 = |(p - c) / r| and k1 = |(p - c) / r²| the distance is k0 (1 - k0) / k1 near the surface.
    """
    q = [(c - np.float32(m)) / np.float32(r) for c, m, r in zip(p, centre, radii, strict=True)]
    squares = [value * value for value in q]
    k0 = np.sqrt(squares[0] + squares[1] + squares[2])
    weights = [np.float32(1.0 / r**2) for r in radii]
    k1 = np.sqrt(
        squares[0] * weights[0] + squares[1] * weights[1] + squares[2] * weights[2] + np.float32(1e-9)
    )
    return k0 * (1 - k0) / k1


def _share(distance: Field, width: float) -> Field:
    """Partial volume: 0 to 1 as `distance` goes from -width/2 to width/2."""
    return np.clip(distance / np.float32(width) + np.float32(0.5), 0, 1)


def _warped(grid: Grid, person: Person, rng: np.random.Generator) -> Point:
    """Where each voxel lies in the average brain: size, proportions, and a smooth deformation of 2 mm sd."""
    size = np.exp(person.log_volume / 3)
    proportions = np.exp(0.025 * rng.standard_normal(3))
    proportions /= np.prod(proportions) ** (1 / 3)
    shift = rng.normal(0, 1.5, 3)
    shapes = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
    axes = [grid.axis(k).reshape(shape) for k, shape in enumerate(shapes)]
    x, y, z = (
        (axis - np.float32(offset)) / np.float32(size * proportion)
        + np.float32(2.0) * smooth_field(grid, rng, knot=36.0)
        for axis, offset, proportion in zip(axes, shift, proportions, strict=True)
    )
    return x, y, z


def _ventricles(p: Point, growth: float) -> Field:
    """Signed distance (mm) to the lateral and third ventricles of the average brain, grown by `growth` mm."""
    x, y, z = p
    side = np.abs(x)
    front = ellipsoid((side - np.float32(0.22) * (y - 14), y, z), (6.0, 22.0, 3.0), (4.0, 15.0, 8.0))
    body = ellipsoid((side, y, z - np.float32(0.15) * y), (8.0, -4.0, 13.0), (4.5, 30.0, 5.0))
    back = ellipsoid((side + np.float32(0.35) * (y + 32), y, z), (19.0, -36.0, 4.0), (4.5, 15.0, 7.0))
    third = ellipsoid(p, (0.0, -4.0, -2.0), (1.2, 12.0, 9.0))
    lateral = np.maximum(np.maximum(front, body), back) + np.float32(growth)
    return np.maximum(lateral, third + np.float32(0.45 * growth))


def draw_tissues(grid: Grid, person: Person, seed: int) -> Tissues:
    """The tissues of `person` on `grid`.

    With age the ventricles grow, the sulci open and the cortex thins; sex acts through brain volume alone.
    """
    rng = generator(seed, person.index, 1)
    p = _warped(grid, person, rng)
    folds = np.float32(0.75) * _common_folds(grid) + np.float32(0.66) * smooth_field(grid, rng, knot=8.0)
    # Slab by slab: the many temporary arrays then stay in the processor's cache (twice as fast).
    step = max(1, _SLAB // (grid.shape[1] * grid.shape[2]))
    slabs = [slice(start, start + step) for start in range(0, grid.shape[0], step)]
    parts = [_tissues_at((p[0][s], p[1][s], p[2][s]), folds[s], person, grid.spacing) for s in slabs]
    csf, grey, white, brain = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Tissues(csf, grey, white, brain)


def _tissues_at(p: Point, folds: Field, person: Person, spacing: float) -> tuple[Field, Field, Field, Any]:
    """Shares of fluid, grey and white matter, and the brain mask, at points `p` of the average brain."""
    x, y, z = p
    side = np.abs(x)

    # Outer surface: cerebrum with a flat base, narrower in front; temporal lobes; cerebellum; brain stem.
    along = (y - 4) / np.float32(87)
    squared = x * (1 + np.float32(0.10) * along - np.float32(0.16) * along * along)
    cerebrum = ellipsoid((squared, y, z), (0, 4, 7), (67, 87, 59))
    cerebrum = np.minimum(cerebrum, z + np.float32(24) + np.float32(0.10) * y)
    temporal = ellipsoid((side, y, z - np.float32(0.25) * (y - 4)), (41, 2, -25), (23, 42, 20))
    cerebellum = ellipsoid((x, y, z), (0, -50, -37), (50, 34, 23))
    stem = ellipsoid((x, y + np.float32(0.25) * (z + 40), z), (0, -20, -40), (14, 13, 36))
    hemispheres = np.maximum(cerebrum, temporal)
    below = np.maximum(cerebellum, stem)
    outer = np.maximum(hemispheres, below)

    # Sulci follow the zero level of the folding field down to about 18 mm, the two fissures deeper.
    widening = 0.2 + 1.6 * person.sulci
    sulcus = np.abs(folds) * np.float32(5.5) - np.float32(widening) + np.maximum(hemispheres - 18, 0)
    fissure = side - np.float32(0.3 + 0.5 * widening) + np.maximum(hemispheres - 27, 0)
    sylvian = np.abs(z + np.float32(0.45) * (y + 2) + np.float32(4)) - np.float32(0.8 * widening)
    sylvian = (
        sylvian + np.maximum(hemispheres - 20, 0) + np.maximum(np.abs(y) - 28, 0) + np.maximum(20 - side, 0)
    )
    surface = np.minimum(hemispheres, np.minimum(np.minimum(sulcus, fissure), sylvian))
    folia = np.abs(np.sin(z * np.float32(0.55) + folds)) * np.float32(4.0)
    surface = np.maximum(surface, np.minimum(below, np.maximum(folia, stem)))

    thickness = 4.4 - 1.3 * person.cortex
    width = 1.0 + 0.5 * spacing
    white = _share(surface - np.float32(thickness), width)
    tissue = _share(surface + np.float32(0.5), width)
    deep = ellipsoid((side, y, z), (25, 6, 2), (7, 17, 10))
    deep = np.maximum(deep, ellipsoid((side, y, z), (11, -13, 5), (8, 12, 8)))
    white = white * (1 - np.float32(0.75) * _share(deep, width))
    fluid = _share(_ventricles(p, 0.4 + 4.2 * person.ventricles), width)
    tissue = tissue * (1 - fluid)
    white = np.minimum(white, tissue)
    brain = outer > 0
    inside = brain.astype(np.float32)
    return (1 - tissue) * inside, (tissue - white) * inside, white * inside, brain
