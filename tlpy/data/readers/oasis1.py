"""OASIS-1, cross-sectional: 416 people of 18 to 96 years (Marcus et al. 2007, J Cogn Neurosci 19:1498)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.oasis import OasisReader


@dataclass(kw_only=True)
class Oasis1Reader(OasisReader):
    """OASIS-1, cross-sectional: OAS1_0001_MR1/… with oasis_cross-sectional.csv

    Images are `[disc1/]OAS1_0001_MR1/PROCESSED/MPRAGE/T88_111/*_t88_masked_gfc.img` (Analyze), or NIfTI.

    Args:
        image: what the image's name ends in, before its ending; null: there is one image a visit.
        sessions: `first`, `last`, `all`, or a visit: 20 people were scanned again within 90 days (MR2).
        table: its name in the folder; `oasis_cross-sectional.csv` or another CSV by default.

    Besides the table's columns there are `age` (Age) and `sex` (M/F). CDR is empty for the young, who were
    not asked: they have no such label, and are left out or an error as `on_bad_image` says.
    """

    visit = re.compile(r"(OAS1_\d{4})_(MR\d+)")
    patterns = ("oasis_cross*.csv", "oasis1*.csv", "*.csv", "*.tsv")
    key_column = "ID"

    image: Name | None = "t88_masked_gfc"

    def expected(self) -> str:
        return f"expected OAS1_*_MR*/…/*{self.image or ''}.img or .nii.gz"
