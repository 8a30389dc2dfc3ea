"""Muon, a step that turns every direction of a matrix equally far, for all matrices; Adam for the other parameters.

This file imports only torch, so that it can be copied.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular vectors kept and its singular values near 1.

    Among all changes of operator norm 1 the one with the singular vectors of the gradient and every singular value at
    1 is the steepest. Five steps of an odd polynomial come near it: a singular value above .002 of the norm ends
    between .68 and 1.21, a smaller one is raised at most 485-fold. The polynomial is worked out on the small Gram
    matrix, which has the same singular vectors.

    Args:
        matrix: (n_out, ...), a weight's shape; all axes but the first are taken as one.

    Returns:
        Of the same shape; the same for any positive multiple of the matrix; zero for a matrix of zeros.

    Source: Jordan et al. 2024, *Muon: an optimizer for hidden layers in neural networks*, with its coefficients; for
    the norm Bernstein, Newhouse 2024 (arXiv:2409.20325).
    """
    rows = matrix.flatten(1)
    wide = rows if len(rows) <= rows.shape[1] else rows.T
    tiny, huge = torch.finfo(wide.dtype).tiny, torch.finfo(wide.dtype).max / 4
    wide = wide / 2 ** wide.abs().max().clamp(tiny, huge).log2().floor()  # so that the norm's squares are numbers
    wide = wide / wide.norm().clamp(min=tiny)  # no singular value is above 1
    one = turn = torch.eye(len(wide), dtype=wide.dtype, device=wide.device)
    gram = wide @ wide.T
    for _ in range(5):
        factor = 3.4445 * one - 4.7750 * gram + 2.0315 * gram @ gram
        turn, gram = factor @ turn, factor @ gram @ factor
    wide = turn @ wide
    return (wide if len(rows) <= rows.shape[1] else wide.T).reshape(matrix.shape)


class Muon(Optimizer):
    """Muon for every weight with at least two rows and two axes, Adam for the rest.

    Args:
        params: as for any optimiser of torch.
        lr: the root mean square of a matrix's step; for the rest Adam's.
        betas: Adam's two averages.
        momentum: share of the past in the average of a matrix's gradients.

    Source: as for ``orthogonal``; Kingma, Ba 2014, Algorithm 1 (arXiv:1412.6980).
    """

    def __init__(self, params, lr: float | Tensor, betas: tuple[float, float] = (0.9, 0.999), momentum: float = 0.8):
        super().__init__(params, {"lr": lr, "betas": betas, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                turn = muon_step if weight.ndim > 1 and len(weight) > 1 else adam_step
                weight -= group["lr"] * turn(weight.grad, self.state[weight], group)


def muon_step(grad: Tensor, state: dict, group: dict) -> Tensor:
    """Where a matrix goes: the average of its gradients, one ahead, made orthogonal; at full rank its RMS is near 1."""
    mean = state.setdefault("mean", torch.zeros_like(grad)).lerp_(grad, 1 - group["momentum"])
    step = orthogonal(grad.lerp(mean, group["momentum"]))
    return max(len(grad), grad[0].numel()) ** 0.5 * step


def adam_step(grad: Tensor, state: dict, group: dict) -> Tensor:
    """Where any other parameter goes: the average of its gradients over the root of that of their squares."""
    if not state:
        state |= {"mean": torch.zeros_like(grad), "square": torch.zeros_like(grad)}
        state["count"] = grad.new_zeros(())  # on the device: a CUDA graph goes on counting
    mean_beta, square_beta = group["betas"]
    mean, square = state["mean"].lerp_(grad, 1 - mean_beta), state["square"].lerp_(grad * grad, 1 - square_beta)
    count = state["count"].add_(1)
    return mean / (1 - mean_beta**count) / ((square / (1 - square_beta**count)).sqrt() + 1e-8)
