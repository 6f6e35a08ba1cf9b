"""The odd symmetry u(T - t) = -u(t) of signals of cosine drive (eq. 4), and coordinates for odd signals.

With cosine drive the field-free point retraces its path in the second half of a period, so every clean signal is odd.
In samples, u[N-k] = -u[k] with indices modulo N. A sequence that does not retrace its path from its first sample on has
no such symmetry (:attr:`mpicore.sequence.Sequence.mirror`), and what rests on it refuses the scanner.

Drive phases do not end the symmetry of single lines. A signal is a sum over mixing orders (m, n) of the frequency
m f_x + n f_y, and each order is that of cosine drive, turned by m phi_x + n phi_y. Where one order is far stronger than
the others of its line, the line is turned back by the phase of that order (:func:`sequence_phase`).
"""

import itertools
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence

Array = NDArray[np.floating[Any]]
Source = TypeVar("Source", bound=Scanner | Sequence)
_BLOCK = 500


def is_odd(scanner: Scanner | Sequence) -> bool:
    """Whether every signal of a scanner is odd about the first sample of its period."""
    if isinstance(scanner, Scanner):
        return scanner.mirror == 0
    return scanner.mirror is not None and scanner.mirror.odd and scanner.mirror.sample == 0


def require_odd(scanner: Source, who: str) -> Source:
    """The scanner, if its signals are odd.

    Raises:
        ValueError: they are not; ``who`` names what needs it.
    """
    if not is_odd(scanner):
        raise ValueError(
            f"{who} needs a sequence whose signals are odd, such as cosine drive (drive_phase 0 or a multiple of pi), "
            f"got {_told(scanner)}"
        )
    return scanner


def require_mirror_image(scanner: Scanner, who: str) -> Scanner:
    """The scanner, if half a period later it gives the signal of the mirror image of the object.

    Half a period later a drive field that makes an odd number of cycles in a period is turned round, and one with an
    even number is as before: the scanner measures the object mirrored in the axes of the odd ones. With particles whose
    magnetisation follows the field, the x coil sees the same signal where the x drive is even, and its negative else.

    Raises:
        ValueError: no whole number of samples in half a period, or an odd number of cycles of the x drive; ``who``
            names what needs it.
    """
    cycles = scanner.num_samples // scanner.samples_per_cycle
    if scanner.num_samples % 2 or cycles % 2:
        raise ValueError(
            f"{who} needs an even number of samples and of cycles of the x drive in a period, "
            f"got {scanner.num_samples} and {cycles}"
        )
    return scanner


def _told(scanner: Scanner | Sequence) -> str:
    if isinstance(scanner, Scanner):
        return f"drive_phase {scanner.drive_phase}"
    mirror = scanner.mirror
    if mirror is None:
        return "one that is mirrored about no time"
    signs = ", ".join({-1: "odd", 1: "even"}[sign] for sign in mirror.signs)
    return f"one that is mirrored about sample {mirror.sample:g}, where signals of x, y, z are {signs}"


def mixing_orders(scanner: Scanner) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The lowest mixing order (m, n) of each spectral line of one period, by abs(m) + abs(n): m f_x + n f_y.

    Returns:
        m and n, each of shape (N // 2 + 1,).

    Example:
        >>> m, n = mixing_orders(Scanner.cartesian())  # 25 and 0.5 kHz: line k is at k 0.5 kHz
        >>> m[149], n[149]
        (np.int64(3), np.int64(-1))
    """
    line = np.arange(scanner.num_samples // 2 + 1)
    p, q = (round(frequency * scanner.period) for frequency in scanner.drive_frequency)  # cycles in a period
    # All solutions of m p + n q = line are q apart in m; of those next to m = 0 and to n = 0 one is the lowest.
    first = line * pow(p, -1, q) % q
    near = (line // p - first) // q
    m = np.stack([first + step * q for step in (0, -1, near, near + 1)])
    n = (line - m * p) // q
    lowest = np.argmin(np.abs(m) + np.abs(n), axis=0)[None]
    return np.take_along_axis(m, lowest, 0)[0], np.take_along_axis(n, lowest, 0)[0]


def sequence_phase(scanner: Scanner | Sequence) -> NDArray[np.float64]:
    """Phase that the drive fields give each line of a signal [rad], shape (N // 2 + 1,): 0 for cosine drive.

    It is m phi_x + n phi_y of the line's lowest mixing order, and so on for more tones. A signal whose lines are turned
    back by it is that of cosine drive, up to what the higher orders of each line add. Nothing is added where the
    sequence is mirrored and all signals are odd about a time t0: then all orders of a line at f have the phase
    -2 pi f t0, up to their signs.
    """
    if isinstance(scanner, Scanner):
        m, n = mixing_orders(scanner)
        return m * scanner.drive_phase[0] + n * scanner.drive_phase[1]
    if scanner.mirror is not None and scanner.mirror.odd:
        delay = scanner.mirror.time / scanner.period
        return -2 * np.pi * delay * np.arange(scanner.num_samples // 2 + 1, dtype=np.float64)
    phases = np.array([tone.phase for _, tone in scanner.tones])
    return np.asarray(tone_orders(scanner) @ phases, np.float64)


def tone_orders(sequence: Sequence) -> NDArray[np.intp]:
    """The lowest mixing order of each spectral line over the tones of a sequence, shape (V // 2 + 1, tones).

    Line k is the sum over tones of order times cycles in a period; of equally low orders one is taken. A line that no
    order reaches, in which there is no signal, has zeros.

    Example:
        >>> orders = tone_orders(Sequence.open_data())  # 528, 561 and 544 cycles in a period
        >>> orders[3 * 528 - 2 * 544]
        array([ 3,  0, -2])
    """
    last, cycles = sequence.num_samples // 2, np.array(sequence.cycles)
    # Steps can be taken in an order in which no partial sum is further out than one step beyond what is sought.
    reach = last + cycles.max()
    orders = np.zeros((2 * reach + 1, len(cycles)), np.intp)
    known = np.zeros(2 * reach + 1, bool)
    known[reach] = True
    newest = np.array([reach])  # line k stands at reach + k
    while len(newest):
        found = []
        for tone, step in itertools.product(range(len(cycles)), (1, -1)):
            stepped = newest + step * cycles[tone]
            inside = (stepped >= 0) & (stepped <= 2 * reach)
            new = inside & ~known[np.where(inside, stepped, 0)]
            orders[stepped[new]] = orders[newest[new]]
            orders[stepped[new], tone] += step
            known[stepped[new]] = True
            found.append(stepped[new])
        newest = np.concatenate(found)
    return orders[reach : reach + last + 1]


def mirror(u: Array) -> Array:
    """u[N-k], with indices modulo N, of signals (n, N).

    Example:
        >>> mirror(np.array([[0.0, 1.0, 2.0, 3.0]]))
        array([[0., 3., 2., 1.]])
    """
    return np.roll(checks.signals(u, "u")[:, ::-1], 1, axis=1)


def odd_part(u: Array) -> NDArray[np.float32]:
    """(u[k] - u[N-k]) / 2 of signals (n, N), with indices modulo N; float32."""
    u = checks.signals(u, "u")
    return ((u - mirror(u)) / 2).astype(np.float32)


def even_part(u: Array) -> NDArray[np.float32]:
    """(u[k] + u[N-k]) / 2 of signals (n, N), with indices modulo N; float32. Of a clean odd signal it is zero."""
    u = checks.signals(u, "u")
    return ((u + mirror(u)) / 2).astype(np.float32)


def sine_lines(u: Array) -> NDArray[np.float32]:
    """Coefficients of signals (n, N) on the orthonormal sines sqrt(2/N) sin(2 pi m k / N); (n, (N - 1) // 2), float32.

    They hold the whole odd part of a signal; u[0] and u[N/2] of an odd signal are zero.
    """
    u = checks.signals(u, "u")
    samples = u.shape[1]
    blocks = [-np.fft.rfft(u[start : start + _BLOCK], axis=1).imag for start in range(0, len(u), _BLOCK)]
    return (np.concatenate(blocks)[:, 1 : (samples - 1) // 2 + 1] * np.sqrt(2 / samples)).astype(np.float32)


def from_sine_lines(lines: Array, samples: int) -> NDArray[np.float32]:
    """The odd signals (n, N) of these coefficients; float32.

    Raises:
        ValueError: more lines than so many samples have; NaN, infinite or complex values.
    """
    lines = checks.numbers(lines, "lines", dimensions=(2,))
    if lines.shape[1] > (checks.count(samples, "samples") - 1) // 2:
        raise ValueError(f"lines must be at most {(samples - 1) // 2} of {samples} samples, got {lines.shape[1]}")
    spectrum = np.zeros((len(lines), samples // 2 + 1), np.complex64)
    spectrum[:, 1 : lines.shape[1] + 1] = -1j * np.sqrt(samples / 2) * lines
    return np.fft.irfft(spectrum, samples, axis=1).astype(np.float32)
