"""A stage that dies without a word fails alone, by name; what its pack had finished counts."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import pytest
from crashing import Tasks, crashing, memory_group, undisturbed
from scenarios import toys
from scenarios.toys import results

faults = pytest.mark.faults
LIMIT = 1600 * 2**20


@faults
def test_a_crash_fails_alone_after_its_second_time(tmp_path: Path) -> None:
    stages = [
        toys.stage("first"),
        crashing("segfault", "Segfault"),
        toys.stage("child", "sex", parent="segfault"),
        crashing("exits", "Exits"),
        toys.stage("last", seed=1),
    ]
    tasks = Tasks(tmp_path / "crashing", stages)
    code, said = tasks.run("try")
    assert code == 0, said
    assert tasks.reason("try", "segfault") == "its process was ended by SIGSEGV (segmentation fault)"
    assert tasks.reason("try", "exits") == "its process ended with exit code 0 and no message"
    assert tasks.reason("try", "child") == "parent segfault failed"
    assert "segfault: its process was ended by SIGSEGV (segmentation fault); death 2 of this stage" in said
    # The second time starts from the checkpoint of the epoch before.
    assert [line for line in tasks.trained() if "Seg" in line] == [f"Segfault {n}" for n in (1, 2, 3, 3)]
    assert tasks.left() == []
    whole = undisturbed(tmp_path / "undisturbed", toys.stage("first"), toys.stage("last", seed=1))
    for name in ("first", "last"):
        assert results(tasks.stage("try", name)) == results(whole.stage("whole", name))


@faults
def test_a_stage_that_dies_once_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    tasks = Tasks(tmp_path / "crashing", [crashing("s", "DiesOnce")])
    code, said = tasks.run("try")
    assert code == 0, said
    whole = undisturbed(tmp_path / "undisturbed", crashing("s", "DiesOnce"))
    assert results(tasks.stage("try", "s")) == results(whole.stage("whole", "s"))
    assert tasks.trained() == [f"DiesOnce {n}" for n in (1, 2, 3, 3, 4)]
    assert tasks.left() == []


@faults
def test_what_was_killed_is_left_to_a_retry_with_more_memory(tmp_path: Path) -> None:
    stages = [crashing("s", "Killed"), toys.stage("child", parent="s"), toys.stage("last")]
    tasks = Tasks(tmp_path, stages)
    code, said = tasks.run("try")
    # The others are done before the task asks for more.
    assert code == 137, said
    assert "killed (SIGKILL), as the system does when memory runs out" in said
    assert "out of memory: child, s: killed once, and tried again by the task's retry" in said
    assert (tmp_path / "try/stages/last/metrics.json").is_file()
    code, said = tasks.run("retry", attempt=2)
    assert code == 0, said
    assert "last pretrain" not in said, "it was laid out, not trained"
    assert results(tasks.stage("retry", "last")) == results(tasks.stage("try", "last"))
    reason = tasks.reason("retry", "s") or ""
    assert reason.startswith("killed (SIGKILL), as the system does when memory runs out (")
    assert tasks.reason("retry", "child") == "parent s failed"
    assert tasks.left() == []


@faults
def test_a_task_that_is_killed_as_a_whole_comes_to_its_end(tmp_path: Path) -> None:
    stages = [toys.stage("first"), crashing("s", "KilledWithItsTask"), toys.stage("last")]
    tasks = Tasks(tmp_path, stages)
    for attempt in (1, 2):
        assert tasks.run(f"try{attempt}", attempt)[0] == -signal.SIGKILL
    code, said = tasks.run("try3", attempt=3)
    assert code == 0, said
    assert (tasks.reason("try3", "s") or "").startswith("killed with its whole task, as happens when memory")
    assert [tasks.reason("try3", name) for name in ("first", "last")] == [None, None]
    assert "first pretrain" not in said, "it was laid out, not trained"
    assert tasks.left() == []
    # A new run knows nothing of it: the task may have more memory now.
    assert tasks.run("again")[0] == -signal.SIGKILL


@faults
def test_memory_that_a_control_group_holds_is_named(tmp_path: Path) -> None:
    group = memory_group(f"tlimb-{os.getpid()}", LIMIT)
    if group is None:
        pytest.skip("no control group of memory can be made here")
    tasks = Tasks(tmp_path, [crashing("s", "Greedy"), toys.stage("last")])

    def join() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        codes = [tasks.run(f"try{attempt}", attempt, preexec_fn=join)[0] for attempt in (1, 2)]
    finally:
        time.sleep(0.5)
        group.rmdir()
    assert codes == [137, 0]
    assert tasks.reason("try2", "s") == "out of memory (limit 1.56 GB)"
    assert tasks.reason("try2", "last") is None


@faults
def test_memory_that_the_process_is_refused_is_named(tmp_path: Path) -> None:
    """Half the batch is tried; that it is too small for batch normalisation is not the first cause."""
    vit = {"name": "vit", "patch": 4, "width": 12, "depth": 1, "heads": 2}
    stages = [
        crashing("s", "Asks", training__batch_size=2, architecture=vit),
        crashing("t", "Asks", training__batch_size=2),
        toys.stage("last"),
    ]
    tasks = Tasks(tmp_path, stages)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))

    code, said = tasks.run("try", preexec_fn=limit)
    assert code == 0, said
    assert said.count("once more with a smaller batch") == 2
    assert tasks.reason("try", "s") == "out of memory (limit 6 GB)"
    # Batch normalisation may complain of the single image before memory is asked for again.
    reason = tasks.reason("try", "t") or ""
    too_few = "out of memory, and with fewer images at once: ValueError: Expected more than 1"
    assert reason.startswith((too_few, "out of memory (limit 6 GB)"))
    assert tasks.reason("try", "last") is None
    assert tasks.left() == []
