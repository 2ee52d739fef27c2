"""What a stage learns: the task of each label, and one head for each label over several data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlpy.data.labels import BINARY, MULTICLASS, MULTILABEL, NONE, REGRESSION, Task, infer_task
from tlpy.data.readers.tables import is_missing
from tlpy.errors import Problem, Problems

_IMAGES_ALONE = (
    "name a `label` column of numbers or classes, or use the images alone: in a stage with an objective such "
    "as simclr, or as `unlabelled`"
)

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord
    from tlpy.plan.data.catalogue import DataSet


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
    values = {record.image: [task.value(record.labels[c]) for c in task.columns(label)] for record in records}
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


def merge_heads(datasets: Sequence[DataSet], where: str) -> list[dict[str, Any]]:
    """One head for each label of the data sets that a stage learns from, in the order they are first named.

    Data sets that share a label share its head.

    Returns:
        `{"label", "type", "classes"}` of each; the first is the primary one.

    Raises:
        InputError: a label means different things in two data sets.
    """
    problems = Problems()
    heads: dict[str, dict[str, Any]] = {}
    origin: dict[str, DataSet] = {}
    for data in datasets:
        for label, task in data.tasks.items():
            head = {"label": label, "type": task.type, "classes": task.classes}
            known = heads.setdefault(label, head)
            first = origin.setdefault(label, data)
            if known["type"] != task.type:
                problems.add(
                    where,
                    f"'{label}' is {known['type']} in '{first.name}' but {task.type} in '{data.name}'",
                    f"say the task of both, or name one column otherwise: datasets.{data.name}.columns",
                )
            elif task.type == MULTICLASS:
                known["classes"] = sorted({*known["classes"], *(task.classes or [])}, key=_by_value)
            elif known["classes"] != task.classes:
                shown = [" and ".join(classes or []) for classes in (known["classes"], task.classes)]
                problems.add(
                    where,
                    f"the classes of '{label}' are {shown[0]} in '{first.name}' but {shown[1]} in "
                    f"'{data.name}'",
                    "write them in one way",
                )
    problems.raise_if_any()
    return list(heads.values())


def common_input(datasets: Sequence[DataSet], where: str) -> list[Problem]:
    """A problem where data sets that are trained jointly differ in size or channels."""
    first = datasets[0]
    if all((data.size, data.channels) == (first.size, first.channels) for data in datasets):
        return []
    shown = ", ".join(
        f"'{data.name}' {'×'.join(map(str, data.size))}"
        + (f" with {data.channels} channels" if data.channels != first.channels else "")
        for data in datasets
    )
    hint = "give each the same preprocessing"
    if len({len(data.size) for data in datasets}) == 1 and all(
        d.channels == first.channels for d in datasets
    ):
        largest = [max(axis) for axis in zip(*(data.size for data in datasets), strict=True)]
        hint = f"crop or pad them to one: preprocessing.size: {largest} in each"
    return [Problem(where, f"data sets that are trained jointly differ in size: {shown}", hint)]


def scorable(data: DataSet, heads: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The labels whose heads can be scored on `data`, which is not learnt from."""
    found = []
    for head in heads:
        task = data.tasks.get(head["label"])
        if task and task.type == head["type"] and set(task.classes or []) <= set(head["classes"] or []):
            found.append(str(head["label"]))
    return tuple(found)


def _by_value(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
