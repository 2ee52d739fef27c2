"""Checksums of what is published under pseudonyms: of the files that are there, not of those with ids."""

from __future__ import annotations

from pathlib import Path

from tlpy.checksums import FILE, faults, write_checksums
from tlpy.privacy.people import People
from tlpy.privacy.pseudonyms import Pseudonyms
from tlpy.privacy.publishing import publish

KNOWN = [("scan7.npy", "scan7.npy", "anna", "", ""), ("scan8.npy", "scan8.npy", "berta", "", "")]
TABLE = "image,subject,score\nscan7.npy,anna,0.1\nscan8.npy,berta,0.9\n"


def trained(given: Path) -> Path:
    stage = given / "stages/one"
    (stage / "external/far").mkdir(parents=True)
    (stage / "predictions.csv").write_text(TABLE)
    (stage / "external/far/predictions.csv").write_text(TABLE)
    (stage / "weights.safetensors").write_bytes(bytes(64))
    (stage / "notes.unknown").write_text("anna")
    write_checksums(stage)
    return stage


def test_checksums_are_those_of_the_published_files(tmp_path: Path) -> None:
    """By other sums the end of a run calls whole files cut off, and who guesses at the ids is confirmed."""
    stage = trained(tmp_path / "given")
    publish(tmp_path / "given", tmp_path / "out", People(KNOWN, Pseudonyms(bytes(16))), pictures=True)
    published = tmp_path / "out/stages/one"
    assert "anna" not in (published / "predictions.csv").read_text()
    assert faults(published) == []
    assert "predictions.csv" in (published / FILE).read_text()
    assert "notes.unknown" not in (published / FILE).read_text()
    assert (published / FILE).read_text() != (stage / FILE).read_text()


def test_with_ids_they_are_as_they_were(tmp_path: Path) -> None:
    stage = trained(tmp_path / "given")
    publish(tmp_path / "given", tmp_path / "out", None, pictures=True)
    assert (tmp_path / "out/stages/one" / FILE).read_text() == (stage / FILE).read_text()


def test_a_folder_without_checksums_is_given_none(tmp_path: Path) -> None:
    stage = trained(tmp_path / "given")
    (stage / FILE).unlink()
    publish(tmp_path / "given", tmp_path / "out", People(KNOWN, Pseudonyms(bytes(16))), pictures=True)
    assert not (tmp_path / "out/stages/one" / FILE).exists()
