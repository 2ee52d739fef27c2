"""What tests of readers share."""

from __future__ import annotations

from pathlib import Path

from tlpy.data.readers.base import ImageRecord, Reader
from tlpy.data.readers.registry import open_reader
from tlpy.errors import Problems


def read(
    reader: Reader, labels: tuple[str, ...] = (), group: str | None = None
) -> tuple[list[ImageRecord], list[str], list[str]]:
    """Records, problems and skippable problems as texts."""
    problems = Problems()
    records = reader.records(labels, group, problems)
    return records, [str(problem) for problem in problems], [str(problem) for problem in reader.skippable]


def reader_of(
    root: Path, name: str, columns: dict[str, str] | None = None, window: int | None = None, **options: object
) -> Reader:
    """The reader `name` on a tree that users know as `data/<name>`."""
    return open_reader({"name": name, **options}, root, f"data/{root.name}", columns, window)


def check_images(reader: Reader, records: list[ImageRecord]) -> None:
    """Every image can be loaded, as its header says, and has a fingerprint of its own."""
    from tlpy.data.preprocessing import conform, output_size, validate

    settings = validate({"window": reader.window}, "preprocessing", Problems())
    for record in records:
        header, raw = reader.header(record), reader.load(record)
        spatial = raw.array.shape[1:] if raw.channels > 1 else raw.array.shape
        assert (spatial, raw.channels) == (header.stored_shape, header.channels)
        assert conform(raw, settings).array.shape[1:] == output_size(header, settings)
    assert len({reader.fingerprint(record) for record in records}) == len(records)
    assert [record.image for record in records] == sorted({record.image for record in records})
