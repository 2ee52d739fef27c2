"""Ids stand for content: code by what it says, not where it lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from tlpy.digests import canonical, code_digest, digest


def test_the_order_of_keys_does_not_matter() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert canonical({"é": None}) == '{"é":null}'


def test_code_is_told_apart_by_content_and_name_but_not_by_place(tmp_path: Path) -> None:
    package = tmp_path / "one"
    (package / "report").mkdir(parents=True)
    (package / "a.py").write_text("x = 1\n")
    (package / "report" / "b.py").write_text("y = 1\n")
    before = code_digest(package)
    assert code_digest(shutil.copytree(package, tmp_path / "two")) == before
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert code_digest(package) == before
    without_report = code_digest(package, ["report"])
    (package / "report" / "b.py").write_text("y = 2\n")
    assert code_digest(package) != before
    assert code_digest(package, ["report"]) == without_report
    (package / "a.py").rename(package / "c.py")
    assert code_digest(package, ["report"]) != without_report
