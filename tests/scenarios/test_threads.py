"""Threads are the stage's, not the machine's: a stage's numbers are the same however many cores there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import toys

from tlpy.architectures.cost import threads_for


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
def test_what_a_process_was_given_changes_no_byte(train: toys.Train, tmp_path: Path) -> None:
    record = toys.stage("s1", architecture={"name": "resnet10", "filters": 8, "max_pool": False})
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        assert train(record, out=f"by-{threads}") == {"s1": "done"}
        assert torch.get_num_threads() == 1
        found.append((tmp_path / f"by-{threads}/s1/weights.safetensors").read_bytes())
    assert found[0] == found[1]


@pytest.mark.usefixtures("_threads")
def test_a_stage_computes_with_its_own_threads(train: toys.Train) -> None:
    torch.set_num_threads(1)
    assert train(toys.stage("s2", training__threads=2)) == {"s2": "done"}
    assert torch.get_num_threads() == 2


def test_threads_follow_from_the_size_of_a_step() -> None:
    assert threads_for({"name": "resnet18"}, (56, 72), 1, 16) == 1
    assert threads_for({"name": "resnet18"}, (64, 64, 64), 1, 8) == 4
    small = {"name": "resnet10", "filters": 4}
    assert threads_for(small, (16, 16, 16), 1, 4) == 1
