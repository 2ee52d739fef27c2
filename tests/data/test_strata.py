"""Strata and nested subsets."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tlpy.data.strata import bins, nested_subset, of_units, shares
from tlpy.errors import InputError

IDS = [f"i{n:03d}" for n in range(100)]
CLASSES = {name: "rare" if n % 10 == 0 else "common" for n, name in enumerate(IDS)}


def test_subsets_are_nested_and_stratified() -> None:
    sizes: list[int | float] = [2, 5, 10, 0.25, 50, 1.0]
    chain = [nested_subset(IDS, CLASSES, size, 0) for size in sizes]
    assert [len(subset) for subset in chain] == [2, 5, 10, 25, 50, 100]
    for smaller, larger in pairwise(chain):
        assert set(smaller) < set(larger)
    for subset in chain:
        assert subset == sorted(subset)
        rare = Counter(CLASSES[name] for name in subset)["rare"]
        assert abs(rare - len(subset) / 10) <= 1


def test_subsets_of_numbers_cover_their_range() -> None:
    ages = {name: float(n) for n, name in enumerate(IDS)}
    subset = nested_subset(IDS, ages, 10, 0)
    assert Counter(int(ages[name]) // 20 for name in subset) == dict.fromkeys(range(5), 2)


def test_subsets_depend_on_the_seed_not_on_the_order() -> None:
    assert nested_subset(IDS[::-1], CLASSES, 20, 0) == nested_subset(IDS, CLASSES, 20, 0)
    assert nested_subset(IDS, CLASSES, 20, 1) != nested_subset(IDS, CLASSES, 20, 0)


@pytest.mark.parametrize("size", [0, -1, 101, 1.5, 0.0, True])
def test_sizes_out_of_range(size: float) -> None:
    with pytest.raises(InputError, match="train_size"):
        nested_subset(IDS, CLASSES, size, 0)


def test_bins_hold_as_many_each() -> None:
    values = {f"n{n}": float(n % 7) for n in range(100)}
    assert Counter(bins(values).values()) == {f"bin {number}": 20 for number in range(5)}
    assert set(bins({f"n{n}": float(n) for n in range(19)}).values()) == {"bin 0"}


def test_a_unit_counts_for_its_rarest_class_or_its_mean() -> None:
    units = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}
    assert of_units(units, {"a1": "x", "a2": "y", "b1": "x", "c1": "x"}) == (
        {"a": "y", "b": "x", "c": "x"},
        True,
    )
    assert of_units(units, {"a1": 1.0, "a2": 3.0, "b1": 5.0, "c1": 0.0}) == (
        {"a": 2.0, "b": 5.0, "c": 0.0},
        False,
    )


def test_shares_add_up() -> None:
    assert shares({"F": 36, "M": 12}, 0.15) == {"F": 5, "M": 2}
    assert shares({"a": 1, "b": 1, "c": 1}, 0.1) == {"a": 1, "b": 0, "c": 0}
    assert shares({"F": 18, "M": 2}, 0.2, least=1) == {"F": 3, "M": 1}
    assert shares({}, 0.5) == {}
