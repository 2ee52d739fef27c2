"""Getting Nextflow: the user's own if new enough, else jars whose hashes are the lock's."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setup() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("tlimb_setup_nextflow", ROOT / "setup" / "nextflow.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "setup"))  # as where it is run
        spec.loader.exec_module(module)
        yield module


def program(folder: Path, version: str) -> Path:
    folder.mkdir()
    file = folder / "nextflow"
    file.write_text(f'#!/bin/sh\necho "      version {version} build 5950"\n', encoding="utf-8")
    file.chmod(0o755)
    return file


def test_lock_pins_each_jar(setup: ModuleType) -> None:
    jars = setup.read_lock(setup.LOCK)
    names = [jar.name for jar in jars]
    assert "nextflow-25.04.4.jar" in names
    assert "nf-lang-25.04.0.jar" in names
    assert len(set(names)) == len(names) > 50
    text = setup.LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert "generated" not in text


def test_lock_without_hash_is_refused(setup: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "jgo.lock.toml"
    lock.write_text('[[dependencies]]\ngroupId = "a"\nartifactId = "b"\nversion = "1"\npackaging = "jar"\n')
    with pytest.raises(setup.SetupError, match=r"no hash for b-1\.jar"):
        setup.read_lock(lock)


@pytest.mark.parametrize(("version", "taken"), [("24.10.5", False), ("25.04.0", True), ("26.04.6", True)])
def test_own_nextflow_is_used_if_new_enough(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    own = program(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{own.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    found = setup.on_path(tmp_path / "venv" / "bin" / "nextflow")
    assert (found is not None and found[0] == own) is taken


def test_ours_is_not_taken_for_the_users_own(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = program(tmp_path / "bin", "25.04.4")
    monkeypatch.setenv("PATH", str(ours.parent))
    assert setup.on_path(ours) is None


def test_own_nextflow_leaves_no_launcher_behind(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = program(tmp_path / "own", "25.10.0")
    old = program(tmp_path / "bin", "25.04.4")
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{own.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    setup.install(tmp_path)
    assert not old.exists()


def jar(setup: ModuleType, content: bytes) -> object:
    return setup.Jar("org.example", "thing", "1.0", "jar", "", hashlib.sha256(content).hexdigest())


def test_jar_of_the_users_maven_folder_is_reused(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jgo.constants.default_maven_repo", lambda: tmp_path / "m2")
    file = tmp_path / "m2" / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"good")
    setup.fetch(jar(setup, b"good"), tmp_path / "cache", tmp_path)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == b"good"


def test_jar_with_another_hash_is_refused(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jgo.constants.default_maven_repo", lambda: tmp_path / "m2")
    fetched = tmp_path / "cache" / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"evil")
    with pytest.raises(setup.SetupError, match=r"thing-1\.0\.jar: SHA-256 is .* the lock says"):
        setup.fetch(jar(setup, b"good"), tmp_path / "cache", tmp_path)
    assert not (tmp_path / "thing-1.0.jar").exists()
