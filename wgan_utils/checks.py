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


def judge(function: Callable, arguments: tuple, expected, mistakes: dict[str, object]) -> str:
    """What to tell the student: ``mistakes`` maps a sentence to the answer that the mistake gives."""
    answer, problem = attempt(function, *arguments)
    if problem:
        return problem
    if close(answer, expected):
        return CORRECT
    for sentence, wrong in mistakes.items():
        if close(answer, wrong):
            return sentence
    shape, found = tuple(torch.as_tensor(expected).shape), tuple(getattr(answer, "shape", ()))
    if found != shape:
        return f"expected shape {shape}, found {found}"
    return (
        f"expected {float(expected):.4f} on a random case, found {answer}"
        if not shape
        else "these values are not right"
    )


def check_critic_loss(my_critic_loss: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Notebook 00: mean score on fakes minus mean score on data, from (batch,) scores of each."""
    scores_real, scores_fake = torch.randn(7) + 2, torch.randn(5) - 1
    expected = critic_loss(scores_real, scores_fake)
    mistakes = {
        "the sign is flipped: the critic minimises this, and it wants high scores on data": -expected,
        "you took sums; take means, or the loss grows with the batch": scores_fake.sum() - scores_real.sum(),
        "no sigmoid: a critic's score is not a probability": critic_loss(scores_real.sigmoid(), scores_fake.sigmoid()),
    }
    return judge(my_critic_loss, (scores_real, scores_fake), expected, mistakes)


def check_share_at_limit(my_share_at_limit: Callable[[nn.Module, float], float]) -> str:
    """Notebook 09: the share of a critic's parameters, biases included, that lie at -clip_limit or +clip_limit."""
    clip_limit = 0.1
    critic = nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.copy_(0.15 * torch.randn_like(parameter)).clamp_(-clip_limit, clip_limit)
        critic[0].weight[0, 0] = clip_limit
    layers = [(parameter.detach().abs() == clip_limit).float() for parameter in critic.parameters()]
    weights, matrices = torch.cat([p.flatten() for p in layers]), torch.cat([p.flatten() for p in layers if p.ndim > 1])
    upper = torch.cat([(parameter.detach() == clip_limit).float().flatten() for parameter in critic.parameters()])
    mistakes = {
        "a share lies between 0 and 1: you gave per cent": 100 * weights.mean(),
        "this is the number of weights at the limit; divide by how many there are": weights.sum(),
        "you counted +clip_limit alone; count -clip_limit too": upper.mean(),
        "you averaged the shares of the layers; count all weights alike": sum(p.mean() for p in layers) / len(layers),
        "you left the biases out; Algorithm 1 clips them too": matrices.mean(),
    }
    return judge(my_share_at_limit, (critic, clip_limit), weights.mean(), mistakes)


def check_latent_walk(my_latent_walk: Callable[[Tensor, Tensor, int], Tensor]) -> str:
    """Notebook 09: n evenly spaced points on the straight line from z_start to z_end, both ends included."""
    z_start, z_end, n = torch.randn(8), torch.randn(8), 5
    share, open_share = torch.linspace(0, 1, n)[:, None], torch.arange(n)[:, None] / n
    expected = z_start + share * (z_end - z_start)
    mistakes = {
        "the walk runs backwards: row 0 must be z_start": expected.flip(0),
        "the walk stops one step short: divide by n - 1, so that the last row is z_end": z_start
        + open_share * (z_end - z_start),
        "you added a multiple of z_end; weight z_start by what is left, 1 - share": z_start + share * z_end,
    }
    return judge(my_latent_walk, (z_start, z_end, n), expected, mistakes)


def check_best_slope(my_best_slope: Callable[[float, float], float]) -> str:
    """Notebook 10: the slope s that minimises -s d + lambda_gp (s - 1)^2."""
    d, lambda_gp = (0.5 + torch.rand(2)).tolist()
    mistakes = {
        "the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing": 1 + d / lambda_gp,
        "the sign of the reward is flipped: the critic gains by a larger slope": 1 - d / (2 * lambda_gp),
        "this is the estimate, slope times d; the question asks for the slope": d + d**2 / (2 * lambda_gp),
        "1 is the slope that the penalty asks for; the reward pulls it higher": 1.0,
    }
    return judge(my_best_slope, (d, lambda_gp), 1 + d / (2 * lambda_gp), mistakes)


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
