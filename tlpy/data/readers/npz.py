"""The arrays of an `.npz`, opened without holding them in memory."""

from __future__ import annotations

import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Literal

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError
from tlpy.data.readers.arrays import header_fields

_LOCAL_HEADER = 30
_CHUNK = 1 << 20
# A password or a way of packing that Python lacks is a RuntimeError, a place outside the file a ValueError.
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Member:
    """One array of an `.npz`.

    Attributes:
        name: its key.
        shape, dtype: from its header.
        fortran: whether its first axis varies fastest.
        crc, bytes: checksum and size of the whole member, as the archive holds them.
        skip: bytes of its header.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    crc: int
    bytes: int
    skip: int


def members(path: Path) -> dict[str, Member]:
    """The arrays of an `.npz` by name; only their headers are read.

    Raises:
        ImageError: missing, empty, no archive, or a member that is no array.
    """
    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
        try:
            with zipfile.ZipFile(file) as archive:
                return {
                    info.filename.removesuffix(".npy"): _member(archive, info)
                    for info in archive.infolist()
                    if info.filename.endswith(".npy")
                }
        except ImageError:
            raise
        except _FAULTS as error:
            raise ImageError(f"no .npz archive, or a damaged one: {error}") from None


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _FAULTS as error:
        raise ImageError(f"no .npz archive, or a damaged one: {error}") from None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name = info.filename.removesuffix(".npy")
    try:
        with archive.open(info) as file:
            shape, fortran, dtype = header_fields(file)
            skip = file.tell()
    except ImageError as error:
        raise ImageError(f"its member {info.filename} is no array: {error}") from None
    if dtype.hasobject:
        raise ImageError(f"its member {info.filename} holds Python objects, which are not loaded")
    needed = prod(shape) * dtype.itemsize
    if skip + needed != info.file_size:
        message = f"holds {info.file_size - skip:,} bytes, its header tells of {needed:,}"
        raise ImageError(f"damaged: its member {info.filename} {message}")
    return Member(name, tuple(shape), dtype, bool(fortran), info.CRC, info.file_size, skip)


def open_member(path: Path, member: Member) -> np.ndarray:
    """The array, mapped into memory: in place if it is stored as it is, else from an unpacked temporary file
    that vanishes with the process.

    Raises:
        ImageError: truncated or damaged (a packed member's checksum is verified).
    """
    order: Literal["F", "C"] = "F" if member.fortran else "C"
    with open_image(path) as file, _archive(file) as archive:
        info = archive.getinfo(f"{member.name}.npy")
        if not member.bytes - member.skip:
            return np.empty(member.shape, member.dtype)
        if info.compress_type == zipfile.ZIP_STORED:
            file.seek(info.header_offset)
            try:
                lengths = struct.unpack_from("<2H", file.read(_LOCAL_HEADER), 26)
                start = info.header_offset + _LOCAL_HEADER + sum(lengths) + member.skip
                return np.memmap(path, member.dtype, "r", start, member.shape, order)
            except (ValueError, OSError, struct.error) as error:
                raise ImageError(f"truncated: {error}") from None
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if member.bytes > free:
            room = f"{member.bytes / 1e9:,.1f} GB, and {tempfile.gettempdir()} has {free / 1e9:,.1f} GB left"
            raise ImageError(f"its member {member.name} unpacks to {room}")
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the map keeps it alive
        try:
            with archive.open(info) as packed:
                while chunk := packed.read(_CHUNK):
                    unpacked.write(chunk)
        except _FAULTS as error:
            raise ImageError(f"damaged: its member {member.name} cannot be unpacked ({error})") from None
        unpacked.flush()
        return np.memmap(unpacked, member.dtype, "r", member.skip, member.shape, order)
