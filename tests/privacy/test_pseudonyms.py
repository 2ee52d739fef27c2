"""Pseudonyms under a key, and what becomes of names in texts, tables and folders."""

from __future__ import annotations

import csv
import hashlib
import hmac
from base64 import b32encode
from pathlib import Path

import pytest

from tlpy.errors import InputError
from tlpy.privacy.people import People
from tlpy.privacy.pseudonyms import Pseudonyms, is_pseudonym, kept_key, read_key
from tlpy.privacy.publishing import publish

KEY = b"0123456789abcdef0123456789abcdef"
KNOWN = [
    (
        "sub-QX1/ses-20190304_T1w",
        "sub-QX1/ses-20190304/anat/sub-QX1_T1w.nii.gz",
        "sub-QX1",
        "F-7",
        "20190304",
    ),
    (
        "sub-QX2/ses-20190305_T1w",
        "sub-QX2/ses-20190305/anat/sub-QX2_T1w.nii.gz",
        "sub-QX2",
        "F-7",
        "20190305",
    ),
    ("12.png", "12.png", "12", "12", ""),
    ("1000123.png", "1000123.png", "1000123", "1000123", ""),
]


@pytest.fixture
def people() -> People:
    return People(KNOWN, Pseudonyms(KEY), ["data/matrix.npy", "data"])


def test_a_pseudonym_is_the_start_of_an_hmac() -> None:
    digest = hmac.new(KEY, b"sub-QX1", hashlib.sha256).digest()
    assert Pseudonyms(KEY)("sub-QX1") == f"id-{b32encode(digest).decode().lower()[:10]}"
    assert Pseudonyms(KEY)("") == ""
    assert is_pseudonym(Pseudonyms(KEY)("ü \ud800"))
    assert Pseudonyms(KEY)("a") != Pseudonyms(KEY[::-1])("a")
    assert not is_pseudonym("id-1")


def test_two_ids_of_one_pseudonym_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlpy.privacy.pseudonyms._LETTERS", 1)
    with pytest.raises(InputError, match="two ids have one pseudonym"):
        Pseudonyms(KEY).given_back(map(str, range(40)))


def test_a_key_is_made_once_and_short_ones_are_refused(tmp_path: Path) -> None:
    file = kept_key(tmp_path / "store")
    assert kept_key(tmp_path / "store").read_bytes() == file.read_bytes()
    assert len(read_key(file)) == 64
    assert file.stat().st_mode & 0o077 == 0
    (tmp_path / "short").write_text("secret\n")
    with pytest.raises(InputError, match="holds 6 bytes, expected 16"):
        read_key(tmp_path / "short")
    with pytest.raises(InputError, match="cannot be read"):
        read_key(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("participants.tsv:12: sub-QX1 has no age", ("QX1", ":12")),
        ("data: sub-QX2/ses-20190305/anat/sub-QX2_T1w.nii.gz: empty file (0 bytes)", ("QX2", "20190305")),
        ("2 images are equal (12.png = 1000123.png)", ("12.png", "1000123")),
        ("subject 12 is in train and test", (" 12 ",)),
        ("rows 3 and 14 are of group F-7", ("14", "F-7")),
        ("sub-QX99 has no image, nor has other/QX98.nii.gz", ("QX99", "QX98")),
    ],
)
def test_no_name_is_left_in_a_text(people: People, text: str, gone: tuple[str, ...]) -> None:
    told = people.in_text(text)
    assert not [name for name in gone if name in told]
    assert "id-" in told
    assert people.in_text(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "12 images, 0.12 of 1,000",
        "data/matrix.npy: 3 features",
        "resnet18, lr 0.001",
        "mean of anat",
        "0.1000123",
    ],
)
def test_what_names_nobody_stays(people: People, text: str) -> None:
    assert people.in_text(text) == text


def test_tables_are_in_the_order_of_pseudonyms_and_unknown_files_stay(people: People, tmp_path: Path) -> None:
    stage = tmp_path / "given/stages/abc"
    (stage / "logs").mkdir(parents=True)
    lines = ["image,subject,group,split,label,true,prediction"]
    lines += [
        f"{image},{subject},{group},test,age,{n}.5,1" for n, (image, _, subject, group, _) in enumerate(KNOWN)
    ]
    (stage / "predictions.csv").write_text("\n".join(lines) + "\n")
    (stage / "logs/events.out").write_text("sub-QX1")
    (stage / "stage.log").write_text("File sub-QX1_T1w.nii.gz is broken")
    publish(tmp_path / "given", tmp_path / "out", people, pictures=True)
    with (tmp_path / "out/stages/abc/predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    images = [row["image"] for row in rows]
    assert images == sorted(people.pseudonym(known[0]) for known in KNOWN)
    truth = {people.pseudonym(known[0]): f"{n}.5" for n, known in enumerate(KNOWN)}
    assert {row["image"]: row["true"] for row in rows} == truth
    assert len({row["group"] for row in rows}) == 3
    assert not (tmp_path / "out/stages/abc/logs").exists() or not list(
        (tmp_path / "out/stages/abc/logs").iterdir()
    )
    assert "QX1" not in (tmp_path / "out/stages/abc/stage.log").read_text()
