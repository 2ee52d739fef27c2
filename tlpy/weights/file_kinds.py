"""What kind of file one is by its first bytes: what is taken for weights is often something else."""

from __future__ import annotations

from pathlib import Path

SAFETENSORS, TORCH = "safetensors", "torch"
# Of other kinds: first bytes → what is wrong, in words.
_OTHERS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself: fetch it (git lfs pull)",
    b"<!DOCTYPE": "is a web page, not weights: the download has failed",
    b"<!doctype": "is a web page, not weights: the download has failed",
    b"<html": "is a web page, not weights: the download has failed",
    b"\x89HDF": "is an HDF5 file (Keras), expected safetensors or a torch file",
    b"\x93NUMPY": "is a NumPy array, expected safetensors or a torch file",
    b"\x1f\x8b": "is compressed by gzip: unpack it first",
    b"7z\xbc\xaf": "is a 7z archive: unpack it first",
}


def kind_of(file: Path) -> str:
    """`SAFETENSORS` or `TORCH`, by its name and its first bytes; of a file of another kind, what it is."""
    with file.open("rb") as stream:
        start = stream.read(32)
    other = next((what for first, what in _OTHERS.items() if start.startswith(first)), None)
    if other is not None:
        return other
    # A safetensors file begins with the length of its header, which is JSON.
    header = start[8:9] == b"{"
    return SAFETENSORS if file.suffix == ".safetensors" or (header and start[:1] != b"\x80") else TORCH
