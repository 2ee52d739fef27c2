"""From an image as stored to what a network gets: orientation, grid, intensities, slices.

Order: orient, resample or resize, measure the intensities of the whole volume, crop or pad (three sizes),
take the slices, crop or pad the plane (two sizes), scale the intensities. Of a time series: scale each
channel over the whole run, then take the window, or crop or pad (with the channel's mean). Features of
vectors stay as stored; training scales them.
"""

from __future__ import annotations

from tlpy.data.preprocessing.conforming import (
    Conformed,
    apply,
    channels,
    conform,
    output_size,
    prepared_spacing,
)
from tlpy.data.preprocessing.of_vectors import BY_FEATURE
from tlpy.data.preprocessing.settings import DEFAULTS, NORMALISATIONS, PLANES, describe, validate

__all__ = [
    "BY_FEATURE",
    "DEFAULTS",
    "NORMALISATIONS",
    "PLANES",
    "Conformed",
    "apply",
    "channels",
    "conform",
    "describe",
    "output_size",
    "prepared_spacing",
    "validate",
]
