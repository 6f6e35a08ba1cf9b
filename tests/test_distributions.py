"""Estimates of the particle distribution, from gridding to the denoisers that know the scanner."""

from companion import distributions
from companion.experiments import Kaczmarz
from mpicore import datasets, denoisers, metrics
from mpicore.scanner import Scanner


def test_every_estimate_shows_the_object():
    """Little noise: each image is nearer to its object than to another one; those with a model are nearer still."""
    scanner = Scanner.cartesian(shape=(31, 31))
    data = datasets.xspace((100, 10, 10), datasets.Noise(snr_db=30), 0, scanner)
    gaussian = denoisers.create("gp_wiener", scanner=scanner).fit(data.train.u1, data.train.u2, data.validation)
    settings = Kaczmarz(relative_lambda=0.01, sweeps=10, snr_threshold=1.5)
    found = distributions.estimates(data.test, {"Gaussian process": gaussian}, scanner, settings)
    pictures = {f"{kind}, {what}" for kind in ("x-space", "Kaczmarz") for what in ("noisy", "denoised")}
    assert set(found) == pictures | {"Gaussian process"}
    objects, errors = data.test.phantoms, {}
    for title, images in found.items():
        assert images.shape == objects.shape
        own, other = (metrics.object_error(shown, images) for shown in (objects, objects[::-1]))
        assert own.mean() < other.mean()
        errors[title] = own.mean()
    assert errors["Gaussian process"] < errors["x-space, denoised"]
    assert errors["Kaczmarz, denoised"] < errors["x-space, denoised"]
