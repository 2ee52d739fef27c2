"""What networks started from: what was taken over, which heads are new, and whether the images fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tlpy import words
from tlpy.data.contract import SEEN_IN_IMAGES
from tlpy.evaluation.results import Run, StageResult
from tlpy.files import read_json
from tlpy.plan.taken_over import taken_over
from tlpy.report.sections import Section, bullets, escape, html_table

_HEADER = (
    *("Stage", "Weights from", "Encoder taken over", "Adapted, left at random, left out"),
    *("Heads", "Images beside those of the weights"),
)


def starts(run: Run) -> Section | None:
    """A row for each way in which stages started from weights; None where none did."""
    rows: Counter[tuple[str, ...]] = Counter()
    for stage, report in _reports(run):
        source = escape(_source(run, stage, report))
        told = bullets(map(escape, taken_over(report))) if taken_over(report) else "all as it was"
        row = (stage.record.name, source, _share(report), told, _heads(report), _images(report))
        rows[row] += 1
    if not rows:
        return None
    shown = [
        [f"{escape(name)} ({words.count(number, 'stage')})", *rest] for (name, *rest), number in rows.items()
    ]
    text = (
        "How much of the encoder was taken over is counted in parameters; what was left at random is told by "
        "layer group, with its share of the group (<code>load_report.json</code> names every weight). A head "
        "is taken over where its outputs stand for the same, if need be reordered or rescaled so that they "
        "do; else it starts new. Weights see well what they were trained on: where images were prepared "
        "in another way, say the same preprocessing in both, or know why not "
        "(<code>on_contract_mismatch: error</code> refuses)."
    )
    return Section("starts", "What networks started from", text, "html", html_table(_HEADER, shown, (2,)))


def noticed(run: Run) -> list[str]:
    """What no plan can know: images that, once read, are not like those that the weights were trained on."""
    found: dict[str, None] = {}
    for stage, report in _reports(run):
        differing = [one for one in _misfits(report) if one["what"] in SEEN_IN_IMAGES]
        if differing:
            listed = "; ".join(map(_difference, differing))
            pair = f"stage '{stage.record.name}' takes over weights from {_source(run, stage, report)}"
            found[f"{pair}, trained on other images: {listed}"] = None
    return list(found)


def _reports(run: Run) -> Iterator[tuple[StageResult, dict[str, Any]]]:
    """The finished stages that started from weights, and what they said of it."""
    for stage in run.stages.values():
        try:
            report = read_json(stage.folder / "load_report.json")
        except (OSError, ValueError):
            continue
        if stage.done and isinstance(report, dict) and report.get("source"):
            yield stage, report


def _source(run: Run, stage: StageResult, report: Mapping[str, Any]) -> str:
    parent = run.plan.stages.get(stage.record.parent or "")
    return f"'{parent.name}'" if parent else str(report["source"])


def _share(report: Mapping[str, Any]) -> str:
    return words.share(float(report.get("share_of_encoder") or 0))


def _heads(report: Mapping[str, Any]) -> str:
    heads = report.get("heads") or {}
    return bullets(f"{escape(label)}: {escape(how)}" for label, how in heads.items()) if heads else "none"


def _images(report: Mapping[str, Any]) -> str:
    listed = report.get("preprocessing")
    if listed is None:
        return "not known: the weights came without a contract.json"
    adapted = [f"{escape(_difference(one))} ({escape(one['adapted'])})" for one in listed if one["adapted"]]
    misfits = [f"<strong>{escape(_difference(one))}</strong>" for one in _misfits(report)]
    return bullets([*misfits, *adapted]) if listed else "prepared alike"


def _misfits(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """The differences to which nothing was adapted."""
    return [one for one in report.get("preprocessing") or () if not one["adapted"]]


def _difference(one: Mapping[str, str]) -> str:
    return f"{one['what']}: expected {one['expected']}, found {one['found']}"
