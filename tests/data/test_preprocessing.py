"""Preprocessing: against SciPy and by hand, and headers against images."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform
from scipy.ndimage import affine_transform, gaussian_filter

from tlpy.data.preprocessing import (
    DEFAULTS,
    NORMALISATIONS,
    apply,
    channels,
    conform,
    describe,
    output_size,
    prepared_spacing,
    validate,
)
from tlpy.data.preprocessing.geometry import fit, resample, resampled_shape, slice_indices
from tlpy.data.preprocessing.intensity import foreground_threshold, moments
from tlpy.data.readers.base import ImageError, ImageHeader, RawImage
from tlpy.errors import Problems


def settings(**given):
    problems = Problems()
    result = validate(given, "preprocessing", problems)
    problems.raise_if_any()
    return result


def faults(**given):
    problems = Problems()
    validate(given, "datasets.brains.preprocessing", problems)
    return [str(problem) for problem in problems]


@pytest.fixture
def volume():
    rng = np.random.default_rng(0)
    return rng.normal(100, 20, (9, 12, 10)).astype(np.float32)


class TestValidate:
    def test_defaults_written_out_change_nothing(self):
        assert settings() == DEFAULTS == settings(**DEFAULTS)
        assert settings(slice="axial") == settings(
            slice={"plane": "axial", "position": 0.5, "as": "channels"}
        )
        assert settings(spacing=2) == settings(spacing=2.0)
        assert settings(size=[8.0, 8]) == settings(size=(8, 8))
        assert settings(normalise=None)["normalise"] == "none"

    def test_is_idempotent(self):
        once = settings(slice={"plane": "coronal", "count": 3, "step": 2}, spacing=[1, 2, 3], size=[4, 5])
        assert settings(**once) == once

    def test_step_of_one_slice_is_normalised_away(self):
        assert settings(slice={"plane": "axial", "step": 5}) == settings(slice="axial")

    @pytest.mark.parametrize(
        ("given", "where", "says"),
        [
            ({"normalize": "zscore"}, ".normalize", "did you mean 'normalise'?"),
            ({"normalise": "zscor"}, ".normalise", "did you mean 'zscore'?"),
            ({"orient": "LPS"}, ".orient", "expected RAS or null"),
            ({"spacing": 0}, ".spacing", "0.01 to 1000"),
            ({"spacing": "2mm"}, ".spacing", "'2mm'"),
            ({"spacing": True}, ".spacing", "True"),
            ({"size": [4, 4, 4, 4]}, ".size", "one an axis"),
            ({"size": 2.5}, ".size", "whole numbers"),
            ({"size": []}, ".size", "[]"),
            ({"slice": "axal"}, ".slice.plane", "did you mean 'axial'?"),
            ({"slice": 3}, ".slice", "expected a plane"),
            ({"slice": {"position": 1.5}}, ".slice.position", "0 (first slice) to 1"),
            ({"slice": {"count": 0}}, ".slice.count", "at least 1"),
            ({"slice": {"step": 1.5}}, ".slice.step", "at least 1"),
            ({"slice": {"as": "images"}}, ".slice.as", "expected channels"),
            ({"slice": {"plan": "axial"}}, ".slice.plan", "did you mean 'plane'?"),
            ({"slice": "axial", "size": [64]}, ".size", "two numbers (plane) or three"),
        ],
    )
    def test_names_what_is_wrong(self, given, where, says):
        (found,) = faults(**given)
        assert found.startswith(f"datasets.brains.preprocessing{where}: ")
        assert says in found

    def test_finds_everything_at_once(self):
        assert (
            len(faults(orient=1, spacing=-1, size="x", normalise="y", slice={"plane": "z", "count": -1})) == 6
        )


class TestGeometry:
    @pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA", "IRP", "ASL"])
    def test_every_orientation_gives_the_same_image(self, volume, codes):
        affine = np.diag([3.0, 2.0, 1.5, 1.0])
        image = nib.Nifti1Image(volume, affine)
        turned = image.as_reoriented(ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes)))
        assert "".join(nib.aff2axcodes(turned.affine)) == codes
        raw = RawImage(np.asarray(turned.dataobj, np.float32), turned.affine)
        done = conform(raw, settings(normalise="none"))
        np.testing.assert_array_equal(done.array[0], volume)
        assert done.spacing == (3.0, 2.0, 1.5)
        assert done.axes == "RAS"

    def test_orient_null_leaves_the_axes(self, volume):
        affine = inv_ornt_aff(axcodes2ornt("LPS"), volume.shape)
        done = conform(RawImage(volume, affine), settings(orient=None, normalise="none"))
        np.testing.assert_array_equal(done.array[0], volume)
        assert done.axes is None

    @pytest.mark.parametrize(
        ("old", "new"), [((3, 2, 1), (2, 2, 2)), ((1, 1, 1), (2.5, 3, 1.3)), ((2, 2, 2), (0.7, 1, 9))]
    )
    def test_resampling_is_scipys_filter_and_interpolation(self, volume, old, new):
        factors = np.array([1.0 if a == b else b / a for a, b in zip(old, new, strict=True)])
        mine = resample(volume[None], old, [float(mm) for mm in new])[0]
        blur = [np.sqrt(f**2 - 1) / 2.3548 if f > 1 else 0 for f in factors]
        smooth = gaussian_filter(volume.astype(np.float64), blur, mode="nearest", truncate=3.0)
        middle = (np.array(volume.shape) - 1) / 2
        offset = middle - factors * (np.array(mine.shape) - 1) / 2
        theirs = affine_transform(smooth, factors, offset, output_shape=mine.shape, order=1, mode="nearest")
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)

    def test_resampling_keeps_a_ramp_and_its_centre(self):
        ramp = np.arange(40, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 5, 5), np.float32)
        half = resample(ramp, (1, 1, 1), (2, 1, 1))[0, :, 0, 0]
        np.testing.assert_allclose(half[5:-5], np.arange(20)[5:-5] * 2 + 0.5, atol=1e-4)

    def test_near_equal_spacing_is_left_alone(self, volume):
        assert resample(volume[None], (3.0000002, 3, 3), (3, 3, 3)).base is volume

    def test_last_digits_of_a_spacing_decide_no_size(self):
        shape = (181, 181, 181)
        assert len({resampled_shape(shape, (mm,) * 3, (2, 2, 2)) for mm in (1.0, 0.9999999, 1.00001)}) == 1

    @pytest.mark.parametrize("size", [(9, 12, 10), (4, 4, 4), (15, 15, 15), (4, 20, 10), (2, 2, 2)])
    def test_fit_is_central(self, size):
        image = np.zeros((1, 9, 12, 10), np.float32)
        image[0, 4, 6, 5] = 1
        done = fit(image, size, np.array([-1.0], np.float32))
        assert done.shape == (1, *size)
        (at,) = np.argwhere(done[0] == 1)
        assert np.all(np.abs(at - (np.array(size) - 1) / 2) <= 1)
        assert (done == -1).sum() == np.prod(size) - np.prod(np.minimum(size, (9, 12, 10)))

    def test_crop_undoes_pad(self, volume):
        padded = fit(volume[None], (16, 17, 20), np.zeros(1))
        np.testing.assert_array_equal(fit(padded, volume.shape, np.zeros(1))[0], volume)

    def test_slice_indices(self):
        assert slice_indices(60, 0.5, 1, 1) == [30]
        assert slice_indices(61, 0.5, 3, 2) == [28, 30, 32]
        assert slice_indices(10, 0.0, 1, 1) == [0]
        assert slice_indices(10, 1.0, 1, 1) == [9]
        with pytest.raises(ImageError, match="no slices -1 to 1: the axis has 0 to 9"):
            slice_indices(10, 0.0, 3, 1)


class TestIntensity:
    @pytest.mark.parametrize("kind", NORMALISATIONS)
    def test_does_not_depend_on_gain_but_for_none(self, volume, kind):
        volume[:, :3] = 0
        a = apply(RawImage(volume), settings(normalise=kind))
        b = apply(RawImage(volume * 1000), settings(normalise=kind))
        assert np.allclose(a, b, atol=1e-4) == (kind != "none")

    def test_definitions(self, volume):
        volume[:, :3] = 0
        inside = volume > 0

        def of(kind):
            return apply(RawImage(volume), settings(normalise=kind))[0].astype(np.float64)

        assert of("zscore").mean() == pytest.approx(0, abs=1e-5)
        assert of("zscore").std() == pytest.approx(1, abs=1e-5)
        assert of("zscore_foreground")[inside].mean() == pytest.approx(0, abs=1e-5)
        assert of("zscore_foreground")[inside].std() == pytest.approx(1, abs=1e-5)
        assert of("mean").mean() == pytest.approx(1, abs=1e-5)
        assert (of("minmax").min(), of("minmax").max()) == pytest.approx((0, 1))
        low, high = np.percentile(volume, (1, 99))
        np.testing.assert_allclose(
            of("percentile"), (np.clip(volume, low, high) - low) / (high - low), atol=1e-5
        )

    @pytest.mark.parametrize("kind", [k for k in NORMALISATIONS if k not in ("none", "mean")])
    def test_constant_image_is_refused(self, kind):
        with pytest.raises(ImageError):
            apply(RawImage(np.full((4, 4, 4), 7.0, np.float32)), settings(normalise=kind))

    def test_binary_image_has_no_foreground_contrast(self):
        image = np.zeros((4, 4, 4), np.float32)
        image[1:3] = 1
        with pytest.raises(ImageError, match="its foreground is constant"):
            apply(RawImage(image), settings(normalise="zscore_foreground"))
        assert apply(RawImage(image), settings()).std() == pytest.approx(1)

    def test_mean_must_be_positive(self, volume):
        with pytest.raises(ImageError, match="above 0"):
            apply(RawImage(-volume), settings(normalise="mean"))

    def test_moments_are_precise_at_a_large_offset(self):
        values = np.random.default_rng(1).normal(1e4, 1, 300_000).astype(np.float32)
        mean, sd = moments(values)
        assert mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-9)
        assert sd == pytest.approx(values.std(dtype=np.float64), rel=1e-5)

    def test_foreground(self):
        rng = np.random.default_rng(2)
        masked = np.zeros((10, 10, 10), np.float32)
        masked[3:8, 3:8, 3:8] = rng.uniform(1, 9, (5, 5, 5))
        assert (masked > foreground_threshold(masked)).sum() == 125
        noisy = np.abs(rng.normal(0, 1, (10, 10, 10))).astype(np.float32)
        noisy[3:8, 3:8, 3:8] += 50
        assert (noisy > foreground_threshold(noisy)).sum() == 125


class TestBackground:
    """What is scaled is the image's own, whatever is put around it."""

    AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])

    @pytest.fixture
    def brain(self):
        """A skull-stripped brain: 45 % of the voxels are exactly 0."""
        image = np.random.default_rng(3).normal(100, 20, (8, 9, 10)).astype(np.float32)
        image[:, :, :2] = image[:2] = image[-1] = 0
        return image

    @pytest.mark.parametrize("kind", [k for k in NORMALISATIONS if k != "none"])
    @pytest.mark.parametrize("affine", [None, AFFINE])
    def test_padding_changes_nothing_within(self, brain, kind, affine):
        plain = apply(RawImage(brain, affine), settings(normalise=kind))
        padded = apply(RawImage(brain, affine), settings(normalise=kind, size=16))
        cut = apply(RawImage(brain, affine), settings(normalise=kind, size=[8, 6, 7]))
        np.testing.assert_allclose(padded[:, 4:12, 3:12, 3:13], plain, atol=1e-6)
        np.testing.assert_allclose(cut, plain[:, :, 1:7, 1:8], atol=1e-6)

    @pytest.mark.parametrize("size", [None, 16])
    def test_of_a_masked_scan_the_brain_has_mean_0_and_sd_1(self, brain, size):
        done = apply(RawImage(brain, self.AFFINE), settings(size=size))[0].astype(np.float64)
        inside = done > done.min()
        assert inside.sum() == (brain > 0).sum()
        assert done[inside].mean() == pytest.approx(0, abs=1e-5)
        assert done[inside].std() == pytest.approx(1, abs=1e-5)

    def test_the_brain_is_scaled_as_by_monai(self, brain):
        from monai.transforms import NormalizeIntensity

        theirs = np.asarray(NormalizeIntensity(nonzero=True)(brain.copy()))
        ours = apply(RawImage(brain, self.AFFINE), settings())[0]
        np.testing.assert_allclose(ours[brain > 0], theirs[brain > 0], atol=1e-5)
        # MONAI leaves the background at 0, in the middle of the brain's values; here it stays the darkest.
        assert ours[brain == 0].max() < ours[brain > 0].min()

    def test_a_picture_has_no_background(self, brain):
        picture = brain[4]
        done = apply(RawImage(picture), settings())
        assert done.mean() == pytest.approx(0, abs=1e-6)
        assert done.std() == pytest.approx(1, abs=1e-6)

    def test_a_scan_without_a_masked_background_is_scaled_whole(self, volume):
        done = apply(RawImage(volume, self.AFFINE), settings())
        assert done.mean() == pytest.approx(0, abs=1e-5)
        assert done.std() == pytest.approx(1, abs=1e-5)

    def test_a_mask_is_scaled_whole(self):
        image = np.zeros((4, 4, 4), np.float32)
        image[1:3] = 1
        assert apply(RawImage(image, self.AFFINE), settings()).std() == pytest.approx(1)


class TestApply:
    def test_zscore_is_of_the_volume_not_the_slice(self, volume):
        whole = apply(RawImage(volume), settings())
        cut = apply(RawImage(volume), settings(slice="axial"))
        np.testing.assert_array_equal(cut[0], whole[0, :, :, 5])

    @pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
    def test_stack_of_slices_as_channels(self, volume, plane, axis):
        done = apply(
            RawImage(volume), settings(slice={"plane": plane, "count": 3, "step": 2}, normalise="none")
        )
        middle = slice_indices(volume.shape[axis], 0.5, 1, 1)[0]
        expected = np.moveaxis(np.take(volume, [middle - 2, middle, middle + 2], axis), axis, 0)
        np.testing.assert_array_equal(done, expected)

    def test_channels_are_kept_apart(self, volume):
        raw = RawImage(np.stack([volume, 5 * volume + 3]), channels=2)
        done = apply(raw, settings(slice={"plane": "axial", "count": 2}))
        assert done.shape == (4, 9, 12)
        np.testing.assert_allclose(done[:2], done[2:], atol=1e-4)

    def test_plane_is_padded_with_the_images_darkest(self, volume):
        done = apply(RawImage(volume), settings(slice="axial", size=[20, 20]))
        assert done[0, 0, 0] == pytest.approx(apply(RawImage(volume), settings()).min())

    def test_three_sizes_apply_before_slicing(self, volume):
        wide = settings(slice="axial", size=[9, 12, 4], normalise="none")
        assert apply(RawImage(volume), wide).shape == (1, 9, 12)
        assert output_size(ImageHeader((9, 12, 10), (1, 1, 1), 1, 3), wide) == (9, 12)

    @pytest.mark.parametrize("shape", [(50,), (28, 30)])
    def test_pictures_and_series_pass_through(self, shape):
        image = np.random.default_rng(0).random(shape, np.float32)
        np.testing.assert_array_equal(apply(RawImage(image), settings(normalise="none"))[0], image)
        assert apply(RawImage(image), settings(size=16)).shape == (1, *[16] * len(shape))

    def test_a_series_is_scaled_whole_and_padded_with_its_mean(self):
        series = np.random.default_rng(0).normal(50, 3, (3, 40)).astype(np.float32)
        series[2] = 7  # a node outside of the brain
        scaled = (series[:2] - series[:2].mean(1, keepdims=True)) / series[:2].std(1, keepdims=True)
        long = apply(RawImage(series, channels=3), settings(size=60))
        np.testing.assert_allclose(long[:2, 10:50], scaled, atol=1e-5)
        np.testing.assert_allclose(long[:2, :10], 0, atol=1e-5)
        assert not long[2].any()
        short = apply(RawImage(series, channels=3), settings(size=[20]))
        np.testing.assert_allclose(short[:2], scaled[:, 10:30], atol=1e-5)
        plain = apply(RawImage(series, channels=3), settings(size=60, normalise="none"))
        np.testing.assert_allclose(plain[0, :10], series[0].mean(), rtol=1e-5)

    def test_memory_is_its_own_and_the_input_untouched(self, volume):
        before = volume.copy()
        done = apply(RawImage(volume), settings(normalise="none"))
        done += 1
        np.testing.assert_array_equal(volume, before)
        assert done.flags.c_contiguous
        assert done.dtype == np.float32

    def test_headers_and_images_agree(self, volume):
        affine = np.diag([3.0, 2.2, 1.0, 1.0])
        header = ImageHeader(volume.shape, (3.0, 2.2, 1.0), 1, 3)
        spacings = (None, 2, [1.7, 4, 0.9], 30)
        sizes = (None, 8, [7, 8], [20, 5, 6])
        slices = (None, "axial", {"plane": "sagittal", "count": 1, "position": 1})
        tried = 0
        for spacing, size, taken in itertools.product(spacings, sizes, slices):
            chosen = settings(spacing=spacing, size=size, slice=taken)
            if isinstance(size, list) and len(size) == 2 and not taken:
                with pytest.raises(ImageError, match="size gives 2 numbers"):
                    output_size(header, chosen)
                continue
            if spacing == 30:
                chosen["normalise"] = "none"
            done = conform(RawImage(volume, affine), chosen)
            assert done.array.shape == (channels(header, chosen), *output_size(header, chosen))
            assert done.spacing == pytest.approx(prepared_spacing(header, chosen))
            tried += 1
        assert tried == 44

    @pytest.mark.parametrize(
        ("shape", "given", "says"),
        [
            ((8, 8), {"slice": "axial"}, "slice needs a volume"),
            ((8, 8), {"size": [4, 4, 4]}, "size gives 3 numbers"),
            ((8, 8, 8), {"spacing": [1, 2]}, "spacing gives 2 numbers"),
            ((8, 8, 8), {"slice": {"plane": "axial", "count": 9}}, "no slices"),
            ((400, 400, 400), {"spacing": 0.01}, "voxels at preprocessing.spacing"),
            ((8, 8, 8), {"size": 16000}, "voxels at preprocessing.size"),
        ],
    )
    def test_what_does_not_fit_is_said(self, shape, given, says):
        with pytest.raises(ImageError, match=says):
            output_size(ImageHeader(shape, (1.0,) * len(shape), 1, len(shape)), settings(**given))

    def test_spacing_needs_a_voxel_size(self, volume):
        with pytest.raises(ImageError, match="no voxel size"):
            apply(RawImage(volume), settings(spacing=2))

    def test_four_axes_are_refused(self):
        with pytest.raises(ImageError, match="4 axes"):
            apply(RawImage(np.zeros((2, 2, 2, 2), np.float32)), settings())


def test_describe_says_what_is_done():
    text = describe(settings(spacing=2, size=[64, 64], slice={"plane": "axial", "count": 3, "step": 2}))
    for part in ("RAS", "2 mm", "64×64", "mean 0", "3 axial slices, 2 apart"):
        assert part in text
    assert describe(settings(orient=None, normalise="none")) == "as stored"


def test_resize_agrees_with_torch_where_it_interpolates() -> None:
    import torch
    from torch.nn.functional import interpolate

    from tlpy.data.preprocessing.geometry import resize

    picture = np.random.default_rng(3).normal(size=(2, 13, 9)).astype(np.float32)
    theirs = interpolate(torch.from_numpy(picture)[None], (20, 31), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(resize(picture, (20, 31)), theirs[0].numpy(), atol=1e-5)
    assert resize(picture, (13, 9)) is picture
    # Made smaller, a picture is smoothed first: what alternates faster than the new grid is averaged.
    stripes = np.tile(np.array([0.0, 1.0], np.float32), 32).reshape(1, 64)
    np.testing.assert_allclose(resize(stripes, (8,))[0, 1:-1], 0.5, atol=0.02)


def test_resize_goes_with_a_new_spacing_and_not_beside_another() -> None:
    problems = Problems()
    validate({"resize": 8, "spacing": 2.0}, "preprocessing", problems)
    assert [str(p) for p in problems] == [
        "preprocessing.resize: does not go with spacing: each gives the image its grid"
    ]
    settings = validate({"resize": [8, 8, 8], "normalise": "none"}, "preprocessing", Problems())
    raw = RawImage(np.ones((4, 8, 16), np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
    conformed = conform(raw, settings)
    assert conformed.array.shape == (1, 8, 8, 8)
    assert conformed.spacing == (1.0, 2.0, 4.0)
