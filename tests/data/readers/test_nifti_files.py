"""NIfTI headers against nibabel, and every way in which a file is not what it seems."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tlpy.data.fingerprint import fingerprint_file
from tlpy.data.readers.base import ImageError
from tlpy.data.readers.images import load_image, read_header
from tlpy.data.readers.nifti import parse_header

REAL = Path(__file__).parents[3].parent / "shared" / "data"


def random_affine(rng: np.random.Generator) -> np.ndarray:
    """Rotation, flips, permutation and anisotropic voxels at random."""
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * rng.uniform(0.5, 4.0, 3)
    affine[:3, 3] = rng.normal(size=3) * 50
    return affine


@pytest.mark.parametrize("version", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("form", ["sform", "qform", "none"])
def test_header_agrees_with_nibabel_for_any_orientation(version, form) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        shape = tuple(rng.integers(2, 9, 3))
        image = version(np.zeros(shape, np.int16), random_affine(rng))
        image.header.set_sform(image.affine, 1 if form == "sform" else 0)
        image.header.set_qform(image.affine, 1 if form == "qform" else 0)
        loaded = version.from_bytes(image.to_bytes())
        canonical = nib.as_closest_canonical(loaded)
        header = parse_header(image.to_bytes()[:540])
        assert header.shape == canonical.shape
        assert header.spacing == pytest.approx(nib.affines.voxel_sizes(canonical.affine), abs=1e-4)
        assert header.stored_shape == shape
        assert header.stored_spacing == pytest.approx(nib.affines.voxel_sizes(loaded.affine), abs=1e-4)


def test_big_endian_header(tmp_path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    image = nib.Nifti1Image(np.arange(24, dtype=">i2").reshape(2, 3, 4), np.diag([1, 2, 3, 1.0]), header)
    nib.save(image, tmp_path / "big.nii")
    assert read_header(tmp_path / "big.nii").spacing == (1.0, 2.0, 3.0)
    assert load_image(tmp_path / "big.nii").array[1, 2, 3] == 23.0


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data, which is not here")
def test_header_and_voxels_of_real_images() -> None:
    files = sorted(REAL.glob("hippocampus/imagesTr/*.nii.gz"))[:5]
    files += [
        *sorted(REAL.glob("ds002748/sub-0[12]/anat/*.nii.gz")),
        *REAL.glob("ds002748_native/sub-01/*/*.gz"),
    ]
    for file in files:
        canonical = nib.as_closest_canonical(nib.load(file))
        header = read_header(file)
        assert header.shape == canonical.shape
        assert header.spacing == pytest.approx(canonical.header.get_zooms(), abs=1e-4)
        raw = load_image(file)
        assert raw.array.dtype == np.float32
        np.testing.assert_array_equal(raw.array, nib.load(file).get_fdata(dtype=np.float32))
        np.testing.assert_array_equal(raw.affine, nib.load(file).affine)


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    values = np.linspace(-3, 7, 60).reshape(3, 4, 5)
    image = nib.Nifti1Image(values, np.eye(4))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "scaled.nii.gz")
    np.testing.assert_allclose(load_image(tmp_path / "scaled.nii.gz").array, values, atol=1e-3)


@pytest.mark.parametrize("name", ["plain.nii", "packed.nii.gz", "UPPER.NII.GZ"])
def test_trailing_axes_of_one_are_dropped(tmp_path: Path, write_nifti, name: str) -> None:
    file = write_nifti(tmp_path / name.lower(), (4, 5, 6, 1, 1)).rename(tmp_path / name)
    assert read_header(file).shape == (4, 5, 6)
    assert load_image(file).array.shape == (4, 5, 6)


def test_compression_is_told_by_content_not_by_name(tmp_path: Path, write_nifti) -> None:
    packed = write_nifti(tmp_path / "a.nii.gz")
    wrong = tmp_path / "b.nii"
    wrong.write_bytes(packed.read_bytes())
    plain = tmp_path / "c.nii.gz"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    for file in (wrong, plain):
        assert read_header(file) == read_header(packed)
        np.testing.assert_array_equal(load_image(file).array, load_image(packed).array)


def test_two_dimensional_nifti(tmp_path: Path, write_nifti) -> None:
    file = write_nifti(tmp_path / "flat.nii", (7, 8))
    assert (read_header(file).shape, read_header(file).dims) == ((7, 8), 2)
    raw = load_image(file)
    assert raw.array.shape == (7, 8)
    assert raw.affine is None


def reason(call, file: Path) -> str:
    with pytest.raises(ImageError) as caught:
        call(file)
    return str(caught.value)


def test_4d_image(tmp_path: Path, write_nifti) -> None:
    file = write_nifti(tmp_path / "bold.nii.gz", (4, 5, 6, 7))
    assert reason(read_header, file) == "is 4D (4×5×6×7), expected 3D"


@pytest.mark.parametrize(("dtype", "kind"), [(np.complex64, "complex"), (np.complex128, "complex")])
def test_complex_values(tmp_path: Path, write_nifti, dtype: type, kind: str) -> None:
    file = write_nifti(tmp_path / "c.nii", dtype=dtype)
    assert kind in reason(read_header, file)


def test_colour_values(tmp_path: Path) -> None:
    colour = np.zeros((2, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colour, np.eye(4)), tmp_path / "rgb.nii")
    assert "colour" in reason(read_header, tmp_path / "rgb.nii")


@pytest.mark.parametrize("call", [read_header, load_image, fingerprint_file])
def test_missing_empty_and_folders(tmp_path: Path, call) -> None:
    (tmp_path / "empty.nii.gz").touch()
    (tmp_path / "folder.nii.gz").mkdir()
    (tmp_path / "annex.nii.gz").symlink_to(tmp_path / ".git" / "annex" / "object")
    assert reason(call, tmp_path / "absent.nii.gz") == "no such file"
    assert reason(call, tmp_path / "empty.nii.gz") == "empty file (0 bytes)"
    assert "folder" in reason(call, tmp_path / "folder.nii.gz")
    assert "datalad get" in reason(call, tmp_path / "annex.nii.gz")


@pytest.mark.parametrize("call", [read_header, load_image])
def test_not_a_nifti(tmp_path: Path, call) -> None:
    (tmp_path / "text.nii").write_text("participant_id\tage\n" * 40)
    (tmp_path / "text.nii.gz").write_bytes(gzip.compress(b"no image at all" * 50))
    (tmp_path / "page.nii.gz").write_text("<html>404: not found</html>" * 20)
    for name in ("text.nii", "text.nii.gz", "page.nii.gz"):
        assert reason(call, tmp_path / name).startswith("no NIfTI image")


def test_truncated_files(tmp_path: Path, write_nifti) -> None:
    packed = write_nifti(tmp_path / "a.nii.gz", (30, 30, 30)).read_bytes()
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    assert read_header(cut).shape == (30, 30, 30)
    assert reason(load_image, cut).startswith("truncated")
    cut.write_bytes(packed[:20])
    assert reason(read_header, cut).startswith("truncated")
    plain = gzip.decompress(packed)
    short = tmp_path / "short.nii"
    short.write_bytes(plain[: len(plain) // 2])
    assert reason(load_image, short).startswith("truncated")
    short.write_bytes(plain[:100])
    assert reason(read_header, short).startswith("truncated")
    repacked = tmp_path / "repacked.nii.gz"
    repacked.write_bytes(gzip.compress(plain[: len(plain) // 2]))
    assert reason(load_image, repacked).startswith("truncated")


def test_flipped_bits_are_noticed(tmp_path: Path, write_nifti) -> None:
    file = write_nifti(tmp_path / "a.nii.gz", (30, 30, 30))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    assert reason(load_image, file).startswith(("damaged", "truncated"))


def test_singular_affine(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.int16), None)
    image.header["sform_code"], image.header["srow_y"] = 1, [0, 2, 0, 0]
    nib.save(image, tmp_path / "flat.nii")
    assert "affine" in reason(read_header, tmp_path / "flat.nii")


def test_fingerprint_is_of_the_content(tmp_path: Path, write_nifti) -> None:
    for ending in ("nii", "nii.gz"):
        one = write_nifti(tmp_path / f"one.{ending}", seed=1)
        two = write_nifti(tmp_path / f"two.{ending}", seed=2)
        copy = tmp_path / "elsewhere" / f"copy.{ending}"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(one.read_bytes())
        assert fingerprint_file(copy) == fingerprint_file(one) != fingerprint_file(two)


def claims(shape: tuple[int, ...], version: type, kind: type = np.int16) -> bytes:
    """A whole small image whose header says that it has `shape`."""
    image = version(np.zeros((2, 2, 2), kind), np.eye(4))
    data = bytearray(image.to_bytes())
    dim = np.array(
        [len(shape), *shape, *[1] * (7 - len(shape))], "<i8" if version is nib.Nifti2Image else "<i2"
    )
    start = 16 if version is nib.Nifti2Image else 40
    data[start : start + dim.nbytes] = dim.tobytes()
    return bytes(data)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("shape", "version", "told"),
    [
        ((30000, 30000, 30000), nib.Nifti1Image, "30000×30000×30000 voxels, 54,000 GB"),
        ((2**40, 2, 2), nib.Nifti2Image, "1099511627776×2×2 voxels, 8,796 GB"),
    ],
)
def test_a_header_that_claims_too_much_is_refused_with_its_size(
    shape, version, told, packed, tmp_path
) -> None:
    data = claims(shape, version)
    file = tmp_path / "a.nii"
    file.write_bytes(gzip.compress(data) if packed else data)
    for read in (read_header, load_image):
        with pytest.raises(ImageError, match=told):
            read(file)


def test_many_volumes_count_too() -> None:
    with pytest.raises(ImageError, match="256×256×256×30000 voxels, 1,007 GB"):
        parse_header(claims((256, 256, 256, 30000), nib.Nifti1Image)[:540], series=True)
    assert parse_header(claims((91, 109, 91, 1200), nib.Nifti1Image)[:540], series=True).channels == 1200


def test_a_pair_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.zeros((2, 2, 2), np.int16), np.eye(4)), tmp_path / "a.img")
    data = bytearray((tmp_path / "a.hdr").read_bytes())
    data[42:48] = np.array([30000] * 3, "<i2").tobytes()
    (tmp_path / "a.hdr").write_bytes(data)
    for read in (read_header, load_image):
        with pytest.raises(ImageError, match="54,000 GB"):
            read(tmp_path / "a.img")
