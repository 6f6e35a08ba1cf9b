"""A denoiser of one's own: a running median, its window chosen on noisy pairs."""

import numpy as np
from scipy.ndimage import median_filter


class RunningMedian:
    """Median of neighbouring samples; assumes a signal that is smooth there."""

    name = "running_median"

    def fit(self, u1, u2):
        few = slice(200)
        errors = {}
        for window in (1, 5, 9, 13, 17, 21):
            errors[window] = np.mean((self.median(u1[few], window) - u2[few]) ** 2)
        self.window = min(errors, key=errors.get)

    def denoise(self, u):
        return self.median(u, self.window)

    def median(self, u, window):
        return median_filter(u, (1, window), mode="wrap")
