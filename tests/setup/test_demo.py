"""The demo is of a size that shows something: few people to learn from, enough to test on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record
from tlpy.plan.planner import Planner
from tlpy.simulate import simulate_bids

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_tests_on_150_people_of_whom_none_is_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = (ROOT / "setup" / "demo.sh").read_text(encoding="utf-8")
    simulated = re.findall(r"^simulate (\S+) (\d+) (\d+)$", script, re.MULTILINE)
    text = (ROOT / "assets" / "examples" / "demo.yaml").read_text(encoding="utf-8")
    for folder, subjects, seed in simulated:
        assert re.search(rf"tlpy simulate {folder} --subjects {subjects}\b", text)
        # Smaller brains than the demo's: who is in which part is the same.
        simulate_bids(Path(folder), int(subjects), int(seed), shape=(32, 32, 8), spacing=6.0, processes=1)
    plan = plan_record(Planner(yaml.safe_load(text), Schema.read(), {}).plan())
    counts = plan.datasets["volunteers"].n
    assert (counts.train, counts.val, counts.test) == (20, 30, 150)
    assert len({stage.id for stage in plan.stages.values() if stage.name == "pretrain"}) == 3
    assert len([variant for variant in plan.variants if variant.scratch]) == 6
    assert not plan.warnings
