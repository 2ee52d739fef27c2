"""Tests of the Nextflow files: there is one for each, as a stub and on real input, run by `make test`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("modules/local/*/main.nf", "subworkflows/local/*/main.nf", "workflows/*.nf")
FILES = sorted(path.relative_to(ROOT) for place in PLACES for path in ROOT.glob(place))


def beside(source: Path) -> Path:
    """Beside the source, by nf-core's names."""
    name = "main.nf.test" if source.name == "main.nf" else f"{source.name}.test"
    return ROOT / source.parent / "tests" / name


@pytest.mark.parametrize("source", FILES, ids=str)
def test_every_file_is_tested(source: Path) -> None:
    code = (ROOT / source).read_text(encoding="utf-8")
    test = beside(source).read_text(encoding="utf-8")
    if re.search(r"^(process|workflow) \w+", code, re.MULTILINE):
        assert re.findall(r'^    test\("(stub|real)"\)', test, re.MULTILINE) == ["stub", "real"]
        assert test.count('options "-stub"') == 1
        assert "snapshot(" in test
    else:
        tried = re.findall(r'^        function "(\w+)"', test, re.MULTILINE)
        assert tried
        assert set(tried) <= set(re.findall(r"^def (\w+)\(", code, re.MULTILINE))


def test_the_pipeline_is_tested_whole() -> None:
    test = (ROOT / "tests/default.nf.test").read_text(encoding="utf-8")
    assert re.findall(r'^    test\("(stub|real)"\)', test, re.MULTILINE) == ["stub", "real"]


def includes(source: Path) -> set[Path]:
    """The files that one includes, below the checkout."""
    named = re.findall(r"^include \{[^}]*\} from '([^']+)'", source.read_text(encoding="utf-8"), re.MULTILINE)
    places = [(source.parent / name).resolve() for name in named]
    return {place / "main.nf" if place.is_dir() else place.with_suffix(".nf") for place in places}


def test_no_file_that_includes_others_is_included_twice() -> None:
    """Nor a process: what the parser v2 refuses ("already defined or included"), v1 lets pass."""
    users: defaultdict[Path, list[Path]] = defaultdict(list)
    for source in [ROOT / "main.nf", *(ROOT / name for name in FILES)]:
        for place in includes(source):
            users[place].append(source)
    assert all(place.is_file() for place in users)
    shared = {place: found for place, found in users.items() if len(found) > 1}
    assert shared, "files of plain functions may be"
    for place, found in shared.items():
        assert not includes(place), f"{place} is included by {found}"
        assert not re.search(r"^(process|workflow) ", place.read_text(encoding="utf-8"), re.MULTILINE), place


def test_snapshots_are_there_and_hold_no_path_of_a_machine_and_no_id() -> None:
    for test in [*(beside(source) for source in FILES), ROOT / "tests/default.nf.test"]:
        if "snapshot(" not in test.read_text(encoding="utf-8"):
            continue
        text = test.with_name(f"{test.name}.snap").read_text(encoding="utf-8")
        assert str(ROOT) not in text, test
        assert not re.search(r'"[^"]*\b[0-9a-f]{16}-?[^"]*(weights|stage\.json)', text), test


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout with test.sh alone, and a pytest that says how it was called."""
    (tmp_path / "setup").mkdir()
    shutil.copy(ROOT / "setup/test.sh", tmp_path / "setup/test.sh")
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    (tools / "python").write_text('#!/bin/sh\n[ "$1" = -c ] && echo 1 || echo "python $*"\n')
    (tools / "python").chmod(0o755)
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or "")
    return tmp_path


def called(house: Path, *arguments: str) -> str:
    tools = house / ".venv/bin"
    command = [str(tools / "bash"), str(house / "setup/test.sh"), *arguments]
    environment = {**os.environ, "PATH": str(tools)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_without_nf_test_they_are_skipped_with_a_line(house: Path) -> None:
    assert called(house).splitlines()[0] == (
        "[test] nf-test is not installed: skipped (pytest drives the real pipeline)"
    )


def test_with_nf_test_they_run_first(house: Path) -> None:
    program = house / ".venv/bin/nf-test"
    program.write_text('#!/bin/sh\necho "nf-test $*"\n')
    program.chmod(0o755)
    assert called(house).splitlines()[0] == "nf-test test --ci"
    assert "nf-test" not in called(house, "tests/one.py"), "one file asked for is one file run"


def test_with_a_failing_nf_test_the_tests_fail(house: Path) -> None:
    program = house / ".venv/bin/nf-test"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        called(house)
