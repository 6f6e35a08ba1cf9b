"""Signals of systems in general, against differences, Chebyshev series and the planar scanner."""

import mdf_files
import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.fft import dctn

from mpicore import mdf
from mpicore.receive_chain import ReceiveChain
from mpicore.responses import deviation, record, response_blocks, responses, signals
from mpicore.scanner import Particle, Scanner
from mpicore.sequence import SINE, Sequence, Tone
from mpicore.simulation import system_matrix
from mpicore.system import System

FFP = (-1.0, -1.0, 2.0)
LINE = ((-1.0, 1.0, 0.0), (1.0, -1.0, 0.0), (0.0, 0.0, 2.0))  # field-free along x = y
PLANE = (5, 7, 9)


def langevin_over(z):
    far = np.maximum(z, 0.05)
    return np.where(z < 0.05, 1 / 3 - z**2 / 45 + 2 * z**4 / 945, (1 / np.tanh(far) - 1 / far) / far)


def magnetisation(sequence, particle, time, positions):
    """L(z) B/|B| in float64, shape (len(time), positions, 3), from the formula of the field alone."""
    field = np.zeros((len(time), len(positions), 3)) + positions @ np.array(sequence.gradient).T + sequence.offset
    for axis, tones in enumerate(sequence.drive):
        for tone in tones:
            wave = np.cos(2 * np.pi * sequence.base_frequency / tone.divider * time + tone.phase)
            field[:, :, axis] += tone.amplitude * wave[:, None]
    z = particle.beta * np.linalg.norm(field, axis=-1, keepdims=True)
    return langevin_over(z) * particle.beta * field


def differences(system, particle):
    """dM/dt of each coil by a central difference of fourth order, shape (P, C, V)."""
    h, time = 1e-9, system.sequence.time
    m = [magnetisation(system.sequence, particle, time + k * h, system.grid) for k in (-2, -1, 1, 2)]
    rate = (8 * (m[2] - m[1]) - (m[3] - m[0])) / (12 * h)
    return np.einsum("vpi,ci->pcv", rate, system.sensitivities)


def sequence(dividers, phases, gradient=FFP, amplitude=12e-3, **more):
    return Sequence(
        2.5e6, tuple((Tone(n, amplitude, phase),) for n, phase in zip(dividers, phases, strict=True)), gradient, **more
    )


SYSTEMS = {
    "3-D sine": System(sequence((20, 16, 18), (SINE,) * 3), (3, 4, 5), (0.03, 0.03, 0.014)),
    "3-D cosine": System(sequence((20, 16, 18), (0.0,) * 3), (3, 4, 5), (0.03, 0.03, 0.014)),
    "3-D other signs": System(sequence((20, 16, 18), (0.4, SINE, 0), (1.0, 1.0, -2.0)), (3, 3, 5), (0.03, 0.03, 0.014)),
    "off centre": System(sequence((20, 16), (SINE, SINE)), (2, 4, 5), (0.03, 0.03, 0.01), (3e-3, -5e-3, 1e-3)),
    "offset field": System(sequence((20, 16), (SINE, SINE), offset=(2e-3, 0, 1e-3)), (1, 4, 5), (0.03, 0.03, 0.01)),
    "two tones": System(Sequence(2.5e6, ((Tone(20, 1e-2), Tone(25, 4e-3, 1.0)),), FFP), (1, 3, 9), (0.02, 0.01, 0.01)),
    "field-free line": System(sequence((20, 16, 18), (SINE,) * 3, LINE), (3, 4, 5), (0.03, 0.03, 0.014)),
    "line along x": System(sequence((20, 16), (SINE, 0.0), (0.0, -1.5, 1.5)), (2, 5, 4), (0.03, 0.03, 0.01)),
    "no gradient": System(sequence((20, 16), (SINE, SINE), (0.0, 0.0, 0.0)), (1, 1, 2), (0.01, 0.0, 0.0)),
    "close voxels": System(sequence((20, 16, 18), (SINE,) * 3), (2, 3, 31), (0.004, 0.004, 0.002)),
    "oblique coils": System(
        sequence((20, 16, 18), (SINE,) * 3), (3, 4, 5), (0.03, 0.03, 0.014), coils=np.array([[1, -2, 0.5], [0, 0, -1]])
    ),
    "one voxel": System(sequence((20,), (0.0,)), (1, 1, 1), (0, 0, 0), (2e-3, 0, 0)),
}


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("diameter", [30e-9, 15e-9])
def test_responses_are_the_derivative_of_the_magnetisation(name, diameter):
    """At every voxel, channel and sample of the period; the tolerance is some units in the last place of float32."""
    system, particle = SYSTEMS[name], Particle(core_diameter=diameter)
    expected = differences(system, particle)
    found = responses(system, particle)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("phase", [0.0, SINE])
def test_one_dimensional_spectrum_is_a_chebyshev_series(sign, phase):
    """B = A cos(wt + phi) + G x: line k of M(t) is exp(i k phi) c_k / 2, with c_k of L(beta (A s + G x))."""
    samples, amplitude = 990, 12e-3
    drive = ((Tone(samples, amplitude, phase),),)
    system = System(Sequence(samples * 25e3, drive, (sign * 1.0, 1.0, 1.0)), (1, 1, 5), (0.016, 0, 0))
    particle, lines = Particle(), np.arange(1, 100)
    for x, u in zip(system.voxel_axes[0], responses(system, particle)[:, 0], strict=True):
        argument = particle.beta * (amplitude * chebyshev.chebpts1(600) + sign * x)
        coefficients = chebyshev.chebfit(chebyshev.chebpts1(600), langevin_over(np.abs(argument)) * argument, 99)
        rate = 0.5j * lines * 2 * np.pi * 25e3 * samples
        measured = np.fft.rfft(u.astype(float))[lines] / rate
        np.testing.assert_allclose(measured, np.exp(1j * lines * phase) * coefficients[lines], rtol=0, atol=1e-7)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("phases", [(0.0, 0.0), (SINE, SINE), (SINE, 0.0)])
def test_planar_spectrum_is_a_bivariate_chebyshev_series(sign, phases):
    """M = sum c_mn cos(m theta_x) cos(n theta_y): the order (m, n) has the phase m phi_x + n phi_y."""
    p, q, nodes, amplitude = 17, 16, 51, 5e-3
    V = 10 * p * q
    drive = tuple((Tone(V // cycles, amplitude, phase),) for cycles, phase in zip((p, q), phases, strict=True))
    system = System(Sequence(2.5e6, drive, (sign * 1.0, sign * 0.5, 2.0)), (1, 2, 3), (0.008, 0.006, 0.0))
    particle = Particle()
    s = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    path = amplitude * np.stack(np.meshgrid(s, s, indexing="ij"), axis=-1)
    order, period = np.arange(nodes), system.sequence.period
    spectra = np.fft.rfft(responses(system, particle).astype(float))
    for position, spectrum in zip(system.grid, spectra, strict=True):
        field = path + np.array(system.sequence.gradient).diagonal()[:2] * position[:2]
        z = particle.beta * np.linalg.norm(field, axis=-1)
        for channel in (0, 1):
            c = dctn(langevin_over(z) * particle.beta * field[..., channel], type=2) / nodes**2
            c[0] /= 2
            c[:, 0] /= 2
            lines = np.zeros(2 * V, complex)  # of exp(+i k), negative k at the end
            for a in (1, -1):
                for b in (1, -1):
                    line = a * p * order[:, None] + b * q * order
                    turned = np.exp(1j * (a * order[:, None] * phases[0] + b * order * phases[1]))
                    np.add.at(lines, line, c / 4 * turned * 1j * 2 * np.pi * line / period)
            k = np.arange(1, V // 2)
            expected = V * (lines[k] + lines[k - V])
            np.testing.assert_allclose(spectrum[channel, k], expected, rtol=0, atol=2e-7 * np.abs(spectrum).max())


@pytest.mark.parametrize("phase", [(0.0, 0.0), (SINE, 0.7)])
def test_the_planar_scanner_is_the_special_case(phase):
    scanner = Scanner.cartesian(shape=(5, 7), fov=(0.1, 0.06), drive_phase=phase)
    system = System(scanner.sequence, (1, *scanner.shape), (*scanner.fov, 0.0))
    np.testing.assert_allclose(system.grid[:, :2], scanner.grid, atol=1e-17)
    found = responses(system, Particle())
    for channel in (0, 1):
        expected = system_matrix(scanner, Particle(), channel).T
        np.testing.assert_allclose(found[:, channel], expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_blocks_are_every_voxel_once_and_one_channel_is_its_part():
    """Rows that follow from others by symmetry are among them: a quarter is computed for the open data's drive."""
    system, particle = SYSTEMS["3-D sine"], Particle()
    whole = responses(system, particle)
    seen = np.zeros(len(system.grid), int)
    for voxels, u in response_blocks(system, particle, channel=1):
        seen[voxels] += 1
        assert u.shape == (5, 1, system.sequence.num_samples) and u.flags.owndata
        np.testing.assert_array_equal(u[:, 0], whole[voxels, 1])
    assert (seen == 1).all()
    with pytest.raises(ValueError, match="channel must be one of 0, 1, 2; got 3"):
        response_blocks(system, particle, channel=3)


def test_the_transfer_function_multiplies_each_line():
    """Magnitude and phase of each channel; a delay of whole samples is a roll."""
    system, particle = SYSTEMS["3-D sine"], Particle()
    still = responses(system, particle)
    f = system.frequencies
    chain = ReceiveChain(high_pass=50e3)
    gains = np.stack([np.exp(-2j * np.pi * f * 3 / 2.5e6), 2j * np.ones(len(f)), chain.response(f)])
    found = responses(System(system.sequence, system.shape, system.fov, transfer_function=gains), particle)
    tolerance = {"rtol": 0, "atol": 1e-5 * np.abs(still).max()}
    np.testing.assert_allclose(found[:, 0], np.roll(still[:, 0], 3, axis=-1), **tolerance)
    np.testing.assert_allclose(
        np.fft.rfft(found[:, 1])[:, 1:-1], 2j * np.fft.rfft(still[:, 1])[:, 1:-1], rtol=1e-4, atol=3
    )
    np.testing.assert_allclose(found[:, 2], chain.apply(still[:, 2], 2.5e6), **tolerance)


def test_signals_are_sums_over_voxels_and_noise_has_its_level():
    system, particle, rng = SYSTEMS["3-D sine"], Particle(), np.random.default_rng(0)
    objects = rng.random((4, *system.shape))
    clean = signals(system, particle, objects)
    expected = np.einsum("mp,pcv->mcv", objects.reshape(4, -1), responses(system, particle))
    np.testing.assert_allclose(clean, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(signals(system, particle, objects.reshape(4, -1)), clean)
    level = deviation(clean, 5.0)
    noisy = record(clean, level, rng, periods=3)
    assert noisy.shape == (4, 3, 3, system.sequence.num_samples) and noisy.dtype == np.float32
    noise = noisy - clean[:, None]
    snr = 10 * np.log10(np.mean(clean**2, axis=(0, 2)) / np.mean(noise**2, axis=(0, 1, 3)))
    np.testing.assert_allclose(snr, 5.0, atol=0.2)
    assert abs(np.corrcoef(noise[:, 0].ravel(), noise[:, 1].ravel())[0, 1]) < 0.05
    with pytest.raises(ValueError, match=r"objects must have the shape \(M, 3, 4, 5\), got \(4, 3\)"):
        signals(system, particle, objects[:, 0, 0, :3])


def test_the_mirror_is_that_of_the_signals():
    """u_i(2 t0 - t) = s_i u_i(t) at every voxel; without one, the odd part about any sample is not the signal."""
    lines = {
        "3-D cosine": SYSTEMS["3-D cosine"],
        "late": System(sequence((20, 16), [-2 * np.pi * 4.5 / n for n in (20, 16)]), (1, 3, 4), (0.02, 0.02, 0)),
        "one axis": System(sequence((20,), (SINE,)), (1, 3, 4), (0.02, 0.02, 0.0)),
        "line along x": System(sequence((16, 16), (SINE, 0.0), (0.0, -1.5, 1.5)), (2, 3, 4), (0.02, 0.02, 0.01)),
        "no gradient": System(sequence((20, 16), (SINE, SINE), (0.0,) * 3), (1, 1, 1), (0.0,) * 3),
    }
    for system in lines.values():
        mirror, u = system.sequence.mirror, responses(system, Particle())
        index = (round(2 * mirror.sample) - np.arange(u.shape[-1])) % u.shape[-1]
        signs = np.array(mirror.signs)[: system.channels, None]
        np.testing.assert_allclose(u[..., index], signs * u, rtol=0, atol=1e-5 * np.abs(u).max())
    u = responses(SYSTEMS["3-D sine"], Particle()).astype(float)
    assert SYSTEMS["3-D sine"].sequence.mirror is None
    index = np.arange(u.shape[-1])
    kept = [np.sum((u - u[..., (m - index) % len(index)]) ** 2) / 4 / np.sum(u**2) for m in range(0, len(index), 5)]
    assert max(kept) < 0.95


def test_the_open_data_and_what_it_keeps_of_a_signal():
    """With 102 / 96 / 99 and sine drive the odd part about the first sample holds less than 60 % of the energy."""
    system = System.open_data((1, 5, 5))
    assert system.channels == 3 and system.sequence.mirror is None
    u = responses(system, Particle(20e-9)).astype(float)
    odd = (u - np.roll(u[..., ::-1], 1, axis=-1)) / 2
    assert np.sum(odd**2) / np.sum(u**2) < 0.6


def test_a_file_tells_its_system(tmp_path):
    entries = mdf_files.tables(mdf_files.truth(N=12)) | mdf_files.calibration((3, 2, 2))
    gains = np.stack([np.full(25, 2j), np.arange(25) + 0j])
    gains[0, 0] = np.nan
    entries["/acquisition/receiver/transferFunction"] = gains
    entries["/acquisition/receiver/inductionFactor"] = np.array([2.0, 3.0])
    path = mdf_files.store(tmp_path / "a.mdf", entries)
    system = System.from_mdf(mdf.read(path))
    assert system.shape == (2, 2, 3) and system.channels == 2
    x, y, z = system.voxel_axes  # the field of view of a file goes to the edges of the voxels
    np.testing.assert_allclose(x, np.array([-1, 0, 1]) * 0.04 / 3, atol=1e-15)
    np.testing.assert_allclose(y, 0.001 + np.array([-0.5, 0.5]) * 0.015, atol=1e-15)
    np.testing.assert_allclose(z, np.array([-0.5, 0.5]) * 0.01, atol=1e-15)
    expected = gains * [[2], [3]]
    expected[0, 0] = 0
    np.testing.assert_array_equal(system.transfer_function, expected)
    given = System.from_mdf(mdf.read(path), (1, 1, 4), (0.01, 0.0, 0.0))
    assert given.shape == (1, 1, 4) and given.center == (0.0, 0.0, 0.0)
    entries["/measurement/isTransferFunctionCorrected"] = np.int8(1)
    corrected = mdf.read(mdf_files.store(tmp_path / "b.mdf", entries))
    assert System.from_mdf(corrected).transfer_function is None
    none = mdf.read(mdf_files.store(tmp_path / "c.mdf", mdf_files.tables(mdf_files.truth())))
    with pytest.raises(ValueError, match="no grid of a calibration"):
        System.from_mdf(none)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"shape": (3, 3)}, "shape must be three whole numbers"),
        ({"shape": (1, 0, 3)}, "shape must be a whole number of at least 1"),
        ({"fov": (0.1, 0.0, 0.0)}, "fov must be positive"),
        ({"coils": np.eye(2)}, "coils must be directions"),
        ({"transfer_function": np.ones((3, 7))}, r"transfer_function must be finite and have the shape \(3, 361\)"),
    ],
)
def test_bad_systems_are_named(changes, message):
    good = {"sequence": SYSTEMS["3-D sine"].sequence, "shape": (1, 3, 3), "fov": (0.1, 0.1, 0.0)}
    with pytest.raises(ValueError, match=message):
        System(**{**good, **changes})
