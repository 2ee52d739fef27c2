#!/usr/bin/env python3
"""Way (c): the bound. The distinct stages as bare loops, data in memory, one thread each on all cores.

No framework, no files, no start-up (the clock starts when each worker has torch and the images), but what a
training needs: validation each epoch, and the test predicted once. Layout and fused Adam as in the
pipeline.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
from setting import PARTS, Setting, Variant, people

# Of this worker: (setting, images by part, age by part, sex by part).
_DATA: tuple[Setting, dict[str, Any], dict[str, Any], dict[str, Any]]


def load(setting_file: Path, barrier: Any) -> None:
    """Make a worker ready: torch on one thread, all slices in memory; wait for the others."""
    global _DATA
    import nibabel as nib
    import torch

    torch.set_num_threads(1)
    setting = Setting.read(setting_file)
    everyone = people(Path(setting.data))
    mean, sd = (f([p.age for p in everyone if p.part == "train"]) for f in (np.mean, np.std))
    images: dict[str, Any] = {}
    ages: dict[str, Any] = {}
    sexes: dict[str, Any] = {}
    for part in PARTS:
        mine = [p for p in everyone if p.part == part]
        slices = []
        for person in mine:
            volume = nib.as_closest_canonical(nib.load(person.image)).get_fdata(dtype=np.float32)
            middle = int(np.floor(0.5 * (volume.shape[2] - 1) + 0.5))
            brain = volume[volume > volume.min()]
            slices.append((volume[:, :, middle] - brain.mean()) / brain.std())
        images[part] = torch.from_numpy(np.stack(slices)[:, None].astype(np.float32))
        ages[part] = torch.tensor([(p.age - mean) / sd for p in mine], dtype=torch.float32)
        sexes[part] = torch.tensor([float(p.sex == "M") for p in mine])
    _DATA = (setting, images, ages, sexes)
    barrier.wait()


def ready() -> float:
    """When this worker has its data: it answers only then."""
    return time.perf_counter()


def train(
    variant: Variant, label: str, start: dict[str, Any] | None
) -> tuple[dict[str, Any], dict[str, float]]:
    """One stage: a pretraining gives the encoder's weights, a fine-tuning AUROC on validation and test."""
    import torch
    from torch.nn import functional

    from tlpy.architectures.build import build
    from tlpy.metrics.registry import compute
    from tlpy.scenarios.device import memory_format

    setting, images, ages, sexes = _DATA
    targets = ages if label == "age" else sexes
    torch.manual_seed(setting.seed)
    size = tuple(images["train"].shape[2:])
    net = build({"name": variant.architecture}, channels=1, size=size, heads={label: 1})
    layout = memory_format(variant.architecture, len(size), "cpu")
    net = net.to(memory_format=layout)
    before: dict[str, torch.Tensor] = {}
    if start is not None:
        net.encoder.load_state_dict({name: torch.from_numpy(value) for name, value in start.items()})
        before = {name: p.detach().clone() for name, p in net.encoder.named_parameters() if p.ndim > 1}
    loss_of = functional.mse_loss if label == "age" else functional.binary_cross_entropy_with_logits
    optimizer = torch.optim.Adam(net.parameters(), lr=variant.lr, fused=True)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=setting.precision == "bf16-mixed")

    def predict(part: str) -> torch.Tensor:
        net.eval()
        with torch.inference_mode(), mixed:
            return torch.cat(
                [net(batch)[label][:, 0].float() for batch in images[part].split(setting.batch_size)]
            )

    for _ in range(setting.pretrain_epochs if label == "age" else setting.finetune_epochs):
        net.train()
        for index in torch.randperm(len(images["train"])).split(setting.batch_size):
            batch = images["train"][index].contiguous(memory_format=layout)
            with mixed:
                outputs = net(batch)[label][:, 0]
            loss = loss_of(outputs.float(), targets["train"][index])
            if variant.penalty and before:
                weights = dict(net.encoder.named_parameters())
                pulls = [functional.mse_loss(weights[n], w, reduction="sum") for n, w in before.items()]
                decay = sum((p**2).sum() for p in net.heads.parameters())
                loss = loss + variant.penalty / 2 * (torch.stack(pulls).sum() + decay)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        loss_of(predict("val"), targets["val"]).item()
    if label == "sex":
        scores = {}
        for part in ("val", "test"):
            score = torch.sigmoid(predict(part)).numpy()
            scores[part] = compute("binary", sexes[part].numpy().astype(int), score)["auroc"]
        return {}, scores
    return {name: value.numpy() for name, value in net.encoder.state_dict().items()}, {}


def run(setting_file: Path, cores: int) -> dict[str, Any]:
    """All distinct stages, a fine-tuning as soon as its pretraining is there; seconds without start-up."""
    setting = Setting.read(setting_file)
    pairs: dict[tuple[str, float], list[Variant]] = {}
    for variant in setting.variants:
        pairs.setdefault((variant.architecture, variant.lr), []).append(variant)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores)
    os.environ["OMP_NUM_THREADS"] = "1"
    scores: dict[str, dict[str, float]] = {}
    with ProcessPoolExecutor(cores, context, load, (setting_file, barrier)) as pool:
        for answer in [pool.submit(ready) for _ in range(cores)]:
            answer.result()
        started = time.perf_counter()
        waiting: dict[Future, tuple[str, list[Variant]]] = {}
        for variants in pairs.values():
            waiting[pool.submit(train, variants[0], "age", None)] = ("age", variants)
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                label, variants = waiting.pop(future)
                state, found = future.result()
                if label == "sex":
                    scores[variants[0].name] = found
                    continue
                for variant in variants:
                    waiting[pool.submit(train, variant, "sex", state)] = ("sex", [variant])
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "scores": scores}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    arguments.out.write_text(json.dumps(run(arguments.setting, arguments.cores)), encoding="utf-8")


if __name__ == "__main__":
    main()
