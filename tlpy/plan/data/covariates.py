"""The tables of labels and confounds that PLAN writes for the ranking, one for each data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tlpy.data.labels import Task
from tlpy.digests import digest
from tlpy.files import write_table
from tlpy.plain.fits import CONFOUND, CovariateTable
from tlpy.plan.working import DataSet

FOLDER = "covariates"
# The columns before those of labels and confounds, which have name spaces: no user's hides one of ours.
FIXED = ("image", "subject", "group", "unit")
LABEL = "label:"


def covariate_header(data: DataSet) -> list[str]:
    """The columns of a data set's table."""
    labels = [f"{LABEL}{column}" for column, _ in _label_columns(data)]
    return [*FIXED, *labels, *(f"{CONFOUND}{name}" for name in data.confounds.tasks)]


def covariate_rows(data: DataSet, units: Mapping[str, str]) -> Iterator[list[str]]:
    """A row for each image: who is on it, in which unit, its labels, its confounds."""
    for record in sorted(data.records, key=lambda record: record.image):
        yield [
            *(record.image, record.subject, record.group, units.get(record.image, record.group)),
            *(task.value(record.labels.get(column, "")) for column, task in _label_columns(data)),
            *(texts.get(record.image, "") for texts in data.confounds.texts.values()),
        ]


def _label_columns(data: DataSet) -> list[tuple[str, Task]]:
    return [(column, task) for label, task in data.tasks.items() for column in task.head(label).columns]


def covariate_table(name: str, data: DataSet) -> CovariateTable:
    """What a baseline is told of a data set's table.

    Args:
        name: of the data set in the plan.
    """
    texts = {key: sorted(found.items()) for key, found in data.confounds.texts.items()}
    return CovariateTable(name, digest(texts), data.confounds.heads)


def write_covariates(
    datasets: Mapping[str, DataSet], units: Callable[[str], Mapping[str, str]], out: Path
) -> None:
    """Write `covariates/<data set>.tsv` below `out`, a table for each data set."""
    (out / FOLDER).mkdir(exist_ok=True)
    for name, data in datasets.items():
        write_table(out / FOLDER / f"{name}.tsv", covariate_header(data), covariate_rows(data, units(name)))
