"""Tables and JSON files, whoever writes them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tlpy.files import read_json, read_rows, write_json, write_table

ROW = [1 / 3, 2.0, float("nan"), float("inf"), None, "two  words\tand a line\n", ["é"]]


def test_json_has_null_for_what_is_no_number_and_leaves_nothing_aside(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": (float("nan"), float("inf"), 0.1, "é")})
    assert read_json(tmp_path / "a.json") == {"a": [None, None, 0.1, "é"]}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_json_is_whole_or_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert read_json(tmp_path / "a.json") == {"a": 1}


def test_a_table_for_programs_is_exact(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", list("abcdefg"), [ROW])
    text = 'a,b,c,d,e,f,g\n0.3333333333333333,2.0,,inf,,"two  words\tand a line\n","[""é""]"\n'
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == text


def test_a_table_for_people_is_short(tmp_path: Path) -> None:
    write_table(tmp_path / "a.tsv", list("abcdefg"), [ROW], digits=6)
    text = 'a\tb\tc\td\te\tf\tg\n0.333333\t2\t\t\t\ttwo words and a line\t"[""é""]"\n'
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8") == text


FORMULAS = ["=cmd|' /C calc'!A0", "@SUM(1)", "+a", "-b", "=1", "'=1", "''-b", "\tx", "\rx", "=é"]
PLAIN = ["-1", "+2.5", "-1e-3", "'", "it's", "-", "a=b", "'a", "sub-01"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_no_cell_is_a_formula_and_each_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    texts = [*FORMULAS, *PLAIN, "inf"]
    write_table(tmp_path / name, ["=id", "n"], [[text, -0.5] for text in texts])
    lines = list(csv.reader((tmp_path / name).open(newline=""), delimiter="," if name == "a.csv" else "\t"))
    assert lines[0] == ["'=id", "n"]
    assert [first for first, _ in lines[1:]] == ["'" + text for text in FORMULAS] + [*PLAIN, "inf"]
    assert {number for _, number in lines[1:]} == {"-0.5"}
    assert read_rows(tmp_path / name) == [{"=id": text, "n": "-0.5"} for text in texts]


def test_a_formula_in_a_table_for_people_is_text(tmp_path: Path) -> None:
    write_table(tmp_path / "a.tsv", ["a"], [[" =1"], [-1.0], [float("-inf")], ["-1"]], digits=6)
    assert (tmp_path / "a.tsv").read_text() == 'a\n\'=1\n-1\n""\n-1\n'
