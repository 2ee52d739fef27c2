"""Pseudonyms: a keyed hash of an id, the same for the same person wherever the same key is used.

HMAC-SHA256 (RFC 2104, FIPS 198-1): who has the key can tell whose pseudonym it is, who has not cannot, not
even by trying all ids that there may be.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from tlpy.errors import InputError, Problem

KEY_FILE = "deidentify.key"
# Under which a key goes to PLAN, beside the data's paths: no path has this form.
KEY = "(deidentify_key)"
_FEWEST_BYTES, _MOST_BYTES = 16, 4096
# 50 bits: among 100,000 ids two are alike once in 200,000 runs, and that is told.
_LETTERS = 10
_FORM = re.compile(rf"id-[a-z2-7]{{{_LETTERS}}}")


def read_key(file: Path) -> bytes:
    """The key in a file: its bytes, but for white space around them.

    Raises:
        InputError: it cannot be read, or is too short to keep anything secret, or too long for a key.
    """
    try:
        with file.open("rb") as stream:
            key = stream.read(_MOST_BYTES + 1).strip()
    except OSError as error:
        raise InputError([Problem("deidentify_key", f"cannot be read: {error.strerror or error}")]) from None
    if not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        message = f"holds {len(key)} bytes, expected {_FEWEST_BYTES} to {_MOST_BYTES}"
        hint = "make one: openssl rand -hex 32 > FILE"
        raise InputError([Problem("deidentify_key", message, hint)])
    return key


def kept_key(folder: Path) -> Path:
    """The key that is kept in a folder of finished work, made there if there is none."""
    file = folder / KEY_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{KEY_FILE}-{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32) + "\n")
        try:
            file.hardlink_to(draft)  # of two runs at once, one makes it
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym."""
    return _FORM.fullmatch(text) is not None


class Pseudonyms:
    """Pseudonyms under one key, each remembered.

    Args:
        key: as `read_key` gives it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._made: dict[str, str] = {}
        self._of: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The pseudonym of an id; an empty one stays empty.

        Raises:
            InputError: another id has the same one.
        """
        if not text:
            return text
        if text not in self._made:
            digest = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
            made = f"id-{base64.b32encode(digest).decode().lower()[:_LETTERS]}"
            if self._of.setdefault(made, text) != text:
                raise InputError([Problem("deidentify_key", "two ids have one pseudonym", "use another key")])
            self._made[text] = made
        return self._made[text]

    def given_back(self, known: Iterable[str]) -> dict[str, str]:
        """Pseudonym → id, of each of these ids."""
        return {self(text): text for text in known}
