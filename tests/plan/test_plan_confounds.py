# ruff: noqa: E501 - messages are in one line each

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plain.fits import PlainFit
from tlpy.plan.documents import inferred, write_plan
from tlpy.plan.planner import Planned, Planner


def plan(params: dict[str, Any]) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


def told(params: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan(params)
    return [str(problem) for problem in caught.value.problems]


def said(made: Planned, name: str) -> list[str]:
    return [
        f"{item.value} ({item.why})" for item in inferred(made) if item.what == f"datasets.{name} confounds"
    ]


def table(made: Planned, name: str, out: Path) -> list[dict[str, str]]:
    write_plan(made, out)
    with (out / "covariates" / f"{name}.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def widen(params: dict[str, Any], name: str, columns: dict[str, list[str]]) -> None:
    """Columns of a repeating text for a data set's table."""
    file = Path(params["datasets"][name]["path"])
    header, *rows = file.read_text().splitlines()
    rows = [
        ",".join([row, *(texts[at % len(texts)] for texts in columns.values())])
        for at, row in enumerate(rows)
    ]
    file.write_text("\n".join([",".join([header, *columns]), *rows]) + "\n")


def test_age_sex_and_site_are_found_but_not_the_label(params: dict, tmp_path: Path) -> None:
    widen(params, "target", {"site": ["A", "B", "B"]})
    made = plan(params)
    assert said(made, "source") == ["sex (F, M) (columns beside the label)"]
    assert said(made, "target") == ["age (a number), site (A, B) (columns beside the label)"]
    rows = table(made, "target", tmp_path)
    assert rows[1] == {
        "image": "p101", "subject": "p101", "group": "p101", "unit": "subject p101",
        "label:sex": "M", "confound:age": "121.5", "confound:site": "B",
    }  # fmt: skip
    assert len(rows) == 40


def test_columns_may_be_called_otherwise(params: dict) -> None:
    file = Path(params["datasets"]["target"]["path"])
    file.write_text(file.read_text().replace("age,sex", "AGE,Gender"))
    params["datasets"]["target"]["label"] = "AGE"
    assert said(plan(params), "target") == ["sex (F, M) (columns beside the label)"]
    params["datasets"]["target"] |= {"label": "Gender"}
    assert said(plan(params), "target") == ["age (a number) (columns beside the label)"]
    file.write_text(file.read_text().replace("AGE,Gender", "years,sex"))
    params["datasets"]["target"] |= {"label": "sex", "columns": {"age": "years"}}
    assert said(plan(params), "target") == ["age (a number) (columns beside the label)"]
    params["datasets"]["target"]["columns"] = {"age": "yeers"}
    (problem,) = told(params)
    assert "no column 'yeers' for the confound (did you mean 'years'?)" in problem


def test_confounds_are_named_or_none(params: dict, tmp_path: Path) -> None:
    widen(params, "target", {"scanner": ["0", "1", "2"], "image_": ["x"], "part": ["a", "b"]})
    params["datasets"]["target"]["confounds"] = ["scanner", "part", "sex"]
    made = plan(params)
    assert said(made, "target") == [
        "scanner (0, 1, 2), part (a, b) (as said)",
        "'sex' is the label itself: it is left out (the table)",
    ]
    assert table(made, "target", tmp_path)[4]["confound:scanner"] == "1"
    params["datasets"]["target"]["confounds"] = []
    assert said(plan(params), "target") == ["none (as said)"]


def test_a_confound_that_is_not_there_is_an_error(params: dict) -> None:
    params["datasets"]["target"]["confounds"] = ["agge", "sxe"]
    path = params["datasets"]["target"]["path"]
    assert told(params) == [
        f"datasets.target.confounds: {path}: no column 'agge' for the confound (did you mean 'age'?)",
        f"datasets.target.confounds: {path}: no column 'sxe' for the confound (did you mean 'sex'?)",
    ]
    params["datasets"]["target"]["confounds"] = "age"
    assert "datasets.target.confounds" in told(params)[0]


def test_what_cannot_be_compared_is_said(params: dict) -> None:
    """Of columns that nobody named it is no fault; of those that were it is."""
    widen(params, "target", {"site": ["A"]})
    file = Path(params["datasets"]["target"]["path"])
    file.write_text(file.read_text().replace(",120.5,", ",old,"))
    notes = [
        "'age' is not used: found 'old' under 'age', expected a number (the table)",
        "'site' is A in every row: there is nothing to compare (the table)",
    ]
    assert said(plan(params), "target") == notes
    params["datasets"]["target"]["confounds"] = ["age"]
    assert "found 'old' under 'age', expected a number" in told(params)[0]


def test_confounds_change_no_stage(params: dict) -> None:
    ids = set(plan(params).stages)
    params["datasets"]["target"]["confounds"] = []
    assert set(plan(params).stages) == ids


def baselines(made: Planned) -> dict[str, PlainFit]:
    """The fits that look at confounds, by the first label."""
    fits = [fit for fit in made.plain.fits.values() if fit.component["name"] == "covariates"]
    return {fit.heads[0].label: fit for fit in fits}


def test_a_baseline_sees_them_alone(params: dict) -> None:
    (fit,) = baselines(plan(params)).values()
    assert [(table.name, [column.label for column in table.columns]) for table in fit.covariates] == [
        ("target", ["age"])
    ]
    file = Path(params["datasets"]["target"]["path"])
    file.write_text(file.read_text().replace(",121.5,", ",122.5,"))
    changed = plan(params)
    assert baselines(changed)["sex"].id != fit.id
    assert set(changed.stages) == set(plan(params).stages)
    params["datasets"]["target"]["confounds"] = []
    assert baselines(plan(params)) == {}
    params["plain"] = ["covariates"]
    assert told(params) == [
        "plain: covariates needs confounds, and what is ranked has none (name columns of its table: `confounds: [age, site]`)"
    ]


def test_a_baseline_has_the_table_of_its_own_version(params: dict) -> None:
    params["search"] = {"space": {"datasets.target.label": ["sex", "age"]}}
    params["plain"] = "covariates"
    found = baselines(plan(params))
    assert {label: (fit.covariates[0].name, fit.confounds[0].label) for label, fit in found.items()} == {
        "sex": ("target", "age"), "age": ("target#2", "sex"),
    }  # fmt: skip
