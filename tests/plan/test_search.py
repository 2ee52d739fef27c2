"""A searched path sets what it names, everywhere it should, and nothing else."""

from __future__ import annotations

import pytest

from tlpy.errors import InputError
from tlpy.params.assignment import path_problems, variant_params
from tlpy.params.schema import Schema
from tlpy.params.space import space_problems
from tlpy.search.registry import assignments


def _params(**changes: object) -> dict:
    return {
        "outdir": "results",
        "datasets": {
            "age": {"reader": "table", "path": "a.csv", "label": "age"},
            "sex": {"reader": "table", "path": "b.csv", "label": "sex"},
        },
        "stages": [{"dataset": "age", "lr": 0.5}, {"dataset": "sex"}],
        **changes,
    }


def test_a_training_default_is_set_everywhere() -> None:
    result = variant_params(_params(), {"lr": 0.1})
    assert result["lr"] == 0.1
    assert all("lr" not in stage for stage in result["stages"])


def test_a_stages_own_path_holds_against_the_general_one() -> None:
    result = variant_params(_params(), {"finetune.lr": 0.2, "lr": 0.1})
    assert [stage.get("lr", result["lr"]) for stage in result["stages"]] == [0.1, 0.2]


def test_none_takes_a_whole_stage_out() -> None:
    result = variant_params(_params(), {"pretrain": "none"})
    assert [stage["name"] for stage in result["stages"]] == ["finetune"]


def test_a_map_replaces_a_stages_keys() -> None:
    result = variant_params(_params(), {"pretrain": {"dataset": "sex"}})
    assert result["stages"][0] == {"name": "pretrain", "dataset": "sex", "lr": 0.5}


def test_a_path_into_a_component_name_grows_it_into_a_map() -> None:
    result = variant_params(_params(architecture="resnet18"), {"architecture.dropout": 0.2})
    assert result["architecture"] == {"name": "resnet18", "dropout": 0.2}


def test_the_params_given_are_left_alone() -> None:
    params = _params()
    variant_params(params, {"lr": 0.1, "pretrain": "none"})
    assert params == _params()


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"lrr": [1]}, "search.space.lrr: hits nothing in this file (did you mean 'lr'?)"),
        ({"finetune.epoch": [1]}, "unknown key (epoch = 1) (did you mean 'epochs'?)"),
        ({"lr": [0.1, -1]}, "expected more than 0, got -1"),
        ({"pretrain": [3]}, "expected none or a map of a stage's keys"),
        ({"datasets.sez.label": ["x"]}, "there is no data set 'sez' (did you mean 'sex'?)"),
    ],
)
def test_a_path_that_hits_nothing_or_a_bad_value_is_told(space: dict, told: str) -> None:
    problems = path_problems(_params(search={"space": space}), Schema.read())
    assert len(problems) == 1
    assert told in str(problems[0])


def test_grid_lists_every_combination_once_in_a_stable_order() -> None:
    settings = assignments({"space": {"a": [1, 2, 1], "b": ["x", "y"]}}, seed=0)
    assert settings == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_grid_over_a_distribution_is_refused() -> None:
    with pytest.raises(InputError, match=r"search\.space\.lr: is a distribution"):
        assignments({"space": {"lr": {"min": 0, "max": 1}}}, seed=0)


def test_random_draws_within_bounds_and_grows_without_changing_what_was_drawn() -> None:
    search = {
        "method": "random",
        "trials": 20,
        "space": {"lr": {"min": 1e-5, "max": 1e-2, "log": True}, "a": [1, 2]},
    }
    twenty = assignments(search, seed=3)
    assert all(1e-5 <= settings["lr"] <= 1e-2 for settings in twenty)
    assert assignments({**search, "trials": 5}, seed=3) == twenty[:5]
    assert assignments(search, seed=4) != twenty
    assert sum(settings["lr"] < 3e-4 for settings in twenty) in range(4, 17)  # about half, on a log scale


def test_random_without_trials_is_told() -> None:
    with pytest.raises(InputError, match=r"search\.trials: is missing"):
        assignments({"method": "random", "space": {"a": [1]}}, seed=0)


def test_bounds_that_do_not_fit_are_told() -> None:
    told = [
        str(problem)
        for problem in space_problems({"a": {"min": 2, "max": 1}, "b": {"min": 0, "max": 1, "log": True}})
    ]
    assert told == [
        "search.space.a: min 2 is not below max 1",
        "search.space.b.min: is 0: a logarithmic scale starts above 0",
    ]
