"""Layers that do what the stock ones do, in less time on a CPU."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _PReLUFunction(torch.autograd.Function):
    """max(0, x) + a min(0, x); its stock backward pass branches on every element, which a CPU does slowly."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.prelu(x, slope)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (grad,) = gradients
        x, slope = ctx.saved_tensors
        slope_grad = x.clamp_max(0).mul_(grad).sum((0, 2, 3))
        positive = torch.ops.aten.threshold_backward(grad, x, 0)
        return positive.lerp_(grad, slope.view(1, -1, 1, 1)), slope_grad


class Dropout(nn.Dropout):
    """Dropout that takes half the time of the stock one on a CPU: 16 random bits per feature, drawn 64 at a time."""

    def forward(self, x: Tensor) -> Tensor:
        """Feature map to the same shape; the probability is rounded to a multiple of 2^-16."""
        drop = round(self.p * 2**16)
        if not self.training or not drop:
            return x
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()]
        keep = (bits >= drop - 2**15).to(x.dtype).mul_(2**16 / (2**16 - drop))
        return x * keep.as_strided(x.shape, x.stride())


class PReLU(nn.PReLU):
    """Parametric rectified linear unit with one slope per channel (He et al. 2015); for maps (B, C, 1, L)."""

    def forward(self, x: Tensor) -> Tensor:
        """Feature map to the same shape."""
        found: Tensor = _PReLUFunction.apply(x, self.weight)  # type: ignore[no-untyped-call]  # PyTorch gives it no types
        return found
