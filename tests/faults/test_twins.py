"""A stage under way has one owner: a twin waits, takes over what is finished, or goes on where it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crashing import Tasks, crashing, undisturbed
from scenarios.toys import results

from tlpy.supervision import lease as leases
from tlpy.supervision.lease import Lease, LeaseLost, Leases
from tlpy.supervision.owner import Owner

faults = pytest.mark.faults


def wait_for(what: Callable[[], object], seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases age in a second."""
    monkeypatch.setattr(leases, "TOUCH", 0.05)
    monkeypatch.setattr(leases, "LOOK", 0.05)
    monkeypatch.setattr(leases, "AGED_BY_CLOCK", 0.3)
    monkeypatch.setattr(leases, "AGED", 0.8)


def elsewhere(path: Path, **changes: Any) -> Owner:
    """A lease of a process that cannot be seen from here."""
    owner = replace(Owner.here(), host="node7", run="2026-01-01_10-00-00", **changes)
    path.write_text(json.dumps(owner.document()))
    return owner


@pytest.mark.usefixtures("quick")
def test_one_at_a_time(tmp_path: Path) -> None:
    at_work: list[str] = []
    most = []

    def work(name: str) -> None:
        for _ in range(5):
            with Leases(tmp_path).hold("s"):
                at_work.append(name)
                most.append(len(at_work))
                time.sleep(0.01)
                at_work.remove(name)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("clock", [0, -7200, 7200], ids=["right", "two hours behind", "two hours ahead"])
def test_a_lease_ages_by_the_file_systems_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    """Whatever the clock of the machine that waits says."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + clock)
    path = Leases(tmp_path).path("s")
    owner = elsewhere(path)
    touched: list[float] = []
    end = threading.Event()

    def touch() -> None:
        for _ in range(20):
            os.utime(path)
            touched.append(time.monotonic())
            end.wait(0.1)

    thread = threading.Thread(target=touch)
    thread.start()
    with Leases(tmp_path).hold("s") as before:
        taken = time.monotonic()
    thread.join()
    assert before == owner
    assert taken - touched[-1] >= 0.7, "not before it had aged"
    said = capsys.readouterr().out
    assert said.count("s is being trained by run 2026-01-01_10-00-00, process") == 1
    assert "on node7: waiting for it" in said


@pytest.mark.usefixtures("quick")
def test_an_old_lease_is_watched_for_a_while_only(tmp_path: Path) -> None:
    path = Leases(tmp_path).path("s")
    elsewhere(path)
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    began = time.monotonic()
    with Leases(tmp_path).hold("s"):
        assert 0.25 <= time.monotonic() - began < 0.7


def test_a_process_that_is_gone_from_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from tlpy.supervision.lease import Lease
Lease(Path({str(tmp_path)!r}) / "s.lease").take()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    began = time.monotonic()
    with Leases(tmp_path).hold("s") as before:
        assert before is not None
        assert before.is_gone()
    assert time.monotonic() - began < 2
    # The number is used again by another process: that one is not the owner.
    path = Leases(tmp_path).path("s")
    path.write_text(json.dumps(replace(Owner.here(), began="1").document()))
    with Leases(tmp_path).hold("s") as before:
        assert before is not None


@pytest.mark.usefixtures("quick")
def test_who_slept_too_long_stops(tmp_path: Path) -> None:
    """Another has taken the lease: two would train the same."""

    def sleeps() -> None:
        with Leases(tmp_path).hold("s"):
            elsewhere(tmp_path / "s.lease")
            for _ in range(500):
                time.sleep(0.01)

    with pytest.raises(LeaseLost):
        sleeps()
    assert (tmp_path / "s.lease").is_file(), "the lease is the other's"


@pytest.mark.usefixtures("quick")
def test_two_who_wait_do_not_both_take_it(tmp_path: Path) -> None:
    """One that looked before the other took it gives it back."""
    path = Leases(tmp_path).path("s")
    old = elsewhere(path)
    slow, fast = Lease(path), Lease(path)
    assert fast.take() == old
    assert slow._set_aside(json.dumps(old.document())) is False
    assert fast._is_mine() is True
    fast.give_back()
    assert list(tmp_path.iterdir()) == []


def test_without_links_and_without_a_folder_to_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        with Leases(tmp_path).hold("s"):
            assert (tmp_path / "s.lease").is_file()
            assert Lease(tmp_path / "s.lease")._make() is False
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with Leases(tmp_path / "file").hold("s") as before:
        assert before is None
    assert "no lease on s could be written, so that another run may train it, too" in capsys.readouterr().out


@faults
def test_a_twin_waits_for_an_orphan_and_takes_over_what_it_finished(tmp_path: Path) -> None:
    stages = [crashing("s", "Dies"), crashing("t", "Dies")]
    tasks = Tasks(tmp_path / "tasks", stages)
    gate = {"GATE": str(tmp_path / "gate")}
    orphan = tasks.start("orphan", environment={"TLPY_RUN": "first", **gate})
    wait_for(lambda: len(tasks.trained()) == 3)
    with (tmp_path / "twin.txt").open("w") as log:
        twin = tasks.start("twin", environment={"TLPY_RUN": "second", **gate}, stdout=log)
    wait_for(lambda: "waiting for it" in (tmp_path / "twin.txt").read_text())
    Path(gate["GATE"]).touch()
    orphan.communicate(timeout=300)
    said = (tmp_path / "twin.txt").read_text() if twin.wait(300) == 0 else ""
    assert (orphan.returncode, twin.returncode) == (0, 0)
    assert said.count("s is being trained by run first, process") == 1
    assert tasks.trained() == [f"Dies {n}" for _ in stages for n in (1, 2, 3, 4)], "never twice"
    whole = undisturbed(tmp_path / "undisturbed", *stages)
    for name in ("s", "t"):
        assert results(tasks.stage("twin", name)) == results(whole.stage("whole", name))
        assert results(tasks.stage("orphan", name)) == results(whole.stage("whole", name))
    assert tasks.left() == []


@faults
def test_a_twin_takes_over_where_an_orphan_was_killed(tmp_path: Path) -> None:
    tasks = Tasks(tmp_path / "tasks", [crashing("s", "Dies")])
    orphan = tasks.start("orphan", environment={"TLPY_RUN": "first", "GATE": str(tmp_path / "gate")})
    wait_for(lambda: "Dies 3" in tasks.trained())
    orphan.kill()
    orphan.wait()
    code, said = tasks.run("twin", environment={"TLPY_RUN": "second"})
    assert code == 0, said
    assert tasks.trained() == [f"Dies {n}" for n in (1, 2, 3, 3, 4)], "no epoch that had a checkpoint"
    whole = undisturbed(tmp_path / "undisturbed", crashing("s", "Dies"))
    assert results(tasks.stage("twin", "s")) == results(whole.stage("whole", "s"))
    assert tasks.left() == []


@faults
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_training_process_ends_with_the_one_that_watches(tmp_path: Path, how: signal.Signals) -> None:
    tasks = Tasks(tmp_path, [crashing("s", "Dies")])
    process = tasks.start("try", environment={"GATE": str(tmp_path / "gate")})
    wait_for(lambda: len(tasks.trained()) == 3)
    child = int(json.loads((tasks.checkpoints / "s.lease").read_text())["pid"])
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == (143 if how == signal.SIGTERM else -signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}").exists(), 20)
    # Told to end, it is no death of the stage; killed, its lease tells the retry.
    assert (tasks.checkpoints / "s.lease").exists() == (how == signal.SIGKILL)
    assert not list(tasks.checkpoints.glob("*.deaths.json"))
