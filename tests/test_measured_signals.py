"""How odd signals are behind a phase: identities, and a delay that is made without a transform back."""

import matplotlib.pyplot as plt
import measured_files
import numpy as np
import pytest

from companion import figures_measured
from companion.measured_signals import LineEnergy, standing_out, without
from mpicore import symmetry

RATE, SAMPLES = measured_files.RATE, measured_files.SAMPLES
HALF = SAMPLES / RATE / 2  #: a longer delay turns the sign alone


@pytest.fixture
def odd():
    return measured_files.odd_signals(27)


def share_in_time(u):
    """Energy of (u[k] - u[N-k]) / 2 over that of u, without the mean: the definition."""
    centred = u - u.mean(axis=1, keepdims=True)
    return np.sum(((centred - np.roll(centred[:, ::-1], 1, axis=1)) / 2) ** 2) / np.sum(centred**2)


def test_the_share_is_that_of_the_odd_part_in_time(odd):
    rng = np.random.default_rng(1)
    smooth = measured_files.late(rng.standard_normal((9, SAMPLES)), 0.0)  # nothing at half the sampling frequency
    for u in (odd, smooth, odd + 3 * smooth[:1]):
        assert LineEnergy.of(u, RATE).share() == pytest.approx(share_in_time(u), rel=1e-10)
    assert LineEnergy.of(odd, RATE).share() == pytest.approx(1)


def test_even_signals_have_no_share_and_a_quarter_of_a_turn_gives_it_back(odd):
    even = np.roll(odd, 0, axis=1)
    lines = np.fft.rfft(even, axis=1) * 1j
    even = np.fft.irfft(lines, SAMPLES, axis=1)
    found = LineEnergy.of(even, RATE)
    assert found.share() == pytest.approx(0, abs=1e-12)
    assert found.share(np.pi / 2) == pytest.approx(1)


@pytest.mark.parametrize("samples", [3.0, 14.2, 41.77])
def test_a_known_delay_is_found(odd, samples):
    found = LineEnergy.of(measured_files.late(odd, samples / RATE), RATE)
    delay = found.delay(HALF)
    assert delay * RATE == pytest.approx(samples, abs=76 / 4000)
    assert found.share() < 0.99 < 0.999 < found.share(found.delayed(delay))


def test_a_phase_per_line_undoes_any_chain_and_a_delay_does_not(odd):
    """Of chains that are no delay; what is turned back is odd in time as well."""
    phase = np.random.default_rng(2).uniform(-3, 3, SAMPLES // 2 - 1)
    recorded = without(odd, -phase)
    found = LineEnergy.of(recorded, RATE)
    assert found.share(found.delayed(found.delay(HALF))) < 0.95
    assert found.share(found.phase) == pytest.approx(1)
    assert share_in_time(without(recorded, phase)) == pytest.approx(1)
    strong = found.power > 1e-9 * found.power.max()
    np.testing.assert_allclose(found.off(phase)[strong], 0, atol=1e-6)


def test_the_phase_of_other_signals_serves_and_noise_does_not_turn_it():
    phase = np.random.default_rng(3).uniform(-3, 3, SAMPLES // 2 - 1)
    learned, applied = (without(measured_files.odd_signals(4000, seed), -phase) for seed in (0, 1))
    noise = 0.1 * np.random.default_rng(4).standard_normal(learned.shape)
    known, found = LineEnergy.of(learned + noise, RATE).only(slice(0, 12)), LineEnergy.of(applied, RATE)
    assert found.only(slice(0, 12)).share(known.phase) > 0.9999


def test_a_response_is_judged_as_odd_signals_behind_it(odd):
    """With equal energy in each line: the same share from the response as from signals that went through it."""
    frequency = np.arange(1, 13) * RATE / SAMPLES
    response = 1 / (1 + 1j * frequency / 1e5)
    turn = np.zeros(SAMPLES // 2 - 1)
    turn[:12] = np.angle(response)
    seen = LineEnergy.of(without(odd, -turn), RATE).only(slice(0, 12)).equal()
    alone = LineEnergy.behind(response, frequency)
    for seconds in (0.0, 1e-6, alone.delay(5e-6)):
        assert seen.share(seen.delayed(seconds)) == pytest.approx(alone.share(alone.delayed(seconds)))
    late = LineEnergy.behind(np.exp(-2j * np.pi * frequency * 2e-6), frequency)
    assert late.delay(10e-6) == pytest.approx(2e-6, abs=3e-9)


def test_equal_lines_count_the_same_and_keep_their_shares(odd):
    found = LineEnergy.of(measured_files.late(odd, 2 / RATE), RATE).only(slice(0, 12))
    np.testing.assert_allclose(found.equal().odd(), found.odd())
    assert found.equal().share() == pytest.approx(np.mean(found.odd()))


def test_lines_stand_out_up_to_the_first_that_does_not():
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((500, SAMPLES))
    times = np.arange(SAMPLES) / SAMPLES
    waves = sum(2 * np.sin(2 * np.pi * line * times) for line in (1, 2, 3, 4, 5, 9))
    assert standing_out(waves + rng.standard_normal((200, SAMPLES)), noise) == slice(1, 5)
    assert standing_out(noise, noise) == slice(1, 1)
    assert standing_out(1e3 * noise, noise) == slice(1, SAMPLES // 2 - 1)


def test_the_figures_show_what_they_are_given(odd):
    time, found = np.arange(SAMPLES) / RATE, LineEnergy.of(odd, RATE).only(slice(0, 12))
    drawn = figures_measured.mirrored(time, {"a": odd[0], "b": odd[1]})
    for axis, signal in zip(drawn.axes, odd, strict=False):
        u, mirrored = (line.get_ydata() for line in axis.get_lines())
        np.testing.assert_allclose(mirrored, -symmetry.mirror(u[None])[0])
        np.testing.assert_allclose(u * np.abs(signal).max(), signal)
    drawn = figures_measured.recorded(time, odd[:9], odd[9:12], odd[:9])
    assert [len(axis.get_lines()) for axis in drawn.axes] == [9 + 3 + 2, 9]
    delayed = found.delayed(1e-6)
    drawn = figures_measured.phases(
        found.frequency, {"a": delayed, "b": delayed + np.pi}, delayed, {"c": 0.5 * found.odd(), "d": found.odd()}
    )
    one, other, dotted = (line.get_ydata() for line in drawn.axes[0].get_lines())
    np.testing.assert_allclose(np.sin(one - other), 0, atol=1e-12)
    np.testing.assert_allclose(one, dotted)
    power = {"x": found.power, "y": found.power / 10, "z": found.power / 100}
    drawn = figures_measured.denoised(found.frequency, power)
    first, second, _ = (line.get_ydata() for line in drawn.axes[0].get_lines())
    np.testing.assert_allclose(first - second, 10)
    response = np.exp(1j * delayed)[None]
    drawn = figures_measured.chains(found.frequency, 10 * response, delayed[None] + 3 * np.pi)
    np.testing.assert_allclose(drawn.axes[0].get_lines()[0].get_ydata(), 20)
    phase, dotted = (line.get_ydata() for line in drawn.axes[1].get_lines())
    np.testing.assert_allclose(phase, dotted, atol=1e-9)
    plt.close("all")
