"""How images are made."""

from dataclasses import dataclass

from mpicore import checks


@dataclass(frozen=True)
class Imaging:
    """How images are made.

    Args:
        relative_lambda: strength of the regularisation in units of ||A||_F^2 / P; ``None`` for the one with the least
            noisy error.
        sweeps: of Kaczmarz over all rows.
        snr_threshold: lowest ratio of amplitudes of signal and noise of a row of the calibration.
        most_rows: rows that are used at most, those of the highest SNR.
        lowest_frequency: of a line [Hz]; ``None`` for a little above the highest drive frequency, where the feedthrough
            of the drive field lies.
        average: frames in a row that become one image.
        flipped: receive channels of the recording whose sign is turned, counted from 0.

    Raises:
        ValueError: a value that is not positive.
    """

    relative_lambda: float | None = None
    sweeps: int = 10
    snr_threshold: float = 2.0
    most_rows: int = 2000
    lowest_frequency: float | None = None
    average: int = 1
    flipped: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.relative_lambda is not None:
            checks.positive(self.relative_lambda, "relative_lambda")
        checks.count(self.sweeps, "sweeps")
        checks.at_least(self.snr_threshold, "snr_threshold", 0)
        checks.count(self.most_rows, "most_rows")
        if self.lowest_frequency is not None:
            checks.at_least(self.lowest_frequency, "lowest_frequency", 0)
        checks.count(self.average, "average")
        for channel in self.flipped:
            checks.count(channel, "flipped", minimum=0)
