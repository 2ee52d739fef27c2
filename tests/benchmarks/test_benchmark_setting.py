"""The benchmark compares equals: same people, same slices, same variants in all three ways."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setting() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import setting

    yield setting
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def brains(setting: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = setting.simulate(tmp_path_factory.mktemp("benchmark") / "brains", 40)
    return folder


def test_every_part_has_both_sexes(setting: ModuleType, brains: Path) -> None:
    everyone = setting.people(brains)
    parts = Counter((person.part, person.sex) for person in everyone)
    assert len(everyone) == 40
    assert len(parts) == 6
    assert 0.6 <= sum(person.part == "train" for person in everyone) / 40 <= 0.8


def test_simulating_again_keeps_what_is_there(setting: ModuleType, brains: Path) -> None:
    before = (brains / "participants.tsv").stat().st_mtime_ns
    setting.simulate(brains, 40)
    assert (brains / "participants.tsv").stat().st_mtime_ns == before


def test_pipeline_plans_the_same_variants(setting: ModuleType, brains: Path, tmp_path: Path) -> None:
    from tlpy.params.schema import Schema
    from tlpy.plan.documents import plan_record
    from tlpy.plan.planner import Planner

    chosen = setting.Setting(data=str(brains))
    plan = plan_record(Planner(chosen.params(tmp_path), Schema.read(), {}).plan())
    settings = [variant.settings for variant in plan.variants]
    penalty = "finetune.objective.elastic_penalty"
    found = {(s["architecture"], s["lr"], s[penalty] or 0) for s in settings}
    assert found == {(v.architecture, v.lr, v.penalty) for v in chosen.variants}
    assert plan.sharing.distinct == 6 + 12


def test_hand_written_script_sees_the_slices_that_the_pipeline_prepares(
    setting: ModuleType, brains: Path
) -> None:
    pytest.importorskip("torch")
    import nibabel as nib
    from sequential import Brains

    from tlpy.data.preprocessing import apply, validate
    from tlpy.data.readers.base import RawImage
    from tlpy.errors import Problems

    person = setting.people(brains)[0]
    image, _ = Brains([person], "sex")[0]
    file = nib.load(person.image)
    raw = RawImage(file.get_fdata(dtype=np.float32), file.affine)
    settings = validate({"slice": "axial"}, "preprocessing", Problems())
    np.testing.assert_allclose(image.numpy(), apply(raw, settings), rtol=1e-4, atol=1e-4)
