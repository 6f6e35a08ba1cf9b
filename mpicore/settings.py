"""How long and how fast a network is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from mpicore import checks


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Args:
        epochs: passes over the training signals.
        batch_size: signals per step.
        learning_rate: of Adam; the highest one with ``one-cycle``.
        schedule: ``constant``, or ``one-cycle``: a linear rise over the first fifth of the steps, then a cosine fall
            to zero.
        patience: epochs without a better noisy validation loss before stopping; 0 for never.

    Raises:
        ValueError: a value out of range.

    Example:
        >>> settings = Settings(epochs=5, learning_rate=0.01, schedule="one-cycle")
        >>> [round(settings.rate(step, 10), 4) for step in (0, 2, 6)]
        [0.0033, 0.01, 0.005]
    """

    epochs: int = 20
    batch_size: int = 4
    learning_rate: float = 1e-4
    schedule: Literal["constant", "one-cycle"] = "constant"
    patience: int = 0

    def __post_init__(self) -> None:
        checks.count(self.epochs, "epochs")
        checks.count(self.batch_size, "batch_size")
        checks.positive(self.learning_rate, "learning_rate")
        checks.choice(self.schedule, "schedule", ("constant", "one-cycle"))
        checks.count(self.patience, "patience", minimum=0)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step ``step`` of ``steps``."""
        if self.schedule == "constant":
            return self.learning_rate
        rise = steps / 5
        if step < rise:
            return self.learning_rate * (step + 1) / (rise + 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))
