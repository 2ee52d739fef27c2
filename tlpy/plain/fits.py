"""What PLAN hands to PLAIN: which baseline is fitted to what."""

from __future__ import annotations

from dataclasses import dataclass

from tlpy.records import REGRESSION, Component, Head, Judged, Record, Source

CONFOUND = "confound:"
"""What stands before the names of confounds in PLAN's tables, so that no column of a user's hides another."""


EXTERNAL = "external"
"""Below a baseline's folder: a folder for each data set that took no part."""


@dataclass(frozen=True)
class CovariateTable(Record):
    """The confounds of one source.

    Attributes:
        name: of the data set in the plan, and of its table.
        content: a digest of what the table says of them.
        columns: what each is read as.
    """

    name: str
    content: str
    columns: tuple[Head, ...]


@dataclass(frozen=True)
class PlainFit(Judged):
    """A baseline and one split: everything that determines what it answers.

    Attributes:
        id: the hash of the rest, but for names, and of the code.
        sources, heads, metric: as of the stage that it is compared with, see `tlpy.records.Stage`.
        seed: of the replicate; 0 for a baseline that draws no random numbers.
        covariates: of each source, where the baseline looks at them.
        external: data sets that took no part, on which it is scored as well.
        external_covariates: of each of these, where the baseline looks at them.
    """

    id: str
    component: Component
    sources: tuple[Source, ...]
    heads: tuple[Head, ...]
    metric: str
    seed: int
    covariates: tuple[CovariateTable, ...] = ()
    external: tuple[Source, ...] = ()
    external_covariates: tuple[CovariateTable, ...] = ()

    @property
    def confounds(self) -> tuple[Head, ...]:
        """The columns of all sources, each once: a category where any source has a category."""
        found: dict[str, Head] = {}
        for table in self.covariates:
            for column in table.columns:
                known = found.setdefault(column.label, column)
                if known.type == REGRESSION != column.type:
                    found[column.label] = column
        return tuple(found.values())


@dataclass(frozen=True)
class PlainPack(Record):
    """The fits of one target, made by one task."""

    id: str
    fits: tuple[PlainFit, ...]
