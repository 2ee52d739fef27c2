"""Every transform keeps one contract; some have a known answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tlpy.data.augmentation.base import Draw
from tlpy.data.augmentation.motion import poses_of_lines
from tlpy.data.augmentation.noise import normal
from tlpy.data.augmentation.pipeline import Augmentation, build_augmentation
from tlpy.data.augmentation.registry import AUGMENTATIONS, complete_augmentation
from tlpy.data.augmentation.separable import along_axes, gaussian, spline_basis

SIZES = {1: (24,), 2: (12, 15), 3: (9, 12, 10)}
EVERY = [(name, dims) for name in AUGMENTATIONS.names() for dims in AUGMENTATIONS.facts(name).dims]
CHANGES = {"translation": 0.1, "shear": 5.0}


def make(name: str, dims: int, seed: int = 0, **arguments: Any) -> Augmentation:
    known = AUGMENTATIONS.declaration(name).defaults
    component = {"name": name, **{k: v for k, v in CHANGES.items() if k in known}, **arguments}
    made = build_augmentation(complete_augmentation(component, "x", SIZES[dims]), seed)
    assert made is not None
    return made


def pictures(dims: int, count: int = 6, channels: int = 2, **options: Any) -> Tensor:
    """Smooth blobs on a background below 0, as after a z-score."""
    draw = torch.Generator().manual_seed(dims)
    size = SIZES[dims]
    found = torch.full((count, channels, *size), -0.8)
    inner = tuple(slice(n // 4, -(n // 4)) for n in size)
    found[(..., *inner)] = torch.rand(found[(..., *inner)].shape, generator=draw) + 1
    return found.to(**options)


def certain(augmentation: Augmentation, images: Tensor, **values: Any) -> Tensor:
    """Apply the only transform to every image, with some values given rather than drawn."""
    (draw,) = augmentation.draw(len(images), tuple(images.shape[2:]), 0, 0)
    fixed = {k: np.broadcast_to(v, draw.values[k].shape) for k, v in values.items()}
    return augmentation.apply(images, [Draw(np.full(len(images), True), {**draw.values, **fixed})])


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_shape_type_and_finite_values(name: str, dims: int) -> None:
    augmentation = make(name, dims, p=1)
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        images = pictures(dims).to(dtype)
        before = images.clone()
        out = augmentation(images, 0, 0)
        assert out.shape == images.shape
        assert out.dtype == dtype
        assert out.isfinite().all()
        assert not out.requires_grad
        assert torch.equal(images, before)
        assert not torch.equal(out, before)


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_a_batch_is_its_images_one_by_one(name: str, dims: int) -> None:
    augmentation, images = make(name, dims, p=0.6), pictures(dims, dtype=torch.float64)
    draws = augmentation.draw(len(images), SIZES[dims], 2, 3)
    whole = augmentation.apply(images, draws)
    single = [
        augmentation.apply(images[k : k + 1], [draw[k : k + 1] for draw in draws]) for k in range(len(images))
    ]
    torch.testing.assert_close(whole, torch.cat(single), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_the_same_seed_epoch_and_batch_give_the_same(name: str, dims: int) -> None:
    images = pictures(dims, 32)
    first = make(name, dims)(images, 1, 1)
    torch.manual_seed(5)
    np.random.seed(5)
    assert torch.equal(make(name, dims)(images, 1, 1), first)
    for seed, epoch, batch in ((1, 1, 1), (0, 2, 1), (0, 1, 2)):
        assert not torch.equal(make(name, dims, seed=seed)(images, epoch, batch), first)


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_random_numbers_of_others_are_left_alone(name: str, dims: int) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    make(name, dims, p=1)(pictures(dims), 0, 0)
    assert torch.rand(1) == expected


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_images_are_changed_as_often_as_p_says(name: str, dims: int) -> None:
    augmentation = make(name, dims, p=0.3)
    (draw,) = augmentation.draw(4000, SIZES[dims], 0, 0)
    on = draw.values["axes"][:, 0] if name == "flip" else draw.on
    assert on.mean() == pytest.approx(0.3, abs=0.03)
    images = pictures(dims)
    assert augmentation.apply(images, [Draw(np.full(6, False), draw[:6].values)]) is images


@pytest.mark.parametrize(("name", "dims"), EVERY)
def test_the_same_inside_of_autocast(name: str, dims: int) -> None:
    augmentation, images = make(name, dims, p=1), pictures(dims)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augmentation(images, 0, 0), augmentation(images, 0, 0))
        inside = augmentation(images, 0, 0)
    assert torch.equal(inside, augmentation(images, 0, 0))


@pytest.mark.parametrize("fill", ["background", "edge", "reflect"])
@pytest.mark.parametrize(("name", "dims"), [(n, d) for n, d in EVERY if n in ("affine", "elastic", "crop")])
def test_what_comes_in_is_no_new_value(name: str, dims: int, fill: str) -> None:
    images = pictures(dims)
    out = make(name, dims, p=1, fill=fill)(images, 0, 0)
    assert out.min() >= images.min() - 1e-5
    assert out.max() <= images.max() + 1e-5
    corner = (slice(None), slice(None), *[0] * dims)
    torch.testing.assert_close(out[corner], images[corner])


@pytest.mark.parametrize("name", ["bias_field", "gamma", "ghosting", "motion"])
def test_a_shift_of_intensity_changes_nothing_else(name: str) -> None:
    """A z-scored image and the same one from 0 on are augmented alike."""
    images, augmentation = pictures(2), make(name, 2, p=1)
    torch.testing.assert_close(
        augmentation(images + 0.8, 0, 0), augmentation(images, 0, 0) + 0.8, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("degrees", [90.0, 180.0])
def test_a_quarter_turn_is_exact(degrees: float) -> None:
    images = torch.randn(3, 2, 10, 10)
    turned = certain(make("affine", 2), images, degrees=degrees, scale=1.0, shift=0.0, shear=0.0)
    torch.testing.assert_close(turned, torch.rot90(images, int(degrees // 90), (2, 3)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("axis", "plane"), [(0, (3, 4)), (1, (4, 2)), (2, (2, 3))])
def test_a_quarter_turn_about_each_axis_of_a_volume(axis: int, plane: tuple[int, int]) -> None:
    images = torch.randn(2, 1, 7, 7, 7)
    degrees = np.eye(3)[axis] * 90
    turned = certain(make("affine", 3), images, degrees=degrees, scale=1.0, shift=0.0, shear=0.0)
    torch.testing.assert_close(turned, torch.rot90(images, 1, plane), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_shift_and_scale_do_what_they_say(dims: int) -> None:
    images = pictures(dims)
    still = {"degrees": 0.0, "scale": 1.0, "shift": 0.0, "shear": 0.0}
    torch.testing.assert_close(certain(make("affine", dims), images, **still), images, rtol=0, atol=1e-4)
    moved = certain(make("affine", dims), images, **{**still, "shift": 2.0})
    torch.testing.assert_close(
        moved, torch.roll(images, [2] * dims, tuple(range(2, 2 + dims))), rtol=0, atol=1e-4
    )
    larger = certain(make("affine", dims), images, **{**still, "scale": 1.5})
    assert (larger > 0).sum() > 1.2 * (images > 0).sum()


def test_shear_moves_rows_along_themselves() -> None:
    images = torch.zeros(1, 1, 21, 21)
    images[..., 10, :] = images[..., :, 10] = 1
    sheared = certain(make("affine", 2), images, degrees=0.0, scale=1.0, shift=0.0, shear=45.0)
    assert sheared[0, 0, 20, 20] == pytest.approx(1, abs=1e-4)
    assert sheared[0, 0, 10, 10] == pytest.approx(1, abs=1e-4)


def test_affine_equals_a_slow_reference() -> None:
    from scipy import ndimage

    images, augmentation = pictures(3, 2, 1, dtype=torch.float64), make("affine", 3, p=1, rotation=30)
    (draw,) = augmentation.draw(2, SIZES[3], 0, 0)
    out = augmentation.apply(images, [draw])
    for k in range(2):
        x, y, z = np.deg2rad(draw.values["degrees"][k])
        about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
        about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
        about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
        a, b, c = np.tan(np.deg2rad(draw.values["shear"][k]))
        shear = np.array([[1, a, b], [0, 1, c], [0, 0, 1]])
        matrix = np.linalg.inv(about_z @ about_y @ about_x @ shear * draw.values["scale"][k])
        centre = (np.array(SIZES[3]) - 1) / 2
        offset = centre - matrix @ (centre + draw.values["shift"][k])
        picture = np.pad(images[k, 0].numpy(), 8, constant_values=-0.8)
        expected = ndimage.affine_transform(
            picture, matrix, offset + 8 - matrix @ np.full(3, 8.0), order=1, cval=-0.8
        )
        inner = expected[8:-8, 8:-8, 8:-8]
        np.testing.assert_allclose(out[k, 0].numpy(), inner, atol=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_elastic_never_folds(dims: int) -> None:
    augmentation = make("elastic", dims, amount=0.4, cells=3)
    (draw,) = augmentation.draw(50, (40,) * dims, 0, 0)
    field = along_axes(torch.from_numpy(draw.values["moves"]), [spline_basis(40, 3)] * dims)
    for axis in range(dims):
        assert (1 + field[:, axis].diff(dim=1 + axis)).min() > 0


def test_splines_sum_to_one_and_blur_keeps_a_constant() -> None:
    np.testing.assert_allclose(spline_basis(11, 4).sum(1), 1)
    np.testing.assert_allclose(gaussian(9, np.array([0.0, 0.5, 3.0])).sum(-1), 1)


def test_matrices_along_axes_equal_einsum() -> None:
    draw = np.random.default_rng(0)
    values = torch.from_numpy(draw.normal(size=(3, 2, 4, 5, 6)))
    matrices = [draw.normal(size=(3, 7, 4)), draw.normal(size=(8, 5)), draw.normal(size=(3, 2, 6))]
    a, b, c = (torch.from_numpy(m) for m in matrices)
    torch.testing.assert_close(
        along_axes(values, matrices), torch.einsum("nixyz,nax,by,ncz->niabc", values, a, b, c)
    )


def test_blur_equals_scipys() -> None:
    from scipy import ndimage

    images = pictures(2, 1, 1, dtype=torch.float64)
    out = certain(make("blur", 2), images, sd=0.6)
    expected = ndimage.gaussian_filter(images[0, 0].numpy(), 0.6, truncate=8, mode="nearest")
    np.testing.assert_allclose(out[0, 0, 4:-4, 4:-4].numpy(), expected[4:-4, 4:-4], atol=1e-6)


def test_noise_is_normal_and_follows_from_its_seeds() -> None:
    seeds = np.array([[1, 2], [3, 4], [1, 3], [2, 2]])
    found = normal(seeds, (2, 101, 100), torch.zeros(1))
    assert found.mean().abs() < 0.02
    assert found.std() == pytest.approx(1, abs=0.02)
    assert (found.abs() < 1.96).float().mean() == pytest.approx(0.95, abs=0.005)
    between = torch.corrcoef(found.flatten(1))
    assert (between - torch.eye(4)).abs().max() < 0.03
    neighbours = torch.corrcoef(torch.stack([found[..., 1:].flatten(), found[..., :-1].flatten()]))
    assert neighbours[0, 1].abs() < 0.02
    assert torch.equal(normal(seeds[2:3], (2, 101, 100), torch.zeros(1))[0], found[2])


def test_noise_is_as_large_as_it_says() -> None:
    images = 7 * torch.randn(2, 1, 64, 64)
    added = certain(make("noise", 2), images, sd=0.2) - images
    assert added.std() == pytest.approx(0.2 * float(images.std()), rel=0.05)


def test_ghosts_appear_at_regular_distances() -> None:
    images = torch.zeros(1, 1, 4, 60)
    images[..., 30] = 1
    out = certain(make("ghosting", 2), images, axis=1, ghosts=3, amount=0.6)
    line = out[0, 0, 0]
    assert set(line.topk(3).indices.tolist()) == {10, 30, 50}
    assert line[30] == pytest.approx(0.8, abs=0.05)
    assert line[10] == pytest.approx(0.2, abs=0.05)


def test_ghosting_equals_the_full_transform() -> None:
    images = pictures(3, 1, 1, dtype=torch.float64)
    out = certain(make("ghosting", 3), images, axis=1, ghosts=2, amount=0.5)
    spectrum = torch.fft.fftn(images[0, 0] + 0.8)
    lines = torch.fft.fftfreq(12, 1 / 12).round().long().abs()
    spectrum[:, (lines % 2 == 0) & (lines > 0)] *= 0.5
    torch.testing.assert_close(out[0, 0], torch.fft.ifftn(spectrum).real.abs() - 0.8)


def test_motion_without_motion_and_its_middle() -> None:
    images = pictures(2)
    still = certain(make("motion", 2), images, degrees=0.0, shift=0.0)
    torch.testing.assert_close(still, images, rtol=0, atol=1e-4)
    poses = poses_of_lines(np.array([[0.1, 0.3], [0.2, 0.8], [0.7, 0.9]]), 10)
    assert poses[:, 0].tolist() == [0, 0, 0]
    ordered = np.fft.fftshift(poses, axes=1)
    assert ordered[0].tolist() == [1, 2, 2, 0, 0, 0, 0, 0, 0, 0]
    assert ordered[1].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 2, 2]
    assert ordered[2].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]


def test_gamma_keeps_the_ends_and_a_constant() -> None:
    images = pictures(2)
    images[0] = 3.0
    out = make("gamma", 2, p=1)(images, 0, 0)
    torch.testing.assert_close(out.amin((2, 3)), images.amin((2, 3)))
    torch.testing.assert_close(out.amax((2, 3)), images.amax((2, 3)))
    assert torch.equal(out[0], images[0])


def test_a_bias_field_leaves_the_background_and_is_smooth() -> None:
    images = pictures(2)
    out = make("bias_field", 2, p=1, amount=0.3)(images, 0, 0)
    dark = images == -0.8
    assert torch.equal(out[dark], images[dark])
    field = ((out + 0.8) / (images + 0.8))[..., 3:9, 3:12]
    assert field.std() > 0.02
    assert field.diff(dim=-1).abs().max() < 0.5
    torch.testing.assert_close(field[:, 0], field[:, 1], rtol=0, atol=1e-4)


def test_flips_of_each_axis_apart() -> None:
    images = pictures(3, 4)
    out = make("flip", 3, axes=[0, 2], p=1)(images, 0, 0)
    assert torch.equal(out, images.flip(2, 4))
    (draw,) = make("flip", 3, axes=[0, 1]).draw(2000, SIZES[3], 0, 0)
    assert np.corrcoef(draw.values["axes"].T)[0, 1] == pytest.approx(0, abs=0.08)


def test_quarter_turns_where_sides_are_equal() -> None:
    images = torch.randn(30, 1, 6, 6)
    out = build_augmentation([{"name": "rot90", "p": 1.0, "axes": [0, 1]}], 0)(images, 0, 0)
    quarters = [
        next(q for q in range(4) if torch.equal(torch.rot90(image, q, (1, 2)), turned))
        for image, turned in zip(images, out, strict=True)
    ]
    assert set(quarters) == {1, 2, 3}
    rectangles = pictures(2)
    assert torch.equal(make("rot90", 2, p=1)(rectangles, 0, 0), rectangles.flip(2, 3))


@pytest.mark.parametrize(
    ("fill", "line"),
    [("background", [0, 0, 1, 2, 3]), ("edge", [1, 1, 1, 2, 3]), ("reflect", [3, 2, 1, 2, 3])],
)
def test_a_crop_is_a_shift_by_whole_voxels(fill: str, line: Sequence[float]) -> None:
    images = torch.tensor([1.0, 2, 3, 4, 5]).expand(1, 1, 5, 5).clone()
    images[..., 4, 4] = 0
    made = build_augmentation([{"name": "crop", "p": 1.0, "padding": 2, "fill": fill}], 0)
    out = certain(made, images, start=[0, -2])
    assert out[0, 0, 0].tolist() == line


def test_neighbouring_streams_are_apart() -> None:
    augmentation = make("affine", 2, p=1)
    drawn = [
        augmentation.draw(1, SIZES[2], *at)[0].values["degrees"] for at in ((0, 1), (1, 0), (0, 0), (1, 1))
    ]
    assert all(not np.array_equal(a, b) for a, b in pairwise(drawn))
