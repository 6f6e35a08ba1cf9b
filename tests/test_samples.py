"""What was fitted to periods of N samples takes periods of N samples, also after it was stored."""

import numpy as np
import pytest
from attack import made

from companion import runs
from mpicore import denoisers


@pytest.fixture(params=denoisers.names())
def fitted(request):
    """Each registered denoiser in turn, fitted; how another one is made; and what it denoises."""
    make, (first, second) = made(request.param)
    denoiser = make().fit(first, second)
    return denoiser, make, first if denoiser.periods == 1 else np.stack([first, second], axis=1)


def refuses_other_lengths(denoiser, u):
    N = u.shape[-1]
    longer = np.concatenate([u, u[..., :2]], axis=-1)
    for length in (N - 2, N - 1, N + 1, N + 2):
        with pytest.raises(ValueError, match=f"u must have {N} samples per signal, got {length}"):
            denoiser.denoise(longer[..., :length])


def test_another_number_of_samples_is_refused_before_and_after_it_was_stored(fitted):
    denoiser, make, u = fitted
    refuses_other_lengths(denoiser, u)
    if state := denoiser.state() if denoiser.stored else {}:
        restored = make().restore(state)
        refuses_other_lengths(restored, u)
        assert restored.denoise(u).shape == denoiser.denoise(u).shape


def test_states_that_do_not_say_the_number_are_taken_up(fitted):
    """Those of the first release. What follows from the scanner or from the state itself is known all the same."""
    denoiser, make, u = fitted
    if not denoiser.stored or denoiser.name == "component_n2n":  # which has always said it
        return
    state = denoiser.without_samples(denoiser.state())
    np.testing.assert_array_equal(make().restore(state).denoise(u), make().restore(denoiser.state()).denoise(u))


@pytest.mark.parametrize("value", [0, -3, 2.5, [3, 4]])
def test_a_number_that_is_none_is_refused(value):
    state = {"chosen": np.array(2), "samples": np.array(value)}
    with pytest.raises(ValueError, match="samples in the state of low_pass must be a whole number of at least 1, got"):
        denoisers.create("low_pass").restore(state)


@pytest.mark.parametrize("method", ["noisy", "antisymmetric", "wiener", "n2n"])
def test_published_runs_know_it_from_their_scanner(method, book):
    """Their weights were written before states said it, or there are none."""
    run = runs.load(book.run("xspace-gaussian", method, "paper"))
    N = run.config.scanner.num_samples
    assert run.denoiser.samples == N
    refuses_other_lengths(run.denoiser, np.ones((1, N), np.float32))
