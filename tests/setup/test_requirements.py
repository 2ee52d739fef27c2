"""The pins: one version of each package, hashed, without addresses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
ROLES = ["train", "report", "dev"]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")


def pins(role: str) -> dict[tuple[str, str], int]:
    """(name, version) to its number of hashes."""
    found: dict[tuple[str, str], int] = {}
    current = None
    for line in (FOLDER / f"{role}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("    --hash=sha256:"):
            assert current is not None
            found[current] += 1
        elif line and not line.lstrip().startswith("#"):
            match = PIN.match(line)
            assert match, f"{role}.txt: not a pin: {line}"
            current = (match[1], match[2])
            found[current] = 0
    return found


def wanted(role: str) -> set[str]:
    """Names in an .in file, normalised, with those of the files it includes."""
    names: set[str] = set()
    for line in (FOLDER / f"{role}.in").read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= wanted(line[3:].removesuffix(".in"))
        elif line and not line.startswith("#"):
            name = re.match(r"[A-Za-z0-9._-]+", line)
            assert name
            names.add(re.sub(r"[-_.]+", "-", name[0]).lower())
    return names


@pytest.mark.parametrize("role", ROLES)
def test_every_pin_has_a_hash(role: str) -> None:
    assert not [pin for pin, hashes in pins(role).items() if hashes == 0]


@pytest.mark.parametrize("role", ROLES)
def test_everything_asked_for_is_pinned(role: str) -> None:
    assert wanted(role) <= {name for name, _ in pins(role)}


@pytest.mark.parametrize("role", ["train", "report"])
def test_images_have_the_versions_that_tests_ran_with(role: str) -> None:
    assert set(pins(role)) <= set(pins("dev")), "run 'make lock'"


def test_reporting_needs_no_torch_and_training_no_multiqc() -> None:
    assert "torch" not in {name for name, _ in pins("report")}
    assert "multiqc" not in {name for name, _ in pins("train")}


def test_no_file_of_the_setup_names_an_address() -> None:
    files = [
        *FOLDER.glob("*"),
        *(ROOT / "setup").glob("*.*"),
        *(ROOT / "containers").rglob("*"),
        ROOT / "Makefile",
    ]
    for file in files:
        if file.is_file() and file.suffix != ".pyc":
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"--(extra-)?index-url|--find-links|https?://", text), file
