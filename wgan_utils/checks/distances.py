"""Notebook 01: total variation, KL and JS of arrays of probabilities, and a step of gradient descent on W1."""

import itertools
import math

import numpy as np

from wgan_utils.checks.answer import Exercise, slips
from wgan_utils.distances import js_divergence as js
from wgan_utils.distances import kl_divergence as kl


def law(*weights: float) -> np.ndarray:
    """Probabilities in proportion to the weights."""
    return np.array(weights, float) / sum(weights)


def pairs_of_laws(rng: np.random.Generator) -> list[tuple]:
    """Pairs of laws without zeros, on 6, 5 and 7 points; they cross more than once."""
    weights = [
        ([6, 6, 6, 1, 1, 1], [1, 2, 1, 6, 6, 9]),
        ([5, 1, 4, 1, 6], [2, 8, 1, 5, 1]),
        (range(7, 0, -1), range(1, 8)),
    ]
    return [tuple(law(*w * (1 + 0.5 * rng.random(len(w)))) for w in map(np.array, pair)) for pair in weights]


def entropy(p):
    return -(p[p > 0] * np.log(p[p > 0])).sum()


total_variation = Exercise(
    "Notebook 01: total variation between two numpy arrays of probabilities.",
    cases=pairs_of_laws,
    right=lambda p, q: abs(p - q).sum() / 2,
    wrong="""p, q:
    abs(p - q).sum() | a half is missing: mass that lacks at one point is counted again where it is too much
    abs(p - q).max() | this is the largest difference at one point; an event may hold several points
    (p - q).sum() | take absolute values, or the differences cancel
    abs(p - q).mean() | take half of the sum, not the mean over the points
    abs(p - q).mean() / 2 | take half of the sum, not half of the mean over the points
    np.maximum(p - q, 0).sum() / 2 | the positive parts alone are one half of the sum already: do not halve them again
    (p - q).max() | only the largest surplus is counted: add all positive parts
    ((p - q) ** 2).sum() | you squared the differences; take absolute values
    ((p - q) ** 2).sum() / 2 | you squared the differences; take absolute values, and half of their sum
    np.linalg.norm(p - q) | this is the Euclidean distance: add absolute values, not squares
    np.linalg.norm(p - q) / 2 | this is half of the Euclidean distance: add absolute values, not squares
    np.minimum(p, q).sum() | this is the mass that the two have in common; TV is what is left of 1
    np.maximum(p, q).sum() | this adds the larger mass at each point, 1 + TV: subtract 1
    np.sqrt(((p**0.5 - q**0.5) ** 2).sum() / 2) | this is the Hellinger distance: no square roots here
    ((p**0.5 - q**0.5) ** 2).sum() / 2 | this is the squared Hellinger distance: no square roots here
    abs((p - q).cumsum()).sum() | no cumulative sum: this is W1 of points one apart, and TV knows no positions
    abs((p - q).cumsum()).max() | no cumulative sum: this is the largest gap between the distribution functions
    kl | this is KL(p, q): no logarithm here
    js | this is JS(p, q): no logarithm here
    np.median(abs(p - q)) | take half of the sum, not the median over the points
    abs(p - q).argmax() | this is the place of the largest difference: the index, not the difference
    (p > q).sum() | this counts the points where p is larger: add the differences there
    (abs(p - q) / q).sum() / 2 | do not divide by the masses: differences as they are
    (abs(p - q) / (p + q)).sum() / 2 | do not divide by p + q: differences as they are
    abs(np.sort(p) - np.sort(q)).sum() / 2 | do not sort: entry i of both is the mass on one and the same point
    abs(np.log(p / q)).sum() / 2 | no logarithm: the differences of the masses themselves
    abs(p - q)[p > q].mean() | add the positive parts: this is their mean
    p[p > q].sum() | this is what p gives to the best event: subtract what q gives to it
    """,
    corners=lambda rng: {
        "equal laws are at distance 0": (law(1, 2, 3), law(1, 2, 3)),
        "laws without a common point are at distance 1; points without mass are allowed": (law(1, 2, 0), law(0, 0, 1)),
    },
)


def over(p, q, weigh):
    """The sum of weigh over the points where p has mass, infinite where q has none there."""
    seen = p > 0
    return math.inf if (q[seen] == 0).any() else weigh(p[seen], q[seen])


def on_all(weigh):
    return lambda p, q: over(p, q, weigh)


kl_divergence = Exercise(
    "Notebook 01: KL in nats between two numpy arrays of probabilities, which may hold zeros.",
    cases=pairs_of_laws,
    right=lambda p, q: kl(p, q),
    wrong="""p, q:
    kl(q, p) | the two laws are swapped: take the mean over p of log(p / q)
    -kl(q, p) | weigh the logarithm by p, not by q
    on_all(lambda p, q: np.log(p / q).sum()) | weigh each logarithm by p: this is their plain sum
    on_all(lambda p, q: np.log(p / q).mean()) | weigh each logarithm by p: this is their plain mean
    kl(p, q) / len(p) | the masses p are the weights already: take the sum, not the mean over the points
    on_all(lambda p, q: -(p * np.log(q)).sum()) | this is the cross entropy -sum p log q: the part with log p is missing
    entropy(p) | this is the entropy of p: the part with log q is missing
    entropy(q) - entropy(p) | this is the difference of the entropies: weigh both logarithms by p
    kl(p, q) + kl(q, p) | this adds both directions, KL(p, q) + KL(q, p): take the first alone
    (kl(p, q) + kl(q, p)) / 2 | this is the mean of both directions: take KL(p, q) alone
    on_all(lambda p, q: (p * abs(np.log(p / q))).sum()) | no absolute value: logarithms of both signs count
    on_all(lambda p, q: np.log((p * p / q).sum())) | first the logarithm, then the mean: this is the logarithm of a sum
    on_all(lambda p, q: (p * np.log(p) / np.log(q)).sum()) | the logarithm of the ratio, not the ratio of the logarithms
    on_all(lambda p, q: (p * np.log(p) / q).sum()) | divide inside the logarithm, log(p / q): here q divides outside
    on_all(lambda p, q: (p * p / q).sum()) | the logarithm is missing: this is the mean of p / q
    on_all(lambda p, q: (p * np.log1p(p / q)).sum()) | take log(p / q), not log(1 + p / q)
    on_all(lambda p, q: (p / q * np.log(p / q)).sum()) | weigh by p, not by p / q
    js | this is JS(p, q): compare p with q, not with the middle
    kl(p, (p + q) / 2) | this is KL from p to the middle: compare p with q itself
    abs(p - q).sum() / 2 | this is TV: the logarithm is missing
    sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist())) | 0 log 0 counts as 0: in `math` log 0 is an error
    (p * (p - q)).sum() | the logarithm is missing: log(p / q), not p - q
    (p * (np.log(p) - q)).sum() | log q is missing: q stands without its logarithm
    """,
    corners=lambda rng: {
        "0 log 0 counts as 0: leave out the points where p has no mass": (law(3, 2, 1, 0), law(1, 2, 2, 4)),
        "where p has mass and q has none, KL is infinite: leave out only the points where p has none": (
            law(3, 2, 1, 1),
            law(1, 0, 2, 2),
        ),
        "where neither has mass nothing is added: KL is infinite only where p has mass and q has none": (
            law(3, 0, 1, 2),
            law(1, 0, 2, 2),
        ),
        "laws without a common point: KL is infinite": (law(1, 1, 0, 0), law(0, 0, 1, 2)),
        "KL of equal laws is 0, also with zeros": (law(1, 0, 2), law(1, 0, 2)),
        "where p has a single point, KL is -log of q there": (law(0, 1, 0), law(1, 2, 1)),
    },
)


def to_middle(weigh, middle=lambda p, q: (p + q) / 2):
    """weigh(KL(p, m), KL(q, m)), and the same with the middle replaced."""

    def both(p, q):
        m = middle(p, q)
        parts = [(a[a > 0] * np.log(a[a > 0] / m[a > 0])).sum() for a in (p, q)]
        return weigh(*parts)

    return both


js_divergence = Exercise(
    "Notebook 01: JS in nats between two numpy arrays of probabilities, which may hold zeros.",
    cases=pairs_of_laws,
    right=lambda p, q: js(p, q),
    wrong="""p, q:
    2 * js(p, q) | a half is missing: JS is the mean of the two divergences to the middle, not their sum
    to_middle(lambda a, b: (a + b) / 2, lambda p, q: p + q) | the middle is (p + q) / 2; you left out its half
    to_middle(lambda a, b: a + b, lambda p, q: p + q) | the middle is (p + q) / 2; its half is missing, and the mean's
    (kl(p, q) + kl(q, p)) / 2 | compare each law with the middle: this is the mean of KL(p, q) and KL(q, p)
    kl(p, q) + kl(q, p) | compare each law with the middle: this is the sum of KL(p, q) and KL(q, p)
    (kl((p + q) / 2, p) + kl((p + q) / 2, q)) / 2 | the order is swapped: the law comes first, KL(p, m)
    kl((p + q) / 2, p) + kl((p + q) / 2, q) | the order is swapped: the law comes first; and a half is missing
    to_middle(lambda a, b: a) | this is KL(p, m) alone: q counts too, take the mean of both
    to_middle(lambda a, b: a / 2) | this is half of KL(p, m) alone: the other half is KL(q, m)
    to_middle(lambda a, b: b) | this is KL(q, m) alone: p counts too, take the mean of both
    to_middle(lambda a, b: b / 2) | this is half of KL(q, m) alone: the other half is KL(p, m)
    js(p, q) ** 0.5 | this is the root of JS, the distance that scipy calls jensenshannon: square it
    js(p, q) ** 2 | this is the square of JS: scipy's jensenshannon is the root, so square that once
    to_middle(lambda a, b: a - b) | add the two divergences, do not subtract them
    to_middle(lambda a, b: (a - b) / 2) | add the two divergences, do not subtract them, and take half
    to_middle(max) | take the mean of the two divergences, not the larger
    to_middle(min) | take the mean of the two divergences, not the smaller
    to_middle(lambda a, b: (a * b) ** 0.5) | take the mean of the two divergences, not the root of their product
    to_middle(lambda a, b: (a + b) / 2, lambda p, q: (p * q) ** 0.5) | the middle is (p + q) / 2, not the root of p q
    js(p, q) / len(p) | a sum over the points, not a mean: the masses are the weights
    js(p, q) / 2 | one half too many: the mean of two divergences is half of their sum
    entropy((p + q) / 2) - entropy(p) - entropy(q) | the entropies of p and q need a half: H(m) - (H(p) + H(q)) / 2
    kl | this is KL(p, q): compare each law with the middle
    abs(p - q).sum() / 2 | this is TV: the logarithms are missing
    sum(a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b)) for a, b in zip(p.tolist(), q.tolist())) / 2 | 0
        log 0 counts as 0: the logarithm of 0 is an error in `math`
    to_middle(lambda a, b: (a + b) / 2)(p[(p > 0) & (q > 0)], q[(p > 0) & (q > 0)]) | leave out a point only for the law
        without mass there: the other law still counts
    to_middle(lambda a, b: (a + b) / 2, np.maximum) | the middle is (p + q) / 2, not the larger of the two
    to_middle(lambda a, b: (a + b) / 2, np.minimum) | the middle is (p + q) / 2, not the smaller of the two
    math.inf if ((p > 0) & (q == 0)).any() else js(p, q) | JS is never infinite: the middle has mass wherever p has some
    2 * js(p, q) / math.log(2) | a half is missing, and this is in bits: take the natural logarithm
    entropy((p + q) / 2) - (entropy(p) - entropy(q)) / 2 | subtract both entropies: H(m) - (H(p) + H(q)) / 2
    """,
    corners=lambda rng: {
        "0 log 0 counts as 0: leave out points without mass, for each law its own": (law(3, 2, 1, 0), law(0, 1, 2, 4)),
        "laws without a common point: JS is log 2, not infinite and not 0": (law(1, 3, 0, 0), law(0, 0, 1, 2)),
        "0 log 0 counts as 0: leave out the points where neither has mass": (law(3, 0, 1, 2), law(1, 0, 2, 2)),
        "JS of equal laws is 0": (law(1, 2, 3), law(1, 2, 3)),
    },
)


SLOPES = """t:
    np.sign(t) |
    -np.sign(t) | this goes uphill: step against the slope
    t | the slope of W1 is 1 in size, however large theta is: this step is proportional to theta
    2 * t | the slope of W1 is 1 in size, however large theta is: this is the slope of theta^2
    abs(t) | the slope of W1 is its derivative, 1 or -1, not |theta| itself
    1 | left of the data the slope is -1: theta must grow there
    -1 | this goes uphill on the right of the data: the slope is 1, theta must fall there
    """
DECAYS = """step:
    (1 + step) ** -0.5 |
    1 | the step does not decay: divide lr by sqrt(1 + step)
    1 / (1 + step) | lr falls with the square root: divide it by sqrt(1 + step)
    1 / math.sqrt(step) | steps count from 0: divide by sqrt(1 + step), not by sqrt(step), which is 0 at step 0
    step and 1 / math.sqrt(step) or math.inf | steps count from 0: divide by sqrt(1 + step), not by sqrt(step)
    1 / max(step, 1) ** 0.5 | steps count from 0: divide by sqrt(1 + step), not by the root of the larger of 1 and step
    1 / (1 + step**0.5) | divide by sqrt(1 + step), not by 1 + sqrt(step)
    (2 + step) ** -0.5 | one step too many: divide by sqrt(1 + step), not by sqrt(2 + step)
    (1 + step) ** 0.5 | the steps grow: divide by sqrt(1 + step), do not multiply
    (1 + step) ** -2 | divide by sqrt(1 + step), the square root, not by its fourth power
    (1 + step) ** (-1 / 3) | take the square root, not the cube root
    1 / (1 + math.log(1 + step)) | the step falls like a root, not like a logarithm
    math.exp(-step) | the step falls like a root, not like an exponential
    """


def moves() -> dict:
    """Every slope with every decay: a slip in one, or in both."""
    slopes, decays = (slips(table, globals()).items() for table in (SLOPES, DECAYS))
    return {
        "; and ".join(filter(None, (one, other))): lambda t, lr, step, a=a, b=b: t - lr * a(t) * b(step)
        for (one, a), (other, b) in itertools.product(slopes, decays)
        if one or other
    }


theta_step = Exercise(
    "Notebook 01: a decaying step of gradient descent on |theta|, from the right of 0 and from the left.",
    cases=lambda rng: [(1.7, 0.13, 9), (-2.3, 0.17, 14), (2.6, 0.11, 0), (-1.4, 0.19, 3), (0.03, 0.2, 5)],
    right=lambda theta, lr, step: theta - np.sign(theta) * lr / (1 + step) ** 0.5,
    wrong=moves()
    | slips(
        """t, lr, step:
    t - np.sign(t) / (1 + step) ** 0.5 | lr is missing
    -np.sign(t) * lr / (1 + step) ** 0.5 | this is the change alone: return the next theta
    np.sign(t) * lr / (1 + step) ** 0.5 | this is the step alone: return the next theta, theta minus it
    lr / (1 + step) ** 0.5 | this is the length of the step: return the next theta
    abs(t - np.sign(t) * lr / (1 + step) ** 0.5) | this is W1 after the step, an absolute value: return the next theta
    abs(t) - lr / (1 + step) ** 0.5 | you took the step from |theta|: on the left theta is negative
    np.sign(t) * max(abs(t) - lr / (1 + step) ** 0.5, 0) | do not stop at 0: a step of gradient descent may pass it
    max(t - lr / (1 + step) ** 0.5, 0) | theta may be negative: do not cut it at 0
    t - np.sign(t) * (lr / (1 + step)) ** 0.5 | lr belongs outside the root: lr / sqrt(1 + step)
    t - lr * np.sign(t) * sum((1 + k) ** -0.5 for k in range(step + 1)) | take this step alone, not all up to it
    t - lr * np.sign(t) * step / (1 + step) ** 0.5 | one step is lr / sqrt(1 + step) long: no factor `step`
    (t - lr * np.sign(t)) / (1 + step) ** 0.5 | theta itself stays; only the step is divided by the root
    lr / (1 + step) ** 0.5 - t | the sign of theta is flipped: theta minus the step
    """,
        globals(),
    ),
)


def scores(rng: np.random.Generator) -> list[tuple]:
    """Scores of two samples, not equally long, of both signs and larger on data."""
    return [(2 * rng.normal(size=n) + 1.5, 1.5 * rng.normal(size=m) - 0.7) for n, m in ((5, 7), (8, 4), (6, 6))]


chi_squared = Exercise(
    "Notebook 01: what a critic wins in the contest of chi squared, from numpy arrays of scores on data and on fakes.",
    cases=scores,
    right=lambda scores_real, scores_fake: scores_real.mean() - (scores_fake + scores_fake**2 / 4).mean(),
    wrong="""r, f:
    r.mean() - f.mean() | the charge is missing: this is the contest of TV and W1, scores at face value
    r.mean() - np.expm1(f).mean() | this is the charge of KL: find the one that leaves (p - q)^2 / q
    r.mean() - np.exp(f).mean() | this is nearly the charge of KL: find the one that leaves (p - q)^2 / q
    r.mean() - (f + f**2).mean() | a quarter is missing: with charge f + f^2 a point leaves (p - q)^2 / (4 q)
    r.mean() - (f + f**2 / 2).mean() | f^2 / 4, not f^2 / 2: with that a point leaves half of (p - q)^2 / q
    r.mean() - (f**2 / 4).mean() | the score itself is missing in the charge: at p = q the best score must be 0
    r.mean() - (f**2).mean() | the score itself is missing in the charge, and a quarter: c(f) = f + ...
    r.mean() - (f**2 / 4 + 1).mean() | this charge fits scores that are higher by 2: at p = q the best score must be 0
    r.mean() - (f - f**2 / 4).mean() | a sign is flipped: the charge is convex, f + ...
    r.mean() + (f + f**2 / 4).mean() | subtract what is paid on fakes
    (f + f**2 / 4).mean() - r.mean() | this is the loss: what the critic wins is the negative of it
    f.mean() - (r + r**2 / 4).mean() | data and fakes are swapped: only scores on fakes are charged
    (r + r**2 / 4).mean() - f.mean() | the charge belongs to the fakes; scores on data count at face value
    (r + r**2 / 4).mean() - (f + f**2 / 4).mean() | scores on data count at face value: no square there
    (r - r**2 / 4).mean() - f.mean() | the charge belongs to the fakes; scores on data count at face value
    r.mean() - f.mean() - f.mean() ** 2 / 4 | first the square, then the mean: each fake is charged by itself
    r.mean() - f.mean() - f.var() / 4 | this takes the variance: the mean of f^2 is wanted, not around its mean
    r.sum() - (f + f**2 / 4).sum() | take means, not sums: the samples are not equally long
    r.mean() | the fakes pay nothing here: subtract the mean of their charges
    -(f + f**2 / 4).mean() | the data earn nothing here: add the mean of their scores
    r.mean() - (f + abs(f) / 4).mean() | a square, not an absolute value
    r.mean() - np.maximum(f + f**2 / 4, 0).mean() | a charge may be negative: do not cut it off at 0
    r.mean() - np.log1p(np.exp(f)).mean() | this is a charge of JS: find the one that leaves (p - q)^2 / q
    (r.mean() - f.mean()) ** 2 / f.var() | this is a test statistic of the scores: earn at face value, pay c(f)
    ((r.mean() - f.mean()) ** 2) | this is the square of the gap: earn at face value, pay c(f)
    r.mean() - abs(f + f**2 / 4).mean() | no absolute value: a charge may be negative, as at a score of -1
    r.mean() - (f**2 / 2).mean() | the score itself is missing in the charge: c(f) = f + ..., and not f^2 / 2
    r.mean() - (2 * f + f**2 / 4).mean() | the score counts once in the charge: at p = q the best score must be 0
    r.mean() - (f / 2 + f**2 / 4).mean() | the score counts in full in the charge: at p = q the best score must be 0
    r.mean() - (f + f**2 / 8).mean() | f^2 / 4, not f^2 / 8: with that a point leaves twice (p - q)^2 / q
    r.mean() - (f + f**3 / 4).mean() | a square, not a cube
    r.max() - (f + f**2 / 4).mean() | take the mean of the scores on data, not the largest
    r.mean() - (f + f**2 / 4).max() | take the mean of the charges, not the largest
    np.median(r) - np.median(f + f**2 / 4) | take means, not medians
    r.sum() - f.sum() | take means, not sums, and charge the fakes: this is scores at face value
    r.mean() - (f + f**2 / 4) | this charges each fake by itself: take the mean over the fakes
    """,
    corners=lambda rng: {
        "a critic that scores 0 everywhere wins 0": (np.zeros(3), np.zeros(4)),
        "scores on fakes below -2 are charged again: no cut": (np.array([1.0]), np.array([-6.0, -2.0])),
    },
    errors={"could not be broadcast": "the samples need not be equally long: take each mean first"},
)


def skewed(rng: np.random.Generator) -> list[tuple]:
    """Samples of one odd size whose sorted differences have a median far from their mean and from other guesses."""
    real = [2.5, -3.5, 12.0, 13.1, -7.6], [4.1, -1.8, 18.5, 8.9, -10.5, 10.1, -1.0], [5.5, -4.2, 2.2]
    fake = [3.0, -1.0, 0.5, 14.0, -9.0], [1.6, 0.1, -2.8, 20.0, -0.4, 0.9, -7.5], [-0.8, 9.0, -3.0]
    return [(np.array(r), np.array(f)) for r, f in zip(real, fake, strict=True)]


def differences(x_real, x_fake):
    return np.sort(x_real) - np.sort(x_fake)


best_shift = Exercise(
    "Notebook 01: the shift of x_fake that minimises W1 to x_real, numpy arrays (n,), n odd, on a line.",
    cases=skewed,
    right=lambda x_real, x_fake: np.median(differences(x_real, x_fake)),
    wrong="""r, f:
    r.mean() - f.mean() | this is the difference of the means: it minimises squared distances, not distances
    np.median(r) - np.median(f) | this is the difference of the medians: take the median of the sorted differences
    np.median(r - f) | sort both first: place i of one has nothing to do with place i of the other
    -np.median(differences(r, f)) | the sign is flipped: the fakes move, toward the data
    np.median(abs(differences(r, f))) | no absolute value: the fakes may have to move either way
    differences(r, f).min() | this is the smallest difference: take their median
    differences(r, f).max() | this is the largest difference: take their median
    (differences(r, f).min() + differences(r, f).max()) / 2 | this makes the largest move smallest, not the mean move
    abs(differences(r, f)).mean() | this is W1 before any shift: return the shift
    abs(differences(r, f) - np.median(differences(r, f))).mean() | this is W1 after the best shift: return the shift
    np.median(r[:, None] - f) | these are the differences of all pairs: only those of the cheapest plan count
    r.min() - f.min() | this matches the smallest points alone
    r.max() - f.max() | this matches the largest points alone
    (r.min() + r.max() - f.min() - f.max()) / 2 | this matches the middles of the two ranges
    r[0] - f[0] | this looks at one pair alone
    np.percentile(differences(r, f), 75) | this is the upper quartile of the differences: take their median
    min(differences(r, f), key=abs) | this is the shortest move: take the median of all
    np.median(np.sort(r) - f) | sort the fakes too
    np.median(r - np.sort(f)) | sort the data too
    np.sort(f) + np.median(differences(r, f)) | these are the shifted fakes: return the shift
    f + np.median(differences(r, f)) | these are the shifted fakes: return the shift
    differences(r, f) | these are the sorted differences: now take their median
    np.sum(differences(r, f)) | this is the sum of the differences: take their median
    """,
    corners=lambda rng: {
        "one sample each: the shift is the difference": (np.array([2.0]), np.array([-1.5])),
        "equal samples need no shift": (np.array([3.0, 1, 2]), np.array([1.0, 2, 3])),
    },
    tolerance=0.003,  # a search over a fine grid is good enough
)
