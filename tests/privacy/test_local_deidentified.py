"""`deidentify` in one process: no id below `outdir`, of a search and of the training of one variant."""

from __future__ import annotations

import json
from pathlib import Path

import hidden_people
import pytest

from tlpy.local import LocalRun, run


@pytest.mark.slow
def test_nothing_published_in_one_process_holds_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hidden_people.write(tmp_path)
    params = {**json.loads(hidden_people.params("hidden")), "deidentify": True, "report_pictures": False}
    found = run(params, store="store", accelerator="cpu")
    assert found.best_params is not None
    assert hidden_people.told(tmp_path / "hidden", hidden_people.secrets()) == []
    assert hidden_people.pictures(tmp_path / "hidden") == []
    assert list((tmp_path / "hidden/stages").glob("*/weights.safetensors"))
    assert hidden_people.told(tmp_path / "store", hidden_people.secrets()), "the store keeps the ids"
    local = LocalRun({**params, "outdir": "one"}, store="store", accelerator="cpu")
    (folder, *_) = local.train_variant(local.record.variants[0].id)
    assert (folder / "predictions.csv").is_file()
    assert hidden_people.told(tmp_path / "one", hidden_people.secrets()) == []
    plain = run({**params, "deidentify": False, "outdir": "plain"}, store="store", accelerator="cpu")
    assert [row["test"] for row in plain.leaderboard] == [row["test"] for row in found.leaderboard]
    assert [row["test_low"] for row in plain.leaderboard] == [row["test_low"] for row in found.leaderboard]
