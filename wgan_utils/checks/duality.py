"""Notebook 03: prices: c-transform, slacks, the bounds that any prices or scores prove, the largest extension."""

import numpy as np

from wgan_utils.checks.answer import Exercise


def best_answer(f, cost):
    return (cost - f[:, None]).min(axis=0)


def prices(rng: np.random.Generator) -> list[tuple]:
    """Prices f and costs, square and not."""
    return [(rng.normal(size=n), 3 * rng.random((n, m))) for n, m in ((5, 5), (4, 6), (6, 3))]


c_transform = Exercise(
    "Notebook 03: the largest g with f[i] + g[j] <= cost[i, j], from numpy arrays f (n,) and cost (n, m).",
    cases=prices,
    right=lambda f, cost: best_answer(f, cost),
    wrong="""f, cost:
    (cost - f[:, None]).max(axis=0) | you took the maximum over i; the rule holds for every i: the smallest bound counts
    (cost - f[:, None]).mean(axis=0) | you took the mean over i; the rule holds for every i: the smallest bound counts
    (cost - f[:, None]).sum(axis=0) | you took the sum over i; the rule holds for every i: the smallest bound counts
    (cost - f[:, None]).min(axis=1) | the axis is swapped: with the minimum over i, axis 0, one price per column is left
    (cost - f).min(axis=0) | f belongs to the rows of cost: make it a column, f[:, None]
    (cost - f).min(axis=1) | both axes are swapped: this is the transform of prices for the columns
    (cost + f[:, None]).min(axis=0) | the sign of f is flipped: a higher loading price leaves less room for g
    -best_answer(f, cost) | the sign of g is flipped: these are the scores -g
    (f[:, None] - cost).min(axis=0) | the sign of g is flipped: with f[i] + g[j] <= cost[i, j] it is at most cost - f
    (cost - f[:, None]).min() | this is the smallest of all: one price per column, axis 0
    (cost - f[:, None]).argmin(axis=0) | this is where the minimum lies, argmin: return the minimum itself
    cost.min(axis=0) - f.mean() | take f off before the minimum, entry by entry: this takes off the mean of f
    cost.min(axis=0) - f.max() | take f off before the minimum: this takes off the largest f
    cost.min(axis=0) - f.min() | take f off before the minimum: this takes off the smallest f
    -f | this is g = -f; the best answer looks at the cost
    np.maximum(best_answer(f, cost), 0) | prices may be negative: do not cut them off at 0
    abs(cost - f[:, None]).min(axis=0) | no absolute value: a bound may be negative
    (cost - best_answer(f, cost)).min(axis=1) | two transforms: this is f^cc, prices for the rows again
    (cost * f[:, None]).min(axis=0) | subtract f, do not multiply by it
    cost - f[:, None] | the table cost - f is right; now take its minimum over i, axis 0
    (cost + f[:, None]).max(axis=0) | the transform of the negative: f and the minimum are both turned over
    np.median(cost - f[:, None], axis=0) | take the smallest, not the median
    (cost - f[:, None])[0] | this is the first row alone: take the minimum over all rows
    (cost - f[:, None]).max(axis=1) | the axis is swapped, and the smallest bound counts: the minimum, over axis 0
    cost.min(axis=0) - f[cost.argmin(axis=0)] | the cheapest row need not give the smallest cost - f: subtract first
    """,
    corners=lambda rng: {
        "with a single row g is that row of the cost, less its price": (np.array([0.5]), np.array([[1.0, 2, 3]])),
        "with all prices 0, g is the smallest cost of each column": (np.zeros(3), np.arange(6.0).reshape(3, 2)),
    },
    errors={"could not be broadcast": "f belongs to the rows: make it a column, f[:, None]"},
)


def slack_cases(rng: np.random.Generator) -> list[tuple]:
    sizes = ((4, 4), (3, 5), (6, 2))
    return [(rng.normal(size=n), rng.normal(size=m), 3 * rng.random((n, m))) for n, m in sizes]


slack = Exercise(
    "Notebook 03: cost[i, j] - f[i] - g[j], from numpy arrays f (n,), g (m,) and cost (n, m).",
    cases=slack_cases,
    right=lambda f, g, cost: cost - f[:, None] - g,
    wrong="""f, g, cost:
    f[:, None] + g - cost | the sign is flipped: slack is what is left of the cost, 0 or more for feasible prices
    cost - f - g[:, None] | f and g have changed places: f belongs to the rows, so it must be a column, f[:, None]
    cost - f - g | f is a column, f[:, None], and g a row: this takes both as rows
    cost - f[:, None] - g[:, None] | f is a column, f[:, None], and g a row: this takes both as columns
    cost - f[:, None] + g | you added g; the carrier is paid both prices, so take both off the cost
    cost + f[:, None] - g | you added f; the carrier is paid both prices, so take both off the cost
    cost + f[:, None] + g | you added both prices; the carrier is paid them, so take both off the cost
    f[:, None] + g | this is the sum of the prices; take it off the cost
    f[:, None] - g | this is the difference of the prices; take their sum off the cost
    cost - f[:, None] * g | subtract the prices, do not multiply them
    abs(cost - f[:, None] - g) | no absolute value: negative slack shows prices that break the rule
    np.maximum(cost - f[:, None] - g, 0) | do not cut at 0: negative slack shows prices that break the rule
    f[:, None] + g <= cost | this says which routes obey the rule: return how much is left, the numbers
    np.isclose(f[:, None] + g, cost) | this says which routes are tight: return how much is left, the numbers
    (cost - f[:, None] - g).min() | this is the smallest slack of all: return the whole table
    (cost - f[:, None] - g).min(axis=0) | this is the smallest slack of each column: return the whole table
    (cost - f[:, None] - g).min(axis=1) | this is the smallest slack of each row: return the whole table
    (cost - f[:, None] - g).sum() | this is the sum of all slacks: return the whole table
    cost - f[:, None] - best_answer(f, cost) | g was replaced by the c-transform of f: take the g that is given
    cost - (f[:, None] + g) / 2 | a half is too much: take both prices off in full
    (cost - f[:, None] - g) / cost | do not divide by the cost: the slack is a difference
    (f[:, None] + g <= cost).all() | this says whether all routes obey the rule: return how much is left on each
    (f[:, None] + g > cost).sum() | this counts the routes that break the rule: return how much is left on each
    (f[:, None] + g) / cost | this is the share of the cost that the prices earn: the slack is a difference
    """,
    corners=lambda rng: {"a table of one row": (np.array([0.5]), np.array([1.0, 2]), np.array([[1.0, 3]]))},
    errors={"could not be broadcast": "f belongs to the rows, f[:, None], and g to the columns"},
)


def bounded(rng: np.random.Generator) -> list[tuple]:
    """Prices f, two laws and a cost that is no distance, square and not."""
    cases = []
    for n, m in ((5, 5), (4, 6), (6, 3)):
        p, q = rng.random(n) + 0.1, rng.random(m) + 0.1
        cases.append((2 * rng.normal(size=n), p / p.sum(), q / q.sum(), 1 + 3 * rng.random((n, m))))
    return cases


def income(answer):
    """f @ p + g @ q with another answer g to the prices f."""
    return lambda f, p, q, cost: f @ p + answer(f, cost) @ q


def _tidied(f, p, q, cost):
    g = best_answer(f, cost)
    return (cost - g).min(axis=1) @ p + g @ q


def _value(f, p, q, cost):
    from wgan_utils.transport import transport_plan

    return transport_plan(p, q, cost)[1]


lower_bound = Exercise(
    "Notebook 03: the income of prices f (n,) and the best g for them; p (n,), q (m,), cost (n, m); numpy arrays.",
    cases=bounded,
    right=lambda f, p, q, cost: f @ p + best_answer(f, cost) @ q,
    better={
        "and a better bound than asked. You transformed twice: f^cc is nowhere below f, so the income can only grow; "
        "with f itself it would be f @ p + f^c @ q": _tidied,
    },
    wrong="""f, p, q, cost:
    f @ p - f @ q | you took g = -f; for a cost of any kind the best g is the c-transform of f
    f @ p - best_answer(f, cost) @ q | the sign of g is flipped: the carrier earns both prices
    -f @ p + best_answer(f, cost) @ q | the sign of f is flipped: the carrier earns both prices
    f.mean() + best_answer(f, cost).mean() | weigh the prices by p and q; these are plain means
    f.sum() + best_answer(f, cost).sum() | weigh the prices by p and q; these are plain sums
    f @ p + best_answer(f, cost).sum() | weigh g by q; this is its plain sum
    f @ p + best_answer(f, cost).mean() | weigh g by q; this is its plain mean
    f.sum() + best_answer(f, cost) @ q | weigh f by p; this is its plain sum
    f @ p | the income from unloading is missing: g @ q
    best_answer(f, cost) @ q | the income from loading is missing: f @ p
    f @ q + best_answer(f, cost) @ p | p and q are swapped: f is weighed by p, g by q
    f @ p + (cost - f[:, None]).min() | one g for all columns: each column has a smallest bound of its own, axis 0
    p @ cost @ q | this is the cost of the plan p q^T, an upper bound: prices prove lower ones
    best_answer(f, cost) | these are the prices g: weigh them by q, and add f @ p
    np.maximum(f @ p + best_answer(f, cost) @ q, 0) | a bound may be negative: do not cut it off at 0
    p @ cost @ q - f @ p - best_answer(f, cost) @ q | this is the mean slack, what the bound leaves open on p q^T
    _value | this is the least cost itself: keep the f of your friend, and find the best g for it
    income(lambda f, cost: ...):
    (cost - f[:, None]).max(axis=0) | you took the maximum in the c-transform: such prices are not feasible
    (cost - f[:, None]).mean(axis=0) | you took the mean in the c-transform: such prices are not feasible
    (cost + f[:, None]).min(axis=0) | the sign of f is flipped in the c-transform: g is the smallest of cost - f
    (cost - f).min(axis=1) | the axes of cost are swapped: g has one entry per column
    (cost - f[:, None]).min(axis=1) | the minimum runs over the wrong axis: over i, axis 0, one price per column is left
    (cost - f).min(axis=0) | f belongs to the rows of cost: make it a column, f[:, None]
    cost.min(axis=0) | f is missing in the c-transform: g is the smallest of cost - f
    np.maximum(best_answer(f, cost), 0) | do not cut the prices off at 0: they may be negative
    (cost - f[:, None]).argmin(axis=0) | return the income, not the place: argmin gives indices
    """,
    corners=lambda rng: {
        "with one point each the bound is the cost": (np.array([3.0]), np.ones(1), np.ones(1), np.array([[0.7]])),
    },
    errors={
        "could not be broadcast": "f belongs to the rows, f[:, None]; and products are added up, f @ p + g @ q",
        "matmul": "f is weighed by p, and g, one entry per column, by q",
    },
)


def lengths(x_new, x, power=1.0):
    return ((x_new[:, None] - x) ** 2).sum(axis=2) ** (power / 2)


def scored(rng: np.random.Generator) -> list[tuple]:
    """Values of a function of slope at most 1 on n points of the plane, and k new points."""
    cases = []
    for n, k in ((6, 4), (4, 7), (5, 5)):
        x, centers = 2 * rng.normal(size=(n, 2)), 2 * rng.normal(size=(5, 2))
        cases.append(((lengths(x, centers) - rng.random(5)).min(axis=1) - 5, x, 3 * rng.normal(size=(k, 2))))
    return cases


def upper(values, x, x_new, distance=lengths, reduce=np.min):
    return reduce(values + distance(x_new, x), axis=1)


def changed_upper(**change):
    return lambda values, x, x_new: upper(values, x, x_new, **change)


def _lower(values, x, x_new):
    return (values - lengths(x_new, x)).max(axis=1)


upper_form = Exercise(
    "Notebook 03: min over i of values[i] + |x_new - x[i]|, from numpy arrays (n,), (n, 2) and (k, 2).",
    cases=scored,
    right=lambda values, x, x_new: upper(values, x, x_new),
    wrong="""v, x, z:
    _lower | this is the lower form; from the fakes alone the largest extension serves
    (_lower(v, x, z) + upper(v, x, z)) / 2 | this is the mean with the lower form; the largest extension serves
    (v - lengths(z, x)).min(axis=1) | the sign is flipped: a score may rise by the distance, so add it
    (lengths(z, x) - v).max(axis=1) | the signs are flipped: this is the distance minus the values
    changed_upper(reduce=np.max) | take the minimum: the score must keep below every bound
    changed_upper(reduce=np.mean) | take the minimum: the score must keep below every bound, and this is their mean
    changed_upper(reduce=np.sum) | take the minimum: the score must keep below every bound, and this is their sum
    changed_upper(reduce=np.median) | take the minimum: the score must keep below every bound, and this is their median
    v[lengths(z, x).argmin(axis=1)] | this is the score of the nearest point: the smallest sum is asked
    v[lengths(z, x).argmin(axis=1)] + lengths(z, x).min(axis=1) | the nearest point need not give the smallest sum
    v.min() + lengths(z, x).min(axis=1) | minimum plus minimum is no minimum of the sums
    v.min() + lengths(z, x)[:, v.argmin()] | the smallest value alone does not count: add, then minimise
    (v + lengths(z, x)).min(axis=0) | the wrong axis: one score per new point, the minimum over the old ones
    (v[:, None] + lengths(z, x)).min(axis=1) | the wrong axis: values belong to x, the columns
    changed_upper(reduce=np.argmin) | this is where the minimum lies, argmin: return the minimum itself
    upper(v, z, x) | x and x_new are swapped: the scores at x are known, those at x_new are asked
    upper(v, x, x) | these are the distances between the known points: measure from x_new to x
    v + lengths(z, x) | the table values + distance is right; now take its minimum over the known points
    upper(v, x, z).min() | this is the smallest of all: one score per new point
    (v * lengths(z, x)).min(axis=1) | no multiplication: add the distance to the value
    np.maximum(upper(v, x, z), 0) | scores may be negative: do not cut them off at 0
    (v / lengths(z, x)).sum(1) / (1 / lengths(z, x)).sum(1) | a weighted mean of the scores is no extension of largest
        values: take the minimum of values + distance
    changed_upper(distance=lambda a, b: ...):
    lengths(a, b, 2) | you used the squared distance; take the distance itself, or the slope is not bounded by 1
    lengths(a, b, 2) / 2 | you took half of the squared distance; take the distance itself
    abs(a[:, None] - b).sum(axis=2) | absolute differences: the Euclidean distance is the root of a sum of squares
    abs(a[:, None] - b).max(axis=2) | the largest difference: the Euclidean distance is the root of a sum of squares
    abs(a[:, None] - b)[..., 0] | only the first coordinate is used: the points lie in the plane
    lengths(a, b, 0.5) | the root of the distance is not 1-Lipschitz: take the distance itself
    abs(np.linalg.norm(a, axis=1)[:, None] - np.linalg.norm(b, axis=1)) | the distance is the difference of the lengths;
        take the length of the difference
    (a[:, None] - b).sum(axis=2) | the coordinates cancel: take absolute values or squares before the sum
    lengths(a, b) / 2 | half of the distance: the slope may be 1, not 1/2
    2 * lengths(a, b) | twice the distance: the slope may be 1, not 2
    1.5 * lengths(a, b) | the slope may be 1 and no more: no factor before the distance
    ...:
    v[(v + lengths(z, x)).argmin(axis=1)] | the distance is missing: this is the score of the point that gives the
        smallest sum
    (v + np.linalg.norm(z[:, None] - x)).min() | norm without axis=2 is one number: a distance per pair is needed
    """,
    errors={
        "could not be broadcast": "compare each new point with each known one: x_new[:, None] - x",
        "is out of bounds": "norm without axis=2 is one number: a distance per pair is needed",
    },
    corners=lambda rng: {
        "at a known point the score is the value given there": (np.array([0.3, 1.0]), np.eye(2), np.eye(2)),
        "one known point: its value plus the distance": (np.array([0.5]), np.zeros((1, 2)), np.array([[3.0, 4]])),
    },
)


def networks(rng: np.random.Generator) -> list[tuple]:
    """Scores of data and fakes in the plane, steep and shallow; along one route the score falls steeply."""
    cases = []
    for n, m, size in ((5, 5, 3.0), (4, 6, 0.2), (6, 3, 1.0)):
        x, y = rng.normal(size=(n, 2)) + np.array([2, 0]), rng.normal(size=(m, 2))
        real, fake = x[:, 0] + rng.random(n), y[:, 0] + rng.random(m)
        real[0], fake[0], y[0] = fake[0] - 1, fake[0] + 0.5, x[0] + 0.05 * n
        cases.append((size * real + size, size * fake, lengths(x, y)))
    return cases


def rises(r, f, cost):
    return (r[:, None] - f) / cost


scaled_bound = Exercise(
    "Notebook 03: the best lower bound on W1 that scores (n,) and (m,) prove when scaled; cost (n, m); numpy arrays.",
    cases=networks,
    right=lambda scores_real, scores_fake, cost: (
        (scores_real.mean() - scores_fake.mean()) / rises(scores_real, scores_fake, cost).max()
    ),
    wrong="""r, f, cost:
    r.mean() - f.mean() | nothing is scaled: this bounds W1 only if the scores keep the rule, and nobody says so
    (r.mean() - f.mean()) * rises(r, f, cost).max() | divide by the largest slope, do not multiply
    np.mean(r.mean() - f.mean()) / np.median(rises(r, f, cost)) | the rule must hold on every route: divide by the
        largest slope, not by the median
    rises(r, f, cost).max() | this is the largest slope: divide the difference of the means by it
    1 / rises(r, f, cost).max() | this is the factor alone: the difference of the means, times it
    rises(r, f, cost) | this is the table of slopes: take the largest, and divide the difference of the means by it
    (f.mean() - r.mean()) / rises(r, f, cost).max() | the sign is flipped: data score higher than fakes
    (r.sum() - f.sum()) / rises(r, f, cost).max() | take means, not sums: each point weighs 1/n or 1/m
    (np.median(r) - np.median(f)) / rises(r, f, cost).max() | take the means of the scores, not their medians
    np.mean((r.mean() - f.mean()) / rises(r, f, cost).max(axis=1)) | one scale for all: the largest slope of all routes
    ((r[:, None] - f) / rises(r, f, cost).max()).max() | the scale is right; take the difference of means
    (r.mean() - f.mean()) * (cost / (r[:, None] - f)).min() | where the score falls, cost / rise is negative: take the
        largest rise / cost
    cost.min() | this is the smallest distance: the scores that are given prove more, or less
    _w1(r, f, cost) | this is W1 itself: use the scores that are given
    _ratio(r, f, cost) | c-transformed prices prove more, but scaling alone was asked
    (r.mean() - f.mean()) / ...:
    abs(rises(r, f, cost)).max() | no absolute value: a route along which the score falls keeps the rule at any scale,
        so this bound holds but is not the best
    max(rises(r, f, cost).max(), 1) | scale up too: scores that are too shallow prove more when they are made steeper
    min(rises(r, f, cost).max(), 1) | scale down too: scores that rise by more than the distance prove nothing
    rises(r, f, cost).mean() | the rule must hold on every route: divide by the largest slope, not by the mean
    rises(r, f, cost).min() | the rule must hold on every route: divide by the largest slope, not by the smallest
    (r[:, None] - f).max() | a slope is a rise per distance: divide each by its cost first
    ((r[:, None] - f).max() / cost.max()) | each route has its own slope: divide entry by entry, then take the largest
    (r[:, None] - f).mean() / cost.mean() | a ratio of means is no largest slope: divide entry by entry
    ((r[:, None] - f) * cost).max() | a slope is a rise *per* distance: divide by the cost
    rises(f, r, cost.T).max() | data and fakes are swapped in the slopes: a score must not rise too fast toward data
    (rises(r, f, cost).max() - rises(r, f, cost).min()) | the largest slope alone counts, not the range
    np.linalg.norm(rises(r, f, cost)) | the largest slope alone counts, not the root of a sum of squares
    rises(r, f, cost)[0].max() | the slopes of the first data point alone: the rule must hold on every route
    rises(r, f, cost).max(axis=0).mean() | one scale for all: the largest slope of all routes
    rises(r, f, cost).max() ** 2 | divide by the largest slope once, not by its square
    ((r[:, None] + f) / cost).max() | a rise is a difference of scores, not their sum
    ((r.max() - f.min()) / cost.min()) | each route has its own slope: the largest rise need not lie on the shortest
    rises(r, f, cost).max() / cost.mean() | the slopes are per distance already: no further factor
    r.std() | slopes are rises per distance: the spread of the scores says nothing
    """,
    corners=lambda rng: {
        "one point each: the bound is their distance, whatever the scores": (
            np.array([5.0]),
            np.array([1.0]),
            np.array([[0.3]]),
        ),
    },
    errors={"could not be broadcast": "data belong to the rows of cost: scores_real[:, None]"},
)


def _equal(r, f):
    return np.full(len(r), 1 / len(r)), np.full(len(f), 1 / len(f))


def _w1(r, f, cost):
    return _value(r, *_equal(r, f), cost)


def _ratio(r, f, cost):
    p, q = _equal(r, f)
    scaled = r / rises(r, f, cost).max()
    return scaled @ p + best_answer(scaled, cost) @ q
