"""What the self-supervised terms show the network, and ask of it."""

from __future__ import annotations

import pytest
import steps
import torch

from tlpy.objectives import distortions
from tlpy.objectives.decoder import make_decoder
from tlpy.objectives.masked_autoencoder import MaskedAutoencoder, TokenDecoder, cut
from tlpy.objectives.models_genesis import ModelsGenesis
from tlpy.objectives.rotation import turn
from tlpy.objectives.simclr import nt_xent


def test_nt_xent_is_monais() -> None:
    losses = pytest.importorskip("monai.losses")
    first, second = torch.randn(5, 7), torch.randn(5, 7)
    for temperature in (0.5, 0.1):
        # MONAI takes the mean over rows twice as long; the definition is the same.
        reference = losses.ContrastiveLoss(temperature=temperature)(first, second)
        torch.testing.assert_close(nt_xent(first, second, temperature), reference)
    torch.testing.assert_close(nt_xent(first, second), nt_xent(second * 3, first * 2))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_cut_gives_each_patch_its_voxels(dims: int) -> None:
    patch = [2, 3, 2][:dims]
    images = torch.arange(2 * 2 * 4 * 6 * 4).float().reshape(2, 2, 4, 6, 4)[(..., *[0] * (3 - dims))]
    if dims == 1:
        images = images.reshape(2, 2, 4)
    found = cut(images, patch)
    first = images[(slice(None), slice(None), *(slice(0, edge) for edge in patch))]
    torch.testing.assert_close(found[:, 0], first.flatten(1))
    last = images[(slice(None), slice(None), *(slice(-edge, None) for edge in patch))]
    torch.testing.assert_close(found[:, -1], last.flatten(1))


def test_a_transformer_sees_visible_patches_alone() -> None:
    objective, architecture = steps.started("masked_autoencoder", steps.NONE, 2, "vit")
    assert isinstance(objective.terms[0].decoder, TokenDecoder)
    seen = []
    architecture.encoder.blocks[0].register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    objective(steps.observed(objective, architecture, steps.NONE, unlabelled=False))
    assert seen == [(4, 3, 12)], "a quarter of 4x3 patches"


def test_the_token_decoder_puts_tokens_back_in_their_places() -> None:
    architecture = steps.network(steps.NONE, name="vit")
    decoder = TokenDecoder(architecture.encoder, 1, 12, 1).eval()
    decoder.positions.zero_()
    visible, order = (
        torch.randn(1, 3, 12),
        torch.tensor([[5, 0, 9, *(i for i in range(12) if i not in (5, 0, 9))]]),
    )
    found = decoder(visible, order)
    hidden = [i for i in range(12) if i not in (5, 0, 9)]
    torch.testing.assert_close(found[0, hidden], found[0, hidden[:1]].expand(9, -1))
    assert (found[0, 5] - found[0, hidden[0]]).abs().sum() > 0


@pytest.mark.parametrize(
    ("dims", "encoder"), [(1, "vit"), (2, "vit"), (3, "vit"), (1, "resnet"), (2, "resnet"), (3, "sfcn")]
)
def test_only_hidden_patches_count(dims: int, encoder: str) -> None:
    """A decoder that is right everywhere but on visible patches has no error."""
    objective, architecture = steps.started(
        {"masked_autoencoder": {"patch": 4, "normalise": False}}, steps.NONE, dims, encoder
    )
    term = objective.terms[0]
    images = steps.images(2, dims)
    generator = torch.Generator().manual_seed(0)
    whole = [-(-axis // 4) * 4 - axis for axis in steps.SIZES[dims]]
    assert isinstance(term, MaskedAutoencoder)
    count = 1
    for axis, more in zip(steps.SIZES[dims], whole, strict=True):
        count *= (axis + more) // 4
    kept = max(1, round(count / 4))
    order = torch.rand(2, count, generator=generator).argsort(1)

    class Right(torch.nn.Module):
        def forward(self, *_: torch.Tensor) -> torch.Tensor:
            pad = [p for more in whole for p in (more, 0)][::-1]
            patches = cut(torch.nn.functional.pad(images, pad, mode="replicate"), [4] * dims)
            patches = patches.clone()
            patches.scatter_(1, order[:, :kept, None].expand(-1, -1, patches.shape[2]), 99.0)
            if encoder == "vit":
                return patches
            back = torch.zeros(2, 1, *(a + m for a, m in zip(steps.SIZES[dims], whole, strict=True)))
            index = cut(torch.arange(back[0].numel()).reshape(1, *back.shape[1:]).float(), [4] * dims).long()
            back.flatten(1).scatter_(1, index.flatten(1).expand(2, -1), patches.flatten(1))
            return back[(..., *(slice(0, axis) for axis in steps.SIZES[dims]))]

    term.decoder = Right()
    step = objective.observe(architecture, images, {}, generator=torch.Generator().manual_seed(0))
    assert objective(step)[0].item() == pytest.approx(0, abs=1e-10)


def test_a_square_turns_within_its_frame() -> None:
    images = torch.arange(2 * 4 * 6 * 3).float().reshape(2, 1, 4, 6, 3)
    once = turn(images, 1)
    assert once.shape == images.shape
    torch.testing.assert_close(once[:, :, :, 1:5], torch.rot90(images[:, :, :, 1:5], 1, (2, 3)))
    assert (once[:, :, :, 0] == images.amin((2, 3, 4), keepdim=True)[:, :, :, 0]).all()
    again = images
    for _ in range(4):
        again = turn(again, 1)
    torch.testing.assert_close(again, turn(images, 0))
    torch.testing.assert_close(turn(turn(images, 1), 1), turn(images, 2))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_distortions_keep_what_they_promise(dims: int) -> None:
    images = torch.rand(6, 1, *steps.SIZES[dims], generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    shuffled = distortions.shuffle(images, generator)
    torch.testing.assert_close(shuffled.flatten(1).sort(1).values, images.flatten(1).sort(1).values)
    assert not torch.equal(shuffled, images)
    curved = distortions.bezier(images, generator)
    assert curved.min() >= 0
    assert curved.max() <= 1
    for row in range(6):
        order = images[row].flatten().argsort()
        steps_up = curved[row].flatten()[order].diff()
        assert (steps_up >= -1e-5).all() or (steps_up <= 1e-5).all(), "a curve rises or falls"
    inside = (distortions.inpaint(images, generator) == images).float().mean()
    outside = (distortions.outpaint(images, generator) == images).float().mean()
    assert 0.2 < inside < 1
    assert 0.03 < outside < 0.95
    mirrored = distortions.mirror(images, generator)
    torch.testing.assert_close(mirrored.flatten(1).sort(1).values, images.flatten(1).sort(1).values)


def test_shuffling_moves_voxels_within_small_windows() -> None:
    size = (40, 60)
    places = torch.arange(40 * 60).reshape(1, 1, *size).float()
    for seed in range(5):
        found = distortions.shuffle(places, torch.Generator().manual_seed(seed)).long()[0, 0]
        rows, columns = found // 60, found % 60
        assert (rows - torch.arange(40)[:, None]).abs().max() < 4
        assert (columns - torch.arange(60)).abs().max() < 6


def test_genesis_answers_with_the_image_in_its_own_scale() -> None:
    term = ModelsGenesis(steps.NONE, nonlinear=0, shuffle=0, paint=0, flip=0)
    images = steps.images(3) * 5 - 2
    distorted, true = term.distort(images, None)
    torch.testing.assert_close(distorted, images)
    torch.testing.assert_close(true, images)


@pytest.mark.parametrize(("dims", "encoder"), [(1, "resnet"), (2, "vit"), (3, "sfcn")])
def test_a_decoder_gives_images_of_the_right_size(dims: int, encoder: str) -> None:
    architecture = steps.network(steps.NONE, dims=dims, name=encoder, channels=2).train()
    decoder = make_decoder(architecture, 32)
    assert architecture.training
    maps = architecture.encoder.forward_map(steps.images(3, dims, 2))
    assert decoder(maps).shape == (3, 2, *steps.SIZES[dims])
    torch.testing.assert_close(maps.flatten(2).mean(2), architecture.encoder(steps.images(3, dims, 2)))
