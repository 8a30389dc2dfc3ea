"""Notebooks 06 and 09: clipping the weights, the slope it allows, and what it leaves of a linear critic."""

import copy
import itertools
import math

import torch
from torch import Tensor, nn

from wgan_utils.checks.answer import Exercise, Objection, is_stub
from wgan_utils.checks.critics import tensor


def flat(critic: nn.Module) -> Tensor:
    """All parameters of a network in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])


def boxed_critics(rng) -> list[tuple[nn.Module, float]]:
    """Critics, one with layers inside of layers, whose parameters lie far outside and inside the box, on both sides."""
    plain = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    nested = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.LeakyReLU()), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 1)
    )
    cases = [(plain, 0.47), (nested, 0.13)]
    for critic, limit in cases:
        with torch.no_grad():
            for parameter in critic.parameters():
                ways = torch.arange(parameter.numel()).reshape(parameter.shape) % 4
                size = torch.tensor([3.0, -3.0, 0.5, -0.5])[ways] * (1 + 0.1 * tensor(rng.random(parameter.shape)))
                parameter.copy_(limit * size)
            list(critic.parameters())[-1].fill_(-3 * limit)
    return cases


def clip_and_look(clip, critic: nn.Module, limit: float) -> tuple:
    """Clip; the value to compare is what the critic's parameters are afterwards."""
    before, parameters = copy.deepcopy(critic), list(critic.parameters())
    for parameter in parameters:
        parameter.grad = parameter.detach().clone()
    answer = clip(critic, limit)
    after = list(critic.parameters())
    if any(
        p.grad is not None and not torch.equal(p.grad, b) for p, b in zip(parameters, before.parameters(), strict=True)
    ):
        raise Objection("you clipped the gradients; Algorithm 1 clips the weights themselves")
    if len(after) != len(parameters) or any(a is not b for a, b in zip(after, parameters, strict=True)):
        raise Objection("you replaced the parameters, and the optimiser holds the old: change them in place, clamp_")
    if not all(parameter.requires_grad for parameter in parameters):
        raise Objection("a parameter no longer requires a gradient: clip under torch.no_grad(), and freeze nothing")
    if not critic.training:
        raise Objection("you left the critic in evaluation mode: clip its weights, and leave the rest as it is")
    value = flat(critic)
    if torch.equal(value, flat(before)):
        if answer is None and is_stub(clip):
            return None, None, (before, limit)
        if isinstance(answer, nn.Module) and answer is not critic:
            raise Objection("you clipped a copy: the critic that was given has not changed; clip it in place")
    return answer, value, (before, limit, critic)


def of_all(change):
    """Every parameter changed in one way."""
    return lambda before, limit, *_: torch.cat([change(p.detach(), limit).flatten() for p in before.parameters()])


def of_some(chosen):
    """Only the parameters clipped for which chosen(name, parameter, number, how many) holds."""

    def clipped(before, limit, *_):
        named = list(before.named_parameters())
        return torch.cat(
            [
                (p.detach().clamp(-limit, limit) if chosen(name, p, k, len(named)) else p.detach()).flatten()
                for k, (name, p) in enumerate(named)
            ]
        )

    return clipped


def of_linear(*kinds):
    """Only these parameters of the linear layers clipped."""

    def clipped(before, limit, *_):
        layers = {name for name, layer in before.named_modules() if isinstance(layer, nn.Linear)}
        chosen = {f"{name}.{kind}" for name in layers for kind in kinds}
        return of_some(lambda name, p, k, n: name in chosen)(before, limit)

    return clipped


clip_ = Exercise(
    "Notebook 06: every parameter of the critic moved into [-clip_limit, clip_limit], in place; returns the critic.",
    cases=boxed_critics,
    right=of_all(lambda p, c: p.clamp(-c, c)),
    probe=clip_and_look,
    in_place=True,
    extra=lambda answer, before, limit, critic: "" if answer is critic else "also return the critic",
    wrong="""*args:
    of_linear("weight", "bias") | you clipped the layers of one kind, nn.Linear: critic.parameters() holds them all
    of_linear("weight") | you clipped the weights of one kind of layer, nn.Linear: critic.parameters() holds them all
    of_all(lambda p, c: ...):
    p | nothing has changed: parameter.clamp(...) returns a new tensor; clamp_ changes the parameter itself
    p.clamp(max=c) | only one side is clipped: weights below -clip_limit must come back too
    p.clamp(min=-c) | only one side is clipped: weights above +clip_limit must come back too
    p.clamp(0, c) | negative weights are allowed: clip to [-clip_limit, clip_limit], not to [0, clip_limit]
    p.clamp(-c, 0) | positive weights are allowed: clip to [-clip_limit, clip_limit], not to [-clip_limit, 0]
    p.clamp(c, -c) | this keeps the weights outside of the box: the bounds have changed places
    p.clamp(-0.01, 0.01) | clip to clip_limit itself, not to the 0.01 of the paper
    p.clamp(-1, 1) | clip to clip_limit, not to 1
    p.clamp(-c / 2, c / 2) | clip to clip_limit, not to half of it
    p.clamp(-2 * c, 2 * c) | clip to clip_limit, not to twice of it
    p.clamp(-c * c, c * c) | clip to clip_limit, not to its square
    p.abs().clamp(max=c) | the absolute value was clipped: the sign of each weight stays
    c * p.sign() | you set every weight to a wall; those inside the box must stay
    p * (p.abs() <= c) | you set the weights outside to 0; they go to the nearest wall
    torch.where(p.abs() > c, torch.full_like(p, c), p) | you set the weights outside to +clip_limit, even those below
    c * p | you multiplied the weights by clip_limit: those inside the box must stay
    p * c / p.abs().max() | you scaled each tensor into the box; clipping moves only the weights outside
    c * torch.tanh(p) | you bent the weights into the box with tanh; those inside must stay
    c * torch.tanh(p / c) | you bent the weights into the box with tanh; those inside the box must stay
    p * c / p.norm() | you scaled each tensor to the norm clip_limit; Algorithm 1 clips each weight
    of_some(lambda name, p, k, n: ...):
    "bias" not in name | you left the biases out; Algorithm 1 clips all parameters
    p.ndim > 1 | you left the biases out (and all else with one axis); Algorithm 1 clips all parameters
    "bias" in name | you clipped the biases alone; Algorithm 1 clips all parameters
    k < 2 | you clipped the first layer alone: clip all of them
    k >= n - 2 | you clipped the last layer alone: clip all of them
    k == 0 | you clipped the first parameter alone: the return stands inside the loop
    k == n - 1 | you clipped the last parameter alone: the clipping stands outside the loop
    k < n - 2 | the last layer was left out: clip all of them
    k >= 2 | the first layer was left out: clip all of them
    name.count(".") == 1 | layers inside of layers were left out: critic.parameters() holds them all
    """,
    errors={
        "a leaf Variable that requires grad": "clip under torch.no_grad(), or autograd records it",
        "has no attribute 'weight'": "not every layer has weights: run over critic.parameters()",
        "has no attribute 'clamp_'": "run over critic.parameters()",
    },
)


def samples(rng) -> list[tuple[float, Tensor, Tensor]]:
    """Samples on a line, not equally many; the fakes lie to the right, to the left, and to the right."""
    sizes = [(0.3, 5, 7, -2, 2), (0.45, 8, 3, 1.5, -1), (0.7, 4, 9, 0.3, 1.7), (2.5, 6, 5, 0.2, -1)]
    return [(c, tensor(rng.normal(a, 1, n)), tensor(rng.normal(b, 3, m))) for c, n, m, a, b in sizes]


linear_estimate = Exercise(
    "Notebook 06: clip_limit * |mean of x_real - mean of x_fake|, on pairs with the fakes on either side.",
    cases=samples,
    right=lambda clip_limit, x_real, x_fake: clip_limit * (x_real.mean() - x_fake.mean()).abs(),
    wrong="""c, x, y:
    c * (x.mean() - y.mean()) | the absolute value is missing: the critic picks w = -c when the fakes lie to the right
    -c * (x.mean() - y.mean()).abs() | the sign is flipped: the estimate is 0 or more, minus the critic's loss
    (x.mean() - y.mean()).abs() | this is the gap of the means; the slope of the critic is at most c
    x.mean() - y.mean() | the absolute value is missing, and so is the factor c
    y.mean() - x.mean() | the absolute value is missing, and so is the factor c: and the sign is flipped
    (x.mean() - y.mean()).abs() / c | you divided by c: the slope multiplies the gap
    c * (x.sum() - y.sum()).abs() | take means, not sums: the two samples need not be equally long
    c * (x.median() - y.median()).abs() | take means, not medians
    c * (x.max() - y.max()).abs() | take means, not the largest values
    c * (x.abs().mean() - y.abs().mean()) | take means first, then absolute values: these are means of absolute values
    c * (x.mean().abs() - y.mean().abs()) | take the absolute value of the difference of the means, not of each mean
    c * (x.mean() + y.mean()).abs() | the means are added: take their difference
    c * (x.mean() - y.mean()) ** 2 | the absolute value, not the square
    c * (x.mean() - y.mean()).relu() | do not cut at 0: the critic may pick w = -c
    c * (y.mean() - x.mean()).relu() | do not cut at 0: the critic may pick w = +c
    c**2 * (x.mean() - y.mean()).abs() | c once, not squared
    2 * c * (x.mean() - y.mean()).abs() | the box is [-c, c], and the weight one of its ends: no factor 2
    (x.mean() - y.mean()).abs().clamp(max=c) | the gap is multiplied by c, not cut at c
    (x.clamp(-c, c).mean() - y.clamp(-c, c).mean()).abs() | the weight is clipped, not the data
    (x.mean() - y.mean()).clamp(-c, c) | the weight is clipped, not the gap
    c * (x[:, None] - y).abs().mean() | this is the mean distance of all pairs: a linear critic sees the means alone
    c * _w1(x, y) | this is W1 times c, from sorted samples: a linear critic sees the means alone
    c * (x.sum() - y.sum()).abs() / len(x) | divide each sum by its own number: the two samples need not be equally long
    c * (x - y).mean().abs() | the two samples need not be equally long: take each mean first, then the difference
    c * (x.mean() - y.mean()).abs() / torch.cat([x, y]).std() | the spread of the samples does not matter
    c * (x.quantile(0.5) - y.quantile(0.5)).abs() | take means, not medians (quantiles)
    c * (x.std() - y.std()).abs() | take means, not spreads
    (x.mean() - y.mean()).clamp(-c, c) * (x.mean() - y.mean()) | the best weight is an end of the box, +c or -c, also
        when the gap is smaller than c
    c * (x.mean() - y.mean()).sign() | this is the best weight: multiply the gap by it
    c * (x.abs().mean() - y.abs().mean()).abs() | take means first, then the absolute value of their difference: these
        are means of absolute values
    c * (x.mean().abs() - y.mean().abs()).abs() | take the absolute value of the difference of the means alone, not of
        each mean too
    """,
    errors={"must match the size": "the two samples need not be equally long: take each mean first"},
)


def _w1(x, y):
    return (x.sort().values.repeat_interleave(len(y)) - y.sort().values.repeat_interleave(len(x))).abs().mean()


def caught_critics(rng) -> list[tuple[nn.Module, float]]:
    """Critics with a known share of parameters at a wall, differently many in each layer and on each side."""
    cases = []
    for sizes, limit, spread in (((3, 40, 1), 0.1, 1.5), ((5, 12, 7, 1), 0.25, 2.4)):
        layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        critic = nn.Sequential(*layers[:-1])
        with torch.no_grad():
            for k, parameter in enumerate(critic.parameters()):
                size = limit * spread * (1 + 0.3 * k) * tensor(rng.normal(0.25, 1, parameter.shape))
                parameter.copy_(size.clamp(-limit, limit))
            critic[0].weight[0, :3] = tensor([limit, -limit, 0.9999 * limit])
            critic[0].bias[:3] = tensor([limit, -limit, -0.9998 * limit])
            critic[-1].bias.fill_(limit if len(cases) else 0.3 * limit)
        cases.append((critic, limit))
    return cases


def share(chosen=lambda p: True, caught=lambda p, c: p.abs() == c, end=lambda each: torch.cat(each).mean()):
    """The share at the walls with one thing changed; as it stands it is right."""

    def of(critic, clip_limit):
        parameters = [p.detach() for p in critic.parameters() if chosen(p)]
        limit = tensor(clip_limit)
        return end([caught(p, limit).double().flatten() for p in parameters])

    return of


share_at_limit = Exercise(
    "Notebook 09: the share of a critic's parameters, biases included, that lie at -clip_limit or +clip_limit.",
    cases=caught_critics,
    right=lambda critic, clip_limit: share()(critic, clip_limit),
    wrong="""critic, c:
    share(caught=lambda p, c: p == c) | you counted +clip_limit alone; count -clip_limit too
    share(caught=lambda p, c: p == -c) | you counted -clip_limit alone; count +clip_limit too
    share(chosen=lambda p: p.ndim > 1) | you left the biases out; Algorithm 1 clips them too
    share(chosen=lambda p: p.ndim == 1) | you counted the biases alone: the weights are parameters too
    share(caught=lambda p, c: p.abs() < c) | this is the share inside the limit: take those at it
    share(caught=lambda p, c: p.abs() <= c) | this is the share inside the limit or at it, which is all: compare with ==
    share(caught=lambda p, c: p.abs() > c) | no weight lies beyond the limit after clipping: compare with ==, or >=
    share(caught=lambda p, c: p.abs() >= 0.999 * c) | no weight near the limit counts: it is hit exactly
    share(caught=lambda p, c: p.abs() >= 0.99 * c) | weights near the limit do not count: it is hit exactly
    share(caught=lambda p, c: p.abs() >= 0.95 * c) | weights near the limit do not count; it is hit exactly
    flat(critic).numel() | this is the number of parameters: take the share at the limit
    flat(critic).abs().mean() / c | this is the mean size of the weights over the limit, not how many lie there
    flat(critic).abs().mean() | this is the mean size of the weights, not how many lie at the limit
    flat(critic).norm() / c | this is the count over the gradient's size
    share(caught=lambda p, c: p == c)(critic, c) - share(caught=lambda p, c: p == -c)(critic, c) | the count on one side
        less that on the other: add them
    share(caught=lambda p, c: p.double().abs() == round(c.item(), 6)) | as a float64 or a Python float a weight is not
        the limit but the float32 nearest to it: compare the float32 tensors
    share(end=lambda each: torch.cat(each).sum())(critic, c) / sum(map(len, critic.parameters())) | len(p) is the number
        of rows: divide by the number of weights, numel()
    share(end=lambda each: ...):
    torch.cat(each).sum() | this is the number of weights at the limit; divide by how many there are
    torch.stack([e.mean() for e in each]) | these are the shares of the tensors, one by one: count all weights together
    sum((e.mean() for e in each)) / len(each) | you averaged the shares of the layers; count all weights alike
    sum((e.mean() for e in each)) | you added the shares of the layers; count all weights alike, and divide once
    torch.cat(each[::2]).sum() / sum(map(len, each)) | you left the biases out of the count, not of the divisor
    torch.cat(each).sum() / sum(map(len, each[::2])) | biases count in the divisor too
    sum((e.max() for e in each)) / len(each) | this counts the tensors that touch the limit: count weights
    each[0].mean() | this is the first layer's weight alone: count all parameters
    torch.cat(each[:2]).mean() | this is the first layer alone: count all parameters
    torch.cat(each[-2:]).mean() | this is the last layer alone: count all parameters
    each[-1].mean() | this is the last parameter alone: add up over the loop
    torch.cat(each).sum() / len(each) | you divided by the number of tensors: divide by that of the weights
    torch.cat(each).mean() / 2 | both sides were counted, and their mean taken: add them
    sum(e.mean() for e in each[::2]) / len(each[::2]) | you averaged the layers, without biases: count all alike
    each[-2].mean() | this is the last layer's weight alone: count all parameters
    """,
    tolerance=1e-5,
)


def product(widths):
    """The bound by hand at clip limit 1."""
    return math.prod(math.sqrt(a * b) for a, b in itertools.pairwise(widths))


clip_for_slope = Exercise(
    "Notebook 06: the largest clip limit that keeps every slope of a ReLU network of these widths at most `slope`.",
    cases=lambda rng: [(1.3, [3, 40, 5]), (0.7, [2, 16, 16, 1]), (5.2, [7, 30, 12, 4, 1]), (2.6, [9, 2])],
    right=lambda slope, widths: (slope / product(widths)) ** (1 / (len(widths) - 1)),
    wrong="""s, w:
    s / product(w) | c stands in each factor: take the root of as many layers as there are
    (s / product(w)) ** (1 / len(w)) | widths are one more than layers: one root less
    (s / product(w)) ** (1 / (len(w) - 2)) if len(w) > 2 else s / product(w) | every linear layer holds a c, the last as
        well: len(widths) - 1 of them
    (s / product(w)) ** 0.5 | the root is that of the number of layers, not always the square root
    (product(w) / s) ** (1 / (len(w) - 1)) | this is upside down: a wider network needs a smaller box
    (s * product(w)) ** (1 / (len(w) - 1)) | the widths divide: a wider network needs a smaller box
    s * product(w) ** (-1 / (len(w) - 1)) | the root is taken of the whole quotient, of the slope too
    s ** (1 / (len(w) - 1)) / product(w) | the root is taken of the whole quotient, of the widths too
    s ** (1 / (len(w) - 1)) | the widths are missing: a layer may stretch by c sqrt(rows cols)
    (s / product(w) ** 2) ** (1 / (len(w) - 1)) | a layer's norm is c sqrt(rows cols): the root is missing
    (s / product(w)) ** (len(w) - 1) | this is the power, not the root
    s / (len(w) - 1) / product(w) | factors multiply: the root of the number of layers, not a quotient by it
    product(w) ** (-1 / (len(w) - 1)) | this is the box for slope 1: the slope asked for is missing
    s * product(w) | this is the slope of a box of limit `slope`: solve for the limit
    s ** (len(w) - 1) * product(w) | this is the bound of the box [-slope, slope]: turn it round
    min((s / product(w)) ** (1 / (len(w) - 1)), 0.01) | do not stop at the paper's 0.01: the largest limit is asked for
    (s / math.prod(w)) ** (1 / (len(w) - 1)) | inner widths count in two layers: each has sqrt(rows cols)
    (s / math.prod(math.sqrt(b) for b in w[1:])) ** (1 / (len(w) - 1)) | rows alone: it is c sqrt(rows cols)
    (s / math.prod(math.sqrt(a) for a in w[:-1])) ** (1 / (len(w) - 1)) | columns alone: it is c sqrt(rows cols)
    (s / math.prod(math.sqrt(a) for a in w)) ** (1 / (len(w) - 1)) | inner widths stand in two layers: sqrt(rows cols)
    min(s ** (1 / (len(w) - 1)) / math.sqrt(a * b) for a, b in itertools.pairwise(w)) | the product of all layers is
        bounded, not each: this limit is safe but not the largest
    s / product(w) ** 2 | both roots are missing: sqrt(rows cols), and the root of the number of layers
    s / sum(math.sqrt(a * b) for a, b in itertools.pairwise(w)) | the layers' bounds multiply, they do not add
    """,
    corners=lambda rng: {"a network of one layer: c sqrt(rows cols) = slope": (3.0, [4, 1])},
)


def planes(rng) -> list[tuple[float, Tensor, Tensor]]:
    """Samples in two or more dimensions, not equally many, whose means differ in every coordinate, with both signs."""
    sizes = [(0.3, 5, 7, (1.2, -0.7)), (0.45, 8, 3, (-0.5, 2.0, 0.8)), (0.7, 4, 9, (-1.1, -0.6)), (2.5, 6, 5, (1, -1))]
    cases = []
    for c, n, m, gap in sizes:
        x, y = rng.normal(0, 0.5, (n, len(gap))) + gap, rng.normal(0, 0.5, (m, len(gap)))
        cases.append((c, tensor(x), tensor(y)))
    return cases


plane_estimate = Exercise(
    "Notebook 06: the estimate of the best linear critic on points of the plane, every weight in the box.",
    cases=planes,
    right=lambda clip_limit, x_real, x_fake: clip_limit * (x_real.mean(0) - x_fake.mean(0)).abs().sum(),
    wrong="""c, x, y:
    c * (x.mean(0) - y.mean(0)).norm() | this is the best critic of slope c: the box is a square, and its corners are
        farther out than its walls
    c * (x.mean(0) - y.mean(0)).sum() | each weight picks its own sign: take the size of each coordinate before the sum
    c * (x.mean(0) - y.mean(0)).sum().abs() | each weight picks its own sign: take sizes before the sum, not after it
    c * (x.mean(0) - y.mean(0)).abs().max() | every weight may stand at a wall, not one alone: add the coordinates
    c * (x.mean(0) - y.mean(0)).abs().mean() | add the coordinates; this is their mean
    c * (x.mean() - y.mean()).abs() | one mean per coordinate: these are means over coordinates as well
    c * (x.mean(0) - y.mean(0)).abs() | add the coordinates: an estimate is one number
    (x.mean(0) - y.mean(0)).abs().sum() | the clip limit is missing: each weight is at most c
    (x.mean(0) - y.mean(0)).norm() | this is the distance of the means: c is missing, and the box is a square
    c * x.shape[1] ** 0.5 * (x.mean(0) - y.mean(0)).norm() | this is the slope at a corner times the distance: the gap
        need not point to the corner
    -c * (x.mean(0) - y.mean(0)).abs().sum() | the sign is flipped: the estimate is 0 or more
    c * (x.abs().mean(0) - y.abs().mean(0)).abs().sum() | take means first, then sizes
    c * (x.mean(0).abs() - y.mean(0).abs()).abs().sum() | take the size of the difference, not of each mean
    c * (x.mean(0) + y.mean(0)).abs().sum() | the means are added: take their difference
    c * (x.sum(0) - y.sum(0)).abs().sum() | take means, not sums: the two samples need not be equally long
    c * (x.median(0).values - y.median(0).values).abs().sum() | take means, not medians
    c * (x.mean(0) - y.mean(0)).square().sum() | sizes, not squares
    c * (x.mean(0) - y.mean(0)).relu().sum() | do not cut at 0: a weight may stand at -c
    c * (x.mean(0) - y.mean(0))[0].abs() | all coordinates count, not the first alone
    (x.mean(0) - y.mean(0)).abs().clamp(max=c).sum() | the gap is multiplied by c, not cut at c
    c * torch.cdist(x, y).mean() | this is the mean distance of all pairs: a linear critic sees the means alone
    ((x.mean(0) - y.mean(0)).clamp(-c, c) * (x.mean(0) - y.mean(0))).sum() | the best weight is a wall, +c or -c, also
        where the gap is smaller than c
    c * x.shape[1] ** 0.5 | this is the critic's slope: its estimate, the difference of its mean scores, is asked
    (c * (x.mean(0) - y.mean(0)).abs().sum(), c * x.shape[1] ** 0.5) | the first entry is right: return the estimate
        alone, the slope is for you
    c * (x.mean(0) - y.mean(0)).sign() | these are the best weights: multiply the gap by them, and add
    """,
    errors={"must match the size": "the two samples need not be equally long: take each mean first"},
)
