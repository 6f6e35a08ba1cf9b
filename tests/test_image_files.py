"""Images are where other programs look for them: NIfTI byte by byte from nifti1.h, pictures by their size."""

import gzip
import struct

import numpy as np
import pytest

from mpicore import image_files

IMAGES = np.arange(2 * 3 * 4 * 5, dtype=np.float64).reshape(2, 3, 4, 5)
SIZE, CENTER = (1e-3, 2e-3, 3e-3), (0.0, 0.01, 0.0)


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_nifti(tmp_path, name):
    """Every field that a reader needs, at its offset in nifti1.h."""
    path = tmp_path / name
    image_files.write_nifti(path, IMAGES, SIZE, CENTER, interval=0.5)
    data = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
    assert struct.unpack_from("<i", data, 0) == (348,)
    assert struct.unpack_from("<8h", data, 40) == (4, 5, 4, 3, 2, 1, 1, 1)
    assert struct.unpack_from("<2h", data, 70) == (16, 32)
    pixdim = struct.unpack_from("<8f", data, 76)
    np.testing.assert_allclose(pixdim[:5], [1, 1, 2, 3, 0.5])
    offset, slope, intercept = struct.unpack_from("<3f", data, 108)
    assert (offset, slope, intercept) == (352, 1, 0)
    assert data[123] == 10  # millimetres and seconds
    assert struct.unpack_from("<2h", data, 252) == (1, 1)
    assert data[344:352] == b"n+1\0" + bytes(4)
    sform = np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
    values = np.frombuffer(data, "<f4", offset=352).reshape((5, 4, 3, 2), order="F")
    assert values[4, 1, 2, 1] == IMAGES[1, 2, 1, 4]
    # The middle of the grid of 5 x 4 x 3 lies in the center of the field of view.
    np.testing.assert_allclose(sform @ [2, 1.5, 1, 1], [0, 10, 0], atol=1e-6)
    np.testing.assert_allclose(sform[:, :3], np.diag([1, 2, 3]))
    np.testing.assert_allclose(struct.unpack_from("<6f", data, 256), [0, 0, 0, *sform[:, 3]])


def test_one_volume_has_three_dimensions(tmp_path):
    image_files.write_nifti(tmp_path / "a.nii", IMAGES[:1], SIZE)
    assert struct.unpack_from("<5h", (tmp_path / "a.nii").read_bytes(), 40) == (3, 5, 4, 3, 1)


@pytest.mark.parametrize("shape", [(1, 1, 1, 9), (1, 1, 8, 9), (20, 3, 8, 9)])
def test_pictures(tmp_path, shape):
    """A line is a curve, a plane an image, a volume its projection; of many, twelve are shown."""
    pytest.importorskip("matplotlib")
    image_files.write_png(tmp_path / "a.png", np.random.default_rng(0).random(shape), SIZE)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    figure = image_files.picture(np.ones(shape), SIZE, CENTER)
    assert sum(bool(axis.get_title()) for axis in figure.axes) == min(12, shape[0])


def test_pixels_lie_where_their_voxels_are():
    pytest.importorskip("matplotlib")
    figure = image_files.picture(IMAGES[:1], SIZE, CENTER)
    np.testing.assert_allclose(figure.axes[0].images[0].get_extent(), [-2.5, 2.5, 10 - 4, 10 + 4])
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), IMAGES[0, 2])


@pytest.mark.parametrize(
    "images, size, message",
    [
        (np.ones((2, 2)), SIZE, "images must be finite and of shape"),
        (np.full((1, 1, 1, 2), np.nan), SIZE, "images must be finite"),
        (IMAGES, (1, 0, 1), "voxel_size must be three positive"),
        (IMAGES, SIZE[:2], "voxel_size must be three positive"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, images, size, message):
    with pytest.raises(ValueError, match=message):
        image_files.write_nifti(tmp_path / "a.nii", images, size)
    assert list(tmp_path.iterdir()) == []
