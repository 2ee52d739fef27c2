"""The scale of features: scikit-learn's, whatever the batches, and of the training part alone."""

from __future__ import annotations

import numpy as np
import torch

from tlpy.data.feature_scale import FeatureScale


def test_it_is_scikit_learns_standard_scaler_whatever_the_batches() -> None:
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    features = random.normal(1e4, [1e-2, 1.0, 1e3, 0.0], size=(101, 4)).astype(np.float32)
    known = StandardScaler().fit(features.astype(np.float64))
    for size in (1, 7, 101):
        scale = FeatureScale.of(torch.from_numpy(features)[:, None].split(size))
        np.testing.assert_allclose(scale.mean, known.mean_, rtol=1e-12)
        np.testing.assert_allclose(scale.sd, known.scale_, rtol=1e-6)
    scaled = scale.apply(torch.from_numpy(features)[:, None])
    assert scaled.dtype == torch.float32
    assert scaled.shape == (101, 1, 4)
    np.testing.assert_allclose(scaled[:, 0, 1:].mean(0), [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(scaled[:, 0].std(0, correction=0)[1:], [1, 1, 0], atol=1e-4)
