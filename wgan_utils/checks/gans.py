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
    (p / (p + q)).mean() | one number per point: this is the mean of D
    (p * p / (p + q)).sum() / p.sum() | one number per point: this is the mean of D over data
    (p + q) / 2 | where p = q, D is 1/2 and no more: this is the middle (p + q) / 2
    p * q / (p + q) | the numerator is p alone, not the product
    0 * p + 0.5 | this is 1/2 everywhere, a coin toss: that is the best D only where p = q
    p / (p - q) | divide by the sum p + q, not by the difference
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
    math.log(2) / 2 - loss / 2 | only log 2 was halved, not needed: log 2 - loss / 2
    -loss / 2 | log 2 is missing: a coin toss, loss 2 log 2, must read 0
    1 - loss / 2 | 1 is log2 of 2, in bits: in nats it is log 2
    1 + loss / 2 | 1 is log2 of 2, in bits: in nats it is log 2; and the loss is minus L
    math.log10(2) - loss / 2 | log10 is not the natural logarithm
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
    d * (1 - mean(fooled(d))) | this is the non-saturating gradient (or D's mean over data): weigh by D, not by 1 - D
    -d * (1 - mean(fooled(d))) | this is minus the non-saturating gradient: weigh the fakes by D, not by 1 - D
    mean(fooled(d)) | this is the mean of D on fakes; the logit's slope, d in size, is missing
    -mean(fooled(d)) | this is minus the mean of D on fakes; the logit's slope, -d, is missing
    1 - mean(fooled(d)) | this is the mean of 1 - D on fakes: weigh by D, and the logit's slope d is missing
    d * mean(fooled(d)) / 2 | this is half of it: you gave JS'(d), and the loss is 2 JS, or D follows d: freeze it
    -mean(np.logaddexp(0, -d * Z - d * d / 2)) | this is the loss itself; take its derivative
    mean(np.logaddexp(0, d * Z + d * d / 2)) | this is the non-saturating loss: take the derivative of log(1 - D)
    -d * mean(fooled(d) * (1 - fooled(d))) | this is the slope of D; the loss is log(1 - D)
    d * mean(fooled(d, shift=-1.0)) | D* is taken at -d + z: fakes are at d + z
    d * mean(fooled(d, half=0.0)) | the logit of D* at x is d^2/2 - d x: the term d^2/2 is missing
    d * mean(fooled(d, half=1.0)) | the logit of D* at x is d^2/2 - d x: here d^2 is not halved
    d * mean(fooled(d, half=-0.5)) | the logit of D* at x is d^2/2 - d x: the sign of d^2/2 is flipped
    math.sqrt(2 * math.pi) * d * mean(fooled(d)) | the 1/sqrt(2 pi) of the normal density is missing
    d * mean(fooled(d)) / math.sqrt(2 * math.pi) | the normal density has 1/sqrt(2 pi), not 1/(2 pi)
    d / (1 + math.exp(d * d / 2)) | weigh by the normal density: D at the mean of the fakes is not the mean of D
    1.0 | this is the gradient of W1, size 1 at every gap
    math.exp(-d * d / 8) | this is the rate at which it dies, not its value
    d | this is the derivative of KL, which is d: the saturating loss has 2 JS
    """,
    tolerance=1e-3,
)

density_ratio = Exercise(
    "Notebook 04: p / q from the best D (an array) when each data point came with `fakes_per_real` fakes.",
    cases=lambda rng: [(rng.uniform(0.1, 0.9, n), k) for n, k in ((6, 3.0), (7, 0.25), (5, 4.0))],
    right=lambda D, fakes_per_real: fakes_per_real * D / (1 - D),
    wrong="""D, k:
    D / (1 - D) | fakes_per_real is missing: with k fakes per data point the best D is p / (p + k q), so solve that
    D / (1 - D) / k | k stands on the wrong side: the best D is p / (p + k q), solve it for p / q
    k * (1 - D) / D | this is upside down, and k on its wrong side: solve D = p / (p + k q) for p / q
    (1 - D) / D | this is k q / p: upside down, and k is missing
    k * D | the 1 - D below is missing: D = p / (p + k q) is a share, not a ratio
    D / k | the 1 - D below is missing, and k belongs above: solve D = p / (p + k q) for p / q
    k / (1 - D) | the D above is missing
    D / (1 - k * D) | k multiplies q in D = p / (p + k q): solve again, k comes out in front
    D / (k - D) | k multiplies q in D = p / (p + k q): the share of fakes is 1 - D, not k - D
    D / (1 + k) / (1 - D) | k is the number of fakes per data point, not their share: no 1 + k
    D / (1 - D) * (1 + k) | no 1 + k: the two laws are weighed 1 and k, and the common total cancels
    D / (1 - D) * k / (1 + k) | no k / (1 + k): the total cancels in p / (k q)
    np.log(k * D / (1 - D)) | this is the logarithm of the ratio
    np.log(D / (1 - D)) | this is the logit: take its exponential, times k
    (D / (1 - D)) ** k | k multiplies the odds; it is no power
    k * D / (1 + D) | the share of fakes is 1 - D, not 1 + D
    (k * D / (1 - D)).mean() | one ratio per point: this is their mean
    k * D / 1 - D | brackets: k * D / (1 - D), for / comes before -
    k * D / (1 - k * D) | k stands in front alone: the share of fakes is 1 - D
    k * D / (1 - D + k * D) | this is p / (p + q), the D of a loop with as many fakes as data: the ratio is asked
    """,
    corners=lambda rng: {
        "where D is 0 there are no data: the ratio is 0": (np.array([0.0, 0.5]), 2.0),
        "with one fake per data point, D = 1/2 says p = q": (np.array([0.5, 0.75]), 1.0),
    },
)

tv_bound = Exercise(
    "Notebook 04: the largest lower bound on the total variation that two accuracies on fresh samples prove.",
    cases=lambda rng: [(0.81, 0.74), (0.93, 0.35), (0.62, 0.97), (0.3, 0.45)],
    right=lambda real, fake: abs(real + fake - 1),
    wrong="""a, b:
    a + b - 1 | below 0 the judge is worse than a coin, and swapping its words turns it round: take the size
    max(a + b - 1, 0) | do not cut at 0: swap the words of a judge that is mostly wrong, and it is mostly right
    (a + b) / 2 | this is the accuracy: a coin has 1/2 of it, and proves nothing
    abs((a + b) / 2 - 0.5) | this is half of it: TV is the gap between the chances P_r(A) and P_g(A)
    a + b | subtract 1: the chance that a fake is called data is 1 - accuracy_fake
    abs(a - b) | a fake called fake is a success: the chance that it is called data is 1 - accuracy_fake
    a - b | a fake called fake is a success: the chance that it is called data is 1 - accuracy_fake; and take the size
    abs(1 - a * b) | chances of two events on two laws do not multiply: subtract them
    a * b | chances of two events on two laws do not multiply: subtract them; a coin must read 0
    min(a, b) | both accuracies count: the gap is P_r(A) - P_g(A)
    max(a, b) | both accuracies count; a judge that says "data" to all has one accuracy of 1 and proves nothing
    1 - (a + b) / 2 | this is the error rate
    2 - a - b | this is the sum of the two error rates: subtract it from 1, and take the size
    1 - abs(a + b - 1) | this is 1 minus the bound
    (a + b - 1) ** 2 | no square: the gap of the two chances, its size
    abs(2 * (a + b) - 1) | the doubled mean accuracy is a + b itself: no further 2
    math.log(2) - (2 - a - b) / 2 | this is the meter of JS: here only right or wrong is known
    a | the accuracy on the fakes is not used
    b | the accuracy on data is not used
    """,
    corners=lambda rng: {
        "a coin proves nothing": (0.5, 0.5),
        "a judge that calls everything data proves nothing": (1.0, 0.0),
        "two accuracies of 1 prove TV = 1": (1.0, 1.0),
    },
)


def not_fooled(slope: float, d: float, half: float = 0.5) -> np.ndarray:
    """1 - D at the fakes d + z, for a logit that falls with this slope and is 0 half way."""
    return 1 / (1 + np.exp(-slope * (Z + half * d)))


bounded_gradient = Exercise(
    "Notebook 04: the non-saturating gradient at gap d under the best logit of slope at most `slope`.",
    cases=lambda rng: [(2.4, 0.6), (3.0, 1.7), (1.2, 0.8), (0.9, 1.6), (1.5, 2.5), (0.8, 0.4)],
    right=lambda d, slope: min(d, slope) * mean(not_fooled(min(d, slope), d)),
    wrong="""d, s:
    d * mean(not_fooled(d, d)) | this is the gradient without a bound: the logit's slope is at most `slope`
    s * mean(not_fooled(s, d)) | where the gap is smaller than `slope` the bound does not bind: the best slope is d
    s * mean(not_fooled(d, d)) | the weights are those of the free logit: bound the logit before the sigmoid
    min(d, s) * mean(not_fooled(d, d)) | the weights are those of the free logit; bound it before the sigmoid too
    min(d, s) * mean(not_fooled(1.0, d)) | the weights are those of slope 1: use the same slope twice
    mean(not_fooled(min(d, s), d)) | this is the mean of 1 - D: the logit's slope is missing
    d * mean(not_fooled(min(d, s), d)) | the push is the bounded slope, not d
    min(d, s) * mean(1 - not_fooled(min(d, s), d)) | this is the saturating gradient: weigh the fakes by 1 - D
    -min(d, s) * mean(not_fooled(min(d, s), d)) | the sign is flipped: descent must lower d, so it is positive
    min(d, s) | the weight 1 - D is missing: this is the Wasserstein loss with that slope
    min(d * mean(not_fooled(d, d)), s) | bound the slope, not the gradient
    max(d, s) * mean(not_fooled(max(d, s), d)) | the slope is at most `slope`: the smaller of the two
    min(d, s) * mean(not_fooled(min(d, s), d, half=0.0)) | the logit is 0 half way, at d / 2, not at the fakes' mean
    min(d, s) * mean(not_fooled(min(d, s), d, half=1.0)) | the logit is 0 half way, at d / 2, not at the data's mean
    min(d, s) / (1 + math.exp(-min(d, s) * d / 2)) | 1 - D at the mean of the fakes is not the mean of 1 - D
    mean(np.logaddexp(0, -min(d, s) * (Z + d / 2))) | this is the loss, the logit's sign flipped; differentiate
    mean(np.logaddexp(0, min(d, s) * (Z + d / 2))) | this is the loss itself; take its derivative
    min(d, s) ** 2 * mean(not_fooled(min(d, s), d)) | the slope once, not squared
    1 - mean(not_fooled(min(d, s), d)) | this is the mean of D on the fakes
    (lambda t: t * mean(not_fooled(t, d)))(s if d >= 1 else d) | the bound binds where the gap is larger than `slope`:
        not from gap 1 on, as for slope 1 on the page
    min(d, s) * mean(not_fooled(min(d, s), min(d, s))) | the logit is s (d/2 - x), so -s z - s d/2 on the fakes: it is
        the gap d that is halved, not s
    min(d, s) * mean(1 / (1 + np.exp(d * d / 2 - min(d, s) * (Z + d)))) | with a new slope the line must still cross 0
        half way: s (d/2 - x), so the constant is s d/2, not d^2/2
    d if d < s else s * mean(not_fooled(s, d)) | where the bound does not bind the weight 1 - D stays: this is d itself
    """,
    tolerance=1e-3,
)
