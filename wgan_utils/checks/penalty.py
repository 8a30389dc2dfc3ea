"""Notebooks 07, 08 and 10: the points between data and fakes, and penalties on the slope there.

A penalty is handed a critic that notes where it is asked: that shows eps, and the value shows the rest.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from wgan_utils.checks.answer import Exercise, Objection, kind, reseed, slips
from wgan_utils.checks.critics import tensor


def pairs_of(rng: np.random.Generator, *shape: int) -> tuple[Tensor, Tensor]:
    """Data and fakes of this shape, all different; the last rows are the largest."""
    size = np.geomspace(0.15, 9, shape[0]).reshape(-1, *[1] * (len(shape) - 1)) / np.prod(shape[1:]) ** 0.5
    return tensor(size * (0.7 + rng.random(shape))), tensor(-size * (0.2 + rng.random(shape)))


def weights_of(x_hat: Tensor, x_real: Tensor, x_fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Per row the a and b with x_hat = a x_real + b x_fake, as well as possible, and what is left over."""
    x_hat, real, fake = (x.detach().double().flatten(1) for x in (x_hat, x_real, x_fake))
    rr, rf, ff, rx, fx = (
        (u * v).sum(1) for u, v in [(real, real), (real, fake), (fake, fake), (real, x_hat), (fake, x_hat)]
    )
    whole = rr * ff - rf**2  # Cramer's rule for the two normal equations
    a, b = (ff * rx - rf * fx) / whole, (rr * fx - rf * rx) / whole
    left = (x_hat - a[:, None] * real - b[:, None] * fake).norm(dim=1) / (real - fake).norm(dim=1)
    return a, b, left


def are_mixed(x_hat: Tensor, x_real: Tensor, x_fake: Tensor) -> bool:
    """Whether each x_hat lies between some data point and some fake, of other pairs than its own perhaps."""
    n = len(x_real)
    i, j = (index.flatten() for index in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    for row in x_hat:
        a, b, left = weights_of(row.expand(n * n, *row.shape), x_real[i], x_fake[j])
        if not ((left < 1e-3) & ((a + b - 1).abs() < 1e-3) & (a > -1e-3) & (b > -1e-3)).any():
            return False
    return True


def fault_of_points(x_hat: Tensor, x_real: Tensor, x_fake: Tensor, shuffled: str = "") -> str:
    """What is wrong with the points between, or an empty string; ``shuffled`` is said of pairs mixed anew."""
    if x_hat.shape != x_real.shape:
        return f"there must be one point per pair, shape {tuple(x_real.shape)}, found {tuple(x_hat.shape)}"
    if not torch.isfinite(x_hat).all():
        return "x_hat is not finite: eps must be drawn from [0, 1], and nothing divided by it"
    a, b, left = weights_of(x_hat, x_real, x_fake)
    total = a + b
    if left.max() > 1e-3:
        if x_hat.ndim > 1 and are_mixed(x_hat, x_real, x_fake):
            return shuffled
        eps = ((x_hat - x_fake) / (x_real - x_fake)).flatten(1)
        if eps.min() < -1e-3 or eps.max() > 1 + 1e-3:
            return "x_hat is not on the straight line: mix with eps and 1 - eps, one eps per sample, and add no noise"
        return "eps differs from coordinate to coordinate: x_hat leaves the straight line; draw one eps per sample"
    if (total - 1).abs().max() > 1e-3:
        if (a - b).abs().max() < 1e-3:
            return "x_hat is not on the straight line: the weights must be eps and 1 - eps, not eps twice"
        if (a - b - 1).abs().max() < 1e-3 or (a + 1 - b).abs().max() < 1e-3 or (a - 1).abs().max() < 1e-3:
            return "eps and 1 - eps sum to 1; one of your weights is a whole 1 too much, or its sign is flipped"
        if (total - total[0]).abs().max() < 1e-3:
            return f"the weights must be eps and 1 - eps, which sum to 1; yours sum to {total[0]:.3g}"
        return "the weights do not sum to 1: was eps drawn twice? Draw it once, and use eps and 1 - eps"
    if (a - 1).abs().max() < 1e-5:
        return "eps is always 1: x_hat holds only the real points, at one end of each segment; mix in fakes (exhibit 4)"
    if a.abs().max() < 1e-5:
        return "eps is always 0: x_hat holds only the fakes; mix data and fakes"
    if (a - 0.5).abs().max() < 1e-3:
        return "eps is always 1/2: all pairs share one eps; draw one per sample, from [0, 1]"
    if a.max() - a.min() < 1e-3:
        return "all pairs share one eps: draw one per sample (exhibit 12)"
    if torch.minimum(a.abs(), (a - 1).abs()).max() < 1e-5:
        return "eps is 0 or 1, a coin: each x_hat is a data point or a fake; draw eps from all of [0, 1]"
    if a.min() < -1e-3 or a.max() > 1 + 1e-3:
        return "x_hat lies outside the segment: draw eps with rand, from [0, 1], not from a normal law (exhibit 1)"
    return ""


def fault_of_eps(ask_at: Callable[[Tensor, Tensor], Tensor], n: int) -> str:
    """What is wrong with the law of eps, or an empty string; ``ask_at`` gives the points between many pairs."""
    draws = []
    for seed in (1, 2):
        reseed(seed)
        x_real, x_fake = pairs_of(np.random.default_rng(seed), n, 1, 2, 2)
        a, _, left = weights_of(ask_at(x_real.clone(), x_fake.clone().requires_grad_(True)), x_real, x_fake)
        if left.max() > 1e-3:
            return ""  # pairs mixed anew: their eps cannot be told
        draws.append(a)
    first, second = draws
    if torch.allclose(first, second, atol=1e-3):
        return "eps is the same at each call: draw it anew, and set no seed inside the function"
    eps = first.sort().values
    law = (torch.arange(1, n + 1) / n - eps).abs().max().item()  # Kolmogorov's distance to the uniform law
    if law > 2.7 * n**-0.5:  # once in a million for eps that are uniform
        half = f"it lies between {eps[0]:.2f} and {eps[-1]:.2f}, with a mean of {eps.mean():.2f}"
        return f"eps is not uniform on [0, 1]: {half}; draw it with rand, and leave it as it is"
    if (eps.diff() < 0.1 / n).float().mean() > 0.3:  # a tenth, for eps that are uniform
        return "many pairs share their eps with another: draw one per sample (exhibit 12)"
    return ""


def object_to_change(before: tuple, after: tuple) -> None:
    for name, old, new in zip(("x_real", "x_fake"), before, after, strict=True):
        if not torch.equal(old, new):
            raise Objection(f"your function overwrites its input `{name}`: work on a copy")


def draw_points(points_between, x_real: Tensor, x_fake: Tensor) -> tuple:
    """Ask for the points; objections come before any comparison."""
    given = x_real.clone(), x_fake.clone()
    x_hat = points_between(x_real, x_fake.requires_grad_(True))
    if x_hat is None:
        return None, None, given
    object_to_change(given, (x_real, x_fake))
    if isinstance(x_hat, np.ndarray):
        raise Objection("return a tensor, not a numpy array: the critic takes tensors")
    if isinstance(x_hat, tuple | list) and any(isinstance(x, Tensor) and x.shape == x_real.shape for x in x_hat):
        raise Objection("return the points alone, one tensor: eps stays inside the function")
    if not isinstance(x_hat, Tensor):
        raise Objection(f"expected a tensor of shape {tuple(x_real.shape)}, found {kind(x_hat)}")
    shuffled = "the pairs are shuffled: x_hat[i] lies between x_real[i] and x_fake[i], one point per pair"
    if fault := fault_of_points(x_hat.detach(), x_real, x_fake.detach(), shuffled):
        raise Objection(fault)
    if x_hat.requires_grad and not x_hat.is_leaf:
        raise Objection("the points are right, but a gradient flows back through them to the generator: detach x_hat")
    if x_hat.dtype != x_real.dtype:
        raise Objection(f"the points are right, but in {x_hat.dtype}: keep the dtype of x_real, {x_real.dtype}")
    if x_real.ndim == 3 and (fault := fault_of_eps(lambda *pairs: points_between(*pairs).detach(), 1024)):
        raise Objection(fault)
    return x_hat, 1.0, given


points_between = Exercise(
    "Notebook 07: one random point per pair on the segment between, for images and for points, without gradient.",
    cases=lambda rng: [pairs_of(rng, *shape) for shape in ((16, 1, 2, 3), (16, 2), (12, 4, 3))],
    right=lambda x_real, x_fake: 1.0,
    probe=draw_points,
    wrong={},
    errors={
        "must match the size": "eps needs an axis of length 1 for every axis of a sample, whatever the data's shape"
    },
)


class Spy(nn.Module):
    """A critic whose slope at x is |scale x|: under 1 near zero, over 1 farther out. It notes where it is asked."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape, self.asked = shape, []
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        lone, seen = x.shape == self.shape[1:], x  # a single sample, without the batch's axis
        while torch._C._functorch.is_functorch_wrapped_tensor(seen):  # all samples, under vmap
            seen = torch._C._functorch.get_unwrapped(seen)
        fits = lone or x.shape[1:] == self.shape[1:]
        self.asked.append(seen.detach().reshape(-1, *self.shape[1:]) if fits else seen.detach())
        return 0.5 * self.scale * (x if lone else x.flatten(1)).square().sum(dim=None if lone else 1)

    def points(self) -> Tensor:
        """The points at which it was asked, once each."""
        if not self.asked:
            raise Objection("the critic was never asked: its slope is that of critic(x_hat)")
        if all(x.shape == self.shape and torch.equal(x, self.asked[0]) for x in self.asked):
            return self.asked[0]  # the same batch again and again, for one gradient at a time
        try:
            points = torch.cat(self.asked)
        except (RuntimeError, TypeError):
            shapes = ", ".join(str(tuple(x.shape)) for x in self.asked[:3])
            raise Objection(f"the critic must see points of the data's shape {self.shape}, and saw {shapes}") from None
        if len(points) > self.shape[0] or len(self.asked) > self.shape[0]:
            times = len(self.asked)
            raise Objection(
                f"ask the critic once per pair, on the points between; it saw {len(points)} points in {times} "
                f"calls for {self.shape[0]} pairs"
            )
        return points


def ask(penalty: Callable, x_real: Tensor, x_fake: Tensor, also=lambda fault, answer, x_hat: fault) -> tuple:
    """Ask for the penalty; the faults of x_hat come before any comparison, and ``also`` may add to them."""
    spy, given = Spy(tuple(x_real.shape)), (x_real.clone(), x_fake.clone())
    answer = penalty(spy, x_real, x_fake.requires_grad_(True))
    if answer is None:
        return None, None, (None, spy, x_fake)
    object_to_change(given, (x_real, x_fake))
    if spy.scale.item() != 1 or not spy.scale.requires_grad or not spy.training:
        raise Objection("your function changes the critic: leave its weights, requires_grad and train() as they are")
    x_hat = spy.points()
    if torch.equal(x_real, x_fake):  # any mixture of the two is right; look at the law of eps instead

        def points(x_real, x_fake):
            other = Spy(tuple(x_real.shape))
            penalty(other, x_real, x_fake)
            return other.points()

        fault = fault_of_eps(points, 1024)
    else:
        fault = fault_of_points(x_hat, x_real, x_fake.detach())
    if fault:
        raise Objection(also(fault, answer, x_hat))
    if x_hat.dtype != x_real.dtype:
        raise Objection(f"x_hat is in {x_hat.dtype}: keep the dtype of x_real, {x_real.dtype}")
    return answer, answer, (x_hat, spy, x_fake)


def trains(answer: object, x_hat: Tensor, spy: Spy, x_fake: Tensor, charge: Callable) -> str:
    """What is wrong with a penalty of the right value, or an empty string."""
    if not isinstance(answer, Tensor):
        return "the value is right, but it is a plain number: return the tensor, without .item() or float()"
    if not answer.requires_grad:
        return "the value is right, but it cannot train the critic: pass create_graph=True, and detach nothing after it"
    if spy.scale.grad is not None:
        return "the value is right, but backward() leaves gradients in the critic: use torch.autograd.grad"
    to_critic, to_fake = torch.autograd.grad(answer.sum(), [spy.scale, x_fake], allow_unused=True)
    if to_fake is not None and to_fake.abs().max() > 0:
        return "the value is right, but a gradient flows back to the generator: detach x_hat"
    if to_critic is None:
        return "the value is right, but it cannot train the critic: pass create_graph=True, and detach nothing after it"
    if not torch.isfinite(to_critic):
        return (
            "the value is right, but its gradient is NaN where a slope is 0: the root's derivative is infinite there; "
            "use .norm(), or add a tiny number under the root (exhibit 6)"
        )
    scale = torch.ones((), dtype=x_hat.dtype).requires_grad_(True)
    (expected,) = torch.autograd.grad(charge(scale * x_hat.flatten(1).norm(dim=1)), scale)
    if not torch.allclose(to_critic, expected, rtol=1e-3, atol=1e-4):
        return "the value is right, but its gradient for the critic is not: a part of the graph is cut, by detach()"
    return ""


def of_slope(charge):
    return lambda x_hat, spy, x_fake: charge(x_hat.flatten(1).norm(dim=1))


def of_grad(charge):
    return lambda x_hat, spy, x_fake: charge(x_hat)


def two_sided(slope):
    return (slope - 1).square().mean()


def one_sided(slope):
    return (slope - 1).relu().square().mean()


IN_THE_SLOPE = """*args:
of_grad(lambda g: charge(...)):
g.flatten(1).norm(dim=1) / len(g) | the gradient of the mean score is each sample's divided by the batch: sum the scores
g.norm(dim=1) | you took the norm over one axis, axis 1: flatten everything but the batch first (exhibit 2)
g.flatten(1).norm(1).reshape(1) | norm(1) adds the absolute entries of the whole batch: the axis has a name, norm(dim=1)
g.norm(dim=1).reshape(len(g), -1).mean(1) | these are norms over axis 1, and their mean: one norm over all entries of a
    sample
g.norm(dim=1).reshape(len(g), -1).sum(1) | these are norms over axis 1, and their sum: one norm over all entries of a
    sample
g.norm(dim=-1) | you took the norm over one axis, the last: flatten everything but the batch first
g.norm(dim=0) | the norm runs over the batch, axis 0: flatten everything but the batch first, and take the norm over
    axis 1
g.norm(dim=(-2, -1)) | you took the norm over two axes, the last: flatten everything but the batch first
g.norm().reshape(1) | you took one norm over the whole batch; each sample has a slope of its own
g.flatten(1).square().sum(1) | you left the root out: compare the slope with 1, not its square (you squared the slope
    itself)
g.flatten(1).norm(dim=1) ** 0.5 | this is the root of the slope, one root too many: norm takes it already
g.flatten(1).abs().sum(1) | you added absolute entries: the slope is the Euclidean norm, the root of a sum of squares
g.flatten(1).abs().amax(1) | you took the largest entry: the slope is the Euclidean norm, the root of a sum of squares
g | you took each entry of the gradient for a slope: take the norm of a sample's gradient
g.abs() | you took each entry of the gradient for a slope: take the norm of a sample's gradient first
g.flatten(1).square().mean(1).sqrt() | you took the mean of the squares under the root: the norm takes their sum
g.flatten(1).sum(1) | you took the sum of a sample's gradient: take its norm
g.flatten(1).mean(1) | you took the mean of a sample's gradient: take its norm
g.flatten(1).norm(dim=1) / 2 | the slope is halved
"""
TWO_SIDED = """*args:
of_slope(lambda s: ...):
-two_sided(s) | the sign is flipped: the penalty is added to a loss that is minimised, so it must be 0 or more
(s - 1).mean() | square each deviation: as it stands slopes above 1 and below 1 cancel; the square is missing
(1 - s).mean() | 1 - slope without a square rewards steep slopes: square each deviation
(s - 1).abs().mean() | square each deviation; you took its absolute value
(s - 1).mean() ** 2 | take the square of each deviation first, then the mean
two_sided(s) ** 0.5 | no root after the mean: the penalty is the mean square
(s - 1).pow(4).mean() | the square, not the cube or the fourth power
one_sided(s) | this is the one-sided penalty, for slopes above 1: here slopes below 1 cost too, two-sided
(1 - s).relu().square().mean() | this charges for slopes below 1 alone: those above cost too
(s - 1).relu().mean() | this is the one-sided penalty without a square: slopes below 1 cost too
(s - 1).square().sum() | you took the sum over the batch; take the mean, or the penalty grows with the batch
s.square().mean() | the 1 is missing: charge for the deviation from slope 1 (this pulls slopes to 0)
s.mean() | this is the mean slope: charge for its deviation from 1, squared
(s + 1).square().mean() | 1 was added: charge for the deviation slope - 1
(s.square() - 1).mean() | squares of slope and of 1 were taken one by one: (slope - 1)^2 is one square
(s.square() - 1).abs().mean() | squares of slope and of 1 were taken one by one; (slope - 1)^2 is one square
10 * two_sided(s) | lambda_gp is no part of it: leave the 10 to the caller
(10 * (s - 1)).square().mean() | lambda_gp is no part of it, and no factor stands under the square
(s - 1).square().max() | each deviation counts: not the largest alone
(s - 1).square().median() | each deviation counts: take the mean, not the median
s.var(correction=0) | the spread of the slopes is not the penalty: charge for the distance to 1
s.var() | the spread of the slopes is not the penalty; charge for the distance to 1
(s - 1).square().sum() / (len(s) - 1) | divide by the number of pairs, not by one less
(s - 1).square() | take the mean over the pairs: these are all of them
(s.square() / 2 - 1).square().mean() | the slope is the norm of the gradient: this uses the scores themselves
s.log().square().mean() | the slope is the norm of the gradient, at least 0: no logarithm
"""
ERRORS = {
    "does not require grad": "x_hat needs requires_grad_(True) before the critic sees it",
    "grad can be implicitly created only for scalar": "sum the scores before the gradient: critic(x_hat).sum()",
    "appears to not have been used": "take the gradient at x_hat, the very tensor that the critic saw",
    "must match the size": "eps needs an axis of length 1 for every axis of a sample",
}


def for_slopes(task: str, charge: Callable, table: str, shapes: tuple, probe=ask) -> Exercise:
    """The exercise to write a penalty that charges in this way, with the slips in the charge."""
    return Exercise(
        task,
        cases=lambda rng: [pairs_of(rng, *shape) for shape in shapes],
        right=of_slope(charge),
        probe=probe,
        extra=lambda answer, x_hat, spy, x_fake: trains(answer, x_hat, spy, x_fake, charge),
        corners=lambda rng: {
            "where a slope is 0 nothing may be NaN or infinite": (torch.zeros(4, *shapes[0][1:]),) * 2,
        },
        wrong=slips(table, globals()) | slips(IN_THE_SLOPE, {"charge": charge, "of_grad": of_grad}),
        errors=ERRORS,
    )


gradient_penalty = for_slopes(
    "Notebook 07: the mean of (slope - 1)^2 at points between data and fakes, for images and for points.",
    two_sided,
    TWO_SIDED,
    ((16, 2, 3, 4), (16, 3), (12, 5, 2)),
)

one_sided_penalty = for_slopes(
    "Notebook 10: the mean of max(slope - 1, 0)^2 at points drawn as in ``gradient_penalty``.",
    one_sided,
    """*args:
    of_slope(lambda s: ...):
    two_sided(s) | this is the two-sided penalty: slopes below 1 must cost nothing
    (1 - s).relu().square().mean() | the side is flipped: charge for slopes above 1
    (s - 1).relu().mean() | square the excess before you take the mean: the square is missing
    (s - 1).relu().mean() ** 2 | square the excess of each slope, then take the mean
    (s - 1).mean().relu() ** 2 | cut each excess at 0 before the mean: this cuts the mean excess
    s.clamp(min=1).square().mean() | subtract 1 from the slope first: the excess is max(slope - 1, 0)
    s.square().mean() | the 1 is missing: charge for the excess over slope 1
    (s * (s > 1)).square().mean() | subtract 1 from the slopes above 1 before you square them
    (s - 1).clamp(0, 1).square().mean() | a large excess counts in full: clamp(min=0), without an upper end
    (s.square() - 1).relu().mean() | cut the excess slope - 1, not slope^2 - 1
    (s - 1).relu().square().sum() | you took the sum over the batch; take the mean, or the penalty grows with it
    (s[s > 1] - 1).square().mean() | divide by all pairs, not by those above 1 alone
    (s > 1).double().mean() | this is the share of slopes above 1: charge for the squared excess
    -one_sided(s) | the sign is flipped: the penalty is added to a loss that is minimised
    one_sided(s) ** 0.5 | no root after the mean: the penalty is the mean square
    torch.nn.functional.softplus(s - 1).square().mean() | a sharp corner, not a soft one: relu, not softplus
    torch.nn.functional.leaky_relu(s - 1, 0.2).square().mean() | slopes below 1 cost nothing: relu, not leaky_relu
    (s - 1).abs().mean() | the excess, not its absolute value: slopes below 1 cost nothing
    (s - 1).mean() | as it stands slopes above 1 and below 1 cancel: cut the excess at 0, then square
    (s - 1).relu().square().max() | all of them count, not the largest excess alone
    (s + 1).relu().square().mean() | the excess is slope - 1: you added 1
    10 * one_sided(s) | lambda_gp is no part of it: leave the 10 to the caller
    (s - 1).relu().square() | take the mean over the pairs: these are all of them
    """,
    ((16, 2, 3, 4), (11, 3, 4, 2), (14, 1, 5, 5)),
)
