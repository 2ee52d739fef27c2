"""What each baseline takes of an image, and what it answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_cases import cases

from tlpy.data.quality import Quality
from tlpy.metrics.registry import compute
from tlpy.plain.base import Question
from tlpy.plain.features import LinearFeatures
from tlpy.plain.images import LinearImages, block_means, fitting_size
from tlpy.plain.mean import Mean
from tlpy.plain.registry import PLAIN, complete_plain
from tlpy.plain.volume import LinearVolume
from tlpy.plain.windows import LinearWindows
from tlpy.records import Head

AGE = Head("age", "regression")
SEX = Head("sex", "binary", ("F", "M"))
DIAGNOSIS = Head("dx", "multiclass", ("AD", "HC", "MCI"))
FINDINGS = Head("a+b+c", "multilabel", ("a", "b", "c"))
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", PLAIN.names())
def test_each_is_read_made_and_documented(name: str) -> None:
    declaration = PLAIN.declaration(name)
    assert declaration.summary
    assert declaration.facts.noun
    assert declaration.facts.noun_for_classes
    PLAIN.make(PLAIN.complete(name, "plain"))


def test_true_is_all_of_ours_and_false_none() -> None:
    assert [component["name"] for component in complete_plain(True)] == PLAIN.names()
    assert complete_plain(False) == []
    (found,) = complete_plain({"name": "linear_images", "most": 64})
    assert found["most"] == 64
    assert found["strengths"] == [10.0**power for power in range(-3, 5)]


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((28, 28), 1024, (28, 28)),
        ((56, 72), 1024, (28, 36)),
        ((64, 64, 64), 1024, (10, 10, 10)),
        ((300,), 10, (10,)),
    ],
)
def test_images_keep_their_proportions(size: tuple[int, ...], most: int, expected: tuple[int, ...]) -> None:
    assert fitting_size(size, most) == expected


def test_blocks_are_means() -> None:
    images = RNG.normal(size=(3, 2, 12, 8)).astype(np.float32)
    pooled = torch.nn.functional.avg_pool2d(torch.from_numpy(images).double(), (3, 4)).numpy()
    np.testing.assert_allclose(block_means(images, (4, 2)), pooled, atol=1e-12)
    odd = block_means(images, (5, 8))
    expected = [part.mean(axis=2, dtype=np.float64) for part in np.split(images, [2, 4, 7, 9], axis=2)]
    np.testing.assert_allclose(odd, np.stack(expected, axis=2), atol=1e-7)


def test_image_features_are_at_most_as_many_as_said() -> None:
    made = cases(RNG.normal(size=(5, 3, 40, 50)), {"age": range(5)})
    assert LinearImages(most=600).features(made).shape[1] <= 600
    assert LinearImages(most=2).features(made).shape == (5, 3)
    np.testing.assert_allclose(
        LinearImages(most=2).features(made), made.sources[0].array.mean((2, 3)), atol=1e-6
    )


def test_volume_is_the_foregrounds_in_ml_where_voxels_have_a_size() -> None:
    def quality(share: float, spacing: tuple[float, ...]) -> Quality:
        return Quality((100, 100, 50), spacing, 0, 1, 0.5, 0.1, share)

    found = [quality(0.4, (2.0, 2.0, 1.0)), quality(0.5, ())]
    made = cases(np.zeros((2, 1, 4, 4)), {"age": [1, 2]}, found)
    np.testing.assert_allclose(LinearVolume().features(made)[:, 0], [0.4 * 500_000 * 4 / 1000, 250_000])


def test_windows_are_the_mean_of_each_channel() -> None:
    series = RNG.normal(size=(4, 6, 9))
    np.testing.assert_allclose(
        LinearWindows().features(cases(series, {"age": range(4)})), series.mean(2), atol=1e-6
    )


def test_the_mean_and_the_majority() -> None:
    nothing = np.zeros((6, 1, 2, 2))
    for head, values, answer in (
        (AGE, [20, 30, 40, 50, 60, 70], 45.0),
        (SEX, ["F", "F", "M", "M", "M", "M"], 4 / 6),
        (DIAGNOSIS, ["HC", "HC", "HC", "AD", "AD", "HC"], [2 / 6, 4 / 6, 0]),
    ):
        made = cases(nothing, {head.label: values})
        baseline = Mean()
        baseline.fit(Question(head, "mae"), made, made)
        np.testing.assert_allclose(
            baseline.predict(made), np.tile(answer, (6, 1)).reshape(6, *np.shape(answer))
        )
    several = cases(nothing, {"a": [0, 1, 1, 1, "", ""], "b": [0] * 6, "c": ["", "", "", 1, 1, 0]})
    baseline = Mean()
    baseline.fit(Question(FINDINGS, "auroc"), several, several)
    np.testing.assert_allclose(baseline.predict(several)[0], [3 / 4, 0, 2 / 3])


def test_a_class_that_nobody_trained_on_has_no_probability() -> None:
    features = RNG.normal(size=(40, 1, 3))
    made = cases(features, {"dx": np.where(features[:, 0, 0] > 0, "MCI", "AD")})
    baseline = LinearFeatures()
    baseline.fit(Question(DIAGNOSIS, "auroc"), made, made)
    found = baseline.predict(made)
    assert found.shape == (40, 3)
    np.testing.assert_allclose(found.sum(1), 1)
    assert (found[:, 1] == 0).all()
    assert compute("multiclass", Question(DIAGNOSIS, "auroc").truth(made), found)["accuracy"] > 0.9


def test_labels_that_are_missing_are_left_out_column_by_column() -> None:
    features = RNG.normal(size=(60, 1, 3))
    signs = features[:, 0] > 0
    labels = {column: signs[:, at].astype(int).astype(str) for at, column in enumerate("ab")}
    labels["a"][::3] = ""
    labels["c"] = np.array(["1"] * 60)
    made = cases(features, labels)
    baseline = LinearFeatures()
    baseline.fit(Question(FINDINGS, "auroc"), made, made)
    found = baseline.predict(made)
    # What is known of a label is learnt; the missing third is answered too.
    assert ((found[:, 0] > 0.5) == signs[:, 0]).mean() > 0.9
    assert ((found[:, 1] > 0.5) == signs[:, 1]).mean() > 0.9
    assert (found[:, 2] == 1).all()


def test_balanced_classes_count_alike() -> None:
    features = RNG.normal(size=(200, 1, 1))
    features[:20] += 1.0
    made = cases(features, {"sex": ["M"] * 20 + ["F"] * 180})
    calls = {}
    for balanced in (False, True):
        baseline = LinearFeatures(balanced=balanced, strengths=[1.0])
        baseline.fit(Question(SEX, "auroc"), made, made)
        calls[balanced] = compute("binary", Question(SEX, "auroc").truth(made), baseline.predict(made))
    assert calls[False]["sensitivity"] < 0.1 < 0.5 < calls[True]["sensitivity"]
