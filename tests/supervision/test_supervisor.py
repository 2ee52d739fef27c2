"""The process that watches: light, and its exit code is the training's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tlpy.supervision import parent
from tlpy.supervision.deaths import Deaths
from tlpy.supervision.supervisor import AGAIN, supervise

HOLDS = "from pathlib import Path; from tlpy.supervision.lease import Lease; Lease(Path('{}')).take(); "


def run(folder: Path, *codes: str) -> int:
    """`supervise` a process that runs another code at each start."""
    return supervise(
        lambda number: [sys.executable, "-c", f"import os; {codes[number - 1]}"], ["s", "t"], folder, 1
    )


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(parent.__file__).parents[2]))


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, tlpy.supervision.supervisor as s; print({'torch', 'numpy'} & set(sys.modules) or [])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("code", [0, 1, 2, 137])
def test_an_exit_by_its_own_will_is_passed_on(tmp_path: Path, code: int) -> None:
    assert run(tmp_path, f"os._exit({AGAIN})", f"os._exit({code})") == code


def test_a_death_is_written_down_under_the_stage_that_was_under_way(tmp_path: Path) -> None:
    hold = HOLDS.format(tmp_path / "t.lease")
    assert run(tmp_path, f"{hold} os._exit(5)", f"{hold} os.kill(os.getpid(), 6)", "os._exit(0)") == 0
    assert [death.reason for death in Deaths(tmp_path).of("t")] == [
        "its process ended with exit code 5 and no message",
        "its process was ended by SIGABRT (aborted)",
    ]
    assert Deaths(tmp_path).of("s") == []
    assert not (tmp_path / "t.lease").exists()


def test_deaths_without_a_stage_come_to_an_end(tmp_path: Path) -> None:
    assert run(tmp_path, *["os.kill(os.getpid(), 11)"] * 2) == 128 + signal.SIGSEGV


def test_what_it_is_told_reaches_the_training_process(tmp_path: Path) -> None:
    hold = HOLDS.format(tmp_path / "t.lease")
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    assert run(tmp_path, f"{hold} import time; time.sleep(60)") == 128 + signal.SIGINT
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == [], "no death, and no lease"


def test_where_the_kernel_does_not_tell_of_a_parents_end(tmp_path: Path) -> None:
    """The pipe does, as on other systems than Linux."""
    child = (
        "import os, sys, time; sys.platform = 'other'\n"
        "from tlpy.supervision.parent import end_with_parent\n"
        "end_with_parent()\n"
        f"open({str(tmp_path / 'up')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    code = (
        "import sys; from pathlib import Path; from tlpy.supervision.supervisor import supervise\n"
        f"supervise(lambda number: [sys.executable, '-c', {child!r}], [], Path({str(tmp_path)!r}), 1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not ((tmp_path / "up").exists() and (tmp_path / "up").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    pid = int((tmp_path / "up").read_text())
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
