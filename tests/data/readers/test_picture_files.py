"""Pictures and arrays: shapes, modes, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlpy.data.readers.base import ImageError
from tlpy.data.readers.images import load_image, read_header, without_ending

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 10


def save(path: Path, values: np.ndarray, mode: str | None = None) -> Path:
    picture = Image.fromarray(values)
    (picture.convert(mode) if mode else picture).save(path)
    return path


@pytest.mark.parametrize("ending", ["png", "tif", "bmp"])
def test_grey_pictures_keep_their_values(tmp_path: Path, ending: str) -> None:
    file = save(tmp_path / f"a.{ending}", GREY)
    header, raw = read_header(file), load_image(file)
    assert (header.shape, header.spacing, header.channels, header.dims) == ((3, 4), (1.0, 1.0), 1, 2)
    np.testing.assert_array_equal(raw.array, GREY)
    assert raw.array.dtype == np.float32
    assert raw.affine is None


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_grey_is_not_cut_to_eight_bits(tmp_path: Path, dtype: type) -> None:
    file = save(tmp_path / "deep.tif", (GREY.astype(dtype) * 200))
    np.testing.assert_array_equal(load_image(file).array, GREY.astype(np.float32) * 200)


def test_deep_png_and_transparent_colour(tmp_path: Path) -> None:
    deep = save(tmp_path / "deep.png", GREY.astype(np.uint16) * 500)
    assert read_header(deep).channels == 1
    np.testing.assert_array_equal(load_image(deep).array, GREY.astype(np.float32) * 500)
    palette = Image.fromarray(GREY).convert("P")
    palette.save(tmp_path / "clear.png", transparency=0)
    raw = load_image(tmp_path / "clear.png")
    assert raw.channels == read_header(tmp_path / "clear.png").channels == 3
    np.testing.assert_array_equal(raw.array[1], GREY)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colour_comes_as_three_channels_first(tmp_path: Path, mode: str) -> None:
    colour = np.stack([GREY, GREY[::-1], np.zeros_like(GREY)], axis=-1)
    ending = "tif" if mode == "CMYK" else "png"
    file = save(tmp_path / f"c.{ending}", colour, mode)
    header, raw = read_header(file), load_image(file)
    assert (header.shape, header.channels) == ((3, 4), 3)
    assert (raw.array.shape, raw.channels) == ((3, 3, 4), 3)
    if mode != "P":
        np.testing.assert_array_equal(raw.array[0], GREY)


@pytest.mark.parametrize("mode", ["1", "LA"])
def test_other_greys_are_one_channel(tmp_path: Path, mode: str) -> None:
    file = save(tmp_path / "g.png", GREY, mode)
    assert read_header(file).channels == 1
    assert load_image(file).array.shape == (3, 4)


def test_rotation_noted_by_a_camera_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "turned.jpg", exif=exif)
    assert read_header(tmp_path / "turned.jpg").shape == (4, 3)
    assert load_image(tmp_path / "turned.jpg").array.shape == (4, 3)


def test_arrays(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", values)
    assert read_header(tmp_path / "a.npy").shape == (2, 3, 4)
    np.testing.assert_array_equal(load_image(tmp_path / "a.npy").array, values)


def test_wrong_files_are_refused_with_a_reason(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", np.random.default_rng(0).integers(0, 255, (90, 90), dtype=np.uint8))
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:2000])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "a.dcm").touch()
    Image.fromarray(GREY).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(GREY)])
    np.save(tmp_path / "names.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "deep.npy", np.zeros((2, 2, 2, 2)))
    np.save(tmp_path / "whole.npy", np.zeros(1000))
    (tmp_path / "half.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:4000])
    expected = {
        "cut.png": "truncated",
        "text.jpg": "no picture",
        "empty.png": "empty",
        "a.dcm": "ending",
        "pages.tif": "2 pages",
        "names.npy": "expected plain numbers",
        "objects.npy": "expected plain numbers",
        "deep.npy": "1 to 3 axes",
        "half.npy": "truncated",
        "absent.png": "no such file",
    }
    for name, text in expected.items():
        with pytest.raises(ImageError, match=text):
            load_image(tmp_path / name)


def test_names_without_their_ending() -> None:
    assert without_ending("a/sub-01_T1w.nii.gz") == "a/sub-01_T1w"
    assert without_ending("b.v2.PNG") == "b.v2"
    assert without_ending("plain") == "plain"
