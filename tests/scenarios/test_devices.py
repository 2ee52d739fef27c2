"""Several devices: one process each, the numbers of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import toys
from safetensors.torch import load_file
from toys import Train, read

from tlpy.data.sampling import BatchSampler, EpochSampler, ShareSampler
from tlpy.errors import InputError
from tlpy.records import ExecutionSettings, Pack, Stage

PLAIN = {"name": "vit", "patch": 4, "width": 24, "depth": 1, "heads": 2, "dropout": 0.0}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def on_two(*stages: Stage) -> Pack:
    return Pack("pack", "pretrain", 1, stages, ExecutionSettings(devices=2))


def test_each_process_has_its_share_of_every_batch() -> None:
    batches = BatchSampler(EpochSampler(19, seed=3), 8)
    shares = [list(ShareSampler(batches, rank, 2)) for rank in range(2)]
    for whole, first, second in zip(batches, *shares, strict=True):
        if len(whole) == 8:
            assert sorted([*first, *second]) == sorted(whole)
            assert len(first) == len(second) == 4
        else:
            assert first == second == whole, "three images cannot be divided by two"


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one_and_write_once(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 24 images: batches of 8, 8 and 8; the vit has no statistics over a batch.
    record = toys.stage("s1", architecture=PLAIN, training__epochs=4, training__gradient_clip=1.0)
    child = toys.stage("s2", "sex", architecture=PLAIN, parent="s1", depth=1)
    train(record, child)
    monkeypatch.setattr(toys, "pack", on_two)
    assert train(record, child, out="two") == {"s1": "done", "s2": "done"}
    for name in ("s1", "s2"):
        one, two = (load_file(tmp_path / out / name / "weights.safetensors") for out in ("out", "two"))
        for key, tensor in one.items():
            np.testing.assert_allclose(tensor, two[key], rtol=1e-3, atol=2e-4, err_msg=key)
        assert {path.name for path in (tmp_path / "two" / name).iterdir()} == {
            path.name for path in (tmp_path / "out" / name).iterdir()
        }
    found, alone = read(tmp_path / "two/s1"), read(tmp_path / "out/s1")
    assert found["devices"] == 2
    assert found["n"] == alone["n"]
    assert found["metrics"]["val"]["mae"] == pytest.approx(alone["metrics"]["val"]["mae"], rel=1e-2)
    assert [path.name for path in (tmp_path / "two").iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_what_fails_in_a_process_fails_the_stage_with_its_own_words(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toys, "pack", on_two)
    assert train(toys.stage("s1", training__lr=1e12)) == {"s1": "failed"}
    assert "a smaller lr may help" in read(tmp_path / "out/s1")["reason"]


def test_more_gpus_than_there_are_is_told(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(toys, "pack", on_two)
    with pytest.raises(InputError, match="devices: 2 GPUs were asked for, torch finds 1"):
        train(toys.stage("s1"), accelerator="gpu")
