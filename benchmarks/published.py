#!/usr/bin/env python3
"""MedMNIST v2's protocol, as assets/examples/medmnist.yaml has it, beside the published numbers.

Each set is trained by `tlpy.run`, as a run of that file would. Beside it stand a logistic regression on
pixels (scikit-learn; its strength chosen on validation) and, with --transfer, fine-tuning after pretraining
on another set, against the same from scratch. What is cut stands in the table.

    . .venv/bin/activate
    python benchmarks/published.py --sets breast --seeds 3 --work published --out breast.json
    python benchmarks/published.py --sets adrenal --seeds 1 --epochs 10 --network stride=2 --work published
    python benchmarks/published.py --sets breast --epochs 20 --transfer pneumonia --pretrain-epochs 10

Finished trainings are kept in --work: a call that was stopped goes on with the next one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "assets" / "examples" / "medmnist.yaml"
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# Test AUC and accuracy of ResNet-18 (28), in 3D of ResNet-18 + 3D (Yang et al. 2023, Sci Data 10:41).
PUBLISHED = {"breast": (0.901, 0.863), "pneumonia": (0.944, 0.854), "adrenal": (0.827, 0.721)}

Params = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        data: the set.
        what: how its test part was predicted.
        auc, accuracy: on test, one for each training.
        cut: what differs from the protocol.
    """

    data: str
    what: str
    auc: list[float]
    accuracy: list[float]
    cut: str = ""

    def line(self) -> str:
        """As a row of a Markdown table."""
        cells = (self.data, self.what, _spread(self.auc), _spread(self.accuracy), len(self.auc), self.cut)
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def protocol(name: str, options: argparse.Namespace) -> Params:
    """The example's params for one set, with what the command line cuts."""
    params: Params = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    stage = next(one for one in params.pop("search")["space"]["train"] if one["dataset"] == name)
    wanted = {name, options.transfer} - {None}
    params["datasets"] = {
        key: {**data, "path": str(options.data / Path(data["path"]).name)}
        for key, data in params["datasets"].items()
        if key in wanted
    }
    train = {"name": "train", **stage, **shortened(params, options.epochs)}
    if options.transfer:
        before = {"name": "pretrain", "dataset": options.transfer}
        before |= shortened(params, options.pretrain_epochs)
        params["stages"] = [before, {**train, "name": "finetune"}]
    else:
        params["stages"] = [train]
    params["architecture"] |= options.network
    params["replicates"] = {"seeds": options.seeds}
    if options.threads:
        params["threads"] = options.threads
    return params


def shortened(params: Params, epochs: int | None) -> Params:
    """Other epochs, with the rate falling after the same shares of them; nothing where the epochs stay."""
    if epochs is None or epochs == params["epochs"]:
        return {}
    marks = [round(mark * epochs / params["epochs"]) for mark in params["schedule"]["milestones"]]
    return {"epochs": epochs, "schedule": {**params["schedule"], "milestones": marks}}


def cuts(options: argparse.Namespace) -> str:
    """What the command line cuts, in words."""
    told = [f"{options.epochs} epochs"] if options.epochs else []
    if options.transfer:
        told.append(f"{options.pretrain_epochs or 'all'} epochs of pretraining")
    return ", ".join([*told, *(f"{key} {value}" for key, value in options.network.items())])


def train(name: str, options: argparse.Namespace, work: Path) -> list[Row]:
    """One row for each variant: the protocol's; with --transfer that and what it is compared with."""
    import tlpy
    from tlpy.plan.plan_records import Plan

    folder = work / "-".join(["run", name, *([options.transfer] if options.transfer else [])])
    result = tlpy.run({**protocol(name, options), "outdir": str(folder)}, store=work / "store")
    if result.failed:
        raise SystemExit(f"failed: {result.failed}")
    plan = Plan.from_json(json.loads((folder / "plan" / "plan.json").read_text(encoding="utf-8")))
    rows = []
    for variant in plan.variants:
        chains = [replicate.stages for replicate in variant.replicates]
        folders = [result.stage(chain[-1]) for chain in chains]
        metrics = [json.loads((f / "metrics.json").read_text(encoding="utf-8")) for f in folders]
        tests = [found["metrics"]["test"] for found in metrics]
        before = f", pretrained on {options.transfer}" if len(chains[0]) > 1 else ""
        epochs = plan.stages[chains[0][-1]].training.epochs
        rows.append(
            Row(
                name,
                f"ResNet-18, {epochs} epochs{before}",
                [test["auroc"] for test in tests],
                [test["accuracy"] for test in tests],
                cuts(options),
            )
        )
    return rows


def logistic(name: str, options: argparse.Namespace) -> Row:
    """Logistic regression on the standardised pixels; its strength is the best of a few on validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    with np.load(options.data / Path(example["datasets"][name]["path"]).name) as held:
        images = {part: held[f"{part}_images"] for part in ("train", "val", "test")}
        truth = {part: held[f"{part}_labels"].ravel() for part in images}
    pixels = {part: array.reshape(len(array), -1).astype(np.float32) for part, array in images.items()}
    fits = []
    for strength in STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        model.fit(pixels["train"], truth["train"])
        score = float(roc_auc_score(truth["val"], model.decision_function(pixels["val"])))
        fits.append((score, strength, model))
    _, strength, model = max(fits, key=lambda fit: fit[:2])
    auc = float(roc_auc_score(truth["test"], model.decision_function(pixels["test"])))
    right = float((model.predict(pixels["test"]) == truth["test"]).mean())
    return Row(name, f"logistic regression on pixels, C {strength:g}", [auc], [right])


def network_argument(text: str) -> tuple[str, Any]:
    """`stride=2` as a name and a value."""
    key, _, value = text.partition("=")
    return key, yaml.safe_load(value)


def main(arguments: Iterable[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default="breast", help=f"which of {', '.join(PUBLISHED)}, with commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--epochs", type=int, help="instead of 100; the rate falls at half and three quarters"
    )
    parser.add_argument("--transfer", choices=PUBLISHED, help="pretrain on this set")
    parser.add_argument("--pretrain-epochs", type=int, help="of --transfer, instead of 100")
    parser.add_argument(
        "--network", type=network_argument, nargs="*", default=[], help="arguments of it, such as stride=2"
    )
    parser.add_argument("--threads", type=int, help="of a training on a CPU; by default by its size")
    parser.add_argument("--plain", action="store_true", help="the logistic regression alone")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "medmnist")
    parser.add_argument("--work", type=Path, help="keep trainings here (default: thrown away)")
    parser.add_argument("--out", type=Path, help="JSON of all numbers")
    options = parser.parse_args(arguments if arguments is None else list(arguments))
    options.network = dict(options.network)
    names = options.sets.split(",")
    if unknown := [name for name in names if name not in PUBLISHED]:
        parser.error(f"--sets: {', '.join(unknown)}; expected some of {', '.join(PUBLISHED)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tlimb-published-") as scratch:
        work = (options.work or Path(scratch)).resolve()
        for name in names:
            auc, accuracy = PUBLISHED[name]
            rows.append(Row(name, "published", [auc], [accuracy]))
            rows.append(logistic(name, options))
            if not options.plain:
                rows += train(name, options, work)
    print("| set | what | test AUC | test accuracy | seeds | cut |\n|---|---|---|---|---|---|")
    print("\n".join(row.line() for row in rows))
    if options.out:
        options.out.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
