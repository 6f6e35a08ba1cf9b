"""Estimates of the particle distribution, from gridding to the denoisers that know the scanner."""

from dataclasses import replace

from companion.analyses import distributions
from companion.setup import Setup
from mpicore import metrics
from mpicore.noise import Noise
from mpicore.reconstruction import Kaczmarz


def test_every_estimate_shows_the_object(book):
    """Little noise: each image is nearer to its object than to another one; those with a model are nearer still."""
    noise = Noise(snr_db=30.0)
    config = book.run("xspace-gaussian", "gp_wiener", "smoke")
    setup = Setup(replace(config, sizes=(100, 10, 10), noise=noise, test_noise={"literal": noise}))
    gaussian = setup.denoiser()
    pairs, held = setup.fitting_pairs(gaussian)
    gaussian.fit(*pairs, validation=held)
    test = setup.held_out("literal")
    settings = Kaczmarz(relative_lambda=0.01, sweeps=10, snr_threshold=1.5)
    found = distributions.estimates(test, {"Gaussian process": gaussian}, setup, settings)
    pictures = {f"{kind}, {what}" for kind in ("x-space", "Kaczmarz") for what in ("noisy", "denoised")}
    assert set(found) == pictures | {"Gaussian process"}
    objects, errors = test.phantoms, {}
    for title, images in found.items():
        assert images.shape == objects.shape
        own, other = (metrics.object_error(shown, images) for shown in (objects, objects[::-1]))
        assert own.mean() < other.mean()
        errors[title] = own.mean()
    assert errors["Gaussian process"] < errors["x-space, denoised"]
    assert errors["Kaczmarz, denoised"] < errors["x-space, denoised"]
