"""A section of the report, as MultiQC reads it: one `<id>_mqc.json` each.

Which group a section stands in, and the order, is fixed here and repeated in `assets/multiqc_config.yml` (a
test compares them): MultiQC would sort by name.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlpy.files import write_json

GROUPS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "result": (
        "Result",
        "Which way of transfer is best, how sure that is, and what it gains over training from scratch.",
        ("summary", "leaderboard", "external", "scores", "gain", "effects", "predicted", "roc", "confusion"),
    ),
    "training": (
        "Training",
        "How the networks learned, what it cost, and what did not have to be trained twice.",
        ("curves_finetune", "curves_adapt", "curves_pretrain", "rates", "cost", "sharing"),
    ),
    "data": (
        "Data",
        "What went in, and whether it looks as it should.",
        ("datasets", "confounds", "pictures", "quality", "starts", "left_out"),
    ),
    "plan": (
        "Plan and methods",
        "What the pipeline worked out from the params file, and a text for the paper.",
        ("inferred", "methods"),
    ),
}

BLUE, GREY, ORANGE = "#2f6690", "#8d99a6", "#c8702a"
COLOURS = (
    "#2f6690", "#c8702a", "#4f8a5b", "#8a5a9e", "#b5474d", "#3b9aa6",
    "#a68a2d", "#6b7f99", "#d08fb0", "#7a6a55", "#86b05a", "#555f9c",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        id: one of those in `GROUPS`.
        name: its heading.
        description: what it shows and what to look at; HTML.
        plot_type: html, table, linegraph, scatter, bargraph or box.
        data: as MultiQC wants it for that type.
        config: MultiQC's settings of the plot.
        headers: the columns of a table, or the legend of a bar graph.
    """

    id: str
    name: str
    description: str
    plot_type: str
    data: Any
    config: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, Any]] | None = None

    def content(self) -> dict[str, Any]:
        """The file, as a dict."""
        group, (name, description, _) = group_of(self.id)
        content: dict[str, Any] = {
            "id": f"tlimb_{self.id}",
            "parent_id": f"tlimb_{group}",
            "parent_name": name,
            "parent_description": description,
            "section_name": self.name,
            "description": self.description,
            "plot_type": self.plot_type,
        }
        if self.plot_type != "html":
            content["pconfig"] = {
                "id": f"tlimb_{self.id}_plot",
                "title": f"TLIMB: {self.name}",
                **self.config,
            }
        if self.headers is not None:
            # MultiQC calls the legend of a bar graph its categories.
            content["categories" if self.plot_type == "bargraph" else "headers"] = self.headers
        content["data"] = self.data
        return content

    def write(self, folder: Path) -> None:
        write_json(folder / f"{self.id}_mqc.json", self.content())


def group_of(section: str) -> tuple[str, tuple[str, str, tuple[str, ...]]]:
    """The group a section stands in. Raises `KeyError` for a section without one."""
    for group, (name, description, sections) in GROUPS.items():
        if section in sections:
            return group, (name, description, sections)
    raise KeyError(section)


def escape(text: Any) -> str:
    """Text from a user's file, safe to stand in HTML."""
    return html.escape(str(text))


def paragraph(text: str) -> str:
    return f"<p>{text}</p>"


def bullets(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A plain table; cells are HTML already, the columns in `numeric` are set to the right."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=tlimb-number' if at in numeric else ''}>{value}</{tag}>"
            for at, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<table class="table table-sm tlimb-table"><thead><tr>{cells("th", header)}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
