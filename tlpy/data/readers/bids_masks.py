"""The segmentations that BIDS keeps in derivatives: `derivatives/<pipeline>/sub-*/…/*_dseg.nii.gz`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tlpy.data.readers.bids_files import BidsFile, scan
from tlpy.errors import Problems, nearest

SUFFIXES = ("dseg", "mask")


@dataclass(frozen=True)
class Masks:
    """The masks of a data set by subject, session and run."""

    shown: str
    files: dict[tuple[str, str, str], list[BidsFile]]

    def of(self, image: BidsFile, problems: Problems) -> str:
        """The mask of an image, relative to the data set; "" if there is none; several are a problem.

        It is of the same subject, session and run (or of no run), and in the same space and resolution. Of
        several the one without `desc` counts: pipelines write tissues so, and parcellations as desc-aseg.
        """
        for run in dict.fromkeys((image.run, "")):
            found = [
                mask
                for mask in self.files.get((image.subject, image.session, run), [])
                if all(mask.entities.get(key) == image.entities.get(key) for key in ("space", "res"))
            ]
            found = [mask for mask in found if "desc" not in mask.entities] or found
            if len(found) > 1:
                names = ", ".join(mask.name for mask in found)
                problems.add(
                    f"{self.shown}/{image.file}", f"has {len(found)} masks: {names}", "keep one of them"
                )
            if found:
                return found[0].file
        return ""


def masks_of(root: Path, shown: str, named: object, problems: Problems) -> Masks | None:
    """The masks in the folder `named` (below the data set or its derivatives), or in the only one with any.

    None, and a problem, if there is no such folder, none with masks, or several and none named.
    """
    parent = root / "derivatives"
    folders = sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []
    where = f"{shown}: reader.masks"
    if named:
        name = str(named).rstrip("/")
        places = [place for place in (name, f"derivatives/{name}") if (root / place).is_dir()][:1]
        if not places:
            problems.add(where, f"no folder '{name}'", nearest(name, folders))
            return None
    else:
        places = [f"derivatives/{name}" for name in folders]
    filled = {place: files for place in places if (files := _scan(root, place))}
    if len(filled) != 1:
        what = f"{len(filled)} folders with masks: {', '.join(filled)}" if filled else "no masks"
        hint = "name one: reader.masks" if filled else "expected derivatives/<name>/sub-*/anat/*_dseg.nii.gz"
        problems.add(where, what, hint)
        return None
    by_place: defaultdict[tuple[str, str, str], list[BidsFile]] = defaultdict(list)
    for mask in next(iter(filled.values())):
        by_place[mask.subject, mask.session, mask.run].append(mask)
    return Masks(shown, dict(by_place))


def _scan(root: Path, folder: str) -> list[BidsFile]:
    """All segmentations of a folder; brain masks only where there are none with labels."""
    for suffix in SUFFIXES:
        files, _ = scan(root, folder, "anat", suffix)
        if files:
            return files
    return []
