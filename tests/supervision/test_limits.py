"""Memory limits of control groups, as the kernel's documents lay them out, and of processes."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tlpy.supervision import limits
from tlpy.supervision.deaths import death_of

GIB = 2**30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(limits, "CGROUPS", tmp_path / "fs")
    monkeypatch.setattr(limits, "OF_THIS_PROCESS", tmp_path / "self")
    monkeypatch.setattr(limits, "machine_memory", lambda: 16 * GIB)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_version_2_takes_the_smallest_of_the_groups_above(groups: Path) -> None:
    write(groups / "self", "0::/job/step\n")
    write(groups / "fs/job/step/memory.max", "max\n")
    write(groups / "fs/job/memory.max", f"{2 * GIB}\n")
    write(groups / "fs/job/step/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n")
    write(groups / "fs/job/memory.events", "oom_kill 7\n")
    assert limits.memory_limit() == 2 * GIB
    assert limits.oom_kills() == 2


def test_version_1_beside_an_empty_version_2(groups: Path) -> None:
    write(groups / "self", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n")
    # Within the container its group is the root.
    write(groups / "fs/memory/memory.limit_in_bytes", f"{int(1.6 * GIB)}\n")
    write(groups / "fs/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert limits.memory_limit() == int(1.6 * GIB)
    assert limits.oom_kills() == 4
    told = death_of(-9, killed_for_memory=True, limit=limits.memory_limit(), attempt=1)
    assert told.reason == "out of memory (limit 1.6 GB)"


def test_no_limit_is_none(groups: Path) -> None:
    assert (limits.memory_limit(), limits.oom_kills()) == (None, 0)
    write(groups / "self", "4:memory:/\n")
    write(groups / "fs/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert limits.memory_limit() is None
    assert limits.limit_in_words(None) == "no limit, 16 GB in this machine"


def test_that_of_a_process_counts() -> None:
    code = "from tlpy.supervision.limits import memory_limit; print(memory_limit())"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (GIB, GIB))

    root = str(Path(limits.__file__).parents[2])
    found = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": root},
    )
    assert found.stdout.strip() == str(GIB), found.stderr
