"""Old or young, of 24 people with a label and many without.

Every method ends with the same training on the 24; it differs in where that starts from (a self-supervised
pretraining on all images of the scanner's training part) or in what trains beside it (those images).
Each seed has people and a scanner of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from known_answers.people import OLD_FROM, People, split
from known_answers.study import Result, Study
from known_answers.training import OLD, train

SELFSUPERVISED: dict[str, Any] = {
    "masked_autoencoder": {"masked_autoencoder": 1},
    # A scanner's brains are much alike: a low temperature asks for what tells the closest ones apart.
    "simclr": {"simclr": {"temperature": 0.1}},
    "rotation": {"rotation": 1},
    "rotation_augmented": {"rotation": 1},
    "models_genesis": {"models_genesis": 1},
}
# In brains that all lie alike the outline says at a glance which way is up: turned, scaled and blurred ones
# are to leave more to learn. The other objectives change the images by themselves.
AUGMENTATION: dict[str, Any] = {
    "rotation_augmented": [
        {"name": "affine", "p": 1.0, "rotation": 15, "scaling": 0.15, "translation": 0.1},
        {"name": "gamma", "p": 0.8, "amount": 0.5},
        {"name": "bias_field", "p": 0.5, "amount": 0.3},
        {"name": "blur", "p": 0.3, "sd": 1.0},
        {"name": "noise", "p": 0.5, "sd": 0.2},
    ]
}
SEMISUPERVISED: dict[str, Any] = {"fixmatch": {"fixmatch": 1}, "mean_teacher": {"mean_teacher": 5}}
# Images without a label for each with one: FixMatch's paper has 7.
UNLABELLED_RATIO = {"fixmatch": 7.0, "mean_teacher": 3.0}
LABELLED = 24
# 24 labels are two batches an epoch: 300 steps.
EPOCHS = 150
PROBE: dict[str, Any] = {"transfer": "head", "lr": 1e-2}
# The settings were chosen on people of seed 1.
FIRST = 100


def few_labels(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """AUROC of old against young after training on a few labels; `epochs` are those of the pretraining.

    `probe`: of the head alone, on an encoder that was pretrained or is as it was drawn.
    """
    pool, test_rows, _, _ = split(people, seed)
    old = people.age > OLD_FROM
    half = LABELLED // 2
    chosen = [i for value in (False, True) for i in [p for p in pool if old[p] == value][:half]]
    few = [*(people.row(i, "train") for i in chosen), *(people.row(i, "test") for i in test_rows)]

    def learn(rows: list[list[Any]], objective: Any, name: str, **options: Any) -> float:
        found = train(people, rows, [OLD], objective, seed, folder / name, epochs=EPOCHS, batch=12, **options)
        return float(found["metrics"]["test"]["auroc"])

    if method in SEMISUPERVISED:
        others = [people.row(i, "train", 1, ()) for i in pool]
        ratio = UNLABELLED_RATIO[method]
        return {"auroc": learn([few, others], SEMISUPERVISED[method], "few", ratio=ratio)}
    if method not in SELFSUPERVISED:
        return {"auroc": learn([few], None, "few"), "probe": learn([few], None, "probe", **PROBE)}
    unlabelled = [people.row(i, "train", 0, ()) for i in pool]
    train(
        people,
        [unlabelled],
        [],
        SELFSUPERVISED[method],
        seed,
        folder / "ssl",
        epochs=epochs,
        batch=32,
        augmentation=AUGMENTATION.get(method),
    )
    start = folder / "ssl" / "weights.safetensors"
    return {
        "auroc": learn([few], None, "few", start=start),
        "probe": learn([few], None, "probe", start=start, **PROBE),
    }


STUDY = Study(
    few_labels,
    ("scratch", *SELFSUPERVISED, *SEMISUPERVISED),
    60,
    "auroc",
    False,
    first=FIRST,
    least=1400,
)
