"""What all three ways of the benchmark do: the TLIMB search on simulated brains, and the data it runs on."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

PARTS = ("train", "val", "test")
# Of 20 people of one sex: 14 train, 3 validate, 3 test.
_TURN = ("train",) * 14 + ("val",) * 3 + ("test",) * 3


@dataclass(frozen=True)
class Variant:
    """One of the 12: what is searched over."""

    architecture: str
    lr: float
    penalty: float

    @property
    def name(self) -> str:
        """How it is called in all results."""
        return f"{self.architecture} lr={self.lr:g} penalty={self.penalty:g}"


@dataclass(frozen=True)
class Setting:
    """Pretrain on age, fine-tune on sex, central axial slice of each brain, everything on one data set.

    `precision` holds for the pipeline and the bare loops; the sequential script is always fp32.
    """

    data: str
    pretrain_epochs: int = 10
    finetune_epochs: int = 1
    batch_size: int = 16
    architectures: list[str] = field(default_factory=lambda: ["resnet18", "vit"])
    lrs: list[float] = field(default_factory=lambda: [0.0001, 0.001, 0.01])
    penalties: list[float] = field(default_factory=lambda: [0.0, 0.01])
    precision: str = "32"
    seed: int = 0

    @property
    def variants(self) -> list[Variant]:
        """All combinations, in the pipeline's order."""
        return [Variant(*values) for values in product(self.architectures, self.lrs, self.penalties)]

    def write(self, path: Path) -> None:
        """As JSON, to hand to another process."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Setting:
        """From `write`."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def params(self, outdir: Path) -> dict[str, Any]:
        """The same search as a params file of the pipeline. No baselines: the other two ways train none."""
        data = {"reader": "bids", "path": self.data, "split": "part", "preprocessing": {"slice": "axial"}}
        return {
            "outdir": str(outdir),
            "datasets": {"age": {**data, "label": "age"}, "sex": {**data, "label": "sex"}},
            "stages": [
                {"name": "pretrain", "dataset": "age", "epochs": self.pretrain_epochs},
                {"name": "finetune", "dataset": "sex", "epochs": self.finetune_epochs},
            ],
            "baseline": False,
            "keep": "last",
            "batch_size": self.batch_size,
            "precision": self.precision,
            "seed": self.seed,
            "search": {
                "space": {
                    "architecture": self.architectures,
                    "lr": self.lrs,
                    "finetune.objective.elastic_penalty": self.penalties,
                }
            },
        }


@dataclass(frozen=True)
class Person:
    """A row of participants.tsv with the image it belongs to."""

    subject: str
    image: Path
    age: float
    sex: str
    part: str


def simulate(folder: Path, subjects: int) -> Path:
    """Simulated brains with an official split in the column `part`: all ways train on the same people."""
    from tlpy.simulate import simulate_bids

    table = folder / "participants.tsv"
    if table.exists() and len(people(folder)) == subjects:
        return folder
    simulate_bids(folder, subjects=subjects)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    seen: dict[str, int] = {}
    for row in rows:
        row["part"] = _TURN[seen.get(row["sex"], 0) * 7 % 20]
        seen[row["sex"]] = seen.get(row["sex"], 0) + 1
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def people(folder: Path) -> list[Person]:
    """Everyone in `folder`, sorted by subject; empty where the split is not there yet."""
    with (folder / "participants.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    images = {path.name.split("_")[0]: path for path in sorted(folder.glob("sub-*/**/*_T1w.nii.gz"))}
    return [
        Person(r["participant_id"], images[r["participant_id"]], float(r["age"]), r["sex"], r["part"])
        for r in sorted(rows, key=lambda r: r["participant_id"])
        if "part" in r
    ]
