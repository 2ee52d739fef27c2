"""How far weights go from where they started, by the strength of the elastic penalty."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from known_answers.people import People, split
from known_answers.study import Result, Study
from known_answers.training import AGE, SEX, train

STRENGTHS = (0.0, 0.01, 0.1, 1.0)


def elastic(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """Distance of the encoder's weights from those of a training on age, after one on sex."""
    from safetensors.numpy import load_file

    first, _, _, _ = split(people, seed)
    half = len(first) // 2
    before = [people.row(i, "train") for i in first[:half]]
    after = [people.row(i, "train" if n % 4 else "test") for n, i in enumerate(first[half:])]
    start = folder / "start" / "weights.safetensors"
    train(people, [before], [AGE], {}, seed, folder / "start", epochs=epochs, batch=16)
    objective = {"elastic_penalty": {"alpha": float(method), "beta": 0.01}}
    found = train(
        people, [after], [SEX], objective, seed, folder / "end", epochs=epochs, batch=16, start=start
    )
    was, now = load_file(start), load_file(folder / "end" / "weights.safetensors")
    moved = sum(
        float(np.square(now[name] - was[name]).sum())
        for name in was
        if name.startswith("encoder.") and "conv" in name and name.endswith("weight")
    )
    return {"distance": moved**0.5, "auroc": found["metrics"]["test"]["auroc"]}


STUDY = Study(elastic, tuple(f"{value:g}" for value in STRENGTHS), 5, "distance", True)
