"""The figure of rates by layer group and epoch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tlpy.report import rates as page
from tlpy.report.rates import rates

Rates = dict[str, list[float]]
UNFREEZING: Rates = {
    "stem": [0, 0, 0],
    "layer1": [0, 0, 1e-3],
    "layer<2>": [0, 1e-3, 1e-3],
    "heads": [1e-2] * 3,
}
FROZEN: Rates = {"stem": [0, 0], "layer1": [1e-3] * 2, "heads": [1e-3] * 2}
PLAIN: Rates = {"encoder": [1e-3] * 2, "heads": [1e-3] * 2}
ALIKE: Rates = {"stem": [1e-3] * 2, "layer1": [1e-3] * 2, "heads": [1e-3] * 2}


def shown(monkeypatch: pytest.MonkeyPatch, *stages: Rates) -> str | None:
    named = [(f"{rank}: way", SimpleNamespace(learning_rates=of)) for rank, of in enumerate(stages, 1)]
    found: Any = lambda run, rankings, role: named if role == "finetune" else []  # noqa: E731, ARG005
    monkeypatch.setattr(page, "distinct_stages", found)
    section = rates(SimpleNamespace(), [])  # type: ignore[arg-type]
    return None if section is None else str(section.data)


def test_each_group_and_epoch_has_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, PLAIN, FROZEN, UNFREEZING)
    assert text is not None
    figure = ElementTree.fromstring(text)
    cells = [title.text or "" for rect in figure.iter("rect") for title in rect.iter("title")]
    # What changes while it trains stands first, then by rank; plain ways are left out.
    assert cells == [
        *(f"{name}, epoch {epoch + 1}: {'0' if not rate else f'{rate:g}'}"
          for way in (UNFREEZING, FROZEN) for name, of in way.items() for epoch, rate in enumerate(of)),
    ]  # fmt: skip
    heads = [element.text for element in figure.iter("text") if element.get("class") == "tlimb-head"]
    assert heads == ["3: way", "2: way"]
    empty = sum(rect.get("fill") == "none" for rect in figure.iter("rect"))
    assert empty == sum(rate == 0 for way in (UNFREEZING, FROZEN) for of in way.values() for rate in of)


def test_the_faster_the_darker(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, {"a": [1e-4], "b": [1e-3], "c": [1e-2]})
    assert text is not None
    cells = [r for r in ElementTree.fromstring(text).iter("rect") if list(r)]
    assert [float(cell.get("fill-opacity") or 0) for cell in cells] == [0.12, 0.56, 1.0]


def test_without_rates_by_layer_there_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, PLAIN, ALIKE, {}) is None


def test_the_table_is_read(tmp_path: Path) -> None:
    from tlpy.evaluation.results import StageResult

    (tmp_path / "learning_rates.csv").write_text(
        "epoch,group,lr\n1,stem,0\n1,heads,0.01\n2,stem,0.001\n2,heads,0.01\n"
    )
    result = StageResult(SimpleNamespace(), tmp_path, {}, None)  # type: ignore[arg-type]
    assert result.learning_rates == {"stem": [0.0, 0.001], "heads": [0.01, 0.01]}
