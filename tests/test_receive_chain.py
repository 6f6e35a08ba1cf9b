"""The receive chain: its filters, the phase that two noisy periods tell, and the methods that undo it."""

import numpy as np
import pytest

from mpicore.datasets import xspace
from mpicore.denoisers import create
from mpicore.line_phase import filtered, line_gain, line_phase
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.receive_chain import ReceiveChain
from mpicore.recordings import Recordings
from mpicore.relaxation import debye_relaxation
from mpicore.scanner import Scanner
from mpicore.symmetry import odd_part
from mpicore.truth import Truth

FS, SAMPLES = 2.475e6, 4950
FREQUENCY = np.fft.rfftfreq(SAMPLES, 1 / FS)
CHAINS = {
    "delay": ReceiveChain(delay=1e-6),
    "band": ReceiveChain(high_pass=10e3, low_pass=300e3),
    "ripple": ReceiveChain(gain_ripple=0.05, phase_ripple=0.09),
}


def odd(n, seed=0):
    """Odd signals with power in all lines from 20 to 250 kHz."""
    spectrum = np.zeros((n, SAMPLES // 2 + 1), complex)
    spectrum[:, 40:500] = 1j * np.random.default_rng(seed).standard_normal((n, 460)) / np.arange(40, 500) ** 0.5
    return np.fft.irfft(spectrum, SAMPLES, axis=1)


def noisy(u, share, seed=0):
    """Two periods whose noise has this share of the power of all signals."""
    rng = np.random.default_rng(seed)
    return Recordings(*(u + np.sqrt(share) * u.std() * rng.standard_normal(u.shape) for _ in "12"))


def even_share(u):
    return 1 - np.sum(np.square(odd_part(u), dtype=float)) / np.sum(np.square(u, dtype=float))


# The chain


def test_a_delay_of_whole_samples_is_a_shift():
    u = odd(3)
    np.testing.assert_allclose(ReceiveChain(delay=7 / FS).apply(u, FS), np.roll(u, 7, axis=1), atol=1e-12)


@pytest.mark.parametrize("order", [1, 4])
def test_filters_have_their_corner_and_their_slope(order):
    """-3 dB at the corner, and 20 dB per decade and order far from it."""
    for name, far, near in (("low_pass", 1e6, 1e5), ("high_pass", 1e3, 1e4)):
        chain = ReceiveChain(**{name: 3e4, f"{name}_order": order})
        corner, first, second = np.abs(chain.response([3e4, far, near]))
        assert corner == pytest.approx(np.sqrt(0.5), rel=1e-6)
        assert 20 * np.log10(second / first) == pytest.approx(20 * order, abs=1.0 * order)


def test_a_resonance_has_its_quality():
    at, below = ReceiveChain(resonance=6e5, quality=8.0).response([6e5, 1.0])
    assert at == pytest.approx(-8j)
    assert below == pytest.approx(1.0, abs=1e-4)


def test_ripples_have_their_size_and_are_smooth():
    f = np.linspace(0, 1.2e6, 20001)
    response = ReceiveChain(gain_ripple=0.02, phase_ripple=0.05).response(f)
    assert np.std(np.abs(response)) == pytest.approx(0.02, rel=0.4)
    assert np.std(np.angle(response)) == pytest.approx(0.05, rel=0.4)
    assert np.abs(np.diff(response)).max() < 0.01
    assert np.mean(np.abs(response)) == pytest.approx(1, abs=0.02)


def test_chains_are_filters_one_after_another():
    parts = [ReceiveChain(delay=1e-6), ReceiveChain(high_pass=2e4), ReceiveChain(low_pass=3e5, low_pass_order=2)]
    whole = ReceiveChain(delay=1e-6, high_pass=2e4, low_pass=3e5, low_pass_order=2)
    np.testing.assert_allclose(whole.response(FREQUENCY), np.prod([p.response(FREQUENCY) for p in parts], axis=0))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"delay": -1e-6}, "delay must be at least 0, got -1e-06"),
        ({"high_pass": -1.0}, "high_pass must be at least 0"),
        ({"low_pass_order": 0}, "low_pass_order must be a whole number of at least 1, got 0"),
        ({"quality": 0.5}, "quality must be at least 1, got 0.5"),
        ({"quality": 5.0}, "quality needs a resonance, got 5.0 without one"),
        ({"low_pass_order": 3}, "low_pass_order needs a low_pass, got 3 without one"),
        ({"gain_ripple": float("nan")}, "gain_ripple must be finite, got nan"),
    ],
)
def test_bad_chains_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        ReceiveChain(**options)


# What two noisy periods tell


@pytest.mark.parametrize("name", CHAINS)
def test_the_phase_is_found_in_noise_and_the_symmetry_comes_back(name):
    chain = CHAINS[name]
    clean = chain.apply(odd(400), FS)
    phase = line_phase(noisy(clean, 0.3))
    lines = slice(40, 480)
    error = np.angle(np.exp(2j * phase[lines]) / chain.response(FREQUENCY[lines]) ** 2) / 2
    assert np.abs(error).max() < 0.1
    assert even_share(filtered(clean, np.exp(-1j * phase))) < 0.01
    if name != "ripple":
        assert even_share(clean) > 0.05


def test_of_two_signs_the_smaller_phase_in_the_strongest_line_is_taken():
    """Odd signals of either sign are odd; a delay of many samples turns that line by more than a right angle."""
    pairs = noisy(ReceiveChain(delay=60 / FS).apply(odd(400), FS), 0.3)
    phase = line_phase(pairs)
    strongest = np.argmax(np.abs(np.sum(np.fft.rfft(pairs.u1) * np.fft.rfft(pairs.u2), axis=0)))
    assert 2 * np.pi * strongest * 60 / SAMPLES > np.pi / 2
    assert abs(phase[strongest]) <= np.pi / 2


def test_relaxation_is_a_chain():
    clean = debye_relaxation(odd(400), 3e-6, FS)
    assert even_share(clean) > 0.3
    assert even_share(filtered(clean, np.exp(-1j * line_phase(noisy(clean, 0.3))))) < 0.01


def test_without_a_chain_there_is_no_phase():
    assert np.abs(line_phase(noisy(odd(400), 0.3))[40:480]).max() < 0.05


def test_noise_alone_has_no_phase():
    rng = np.random.default_rng(0)
    assert not line_phase(Recordings(*rng.standard_normal((2, 2000, SAMPLES)))).any()


def test_the_gain_is_found_against_a_model():
    """A model that makes the signal itself: the regression gives the gain of each line, noise or not."""
    u = odd(400)
    gain = 1 + 0.3 * np.sin(FREQUENCY / 60e3)
    pairs = noisy(filtered(u, gain), 0.3)
    found = line_gain(pairs, lambda seen: u / np.sqrt(np.mean(pairs.u1**2, axis=1, keepdims=True)))
    np.testing.assert_allclose(found[60:480], gain[60:480], atol=0.03)


# Denoisers


@pytest.fixture(scope="module")
def data(scanner):
    return xspace((300, 30, 40), Noise(snr_db=5), 0, scanner, Truth(chain=ReceiveChain(delay=1e-6)))


@pytest.fixture(scope="module")
def nominal(scanner):
    return xspace((300, 30, 40), Noise(snr_db=5), 0, scanner)


def fitted(name, scanner, data):
    training = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}
    known = {"scanner": scanner, "rank": 80} if "gp" in name or "forward" in name else {}
    trained = {"training": training, "width": 4} if "forward" in name or "proposed" in name else {}
    return create(name, **known, **trained).fit(data.train.u1, data.train.u2, data.validation)


def score(denoiser, data):
    return snr_db(data.test.clean, denoiser.denoise(data.test.u1)).mean()


@pytest.mark.parametrize("name", ["antisymmetric", "linear_n2n", "gp_wiener", "forward_n2n"])
def test_with_the_chain_undone_a_method_is_as_good_as_without_a_chain(name, scanner, data, nominal):
    without = score(fitted(name, scanner, nominal), nominal)
    assert score(fitted(f"turned_{name}", scanner, data), data) > without - 0.5
    assert score(fitted(f"turned_{name}", scanner, nominal), nominal) > without - 0.5
    if name != "antisymmetric":
        assert score(fitted(name, scanner, data), data) < without - 2


def test_the_chain_is_part_of_the_state(scanner, data):
    for name in ("turned_antisymmetric", "turned_linear_n2n", "turned_gp_wiener", "turned_forward_n2n"):
        denoiser = fitted(name, scanner, data)
        known = {"scanner": scanner, "rank": 80} if "gp" in name or "forward" in name else {}
        again = create(name, **known, **({"width": 4} if "forward" in name else {})).restore(denoiser.state())
        u = data.test.u1
        np.testing.assert_allclose(again.denoise(u), denoiser.denoise(u), rtol=1e-3, atol=1e-4 * u.max())


def test_distributions_are_those_without_a_chain(scanner, data):
    right, wrong = (
        np.corrcoef(fitted(n, scanner, data).distribution(data.test.u1).ravel(), data.test.phantoms.ravel())[0, 1]
        for n in ("turned_gp_wiener", "gp_wiener")
    )
    assert right > wrong > 0


class GainAlone(ReceiveChain):
    """A chain without a phase."""

    def response(self, frequency):
        return np.abs(super().response(frequency)).astype(complex)


@pytest.mark.parametrize(
    "options",
    [
        {
            "high_pass": 45e3,
            "high_pass_order": 2,
            "resonance": 700e3,
            "quality": 25.0,
            "low_pass": 1e6,
            "delay": 0.17e-6,
        },
        {"high_pass": 100e3, "high_pass_order": 2},
    ],
    ids=["coil", "amplifier"],
)
def test_behind_chains_like_measured_ones_nothing_is_lost_but_by_their_gain(options):
    """A gain that takes the strongest lines down spreads the power over more of them, which no phase brings back.

    On all fifty lines of the paper's scanner, which follow a resonance more closely than ten.
    """
    scanner = Scanner.cartesian(shape=(16, 16))
    behind, gain = (
        xspace((150, 20, 20), Noise(snr_db=5), 0, scanner, Truth(chain=chain(**options)))
        for chain in (ReceiveChain, GainAlone)
    )
    without = score(fitted("linear_n2n", scanner, gain), gain)
    assert score(fitted("turned_linear_n2n", scanner, behind), behind) > without - 0.5
    assert score(fitted("linear_n2n", scanner, behind), behind) < without - 5


SINE = Scanner.cartesian(shape=(16, 16), drive_phase=(-np.pi / 2, -np.pi / 2))


@pytest.fixture(scope="module", params=[None, ReceiveChain(delay=1e-6)], ids=["no chain", "delay"])
def sine(request):
    """Sine drive on the full fifty lines: with fewer, mixing orders overlap."""
    return xspace((120, 20, 20), Noise(snr_db=5), 0, SINE, Truth(chain=request.param))


@pytest.fixture(scope="module")
def cosine():
    scanner = Scanner.cartesian(shape=(16, 16))
    return scanner, xspace((120, 20, 20), Noise(snr_db=5), 0, scanner)


@pytest.mark.parametrize("name", ["antisymmetric", "linear_n2n", "gp_wiener", "forward_n2n"])
def test_under_sine_drive_a_method_is_as_good_as_under_cosine_drive(name, sine, cosine):
    """The same objects and noise, behind a delay as without it; a plain model of the scanner refuses the sequence."""
    known = "scanner" if name in ("gp_wiener", "forward_n2n") else "sequence"
    small = {"rank": 80} if known == "scanner" else {}
    small |= (
        {"training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}, "width": 4} if "forward" in name else {}
    )
    turned = create(f"turned_{name}", **{known: SINE}, **small)
    found = score(turned.fit(sine.train.u1, sine.train.u2, sine.validation), sine)
    assert found > score(fitted(name, *cosine), cosine[1]) - 0.6
    if known == "scanner":
        with pytest.raises(ValueError, match=f"{name} needs a sequence whose signals are odd"):
            create(name, scanner=SINE)
        seen = np.corrcoef(turned.distribution(sine.test.u1).ravel(), sine.test.phantoms.ravel())[0, 1]
        assert seen > 0.6
    again = create(f"turned_{name}", **{known: SINE}, **small).restore(turned.state())
    u = sine.test.u1
    np.testing.assert_allclose(again.denoise(u), turned.denoise(u), rtol=1e-3, atol=1e-3 * u.max())


def test_a_sequence_is_of_the_length_of_the_periods(data):
    with pytest.raises(ValueError, match="u1 must have 4950 samples per signal, got 990"):
        create("turned_antisymmetric", sequence=SINE).fit(data.train.u1, data.train.u2)


def test_a_sequence_of_cosine_drive_changes_nothing(scanner, data):
    plain, told = (create("turned_linear_n2n", **known) for known in ({}, {"sequence": scanner}))
    for denoiser in (plain, told):
        denoiser.fit(data.train.u1, data.train.u2, data.validation)
    np.testing.assert_array_equal(plain.denoise(data.test.u1), told.denoise(data.test.u1))


def test_the_scanner_of_the_tests_is_seen_through_its_chain(scanner):
    """Truth applies the chain to what the scanner gives."""
    plain, behind = (
        xspace((2, 1, 3), Noise(snr_db=300), 0, scanner, Truth(chain=chain)).test.clean
        for chain in (None, ReceiveChain(delay=2 / FS))
    )
    assert scanner.sampling_frequency == Scanner.cartesian().sampling_frequency == FS
    np.testing.assert_allclose(behind, np.roll(plain, 2, axis=1), atol=1e-5 * np.abs(plain).max())
