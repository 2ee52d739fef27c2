"""Digests of image files by content: two equal images have one digest, wherever they lie."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from tlpy.data.image_records import ImageError

GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def open_image(path: Path, buffering: int = -1):  # type: ignore[no-untyped-def]
    """Open `path` for reading bytes; raises `ImageError` with the reason if that is not possible."""
    try:
        return path.open("rb", buffering=buffering)
    except FileNotFoundError:
        if path.is_symlink():
            raise ImageError("a link to a file that is not there (try `datalad get`)") from None
        raise ImageError("no such file") from None
    except IsADirectoryError:
        raise ImageError("a folder, expected an image file") from None
    except PermissionError:
        raise ImageError("no permission to read it") from None
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from None


def fingerprint_file(path: Path) -> str:
    """A digest of the content of `path`: 32 hexadecimal digits.

    A gzip file already holds a checksum of what it packs (CRC-32 and length, RFC 1952): its last
    8 bytes and its size stand for the content, so that a large data set is planned without reading it.
    Any other file is hashed in whole (BLAKE2b, 128 bits).

    Raises:
        ImageError: missing, empty or unreadable.
    """
    with open_image(path) as file:
        start = file.read(len(GZIP_MAGIC))
        if not start:
            raise ImageError("empty file (0 bytes)")
        digest = blake2b(digest_size=16)
        if start == GZIP_MAGIC:
            size = file.seek(0, 2)
            file.seek(max(0, size - 8))
            digest.update(b"gzip:%d:" % size)
            digest.update(file.read(8))
        else:
            digest.update(b"plain:")
            digest.update(start)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
