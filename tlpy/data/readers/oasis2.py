"""OASIS-2, longitudinal: 150 people of 60 to 96, 373 visits (Marcus et al. 2010, J Cogn Neurosci 22:2677)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tlpy.data.readers.argument_types import Choice
from tlpy.data.readers.oasis import OasisReader


@dataclass(kw_only=True)
class Oasis2Reader(OasisReader):
    """OASIS-2, longitudinal: OAS2_0001_MR1/RAW/mpr-1.nifti.img with oasis_longitudinal.csv

    Images are `[OAS2_RAW_PART1/]OAS2_0001_MR1/RAW/mpr-1.nifti.img` (a NIfTI pair) or NIfTI files of visits.

    Args:
        image: what the image's name ends in, before its ending; null: any.
        sessions: `first`, `last`, `all` or a visit (1, MR1); needed where someone has several.
        runs: `first`, `last`, `all` or a number; needed since most visits have three or four.
        table: its name in the folder; `oasis_longitudinal*.csv` or another CSV by default.

    A person's visits stay in one part of a split. Besides the table's columns (Group, Visit, MMSE, CDR, …,
    each as of the visit) there are `age` and `sex` (M/F).
    """

    visit = re.compile(r"(OAS2_\d{4})_(MR\d+)")
    patterns = ("oasis_long*.csv", "oasis2*.csv", "*.csv", "*.tsv")
    key_column = "MRI ID"

    runs: Choice | None = None

    def which_runs(self) -> Choice | None:
        return self.runs

    def expected(self) -> str:
        return "expected OAS2_*_MR*/RAW/mpr-*.nifti.img or .nii.gz"
