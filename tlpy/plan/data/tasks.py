"""What the columns of a data set can be learnt as, and what its splits keep alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tlpy.data.labels import Task, infer_task
from tlpy.data.readers.tables import is_missing
from tlpy.errors import Problems
from tlpy.records import BINARY, MULTILABEL, NONE, REGRESSION

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord

_IMAGES_ALONE = (
    "name a `label` column of numbers or classes, or use the images alone: in a stage with an objective such "
    "as simclr, or as `unlabelled`"
)


def infer_tasks(
    records: Sequence[ImageRecord],
    labels: Sequence[str],
    said: str | Mapping[str, str] | None,
    where: str,
    problems: Problems,
) -> dict[str, Task]:
    """The task of each head of a data set, by its name.

    Args:
        records: the images that have at least one of the labels.
        labels: the columns.
        said: the task that the user named, for all labels or by label.
        where: the data set's path in the params, for messages.
        problems: takes what is wrong with the columns.
    """
    rows = [record.where for record in records]
    by_label = said if isinstance(said, Mapping) else dict.fromkeys(labels, said)
    for label in sorted(set(by_label) - set(labels)):
        problems.add(f"{where}.task.{label}", "is none of this data set's labels", ", ".join(labels))
    kind = None if isinstance(said, Mapping) else said
    tasks: dict[str, Task] = {}
    for label in labels:
        texts = [record.labels[label] for record in records]
        if _are_images(texts):
            message = f"'{label}' holds segmentations, and learning these is not built in yet"
            problems.add(f"{where}.label", message, _IMAGES_ALONE)
            continue
        wanted = BINARY if kind == MULTILABEL else by_label.get(label)
        task = infer_task(texts, label, wanted, problems, f"{where}.label", rows)
        if task is not None:
            tasks[label] = task
    if kind != MULTILABEL:
        return tasks
    for label, task in tasks.items():
        if task.classes != ["0", "1"]:
            found = ", ".join(task.classes or [])
            problems.add(f"{where}.label", f"'{label}' holds {found}, a multilabel column holds 0 and 1")
    return {"+".join(labels): Task(MULTILABEL, list(labels))}


def _are_images(texts: Sequence[str]) -> bool:
    """Whether a column holds the paths of images, not numbers or classes."""
    from tlpy.data.readers.images import ending

    return bool(texts) and all(ending(text) or is_missing(text) for text in texts)


def strata_of(task: Task, label: str, records: Sequence[ImageRecord]) -> dict[str, str | float]:
    """What a split keeps alike in each part, by image.

    An image without the label (it has another one) counts for the most frequent class, or the median, so that
    it makes no class of its own that each part would have to hold. Of a multilabel task the rarest label that
    an image has counts, as a number: each part gets its share of it, but need not hold one.
    """
    if task.type == NONE:
        return {}
    columns = task.head(label).columns
    values = {record.image: [task.value(record.labels[c]) for c in columns] for record in records}
    if task.type == MULTILABEL:
        counts = Counter(place for row in values.values() for place, text in enumerate(row) if text == "1")
        order = {place: rank for rank, (place, _) in enumerate(counts.most_common(), 1)}
        return {
            image: float(max((order[place] for place, text in enumerate(row) if text == "1"), default=0))
            for image, row in values.items()
        }
    if task.type == REGRESSION:
        numbers = {image: float(row[0]) for image, row in values.items() if row[0]}
        middle = sorted(numbers.values())[len(numbers) // 2]
        return {image: numbers.get(image, middle) for image in values}
    frequency = Counter(row[0] for row in values.values() if row[0])
    usual = min(frequency, key=lambda name: (-frequency[name], name))
    return {image: row[0] or usual for image, row in values.items()}
