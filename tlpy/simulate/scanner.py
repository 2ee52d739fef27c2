"""What a scanner makes of an anatomy: contrast, bias field, noise, blur and an intensity scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlpy.simulate.anatomy import Grid, Tissues, smooth_field
from tlpy.simulate.people import Person, generator

_LARGEST = 60_000


@dataclass(frozen=True)
class Scanner:
    """One site's scanner.

    Attributes:
        scale: stored intensity of white matter.
        csf, grey: T1 contrast, as a share of white matter's intensity.
        bias: standard deviation of the log of the bias field.
        noise: standard deviation of the noise, as a share of white matter's intensity.
        blur: standard deviation of the point spread in mm.
    """

    scale: float
    csf: float
    grey: float
    bias: float
    noise: float
    blur: float


def draw_scanner(seed: int, site: int, shift: float) -> Scanner:
    """The scanner of `site`.

    Its intensity scale is always its own; contrast, bias field, noise and blur depart from the first site's
    by `shift` (0: not at all, 1: plainly another protocol).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, site, 7, 7]))
    scale = 1500.0 * 2.0 ** rng.uniform(-1, 1)
    away = shift * rng.uniform(0.6, 1.0, 5) * rng.choice([-1.0, 1.0], 5) if site else np.zeros(5)
    return Scanner(
        scale=float(scale),
        csf=float(0.2 + 0.12 * away[0]),
        grey=float(0.62 + 0.18 * away[1]),
        bias=float(0.07 + 0.12 * abs(away[2])),
        noise=float(0.025 + 0.05 * abs(away[3])),
        blur=float(1.2 + 1.3 * abs(away[4])),
    )


def scan(tissues: Tissues, grid: Grid, person: Person, scanner: Scanner, seed: int) -> NDArray[np.uint16]:
    """The stored volume (X, Y, Z), zero outside the brain as in skull-stripped data."""
    from scipy.ndimage import gaussian_filter

    rng = generator(seed, person.index, 2)
    signal = tissues.white + np.float32(scanner.grey) * tissues.grey + np.float32(scanner.csf) * tissues.csf
    signal = gaussian_filter(signal, scanner.blur / grid.spacing, truncate=3.0)
    noise = rng.standard_normal(grid.shape, dtype=np.float32)
    noise += np.float32(0.5) * smooth_field(grid, rng, knot=7.0)
    signal += np.float32(scanner.noise) * noise
    signal *= np.exp(np.float32(scanner.bias) * smooth_field(grid, rng, knot=70.0))
    gain = scanner.scale * np.exp(0.06 * rng.standard_normal())
    signal *= np.float32(gain)
    # At least 1 inside: zero is what says "outside the brain".
    stored = np.clip(np.rint(signal), 1, _LARGEST) * tissues.brain
    return stored.astype(np.uint16)
