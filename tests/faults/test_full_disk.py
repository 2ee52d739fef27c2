"""A stage that the disk had no room for is no result; with room it gives what it would have given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toys
from small_disk import SmallDisk
from toys import Train, read, results

from tlpy.errors import InputError
from tlpy.machine import NEEDS_A_PERSON, MachineError
from tlpy.scenarios import pack as packs

ROOT = Path(__file__).parents[2]
STAGES = [toys.stage("s1"), toys.stage("s2", "sex", parent="s1")]


def test_a_full_work_folder(train: Train, disk: SmallDisk, tmp_path: Path) -> None:
    train(*STAGES, out="whole")
    room = 3 * sum(file.stat().st_size for file in (tmp_path / "whole/s1").iterdir()) // 2
    disk.fill(leave=room)
    with pytest.raises(
        MachineError, match=r"no space left in the work folder .*disk.*: \d\.\d MB free"
    ) as full:
        train(*STAGES, out="disk/work")
    assert full.value.code == NEEDS_A_PERSON
    assert read(disk.path / "work/s1")["status"] == "done"
    assert not (disk.path / "work/s2").exists(), "a stage that was not trained is not called failed"
    assert disk.free > 4096, "what was half written is gone: there is room for the message"

    disk.make_space()
    trained = []
    real = packs.train_stage
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "train_stage", lambda stage, *a: trained.append(stage.id) or real(stage, *a))
        assert train(*STAGES, out="again") == {"s1": "done", "s2": "done"}
    assert trained == ["s2"], "what was finished is kept beside the checkpoints"
    for stage in ("s1", "s2"):
        assert results(tmp_path / "whole" / stage) == results(tmp_path / "again" / stage)


def test_a_full_store(train: Train, disk: SmallDisk, tmp_path: Path) -> None:
    train(*STAGES, out="whole")
    store = disk.path / "store"
    (store / "stages").mkdir(parents=True)
    disk.fill(leave=40_000)
    with pytest.raises(MachineError, match=r"no space left in the store .*disk/store"):
        train(*STAGES, out="work", store=store)
    assert _names(store / "stages") == [], "nothing that looks finished, and no half of anything"
    disk.make_space()
    assert train(*STAGES, out="again", store=store) == {"s1": "done", "s2": "done"}
    assert results(tmp_path / "whole/s2") == results(tmp_path / "again/s2")
    assert _names(store / "stages") == ["s1", "s2"]


def test_a_store_that_is_read_only(train: Train, disk: SmallDisk, tmp_path: Path) -> None:
    store = disk.path / "store"
    train(STAGES[0], out="first", store=store)
    disk.read_only()
    # What is in it can be used.
    assert train(STAGES[0], out="second", store=store, checkpoints=tmp_path / "c") == {"s1": "done"}
    with pytest.raises(MachineError, match=r"the store .*disk/store: read-only file system"):
        train(*STAGES, out="third", store=store, checkpoints=tmp_path / "c")


def test_images_on_a_read_only_disk_are_prepared_and_a_full_disk_is_told(
    disk: SmallDisk, tmp_path: Path
) -> None:
    import numpy as np

    rows = ["image,subject,age"]
    for person in range(40):
        np.save(disk.path / f"p{person}.npy", np.random.default_rng(person).normal(size=(60, 60)))
        rows.append(f"p{person}.npy,p{person},{20 + person}")
    (disk.path / "people.csv").write_text("\n".join(rows) + "\n")
    disk.read_only()
    with SmallDisk.mounted(tmp_path / "work", megabytes=1) as work:
        work.fill(leave=100_000)
        done = _prepare(disk.path / "people.csv", work.path / "cache")
        assert done.returncode == NEEDS_A_PERSON, done.stderr
        assert f"no space left in the work folder {work.path}: 0.1 MB free of 1.0 MB" in done.stderr
        work.make_space()
        done = _prepare(disk.path / "people.csv", work.path / "cache")
        assert done.returncode == 0, done.stderr
        assert json.loads((work.path / "cache/problems.json").read_text()) == []


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _prepare(table: Path, out: Path) -> subprocess.CompletedProcess[str]:
    from tlpy.data.preprocessing import validate
    from tlpy.errors import Problems

    request = {
        "id": "cache-1of1",
        "cache": "cache",
        "path": str(table),
        "reader": {"name": "table"},
        "columns": {},
        "preprocessing": validate({}, "x", Problems()),
        "channels": 1,
        "size": [60, 60],
        "shard": 0,
        "shards": 1,
    }
    file = table.parent.parent / "request.json"
    file.write_text(json.dumps(request))
    command = [sys.executable, str(ROOT / "bin/prepare.py"), "--request", str(file), "--data", str(table)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, "--out", str(out)], env=environment, capture_output=True, text=True)


def test_an_image_that_the_disk_cannot_read_is_not_left_out_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    import numpy as np

    from tlpy.data import prepare
    from tlpy.data.image_records import ImageError
    from tlpy.machine import MAY_PASS, trouble

    np.save(tmp_path / "p0.npy", np.ones((4, 4)))
    (tmp_path / "people.csv").write_text("image,subject\np0.npy,p0\n")
    request = {
        "path": "people.csv",
        "reader": {"name": "table"},
        "preprocessing": {"normalise": "none"},
        "channels": 1,
        "size": [4, 4],
        "shard": 0,
        "shards": 1,
        "on_bad_image": "skip",
    }
    real = Path.open

    def lost(path: Path, *arguments: object, **options: object) -> object:
        if path.suffix == ".npy" and path.name == "p0.npy":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return real(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", lost)
    with pytest.raises((ImageError, InputError, OSError)) as raised:
        prepare.prepare_shard(request, tmp_path / "people.csv", tmp_path / "out")
    found = trouble(raised.value, {})
    assert found is not None
    assert found.code == MAY_PASS
