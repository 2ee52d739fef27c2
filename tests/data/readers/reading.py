"""What tests of readers share."""

from __future__ import annotations

from tlpy.data.readers.base import ImageRecord, Reader
from tlpy.errors import Problems


def read(
    reader: Reader, labels: tuple[str, ...] = (), group: str | None = None
) -> tuple[list[ImageRecord], list[str], list[str]]:
    """Records, problems and skippable problems as texts."""
    problems = Problems()
    records = reader.records(labels, group, problems)
    return records, [str(problem) for problem in problems], [str(problem) for problem in reader.skippable]
