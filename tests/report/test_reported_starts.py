"""What networks started from, as the report shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fake_run import FakeRun
from test_report import ranked

from tlpy.report.methods import inferred
from tlpy.report.starts import noticed, starts


def report_of(root: Path, **said: Any) -> tuple[str, list[str], str]:
    """The section, what was noticed, and the warnings beside it, of a run whose transfers all said this."""
    FakeRun(root).write()
    for file in (root / "stages").glob("*/load_report.json"):
        found = json.loads(file.read_text())
        if found["source"]:
            file.write_text(json.dumps(found | said))
    run, _ = ranked(root)
    section = starts(run)
    assert section is not None
    return section.data, noticed(run), inferred(run).data


def difference(what: str, expected: str, found: str, adapted: str = "") -> dict[str, str]:
    return {"dataset": "brains", "what": what, "expected": expected, "found": found, "adapted": adapted}


def test_what_was_taken_over_stands_once_for_all_stages_alike(tmp_path: Path) -> None:
    section, told, _ = report_of(tmp_path)
    assert section.count("prepared alike") == 1
    assert "'pretrain'" in section.replace("&#x27;", "'")
    assert "new: a head that the weights" in section
    assert told == []


def test_what_differs_is_shown_and_what_images_alone_tell_is_warned_of(tmp_path: Path) -> None:
    listed = [
        difference("spacing", "about 1×1 mm", "2×2 mm (nothing is resampled)"),
        difference("preprocessing.slice", "plane=axial", "plane=<b>coronal</b>"),
        difference("channels", "1", "3", "the first convolution is fitted to them"),
    ]
    section, told, warned = report_of(
        tmp_path, preprocessing=listed, heads={"sex": "turned round: F, M to M, F"}
    )
    assert "<strong>spacing: expected about 1×1 mm, found 2×2 mm (nothing is resampled)</strong>" in section
    assert "<b>coronal" not in section
    assert "<li>channels: expected 1, found 3 (the first convolution is fitted to them)</li>" in section
    assert "sex: turned round: F, M to M, F" in section
    # The plan warned of the others.
    assert told == [
        "stage 'finetune' takes over weights from 'pretrain', trained on other images: spacing: expected "
        "about 1×1 mm, found 2×2 mm (nothing is resampled)"
    ]
    assert "spacing: expected about 1×1 mm" in warned


def test_weights_without_a_contract_are_not_known(tmp_path: Path) -> None:
    section, told, _ = report_of(tmp_path, preprocessing=None)
    assert "not known: the weights came without a contract.json" in section
    assert told == []


def test_what_was_adapted_and_left_is_told_with_its_share(tmp_path: Path) -> None:
    layers = [
        {"layer": "stem", "parameters": 10, "matched": 0, "adapted": 10, "new": 0, "share": 1.0},
        {"layer": "layer4.0", "parameters": 40, "matched": 10, "adapted": 0, "new": 30, "share": 0.25},
        {"layer": "heads", "parameters": 5, "matched": 0, "adapted": 0, "new": 5, "share": 0.0},
    ]
    section, _, _ = report_of(
        tmp_path,
        names="timm",
        share_of_encoder=0.4,
        layers=layers,
        adapted={"encoder.conv1.weight": "3 input channels to 1 (sum)", "heads.age.weight": "rescaled"},
        converted={"float16": 7},
        skipped={"fc.<b>": "the network has no weight of this name", "heads.x.bias": "a head that is new"},
    )
    for said in (
        "40 %",
        "names as timm writes them",
        "3 input channels to 1 (sum): conv1.weight",
        "converted from float16: 7 weights",
        "left at random: layer4.0 (75 %)",
        "left out of the file: fc.&lt;b&gt;",
    ):
        assert said in section
    assert "rescaled" not in section
    assert "heads.x.bias" not in section
