"""Cohorts whose images lie in zips, one or several a person: read in place, never unpacked to disk."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers import nifti
from tlpy.data.readers.cohort import CohortReader

# A password or a way of packing that Python lacks is a RuntimeError.
_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
_CHUNK = 1 << 20


@dataclass(kw_only=True)
class ZippedReader(CohortReader):
    """Reads NIfTI images from files, and from zips where a record's `file` is `<zip>#<member>`."""

    def header(self, record: ImageRecord) -> ImageHeader:
        if "#" not in record.file:
            return super().header(record)
        return nifti.header_of(self._unpacked(record, nifti.FIRST_BYTES))

    def fingerprint(self, record: ImageRecord) -> str:
        """Of a zip by the checksum that it holds of the image."""
        if "#" not in record.file:
            return super().fingerprint(record)
        with self._archive(record) as archive:
            info = self._member(archive, record)
            return f"zip:{info.CRC:08x}:{info.file_size}"

    def load(self, record: ImageRecord) -> RawImage:
        if "#" not in record.file:
            return super().load(record)
        # What its header tells of bounds what is unpacked; a packed image is not longer than that.
        most = nifti.most_bytes(self.header(record))
        data = self._unpacked(record, most + 1)
        if len(data) > most:
            raise ImageError(f"unpacks to more than {most:,} bytes, which its header does not tell of")
        return nifti.load_bytes(data)

    def about_lacking(self, names: Sequence[str]) -> str:  # noqa: ARG002
        """What to say of an archive that holds `names` but not the image; "" if nothing."""
        return ""

    def _unpacked(self, record: ImageRecord, most: int) -> bytes:
        with self._archive(record) as archive:
            member = self._member(archive, record)
            try:
                with archive.open(member) as file:
                    parts: list[bytes] = []
                    while most > 0 and (part := file.read(min(most, _CHUNK))):
                        parts.append(part)
                        most -= len(part)
                    return b"".join(parts)
            except _FAULTS as error:
                raise ImageError(f"damaged or truncated: {error}") from None

    def _archive(self, record: ImageRecord) -> zipfile.ZipFile:
        path = self.root / record.file.partition("#")[0]
        with open_image(path) as file:
            if not file.read(1):
                raise ImageError("empty file (0 bytes)")
        try:
            return zipfile.ZipFile(path)
        except _FAULTS as error:
            raise ImageError(f"no zip file, or a truncated one: {error}") from None

    def _member(self, archive: zipfile.ZipFile, record: ImageRecord) -> zipfile.ZipInfo:
        name = record.file.partition("#")[2]
        try:
            return archive.getinfo(name)
        except KeyError:
            said = self.about_lacking(archive.namelist())
            raise ImageError(f"holds no {name}{said and f' ({said})'}") from None
