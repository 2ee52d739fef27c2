"""How things are said to people, wherever they are said."""

from __future__ import annotations

from typing import Any

import pytest

from tlpy import words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (True, "true"),
        (0.0001, "0.0001"),
        (1e-07, "1e-07"),
        ([1, "a", False], "[1, a, false]"),
        ({"name": "full"}, "full"),
        ({"name": "freeze", "up_to": "layer3"}, "freeze(up_to=layer3)"),
        ({"focal": {"gamma": 1.5}, "coral": {}, "mmd": 0.1}, "focal(gamma=1.5), coral, mmd=0.1"),
        ({"dataset": "a", "datamodule": {"name": "base"}}, "dataset=a, datamodule=base"),
    ],
)
def test_a_setting(value: Any, said: str) -> None:
    assert words.setting(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 %"), (1e-6, "0.1 %"), (0.0042, "0.4 %"), (0.5, "50 %"), (0.9999, "99.9 %"), (1.0, "100 %")],
)
def test_a_share(value: float, said: str) -> None:
    assert words.share(value) == said


def test_a_path() -> None:
    assert words.path("finetune.objective.elastic_penalty.alpha") == "finetune elastic penalty alpha"


def test_numbers() -> None:
    assert [words.number(value) for value in (1_234_567, 0.5, 2.0)] == ["1234567", "0.5", "2"]
    assert [words.size(value) for value in ([64, 48], (1.0, 1.25), 2.0)] == ["64×48", "1×1.25", "2"]
    assert [words.percent(value) for value in (12.34, -3.44, 0.04)] == ["+12 %", "−3.4 %", "0 %"]
    assert [words.count(total, "image") for total in (1, 1200)] == ["1 image", "1,200 images"]


def test_a_duration() -> None:
    said = ["3.2 s", "75 s", "4.5 min", "12 min", "3.5 h", ""]
    assert [words.duration(seconds) for seconds in (3.21, 75, 270, 720, 12600, float("nan"))] == said
