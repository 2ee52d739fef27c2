"""docs/objectives.md names every objective with its arguments and defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlpy.objectives.registry import TERMS

PAGE = Path(__file__).parents[2] / "docs" / "objectives.md"


@pytest.mark.parametrize("name", TERMS.names())
def test_each_objective_has_a_row_with_its_defaults(name: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` ")]
    assert len(rows) == 1
    for argument, default in TERMS.declaration(name).defaults.items():
        shown = default if isinstance(default, str) else json.dumps(default)
        assert f"`{argument}: {shown}`" in rows[0]
