"""Who is scanned: age, sex and site of each phantom, and what these do to the anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

YOUNGEST, OLDEST = 18, 90

# Log-volume differs by SEX_GAP between the sexes and scatters by VOLUME_SD within each, so that volume
# alone tells them apart with AUC = Phi(0.16 / (0.088 * sqrt(2))) = 0.90; ds002748 has 0.96.
SEX_GAP = 0.16
VOLUME_SD = 0.088

# Ageing differs between people and, within one, between ventricles, sulci and cortex (in adult spans).
AGEING_SD = 0.09


@dataclass(frozen=True)
class Person:
    """One phantom and everything drawn for its anatomy.

    Attributes:
        index: 0-based place in the data set; with the data set's seed it determines everything else.
        age: years, 18 to 90.
        sex: "F" or "M".
        site: 0-based scanner.
        log_volume: log of brain volume over the average of both sexes.
        ventricles, sulci, cortex: how far each has aged; 0 at 18, 1 at 90 for an average person.
    """

    index: int
    age: int
    sex: str
    site: int
    log_volume: float
    ventricles: float
    sulci: float
    cortex: float


def generator(seed: int, index: int, purpose: int) -> np.random.Generator:
    """Random numbers that depend on nothing but these three, so that neither the number of subjects nor the
    number of processes changes a subject."""
    return np.random.default_rng(np.random.SeedSequence([seed, index, purpose]))


def draw_person(seed: int, index: int, sites: int) -> Person:
    """Person `index` of the data set `seed`.

    Age and sex follow two irrational rotations (Weyl sequences): each first n subjects are spread evenly over
    the age range and both sexes, and earlier subjects stay as they are when a data set grows.
    """
    start_age, start_sex = np.random.default_rng(np.random.SeedSequence([seed])).random(2)
    span = OLDEST - YOUNGEST
    age = YOUNGEST + int(np.floor((start_age + index * 0.6180339887498949) % 1.0 * (span + 1)))
    sex = "M" if (start_sex + index * 0.41421356237309503) % 1.0 < 0.5 else "F"
    rng = generator(seed, index, 0)
    # Sites do not follow the subject's number: an odd/even pattern would tie them to the sequences above.
    site = int(rng.integers(sites))
    log_volume = (SEX_GAP / 2 if sex == "M" else -SEX_GAP / 2) + VOLUME_SD * rng.standard_normal()
    ageing = (age - YOUNGEST) / span + AGEING_SD * rng.standard_normal(3)
    return Person(index, age, sex, site, float(log_volume), *(float(value) for value in ageing))
