"""Sections on the data: sets and splits, pictures of prepared images, quality, what was left out."""

from __future__ import annotations

import base64
import math
from collections import Counter
from typing import Any

import numpy as np

from tlpy import words
from tlpy.data.shards import shard_folders
from tlpy.data.thumbnails import PICTURES, picture_name
from tlpy.evaluation.prepared import images_of
from tlpy.evaluation.results import Run
from tlpy.plan.data.filters import in_words
from tlpy.plan.plan_records import DatasetFacts
from tlpy.records import MULTILABEL, NONE, REGRESSION, Head
from tlpy.report.sections import Section, bullets, escape, html_table
from tlpy.report.splitting import how_split

LISTED = 50
_OF_VECTORS = {
    "mean": ("Mean of the features", "as stored"),
    "sd": ("Spread of the features", "standard deviation, as stored"),
}
_QUALITIES = {
    "mean": ("Mean intensity", "as stored"),
    "sd": ("Spread of intensity", "standard deviation, as stored"),
    "foreground": ("Foreground", "share of the voxels that are not background"),
}


def datasets(run: Run) -> Section:
    """A row per data set: source, label, numbers, split, size."""
    rows = []
    for name, facts in sorted(run.plan.datasets.items()):
        n, groups = facts.n, facts.groups
        kind = "<br>".join(_kind(head) for head in facts.heads) or NONE
        people = f" ({groups.all:,})" if groups.all != n.all else ""
        split = "external" if facts.external else f"{n.train:,} / {n.val:,} / {n.test:,}"
        rows.append(
            [
                f"<strong>{escape(name)}</strong>{_filter(facts)}",
                escape(facts.reader["name"]),
                "<br>".join(escape(head.label) for head in facts.heads),
                kind,
                f"{n.all:,}{people}",
                split + (" (given)" if facts.split_given else " (official)" if facts.official_split else ""),
                _distribution(run, name),
                _shape(facts),
                f"{len(facts.left_out):,}",
            ]
        )
    header = ["Data set", "Reader", "Label", "Task", "Images (groups)", "Train / val / test"]
    header += ["Val + test labels", "Channels × size", "Left out"]
    text = (
        how_split(run.plan, past=False) + " Look at the test column: it bounds what any score below can tell."
    )
    return Section("datasets", "Data sets", text, "html", html_table(header, rows, (4, 8)))


def _shape(facts: DatasetFacts) -> str:
    """Channels × size of a prepared image; the features of a vector."""
    if facts.vectors:
        return words.count(facts.size[0], "feature")
    return words.size((facts.channels, *facts.size))


def _filter(facts: DatasetFacts) -> str:
    """Which of its images take part, where that was said."""
    return f"<br><small>{escape(in_words(facts.filter))}</small>" if facts.filter else ""


def _kind(head: Head) -> str:
    classes = f" ({' / '.join(head.names)})" if head.names else ""
    return escape(f"{head.type}{classes}")


def _distribution(run: Run, dataset: str) -> str:
    """The label among the val and test cases of the first finished stage on a data set."""
    for stage in run.stages.values():
        if stage.record.dataset != dataset or not stage.done:
            continue
        parts = [
            cases for cases in (stage.predictions("val"), stage.predictions("test")) if cases is not None
        ]
        if not parts:
            continue
        true = np.concatenate([cases.true for cases in parts])
        head = stage.record.heads[0]
        if head.type == REGRESSION:
            return f"{true.mean():.3g} ± {true.std():.2g} ({true.min():.3g} to {true.max():.3g})"
        if head.type == MULTILABEL:
            counts = np.nansum(true, axis=0).astype(int)
        else:
            counts = np.bincount(true.astype(int), minlength=len(head.names))
        return ", ".join(f"{escape(name)} {number}" for name, number in zip(head.names, counts, strict=True))
    return "n/a"


def pictures(run: Run) -> Section | None:
    """A few prepared images per data set, as the network gets them."""
    if run.prepared is None:
        return None
    blocks = []
    for name, facts in sorted(run.plan.datasets.items()):
        folders = shard_folders(run.prepared, facts.cache)
        files = sorted(file for folder in folders for file in (folder / "pictures").glob("*.png"))
        if facts.images is not None:
            own = {picture_name(image) for image in facts.images}
            files = [file for file in files if file.name in own]
        files = files[:PICTURES]
        if not files:
            continue
        figures = "".join(
            f'<figure><img alt="{escape(file.stem)}" src="data:image/png;base64,'
            f'{base64.b64encode(file.read_bytes()).decode()}"><figcaption>{escape(file.stem)}</figcaption></figure>'
            for file in files
        )
        blocks.append(
            f'<h5>{escape(name)} <small>{_shape(facts)}</small></h5><div class="tlimb-row">{figures}</div>'
        )
    if not blocks:
        return None
    if _vectors_alone(run):
        text = (
            "The first vectors of each data set as stored: a bar from zero for each feature, or for the "
            "range of a few. Look for subjects whose features are all alike, or on another scale."
        )
        return Section("pictures", "Vectors", text, "html", "".join(blocks))
    text = (
        "The first images of each data set after preparation (orientation, resampling, cropping, "
        "normalisation, slicing), central slice, scaled to grey for the eye. Look for wrong orientation, "
        "cut-off heads, skulls in one set only, empty slices."
    )
    return Section("pictures", "Prepared images", text, "html", "".join(blocks))


def _vectors_alone(run: Run) -> bool:
    """Whether no data set of the run holds images."""
    return all(facts.vectors for facts in run.plan.datasets.values())


def quality(run: Run) -> Section | None:
    """Box plots of intensity and foreground per data set, with the most unusual images named."""
    images = {name: images_of(run, name) for name in sorted(run.plan.datasets)}
    data: list[dict[str, list[float]]] = []
    buttons: list[dict[str, str]] = []
    unusual: list[str] = []
    figures = _OF_VECTORS if _vectors_alone(run) else _QUALITIES
    for column, (title, meaning) in figures.items():
        boxes = {escape(name): _numbers(rows, column)[1] for name, rows in images.items()}
        boxes = {name: values for name, values in boxes.items() if values}
        if boxes:
            data.append({name: [float(f"{value:.5g}") for value in values] for name, values in boxes.items()})
            buttons.append({"name": title, "ylab": f"{title} ({meaning})", "title": f"TLIMB: {title}"})
    for name, rows in images.items():
        odd = _unusual(rows).items()
        unusual += [f"{escape(name)}: {escape(image)} ({escape(why)})" for image, why in odd]
    if not data:
        return None
    text = (
        "One point per image, by data set. Boxes that lie apart mean that the sets differ in scale or "
        "content, which normalisation may or may not remove; single points far away are worth opening."
    )
    if unusual:
        more = f" and {len(unusual) - 12} more" if len(unusual) > 12 else ""
        text += f" <strong>Unusual within their set:</strong> {'; '.join(unusual[:12])}{more}."
    else:
        text += " No image stands out within its set."
    config: dict[str, Any] = {"ylab": buttons[0]["ylab"], "sort_samples": False, "boxpoints": "all"}
    config |= {"data_labels": buttons, "height": 130 + 90 * len(images)}
    return Section("quality", "Data quality", text, "box", data, config)


def _numbers(rows: list[dict[str, str]], column: str) -> tuple[list[str], list[float]]:
    ids, values = [], []
    for row in rows:
        try:
            value = float(row.get(column) or "nan")
        except ValueError:
            continue
        if math.isfinite(value) and row.get("status") == "ok":
            ids.append(str(row["image"]))
            values.append(value)
    return ids, values


def _unusual(rows: list[dict[str, str]]) -> dict[str, str]:
    """Image → why it stands out among its data set."""
    from tlpy.data.quality import Quality, outliers

    found = {}
    for row in rows:
        try:
            shape = tuple(int(side) for side in row["shape"].split("x"))
            figures = [float(row[name]) for name in ("minimum", "maximum", "mean", "sd", "foreground")]
        except (KeyError, ValueError):
            continue
        if row.get("status") == "ok":
            found[str(row["image"])] = Quality(shape, (), *figures)
    return outliers(found)


def left_out(run: Run) -> Section:
    """Every image that did not take part, with the reason, and the shapes and spacings of those that did."""
    out, shapes = [], []
    for name, facts in sorted(run.plan.datasets.items()):
        rows = images_of(run, name)
        reasons = [(image.where, image.reason) for image in facts.left_out]
        reasons += [
            (row.get("file") or row["image"], row["reason"])
            for row in rows
            if row.get("status") == "left_out"
        ]
        out += [[escape(name), escape(where), escape(reason)] for where, reason in dict.fromkeys(reasons)]
        if facts.vectors:
            continue
        found = Counter(
            (row.get("shape", ""), row.get("spacing", "")) for row in rows if row.get("status") == "ok"
        )
        for (shape, spacing), number in found.most_common(5):
            shapes.append([escape(name), escape(shape), escape(spacing), f"{number:,}"])
    parts = []
    if out:
        parts.append(html_table(("Data set", "Where", "Why"), out[:LISTED]))
        if len(out) > LISTED:
            parts.append(
                bullets([f"and {words.count(len(out) - LISTED, 'more')}; all of them stand in plan.json"])
            )
    else:
        parts.append("<p>Nothing was left out.</p>")
    if shapes:
        parts.append("<h5>Shapes and spacings as read</h5>")
        parts.append(html_table(("Data set", "Shape (voxels)", "Spacing (mm)", "Images"), shapes, (3,)))
    text = (
        "What is not part of any score, and why. A set with many kinds of shapes or spacings comes from "
        "several scanners or protocols: check that these do not follow the label."
    )
    return Section("left_out", "Left out", text, "html", "".join(parts))
