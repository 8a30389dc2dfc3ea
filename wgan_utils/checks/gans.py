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
    wrong="""p, q:
    q / (p + q) | data and fakes have changed places: D is the probability of data
    p / q | this ratio is D / (1 - D), the odds; divide by the sum of both densities
    q / p | this ratio is upside down, the odds of a fake; divide p by the sum of both densities
    (p + q) / p | this is upside down: divide p by the sum
    np.log(p / q) | this is the logit of D; put it through the sigmoid
    np.log(q / p) | this is minus the logit of D: log(p / q), then the sigmoid
    np.log(p / (p + q)) | this is log D: the loss takes the logarithm, D is the probability
    1 / (1 + np.exp(-p / q)) | the sigmoid takes the logit log(p / q), not the ratio p / q
    1 / (1 + np.exp(q - p)) | the sigmoid takes the logit log(p / q), not the difference p - q
    (p > q).astype(float) | the best D is a probability, not a verdict of 0 or 1
    p / (p + q).sum() | divide at each point by p + q there, not by the total
    p / p.sum() | divide at each point by p + q there; this makes p sum to 1
    2 * p / (p + q) | this is data against the middle, up to 2; the middle has a half too many
    p / (p + q) / 2 | half of D: a coin toss, p = q, must read 1/2
    p / (p * q) | divide by the sum, not by the product
    (p - q) / (p + q) | this is (p - q) / (p + q), from -1 to 1: D runs from 0 to 1
    p / p + q | brackets: p / (p + q), for / comes before +
    p - q | this is the difference p - q: take the share p / (p + q)
    np.maximum(p, q) / (p + q) | the numerator is p alone, not the larger of the two
    np.minimum(p, q) / (p + q) | the numerator is p alone, not the smaller of the two
    p**2 / (p**2 + q**2) | no squares: p / (p + q)
    p**0.5 / (p**0.5 + q**0.5) | no roots: p / (p + q)
    p / (1 + q) | a 1 in place of p: divide by p + q
    p / (1 + p) | a 1 in place of q: divide by p + q
    (p / (p + q)).mean() | one number per point: this is the mean of D
    (p * p / (p + q)).sum() / p.sum() | one number per point: this is the mean of D over data
    (p + q) / 2 | where p = q, D is 1/2 and no more: this is the middle (p + q) / 2
    p * q / (p + q) | the numerator is p alone, not the product
    """,
    corners=lambda rng: {
        "where there are no fakes D is 1, where there are no data 0": (np.array([2.0, 0, 1]), np.array([0.0, 3, 1])),
    },
)

js_from_loss = Exercise(
    "Notebook 04: log 2 - loss / 2, the reading of JS in nats from a discriminator's loss.",
    cases=lambda rng: [(0.31,), (0.74,), (1.13,), (1.29,)],
    right=lambda loss: math.log(2) - loss / 2,
    wrong="""loss:
    math.log(2) + loss / 2 | the sign is flipped: the loss is minus L, and a low loss means far apart
    2 * math.log(2) - loss | a half is missing: L = 2 JS - 2 log 2, so divide by 2
    math.log(2) - loss | divide the loss by 2 as well: L = 2 JS - 2 log 2
    2 * math.log(2) - loss / 2 | divide log 2 by 2 as well: a coin toss, loss 2 log 2, must read 0
    math.log(2) / 2 - loss / 4 | divide once: both halves were taken twice
    math.log(2) / 2 - loss / 2 | only log 2 was halved, not needed: log 2 - loss / 2
    -loss / 2 | log 2 is missing: a coin toss, loss 2 log 2, must read 0
    1 - loss / 2 / math.log(2) | this is in bits: the loss is in nats
    1 - loss / 2 | 1 is log2 of 2, in bits: in nats it is log 2
    1 + loss / 2 | 1 is log2 of 2, in bits: in nats it is log 2; and the loss is minus L
    math.log10(2) - loss / 2 | log10 is not the natural logarithm
    loss / 2 | this is JS - log 2 with the sign of the loss flipped; add log 2 to minus half the loss
    loss / 2 - math.log(2) | the sign is flipped: JS is log 2 minus half the loss
    loss - 2 * math.log(2) | the sign is flipped, and a half is missing: JS is log 2 minus half the loss
    loss | the loss is not JS: a coin toss, loss 2 log 2, must read 0
    -loss | minus the loss is L: solve L = 2 JS - 2 log 2 for JS
    math.log(2) - 2 * loss | a loss of 2 log 2 reads 0, and a loss of 0 reads log 2: the line is log 2 - loss / 2
    math.log(2) - math.log(loss) / 2 | the loss is a logarithm already: take no further one
    math.log(2) - math.exp(-loss) / 2 | the loss is a logarithm already, but no exponential is wanted
    abs(math.log(2) - loss / 2) | no absolute value: above 2 log 2 the reading is negative
    max(math.log(2) - loss / 2, 0) | do not cut at 0: above 2 log 2 the reading is negative
    math.log(2) * loss / 2 | JS is the sum of halves, not a product: subtract
    (math.log(2) - loss / 2) ** 0.5 | this is the root of JS: the distance, not the divergence
    2 - loss / 2 | the constant is log 2, not 2
    """,
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
    wrong="""d:
    -d * mean(fooled(d)) | the sign is flipped: descent on the loss must lower d, so its derivative is positive
    d * (1 - mean(fooled(d))) | this is the non-saturating gradient (or D averaged over data): weigh the fakes by D, not
        by 1 - D
    -d * (1 - mean(fooled(d))) | this is minus the non-saturating gradient: weigh the fakes by D, not by 1 - D
    mean(fooled(d)) | this is the mean of D on fakes; the logit's slope, d in size, is missing
    -mean(fooled(d)) | this is minus the mean of D on fakes; the logit's slope, -d, is missing
    1 - mean(fooled(d)) | this is the mean of 1 - D on fakes: weigh by D, and the logit's slope d is missing
    d * mean(fooled(d)) / 2 | this is half of it: you gave JS'(d), and the loss is 2 JS, or you let D follow d: freeze
        it
    -mean(np.logaddexp(0, -d * Z - d * d / 2)) | this is the loss itself; take its derivative
    mean(np.logaddexp(0, -d * Z - d * d / 2)) | this is minus the loss itself; take its derivative
    -mean(np.logaddexp(0, d * Z + d * d / 2)) | this is the loss with log D: take the derivative of log(1 - D)
    mean(np.logaddexp(0, d * Z + d * d / 2)) | this is the non-saturating loss, -log D: take the derivative of log(1 -
        D)
    -d * mean(fooled(d) * (1 - fooled(d))) | this is the slope of D; the loss is log(1 - D)
    d**2 * mean(fooled(d)) | the logit's slope is d, not d^2
    d * mean(fooled(d, shift=-1.0)) | D* is taken at -d + z: fakes are at d + z
    d * mean(fooled(d, half=0.0)) | the logit of D* at x is d^2/2 - d x: the term d^2/2 is missing
    d * mean(fooled(d, half=1.0)) | the logit of D* at x is d^2/2 - d x: here d^2 is not halved
    d * mean(fooled(d, half=-0.5)) | the logit of D* at x is d^2/2 - d x: the sign of d^2/2 is flipped
    math.sqrt(2 * math.pi) * d * mean(fooled(d)) | the 1/sqrt(2 pi) of the normal density is missing
    d * mean(fooled(d)) / math.sqrt(2 * math.pi) | the normal density has 1/sqrt(2 pi), not 1/(2 pi)
    d * mean(fooled(d)) / 4 | this is the derivative of JS with all terms halved twice
    d / (1 + math.exp(d * d / 2)) | weigh by the normal density: D at the mean of the fakes is not the mean of D
    1.0 | this is the gradient of W1, size 1 at every gap
    math.exp(-d * d / 8) | this is the rate at which it dies, not its value
    d | this is the derivative of KL, which is d: the saturating loss has 2 JS
    """,
    tolerance=1e-3,
)
