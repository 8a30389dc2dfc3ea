"""Notebook 04: the best discriminator, the meter of JS in its loss, and the gradient that dies."""

import math

import numpy as np

from wgan_utils.checks.answer import Exercise


def densities(rng: np.random.Generator) -> list[tuple]:
    return [tuple(rng.random((2, n)) * np.repeat([[0.4, 2], [2, 0.4]], [3, n - 3], axis=1) + 0.1) for n in (6, 7, 5)]


optimal_discriminator = Exercise(
    "Notebook 04: p / (p + q), from numpy arrays of densities, data p and fakes q.",
    cases=densities,
    right=lambda p, q: p / (p + q),
    wrong={
        "data and fakes have changed places: D is the probability of data": lambda p, q: q / (p + q),
        "this ratio is D / (1 - D), the odds; divide by the sum of both densities": lambda p, q: p / q,
        "this ratio is upside down, the odds of a fake; divide p by the sum of both densities": lambda p, q: q / p,
        "this is upside down: divide p by the sum": lambda p, q: (p + q) / p,
        "this is the logit of D; put it through the sigmoid": lambda p, q: np.log(p / q),
        "this is minus the logit of D: log(p / q), then the sigmoid": lambda p, q: np.log(q / p),
        "this is log D: the loss takes the logarithm, D is the probability": lambda p, q: np.log(p / (p + q)),
        "the sigmoid takes the logit log(p / q), not the ratio p / q": lambda p, q: 1 / (1 + np.exp(-p / q)),
        "the sigmoid takes the logit log(p / q), not the difference p - q": lambda p, q: 1 / (1 + np.exp(q - p)),
        "the best D is a probability, not a verdict of 0 or 1": lambda p, q: (p > q).astype(float),
        "divide at each point by p + q there, not by the total": lambda p, q: p / (p + q).sum(),
        "divide at each point by p + q there; this makes p sum to 1": lambda p, q: p / p.sum(),
        "this is data against the middle, up to 2; the middle has a half too many": lambda p, q: 2 * p / (p + q),
        "half of D: a coin toss, p = q, must read 1/2": lambda p, q: p / (p + q) / 2,
        "divide by the sum, not by the product": lambda p, q: p / (p * q),
        "this is (p - q) / (p + q), from -1 to 1: D runs from 0 to 1": lambda p, q: (p - q) / (p + q),
        "this is the difference p - q: take the share p / (p + q)": lambda p, q: p - q,
        "the numerator is p alone, not the larger of the two": lambda p, q: np.maximum(p, q) / (p + q),
        "the numerator is p alone, not the smaller of the two": lambda p, q: np.minimum(p, q) / (p + q),
        "no squares: p / (p + q)": lambda p, q: p**2 / (p**2 + q**2),
        "no roots: p / (p + q)": lambda p, q: p**0.5 / (p**0.5 + q**0.5),
        "a 1 in place of p: divide by p + q": lambda p, q: p / (1 + q),
        "a 1 in place of q: divide by p + q": lambda p, q: p / (1 + p),
        "one number per point: this is the mean of D": lambda p, q: (p / (p + q)).mean(),
        "one number per point: this is the mean of D over data": lambda p, q: (p * p / (p + q)).sum() / p.sum(),
        "where p = q, D is 1/2 and no more: this is the middle (p + q) / 2": lambda p, q: (p + q) / 2,
    },
    corners=lambda rng: {
        "where there are no fakes D is 1, where there are no data 0": (np.array([2.0, 0, 1]), np.array([0.0, 3, 1])),
    },
)

js_from_loss = Exercise(
    "Notebook 04: log 2 - loss / 2, the reading of JS in nats from a discriminator's loss.",
    cases=lambda rng: [(0.31,), (0.74,), (1.13,), (1.29,)],
    right=lambda loss: math.log(2) - loss / 2,
    wrong={
        "the sign is flipped: the loss is minus L, and a low loss means far apart": lambda loss: math.log(2) + loss / 2,
        "a half is missing: L = 2 JS - 2 log 2, so divide by 2": lambda loss: 2 * math.log(2) - loss,
        "divide the loss by 2 as well: L = 2 JS - 2 log 2": lambda loss: math.log(2) - loss,
        "divide log 2 by 2 as well: a coin toss, loss 2 log 2, must read 0": lambda loss: 2 * math.log(2) - loss / 2,
        "divide once: both halves were taken twice": lambda loss: math.log(2) / 2 - loss / 4,
        "only log 2 was halved, not needed: log 2 - loss / 2": lambda loss: math.log(2) / 2 - loss / 2,
        "log 2 is missing: a coin toss, loss 2 log 2, must read 0": lambda loss: -loss / 2,
        "this is in bits: the loss is in nats": lambda loss: 1 - loss / 2 / math.log(2),
        "1 is log2 of 2, in bits: in nats it is log 2": lambda loss: 1 - loss / 2,
        "1 is log2 of 2, in bits: in nats it is log 2; and the loss is minus L": lambda loss: 1 + loss / 2,
        "log10 is not the natural logarithm": lambda loss: math.log10(2) - loss / 2,
        "this is JS - log 2 with the sign of the loss flipped; add log 2 to minus half the loss": lambda loss: loss / 2,
        "the sign is flipped: JS is log 2 minus half the loss": lambda loss: loss / 2 - math.log(2),
        "the sign is flipped, and a half is missing: JS is log 2 minus half the loss": lambda loss: (
            loss - 2 * math.log(2)
        ),
        "the loss is not JS: a coin toss, loss 2 log 2, must read 0": lambda loss: loss,
        "minus the loss is L: solve L = 2 JS - 2 log 2 for JS": lambda loss: -loss,
        "a loss of 2 log 2 reads 0, and a loss of 0 reads log 2: the line is log 2 - loss / 2": lambda loss: (
            math.log(2) - 2 * loss
        ),
        "the loss is a logarithm already: take no further one": lambda loss: math.log(2) - math.log(loss) / 2,
        "the loss is a logarithm already, but no exponential is wanted": lambda loss: math.log(2) - math.exp(-loss) / 2,
        "no absolute value: above 2 log 2 the reading is negative": lambda loss: abs(math.log(2) - loss / 2),
        "do not cut at 0: above 2 log 2 the reading is negative": lambda loss: max(math.log(2) - loss / 2, 0),
        "JS is the sum of halves, not a product: subtract": lambda loss: math.log(2) * loss / 2,
        "this is the root of JS: the distance, not the divergence": lambda loss: (math.log(2) - loss / 2) ** 0.5,
        "the constant is log 2, not 2": lambda loss: 2 - loss / 2,
    },
    corners=lambda rng: {
        "a loss of 2 log 2, a coin toss, reads 0": (2 * math.log(2),),
        "a loss of 0 reads log 2": (0.0,),
        "above 2 log 2 the reading is negative: worse than a coin. Do not cut it or take its absolute value": (1.7,),
    },
)

Z = np.linspace(-14, 14, 5601)
NORMAL = np.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi)


def mean(values: np.ndarray) -> float:
    """The mean of values on the grid Z under N(0, 1)."""
    return float((values * NORMAL).sum() * (Z[1] - Z[0]))


def fooled(d: float, shift: float = 1.0, half: float = 0.5) -> np.ndarray:
    """D* at z + shift * d: at fakes for shift 1, at data for shift 0."""
    return 1 / (1 + np.exp(d * (Z + shift * d) - half * d**2))


saturating_gradient = Exercise(
    "Notebook 04: d times the mean of the optimal D on fakes from N(d, 1), data from N(0, 1).",
    cases=lambda rng: [(1.6,), (2.3,), (3.1,), (0.7,)],
    right=lambda d: d * mean(fooled(d)),
    wrong={
        "the sign is flipped: descent on the loss must lower d, so its derivative is positive": lambda d: (
            -d * mean(fooled(d))
        ),
        "this is the non-saturating gradient (or D averaged over data): weigh the fakes by D, not by 1 - D": lambda d: (
            d * (1 - mean(fooled(d)))
        ),
        "this is minus the non-saturating gradient: weigh the fakes by D, not by 1 - D": lambda d: (
            -d * (1 - mean(fooled(d)))
        ),
        "this is the mean of D on fakes; the logit's slope, d in size, is missing": lambda d: mean(fooled(d)),
        "this is minus the mean of D on fakes; the logit's slope, -d, is missing": lambda d: -mean(fooled(d)),
        "this is the mean of 1 - D on fakes: weigh by D, and the logit's slope d is missing": lambda d: (
            1 - mean(fooled(d))
        ),
        "this is half of it: you gave JS'(d), and the loss is 2 JS, or you let D follow d: freeze it": lambda d: (
            d * mean(fooled(d)) / 2
        ),
        "this is the loss itself; take its derivative": lambda d: mean(np.log1p(-fooled(d))),
        "this is minus the loss itself; take its derivative": lambda d: -mean(np.log1p(-fooled(d))),
        "this is the loss with log D: take the derivative of log(1 - D)": lambda d: mean(np.log(fooled(d))),
        "this is the loss of the non-saturating generator, -log D: take the derivative of log(1 - D)": lambda d: (
            -mean(np.log(fooled(d)))
        ),
        "this is the slope of D; the loss is log(1 - D)": lambda d: -d * mean(fooled(d) * (1 - fooled(d))),
        "the logit's slope is d, not d^2": lambda d: d**2 * mean(fooled(d)),
        "D* is taken at -d + z: fakes are at d + z": lambda d: d * mean(fooled(d, shift=-1.0)),
        "the logit of D* at x is d^2/2 - d x: the term d^2/2 is missing": lambda d: d * mean(fooled(d, half=0.0)),
        "the logit of D* at x is d^2/2 - d x: here d^2 is not halved": lambda d: d * mean(fooled(d, half=1.0)),
        "the logit of D* at x is d^2/2 - d x: the sign of d^2/2 is flipped": lambda d: d * mean(fooled(d, half=-0.5)),
        "the 1/sqrt(2 pi) of the normal density is missing": lambda d: math.sqrt(2 * math.pi) * d * mean(fooled(d)),
        "the normal density has 1/sqrt(2 pi), not 1/(2 pi)": lambda d: d * mean(fooled(d)) / math.sqrt(2 * math.pi),
        "this is the derivative of JS with all terms halved twice": lambda d: d * mean(fooled(d)) / 4,
        "weigh by the normal density: D at the mean of the fakes is not the mean of D": lambda d: (
            d / (1 + math.exp(d * d / 2))
        ),
        "D follows d here, the whole loss was differentiated: freeze D*": lambda d: _unfrozen(d),
        "this is the gradient of W1, size 1 at every gap": lambda d: 1.0,
        "this is the rate at which it dies, not its value": lambda d: math.exp(-d * d / 8),
        "this is the derivative of KL, which is d: the saturating loss has 2 JS": lambda d: d,
    },
    tolerance=1e-3,
)


def _unfrozen(d, step=1e-4):
    """The derivative of E log(1 - D*(d + z)) when D* moves along with d."""
    return (mean(np.log1p(-fooled(d + step))) - mean(np.log1p(-fooled(d - step)))) / (2 * step)
