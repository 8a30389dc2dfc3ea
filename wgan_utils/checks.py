"""Checks for the exercises: each calls the student's function on random cases and names the likely mistake.

A check returns a sentence: "not attempted yet", "correct", or what seems to be wrong. It never raises
for a wrong answer. The cases are drawn anew at each call, so a hard-coded answer does not pass.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wgan_utils.losses import critic_loss

NOT_YET, CORRECT = "not attempted yet", "correct"


def close(found, expected, tolerance: float = 1e-4) -> bool:
    """Whether a number or a tensor has the expected shape and values."""
    try:
        found, expected = torch.as_tensor(found).detach().double(), torch.as_tensor(expected).double()
    except (TypeError, ValueError, RuntimeError):  # neither a number nor a tensor
        return False
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


def attempt(function: Callable, *arguments):
    """The student's answer, or the sentence that says why there is none."""
    try:
        answer = function(*arguments)
    except Exception as error:  # the student's own mistake: report it, do not stop the notebook
        return None, f"your function raised {type(error).__name__}: {error}"
    return answer, NOT_YET if answer is None else ""


def check_critic_loss(my_critic_loss: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Notebook 00: mean score on fakes minus mean score on data, from (batch,) scores of each."""
    scores_real, scores_fake = torch.randn(7) + 2, torch.randn(5) - 1
    answer, problem = attempt(my_critic_loss, scores_real, scores_fake)
    if problem:
        return problem
    expected = critic_loss(scores_real, scores_fake)
    if close(answer, expected):
        return CORRECT
    if close(answer, -expected):
        return "the sign is flipped: the critic minimises this, and it wants high scores on data"
    if close(answer, scores_fake.sum() - scores_real.sum()):
        return "you took sums; take means, or the loss grows with the batch"
    if close(answer, scores_fake.sigmoid().mean() - scores_real.sigmoid().mean()):
        return "no sigmoid: a critic's score is not a probability"
    return f"expected {expected.item():.4f} on a random case, found {answer}"


def check_share_at_limit(my_share_at_limit: Callable[[nn.Module, float], float]) -> str:
    """Notebook 09: the share of a critic's parameters, biases included, that lie at -clip_limit or +clip_limit."""
    clip_limit = 0.1
    critic = nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.copy_(0.15 * torch.randn_like(parameter)).clamp_(-clip_limit, clip_limit)
        critic[0].weight[0, 0] = clip_limit
    answer, problem = attempt(my_share_at_limit, critic, clip_limit)
    if problem:
        return problem
    weights = torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])
    at_limit = weights.abs() == clip_limit
    expected = at_limit.float().mean()
    if close(answer, expected):
        return CORRECT
    if close(answer, 100 * expected):
        return "a share lies between 0 and 1: you gave per cent"
    if close(answer, at_limit.sum()):
        return "this is the number of weights at the limit; divide by how many there are"
    if close(answer, (weights == clip_limit).float().mean()):
        return "you counted +clip_limit alone; count -clip_limit too"
    if close(answer, torch.stack([(p.abs() == clip_limit).float().mean() for p in critic.parameters()]).mean()):
        return "you averaged the shares of the layers; count all weights alike"
    matrices = torch.cat([parameter.detach().flatten() for parameter in critic.parameters() if parameter.ndim > 1])
    if close(answer, (matrices.abs() == clip_limit).float().mean()):
        return "you left the biases out; Algorithm 1 clips them too"
    return f"expected {expected.item():.4f} on a random case, found {answer}"


def check_latent_walk(my_latent_walk: Callable[[Tensor, Tensor, int], Tensor]) -> str:
    """Notebook 09: n evenly spaced points on the straight line from z_start to z_end, both ends included."""
    z_start, z_end, n = torch.randn(8), torch.randn(8), 5
    answer, problem = attempt(my_latent_walk, z_start, z_end, n)
    if problem:
        return problem
    share = torch.linspace(0, 1, n)[:, None]
    expected = z_start + share * (z_end - z_start)
    if close(answer, expected):
        return CORRECT
    if close(answer, expected.flip(0)):
        return "the walk runs backwards: row 0 must be z_start"
    open_share = torch.arange(n)[:, None] / n
    if close(answer, z_start + open_share * (z_end - z_start)):
        return "the walk stops one step short: divide by n - 1, so that the last row is z_end"
    if close(answer, z_start + share * z_end):
        return "you added a multiple of z_end; weight z_start by what is left, 1 - share"
    if isinstance(answer, Tensor) and answer.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}, found {tuple(answer.shape)}"
    return "these points are not evenly spaced on the straight line from z_start to z_end"


def check_best_slope(my_best_slope: Callable[[float, float], float]) -> str:
    """Notebook 10: the slope s that minimises -s d + lambda_gp (s - 1)^2."""
    d, lambda_gp = (0.5 + torch.rand(2)).tolist()
    answer, problem = attempt(my_best_slope, d, lambda_gp)
    if problem:
        return problem
    if close(answer, 1 + d / (2 * lambda_gp)):
        return CORRECT
    if close(answer, 1 + d / lambda_gp):
        return "the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing"
    if close(answer, 1 - d / (2 * lambda_gp)):
        return "the sign of the reward is flipped: the critic gains by a larger slope"
    if close(answer, d + d**2 / (2 * lambda_gp)):
        return "this is the estimate, slope times d; the question asks for the slope"
    if close(answer, 1):
        return "1 is the slope that the penalty asks for; the reward pulls it higher"
    return f"expected {1 + d / (2 * lambda_gp):.4f} for d = {d:.4f} and lambda_gp = {lambda_gp:.4f}, found {answer}"


def check_one_sided_penalty(my_one_sided_penalty: Callable[..., Tensor]) -> str:
    """Notebook 10: the mean of max(slope - 1, 0)^2 at points drawn as in ``gradient_penalty``."""
    seen = []

    def critic(x: Tensor) -> Tensor:  # its slope is |x|: under 1 near zero, over 1 farther out
        seen.append(x.detach())
        return 0.5 * scale * x.flatten(1).square().sum(dim=1)

    scale = torch.ones((), requires_grad=True)
    size = torch.linspace(0.1, 3, 16)[:, None, None, None]
    x_real, x_fake = size * (0.5 + torch.rand(16, 1, 2, 3)), -size * torch.rand(16, 1, 2, 3)
    answer, problem = attempt(my_one_sided_penalty, critic, x_real, x_fake)
    if problem:
        return problem
    if len(seen) != 1:
        return f"call the critic once, on the points between; you called it {len(seen)} times"
    (x_hat,) = seen
    if x_hat.shape != x_real.shape:
        return f"the critic must see one point per pair, shape {tuple(x_real.shape)}, found {tuple(x_hat.shape)}"
    eps = (x_hat - x_fake) / (x_real - x_fake)  # the same number in all places of a row
    if (eps - eps[:, :1, :1, :1]).abs().max() > 1e-3:
        return "eps differs from pixel to pixel: x_hat leaves the straight line; draw one eps per sample"
    if eps.min() < -1e-3 or eps.max() > 1 + 1e-3:
        return "x_hat lies outside the segment: draw eps uniformly from [0, 1]"
    if (eps - eps[0]).abs().max() < 1e-3:
        return "all pairs share one eps: draw one per sample"
    slope = x_hat.flatten(1).norm(dim=1)
    expected = (slope - 1).relu().square().mean()
    if close(answer, expected):
        if not (isinstance(answer, Tensor) and answer.requires_grad):
            return "the value is right, but it cannot train the critic: pass create_graph=True"
        return CORRECT
    if close(answer, (slope - 1).square().mean()):
        return "this is the two-sided penalty: slopes below 1 must cost nothing"
    if close(answer, (1 - slope).relu().square().mean()):
        return "the side is flipped: charge for slopes above 1"
    if close(answer, (slope - 1).relu().mean()):
        return "square the excess before you take the mean"
    wrong_axis = x_hat.norm(dim=1)
    if close(answer, (wrong_axis - 1).relu().square().mean()):
        return "you took the norm over one axis: flatten everything but the batch first"
    return f"expected {expected.item():.4f} on a random case, found {answer}"
