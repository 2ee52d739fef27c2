"""Ways of transfer in the plan: names that stand for many settings, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import summary
from tlpy.plan.planner import Planned, Planner
from tlpy.transfer.registry import TRANSFERS

SCHEMA = Schema.read()


def plan(params: dict[str, Any]) -> Planned:
    params["baseline"] = False
    return Planner(params, SCHEMA, {}).plan()


def ways(made: Planned) -> list[dict[str, Any]]:
    return [variant.settings["target.transfer"] for variant in made.variants]


@pytest.fixture
def searched(params: dict[str, Any]) -> dict[str, Any]:
    for stage, name in zip(params["stages"], ("source", "target"), strict=True):
        stage["name"] = name
    params["architecture"] = {"name": "resnet18", "filters": 4}
    params["search"] = {"space": {}}
    return params


def space(params: dict[str, Any], *listed: Any, path: str = "target.transfer") -> dict[str, Any]:
    params["search"]["space"][path] = list(listed)
    return params


def test_bidirectional_is_searched_in_all_its_settings(searched: dict[str, Any]) -> None:
    """45 for ResNet-18 in ten blocks (MetaLR, section 3.2); the nine that begin at 1 are layer-wise."""
    found = ways(plan(space(searched, "bidirectional")))
    first = [{"name": "layerwise", "blocks": n} for n in range(1, 10)]
    others = [{"name": "bidirectional", "blocks": [m, n]} for m in range(2, 10) for n in range(m, 10)]
    assert len(found) == 45
    assert all(one in found for one in [*first, *others])
    said = "search.space.target.transfer: 45 settings for bidirectional (by the architecture's layer groups)"
    assert said in summary(plan(searched))


def test_what_two_names_stand_for_is_searched_once(searched: dict[str, Any]) -> None:
    made = plan(space(searched, "full", "layerwise", "bidirectional", "head"))
    assert len(made.variants) == 47
    assert len(ways(plan(space(searched, "full", "layerwise")))) == 10


def test_how_many_settings_there_are_follows_from_the_architecture(searched: dict[str, Any]) -> None:
    space(searched, {"name": "resnet10", "filters": 4}, {"name": "vit", "depth": 2}, path="architecture")
    made = plan(space(searched, "layerwise"))
    # Six layer groups, and four (the embedding, two blocks, the heads).
    assert len(made.variants) == 5 + 3


def test_a_whole_stage_may_hold_such_a_name(searched: dict[str, Any]) -> None:
    made = plan(space(searched, {"dataset": "target", "transfer": "layerwise"}, path="target"))
    assert len(made.variants) == 9


def test_with_a_number_of_trials_one_setting_is_drawn(searched: dict[str, Any]) -> None:
    space(searched, "bidirectional", path="target.transfer")
    searched["search"] |= {"method": "random", "trials": 3}
    space(searched, 0.1, 0.2, 0.3, path="lr")
    made = plan(searched)
    assert 1 <= len(made.variants) <= 3
    assert ways(made) == ways(plan(searched))
    assert all(way["blocks"] for way in ways(made))


def test_without_a_search_blocks_are_asked_for(searched: dict[str, Any]) -> None:
    searched["stages"][1]["transfer"] = "bidirectional"
    with pytest.raises(InputError, match=r"bidirectional without `blocks` stands for many settings .*search"):
        plan(searched)
    searched["stages"][1]["transfer"] = {"name": "layerwise", "blocks": 10}
    with pytest.raises(InputError, match=r"the last frozen block is 10, but the last of the 10 blocks"):
        plan(searched)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ({"name": "metalr", "variant": "papre"}, "variant: expected paper or released"),
        ({"name": "metalr", "least": 0.1, "most": 0.01}, r"least \(0.1\) must be below most \(0.01\)"),
        ({"name": "metalr", "share": 1.0}, "share: expected a number between 0 and 1"),
        ({"name": "discriminative", "decay": 2}, "decay: expected a number above 0, at most 1"),
        ({"name": "gradual", "every": 0}, "every: expected a whole number of at least 1"),
        ({"name": "autolr", "retries": -1}, "retries: expected a whole number of at least 0"),
        ({"name": "lora", "rank": 0}, "rank: expected a whole number of at least 1"),
        ({"name": "lora", "target": "qkv"}, "target: expected a list of layers"),
        ({"name": "lora", "target": ["layer9"]}, "no layer 'layer9'"),
    ],
)
def test_arguments_are_checked_before_anything_trains(
    searched: dict[str, Any], way: dict[str, Any], told: str
) -> None:
    searched["stages"][1]["transfer"] = way
    with pytest.raises(InputError, match=told):
        plan(searched)


@pytest.mark.parametrize("name", [name for name in TRANSFERS.names() if TRANSFERS.facts(name).one_device])
def test_what_one_device_alone_can_do_is_refused_on_several(searched: dict[str, Any], name: str) -> None:
    searched["stages"][1]["transfer"] = name
    assert plan(searched).stages
    searched["devices"] = 2
    with pytest.raises(InputError, match=f"devices: transfer {name} .* trains on one device alone, found 2"):
        plan(searched)


def test_a_training_part_that_is_too_small_to_hold_anything_back(searched: dict[str, Any]) -> None:
    searched["stages"][1] |= {"transfer": "metalr", "train_size": 1}
    with pytest.raises(
        InputError, match=r"metalr keeps a share of the training part for itself, but .* 1 subject"
    ):
        plan(searched)
