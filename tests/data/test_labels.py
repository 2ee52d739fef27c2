"""The rules by which a column becomes a task, and the rows that break them."""

from __future__ import annotations

import pytest

from tlpy.data.labels import Task, as_number, infer_task, missing_labels
from tlpy.data.readers.base import ImageRecord
from tlpy.errors import Problems


def infer(values: list[str], said: str | None = None) -> tuple[Task | None, list[str]]:
    problems = Problems()
    rows = [f"p.tsv:{line}" for line in range(2, 2 + len(values))]
    task = infer_task(values, "sex", said, problems, "datasets.brains.label", rows)
    return task, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["M", "F", "n/a", "M"], "binary", ["F", "M"]),
        (["male", "female"], "binary", ["female", "male"]),
        (["0", "1", "1.0", "0"], "binary", ["0", "1"]),
        (["2", "1"], "binary", ["1", "2"]),
        (["-1", "1"], "binary", ["-1", "1"]),
        (["0", "1", "2"], "multiclass", ["0", "1", "2"]),
        (["1", "3", "2"], "multiclass", ["1", "2", "3"]),
        ([str(code) for code in range(10)], "multiclass", [str(code) for code in range(10)]),
        ([str(code) for code in range(11)], "regression", None),
        (["0", "2"], "regression", None),
        (["0", "0.5", "1"], "regression", None),
        (["20", "30", "40", "NaN", "NA", ""], "regression", None),
        (["-1.5e3", "+2", ".5"], "regression", None),
        (["22-25", "26-30", "36+"], "multiclass", ["22-25", "26-30", "36+"]),
        (["a b", "c"], "binary", ["a b", "c"]),
    ],
)
def test_the_task_is_inferred(values: list[str], kind: str, classes: list[str] | None) -> None:
    task, problems = infer(values)
    assert problems == []
    assert task is not None
    assert (task.type, task.classes) == (kind, classes)


def test_what_is_said_goes_first() -> None:
    assert infer(["0", "1", "2"], "regression")[0] == Task("regression")
    assert infer(["20", "30", "55"], "multiclass")[0] == Task("multiclass", ["20", "30", "55"])
    assert infer(["20", "30"], "binary")[0] == Task("binary", ["20", "30"])
    assert infer(["1", "2", "3a"], "multiclass")[0] == Task("multiclass", ["1", "2", "3a"])
    assert infer(["a", "b"], "multiclass")[0] == Task("multiclass", ["a", "b"])


def test_ages_above_a_limit_are_the_limit_and_that_is_said() -> None:
    task, problems = infer(["70", "89+", "88", "89 +"])
    assert problems == []
    assert task is not None
    assert task.notes == ("'sex' is '89+' in 2 rows (first p.tsv:3): read as 89",)
    assert [task.value(text) for text in ("89+", "70.50", "n/a", " 7 ")] == ["89", "70.5", "", "7"]


def test_each_cell_has_one_way_to_be_written() -> None:
    codes = Task("binary", ["0", "1"])
    assert [codes.value(text) for text in ("1.0", "01", "NA")] == ["1", "1", ""]
    texts = Task("multiclass", ["22-25", "36+"])
    assert texts.value(" 36+ ") == "36+"


def test_ages_and_stray_marks_under_sex_are_named_by_row() -> None:
    task, problems = infer(["M", "F", "F", "M,", "34", "F", "f", "female"])
    assert task is None
    assert problems == [
        "p.tsv:6: found '34' under 'sex', expected one of F, M (correct it, or write n/a)",
        "p.tsv:5: found 'M,' under 'sex', elsewhere 'M' (spell each class in one way)",
        "p.tsv:8: found 'f' under 'sex', elsewhere 'F' (spell each class in one way)",
        "p.tsv:9: found 'female' under 'sex', elsewhere 'F' (spell each class in one way)",
    ]


def test_text_among_numbers_is_named_by_row() -> None:
    task, problems = infer(["20", "30", "unknown", "30,5", "inf", "41", "42", "43"])
    assert task is None
    assert problems == [
        "p.tsv:4: found 'unknown' under 'sex', expected a number (correct it, or write n/a)",
        "p.tsv:6: found 'inf' under 'sex', expected a number (correct it, or write n/a)",
        "p.tsv:5: found '30,5' under 'sex', expected a number (write decimals with a point)",
    ]
    _, problems = infer(["1", "2", "2", "x"], "binary")
    assert problems == ["p.tsv:5: found 'x' under 'sex', expected one of 1, 2 (correct it, or write n/a)"]


@pytest.mark.parametrize(
    ("values", "said", "text"),
    [
        (["M", "M"], None, "has one class only ('M')"),
        (["1", "1"], None, "is 1 in every row"),
        (["1", "1"], "binary", "has one class only ('1')"),
        (["3.5", "3.5"], "regression", "is 3.5 in every row"),
        (["", "n/a"], None, "is missing in every row"),
        ([], None, "is missing in every row"),
        (["a", "b", "c"], "binary", "has 3 classes (a, b, c), a binary task has two"),
        ([f"name {n}" for n in range(30)], None, "30 different texts in 30 rows"),
        (["a", "b"], "regresion", "did you mean 'regression'"),
    ],
)
def test_columns_that_cannot_be_learnt(values: list[str], said: str | None, text: str) -> None:
    task, problems = infer(values, said)
    assert task is None
    assert len(problems) == 1
    assert problems[0].startswith("datasets.brains.label: ")
    assert text in problems[0]


def test_many_bad_rows_are_summed_up() -> None:
    _, problems = infer(["1.5"] * 100 + ["x"] * 60)
    assert len(problems) == 21
    assert problems[-1].startswith("p.tsv:122: and 40 more such rows under 'sex'")


def test_images_without_a_label_are_found_by_id() -> None:
    records = [
        ImageRecord("a", "a", "sub-a", labels={"age": "20", "sex": "M"}, where="p.tsv:2"),
        ImageRecord("b", "b", "sub-b", labels={"age": "n/a", "sex": ""}, where="p.tsv:3"),
    ]
    found = missing_labels(records, ["age", "sex"])
    assert {image: str(problem) for image, problem in found.items()} == {
        "b": "p.tsv:3: sub-b has no age and no sex"
    }


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_000", "0x10", "12 years", "1,5", "٣", "1e999"])
def test_what_is_no_number(text: str) -> None:
    assert as_number(text) is None


@pytest.mark.parametrize("wrong", ["1e38", "-2e19", "1e400"])
def test_a_number_that_no_training_bears_is_named_with_its_row(wrong: str) -> None:
    task, problems = infer(["21.5", "34", wrong, "58"])
    assert task is None
    assert len(problems) == 1
    assert problems[0].startswith(f"p.tsv:4: found '{wrong}' under 'sex', expected a number")


@pytest.mark.parametrize("wrong", ["inf", "-Infinity"])
def test_infinity_is_no_number(wrong: str) -> None:
    task, problems = infer(["21.5", "34", wrong, "58"])
    assert task is None
    assert problems == [f"p.tsv:4: found '{wrong}' under 'sex', expected a number (correct it, or write n/a)"]
