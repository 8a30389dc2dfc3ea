"""Notebook 02: the cost of a plan, W1 on a line and on a circle, a Sinkhorn step, and a coin's best share."""

import math

import numpy as np

from wgan_utils.checks.answer import Exercise


def plans(rng: np.random.Generator) -> list[tuple]:
    """Plans between points on a line; mass moves to both sides, and more than 1 far."""
    cases = []
    for n, m in ((3, 4), (5, 2), (4, 4)):
        plan = rng.random((n, m)) + 0.5
        cases.append((plan / plan.sum(), 3 * rng.random(n) + 2 * np.arange(n), 20 * rng.random(m) - 7))
    return cases


def gaps(x, y):
    return abs(x[:, None] - y)


plan_cost = Exercise(
    "Notebook 02: sum of plan * |x - y| for a plan (n, m) between points on a line, numpy arrays.",
    cases=plans,
    right=lambda plan, x, y: (plan * gaps(x, y)).sum(),
    wrong="""plan, x, y:
    (plan * gaps(x, y)).mean() | you took the mean over the plan's entries; they are weights that sum to 1 already: sum
    (plan * (x[:, None] - y)).sum() | you forgot the absolute value: moves to the left cost as much as to the right
    (plan * (y - x[:, None])).sum() | you forgot the absolute value: moves to the right cost as much as to the left
    abs((plan * (x[:, None] - y)).sum()) | take the absolute value of each distance: left and right cancel in the total
    (plan * gaps(x, y) ** 2).sum() | you squared the distances: that is the cost of W2
    (plan * gaps(x, y) ** 2).sum() ** 0.5 | you squared the distances and took the root: that is W2
    (plan * gaps(x, y) ** 0.5).sum() | take the distance itself, not its square root
    gaps(x, y).mean() | you left the plan out: weigh each distance by its mass; this is the mean distance
    gaps(x, y).sum() | you left the plan out: weigh each distance by its mass; this is the sum of distances
    (plan + gaps(x, y)).sum() | the plan and the distances are added; multiply them entry by entry
    (plan * gaps(y, x)).sum() | rows and columns are swapped: rows of the plan belong to x
    (plan * abs(x - y)).sum() | pair every x with every y, x[:, None] - y: this pairs them place by place
    (plan * gaps(x, y)).max() | this is the dearest route: add up all of them
    gaps(x, y).max() | this is the longest distance: weigh all by the plan
    sum(plan[k, k] * abs(x[k] - y[k]) for k in range(min(len(x), len(y)))) | only the diagonal is counted: every entry
        of the plan moves mass
    plan.sum() | this is the sum of the plan: weigh each entry by its distance
    (plan @ gaps(x, y).T).sum() | a matrix product is not wanted: multiply entry by entry
    (plan / plan.sum(axis=1, keepdims=True) * gaps(x, y)).sum() | each row was made to sum to 1: leave the masses
    (plan / plan.sum(axis=0) * gaps(x, y)).sum() | each column was made to sum to 1: leave the masses
    (plan * np.outer(x, y)).sum() | multiply the plan by distances, not by products of positions
    abs(x.mean() - y.mean()) | this is the difference of the means: plans cost that only if all mass moves one way
    ((plan > 0) * gaps(x, y)).sum() | this adds the distances of the routes in use: weigh each by its mass
    _least(plan, x, y) | this is W1 by sorting; the cost of *this* plan is asked, cheapest or not
    (plan[0] * abs(x[0] - y)).sum() | this is the first row alone: add up all rows
    np.trapezoid((plan * gaps(x, y)).sum(1)) | add all rows: no integral, the ends count in full
    """,
    corners=lambda rng: {
        "a plan that moves nothing costs nothing": (np.eye(3) / 3, np.arange(3.0), np.arange(3.0)),
        "a single pair costs its distance": (np.ones((1, 1)), np.array([2.0]), np.array([-1.5])),
    },
    errors={"could not be broadcast": "make x a column, x[:, None], so that every x meets every y"},
)


def _least(plan, x, y):
    points = np.concatenate([x, y])
    return area(points, np.r_[plan.sum(1), 0 * y], np.r_[0 * x, plan.sum(0)])


def area(positions, p, q, crossing=lambda gap: abs(gap.cumsum())[:-1], widths=np.diff, total=np.dot, mixed=(0, 1, 2)):
    """W1 on a line with one thing changed; ``mixed`` holds the numbers of the arguments that are sorted."""
    order = positions.argsort()
    positions, p, q = (a[order] if k in mixed else a for k, a in enumerate((positions, p, q)))
    return total(crossing(p - q), widths(positions))


def changed_area(**change):
    return lambda positions, p, q: area(positions, p, q, **change)


def lines(rng: np.random.Generator) -> list[tuple]:
    """Masses on unevenly spaced points in mixed order; the distribution functions cross."""
    cases = []
    for mixed in ([3, 0, 5, 1, 4, 2], [4, 2, 0, 3, 1], [1, 6, 3, 0, 5, 2, 4]):
        n = len(mixed)
        positions = np.cumsum(1.5 + 2 * rng.random(n)) - 3
        p, q = rng.random((2, n)) + 3 * np.array([np.abs(np.linspace(-1, 1, n)), 1 - np.abs(np.linspace(-1, 1, n))])
        cases.append((positions[mixed], (p / p.sum())[mixed], (q / q.sum())[mixed]))
    return cases


w1_line = Exercise(
    "Notebook 02: the area between two distribution functions on unevenly spaced, unsorted points, numpy arrays.",
    cases=lines,
    right=lambda positions, p, q: area(positions, p, q),
    wrong="""x, p, q:
    changed_area(crossing=lambda gap: ...):
    gap.cumsum()[:-1] | you forgot the absolute value: earth moved left must not pay for earth moved right
    abs(gap)[:-1] | you compared masses; compare what has piled up so far: a cumulative sum
    abs(gap).cumsum()[:-1] | take the absolute value after the cumulative sum, not before
    abs(gap.cumsum())[1:] | one gap off: the mass piled up at point i crosses the gap from i to i + 1
    gap.cumsum()[:-1] ** 2 | no square: this is the Cramer distance, with squared differences
    ...:
    changed_area(total=lambda c, w: c.sum()) | you forgot the bin width: mass that crosses a wide gap pays more
    changed_area(total=lambda c, w: c.mean()) | you forgot the bin width: this is the mean of the masses that cross
    changed_area(crossing=lambda gap: gap.cumsum()[:-1], total=lambda c, w: abs(c @ w)) | you took the absolute value of
        the total; take it in each gap: this is the gap of the means
    (p * x).sum() - (q * x).sum() | this is the difference of the means: take absolute values in each gap
    changed_area(mixed=(), widths=lambda x: abs(np.diff(x))) | sort first: the positions come in any order
    changed_area(mixed=()) | sort first: the positions come in any order, and a width cannot be negative
    changed_area(mixed=(0,)) | sort p and q together with the positions
    changed_area(mixed=(1, 2)) | sort the positions together with p and q
    changed_area(mixed=(0, 1)) | sort q together with the positions, as p
    changed_area(mixed=(0, 2)) | sort p together with the positions, as q
    area(np.sort(x), np.sort(p), np.sort(q)) | p and q go in the order of the positions; each was sorted by its own size
    changed_area(total=lambda c, w: c[1:] @ w[1:]) | the first gap is missing
    changed_area(total=lambda c, w: c[:-1] @ w[:-1]) | the last gap is missing
    changed_area(total=lambda c, w: (c * w).max()) | this is the largest area of one gap: add all
    changed_area(total=lambda c, w: c.max()) | this is the largest gap (Kolmogorov): take the area
    changed_area(total=lambda c, w: (c * w).mean()) | take the sum over the gaps, not their mean
    changed_area(total=lambda c, w: c @ w / w.sum()) | the area is mass times width: do not divide by the total length
    changed_area(crossing=lambda gap: gap.cumsum()[:-1] ** 2, total=lambda c, w: (c @ w) ** 0.5) | no square: this is
        the root of the Cramer distance
    changed_area(widths=lambda x: np.diff(x) ** 2) | the width once, not squared
    changed_area(crossing=lambda gap: abs(gap.cumsum()), total=lambda c, w: (c[1:] + c[:-1]) @ w / 2) | a distribution
        function is flat between its points: rectangles, not trapezoids
    abs(p - q).sum() / 2 | this is TV: positions count
    abs(p - q).sum() | this is the sum of |p - q|: positions count
    (abs(p - q) * abs(x)).sum() | mass does not stay on its point, weighed by its position: pile it up gap by gap
    (abs(p - q) * x).sum() | mass does not stay on its point, weighed by its position; pile it up gap by gap
    """,
    corners=lambda rng: {
        "equal laws are at distance 0": (np.array([2.0, 0, 5]), np.array([0.2, 0.5, 0.3]), np.array([0.2, 0.5, 0.3])),
        "all mass from one point to another costs their distance": (
            np.array([3.0, -1]),
            np.array([1.0, 0]),
            np.array([0.0, 1]),
        ),
        "only differences of positions count: negative ones are allowed": (
            np.array([-7.0, -2, -4]),
            np.array([0.5, 0.5, 0]),
            np.array([0.1, 0.2, 0.7]),
        ),
    },
    errors={"could not be broadcast": "n points have n - 1 gaps: drop the last cumulative sum, [:-1]"},
)


def circles(rng: np.random.Generator) -> list[tuple]:
    """Two laws on n bins of a circle, n odd and even: traffic of both signs, and a cheapest plan through the seam."""
    laws = [rng.dirichlet(np.full(n, 0.7), size=2) for n in (6, 7, 9)]
    return [tuple(laws[0]), tuple(laws[1][::-1]), tuple(laws[2])]


def surplus(p, q):
    return np.cumsum(p - q)


def streams(p, q):
    """The traffic in all when the circle is cut behind bin k, for every k."""
    return abs(surplus(p, q)[:, None] - surplus(p, q)).sum(axis=0)


w1_circle = Exercise(
    "Notebook 02: W1 between masses on n bins of a circle, each 1 from its neighbours, numpy arrays (n,).",
    cases=circles,
    right=lambda p, q: streams(p, q).min(),
    wrong="""p, q:
    abs(surplus(p, q)).sum() | this is W1 on the line: earth may also go the other way round, through the seam
    abs(surplus(p, q) - surplus(p, q).mean()).sum() | you took off the mean; the sum of sizes is least at a median
    abs(surplus(p, q) - np.median(surplus(p, q)))[:-1].sum() | a circle has n gaps: that behind the last bin counts
    abs(surplus(p, q) - np.median(surplus(p, q))).mean() | take the sum over the gaps, not their mean
    abs(surplus(p, q) - np.median(surplus(p, q))).max() | this is the largest traffic at one post: add all
    abs(surplus(p, q) - np.median(abs(surplus(p, q)))).sum() | take the median of the differences, with their signs
    (surplus(p, q) - np.median(surplus(p, q))).sum() | take absolute values: traffic to the left costs as much
    ((surplus(p, q) - np.median(surplus(p, q))) ** 2).sum() | no square: mass times length
    ((surplus(p, q) - surplus(p, q).mean()) ** 2).sum() | no square, and so no mean: a median makes the sum least
    np.median(surplus(p, q)) | this is the stream around the circle: take it off, then add up absolute values
    abs(abs(surplus(p, q)) - np.median(abs(surplus(p, q)))).sum() | take absolute values after the stream is taken off
    streams(p, q).max() | this is the dearest place to cut the circle: take the cheapest
    streams(p, q).mean() | this is the mean over the places to cut the circle: take the cheapest
    abs(surplus(p, q)[:-1] - np.median(surplus(p, q)[:-1])).sum() | a circle has n posts: keep the last difference, 0
    abs(np.r_[0, surplus(p, q)] - np.median(np.r_[0, surplus(p, q)])).sum() | a circle has n posts, and these are n + 1
    np.ptp(surplus(p, q)) | this is the range of the differences: add up what is left at each post
    abs(p - q - np.median(p - q)).sum() | pile the masses up first: a cumulative sum
    abs(p - q).sum() / 2 | this is TV: how far the mass goes counts
    abs(p - q).sum() | this is the sum of |p - q|: how far the mass goes counts
    abs(surplus(p, q) - surplus(p, q)[0]).sum() | this cuts the circle behind the first bin: try every place
    abs(surplus(p, q) - surplus(p, q).max()).sum() | take off the median, not the largest difference
    abs(surplus(p, q) - surplus(p, q).min()).sum() | take off the median, not the smallest difference
    min(abs(surplus(p, np.roll(q, k))).sum() for k in range(len(p))) | rotate p and q together: only the cut moves
    abs(surplus(p, q) - (surplus(p, q).max() + surplus(p, q).min()) / 2).sum() | take off the median, not the middle of
        the range
    abs(surplus(p, q) - np.median(p - q)).sum() | take off the median of the piled-up differences, not of p - q
    abs(np.cumsum(abs(p - q)) - np.median(np.cumsum(abs(p - q)))).sum() | pile up the differences with their signs
    abs(surplus(p, q) - np.median(np.cumsum(p))).sum() | take off the median of the differences, not of F
    abs(np.sort(p) - np.sort(q)).sum() | do not sort the masses: their places count
    2 * np.pi / len(p) * streams(p, q).min() | neighbours are 1 apart along the circle: its length is n, not 2 pi
    abs(surplus(p, q).sum()) | take the absolute value at each post, and take off the best stream first
    (p[:, None] * q * np.minimum(_steps(p), len(p) - _steps(p))).sum() | this is the cost of the plan p q^T, an upper
        bound: find the cheapest
    """,
    corners=lambda rng: {
        "cutting at the seam must be tried too: here the line is the cheapest": (
            np.array([0.1, 0.2, 0.3, 0.2, 0.2]),
            np.array([0.3, 0.1, 0.1, 0.1, 0.4]),
        ),
        "from the last bin to the first it is one step": (np.eye(5)[4], np.eye(5)[0]),
        "equal laws are at distance 0": (np.full(4, 0.25), np.full(4, 0.25)),
        "half way round costs n / 2": (np.eye(6)[1], np.eye(6)[4]),
    },
)


def _steps(p):
    return gaps(np.arange(len(p)), np.arange(len(p)))


def sinkhorn(p, q, cost, reg, v, kernel=lambda cost, reg: np.exp(-cost / reg), steps="uv", end=None):
    """Sinkhorn steps with one thing changed; ``steps`` says which of u and v are fitted, in order."""
    K, u = kernel(cost, reg), np.ones(len(p))
    for step in steps:
        if step == "u":
            u = p / (K @ v)
        else:
            v = q / (K.T @ u)
    return end(u, K, v) if end else u[:, None] * K * v


def changed_sinkhorn(**change):
    return lambda p, q, cost, reg, v: sinkhorn(p, q, cost, reg, v, **change)


def sinkhorn_cases(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for n, m in ((3, 4), (4, 4), (5, 3)):
        p, q = rng.random(n) + 0.2, rng.random(m) + 0.2
        cases.append((p / p.sum(), q / q.sum(), 2 * rng.random((n, m)), 0.3 + 0.3 * rng.random(), rng.random(m) + 0.5))
    return cases


sinkhorn_step = Exercise(
    "Notebook 02: the matrix after one fit of the rows and one of the columns, from v on, numpy arrays.",
    cases=sinkhorn_cases,
    right=lambda p, q, cost, reg, v: sinkhorn(p, q, cost, reg, v),
    wrong="""p, q, cost, reg, v:
    changed_sinkhorn(steps="u") | only the rows fit; now fit the columns, v = q / (K^T u), and multiply by this new v
    changed_sinkhorn(steps="v") | the rows are not fitted: u = p / (K v) comes first
    changed_sinkhorn(steps="vu") | the order is swapped: fit the rows first, from the v that is given, then the columns
    changed_sinkhorn(steps="uvu") | one fit too many: after the columns the rows may be off again
    changed_sinkhorn(steps="uvuv") | these are two full steps; one is asked
    changed_sinkhorn(steps="") | no fit was made: u = p / (K v), then v = q / (K^T u)
    changed_sinkhorn(kernel=lambda cost, reg: np.exp(cost / reg)) | the sign is flipped: K is small where moving is dear
    changed_sinkhorn(kernel=lambda cost, reg: cost / reg) | the exponential is missing: K = exp(-cost / reg)
    (lambda P: P / P.sum(axis=1, keepdims=True))(sinkhorn(p, q, cost, reg, v)) | the rows were made to sum to 1 at the
        end: leave the plan as the columns left it
    sinkhorn(q, p, cost, reg, v) | p and q are swapped: p belongs to the rows
    np.outer(p, q) | this is the table p q^T, the plan without any thought to the cost
    (sinkhorn(p, q, cost, reg, v) * cost).sum() | this is the cost of the plan: return the plan, the matrix
    sinkhorn(p, q, cost, reg, v) * cost | this is the plan times the cost: return the plan
    sinkhorn(p, q, cost, reg, v, steps="", end=lambda u, K, v: K * v / (K * v).sum()) | the whole matrix was divided by
        its sum: the columns fit already
    fitted(cost, reg, ...):
    lambda K: p / (K @ v), lambda K, u: q / K.sum(axis=0) | the columns are fitted with u = 1: use the fitted u
    lambda K: p * (K @ v), lambda K, u: q * (K.T @ u) | divide p by K v, do not multiply
    lambda K: p / (K @ v), lambda K, u: q / (K @ u) | K in place of its transpose: v = q / (K^T u)
    lambda K: p / (K.T @ v), lambda K, u: q / (K.T @ u) | K^T in place of K: u = p / (K v)
    lambda K: p / (K @ v), lambda K, u: q * (K.T @ u) | divide q by K^T u, do not multiply
    lambda K: p * (K @ v), lambda K, u: q / (K.T @ u) | divide p by K v: u was multiplied, v divided
    changed_sinkhorn(end=lambda u, K, v: ...):
    np.outer(u, v) | multiply by K: the plan is diag(u) K diag(v)
    K * v | the factor u of the rows is missing: the plan is diag(u) K diag(v)
    u[:, None] * K | the factor v of the columns is missing: the plan is diag(u) K diag(v)
    u * K * v[:, None] | u and v have changed places: u belongs to the rows, u[:, None]
    v | these are the factors of the columns: return the matrix, diag(u) K diag(v)
    u | these are the factors of the rows: return the matrix, diag(u) K diag(v)
    u * (K @ v) | these are the products K v: @ sums over the columns; the matrix is u[:, None] * K * v
    """,
    errors={"could not be broadcast": "u belongs to the rows: u[:, None]"},
)


def fitted(cost, reg, fits):
    """The matrix after two fits, functions of K and of K and u."""
    K = np.exp(-cost / reg)
    u = fits[0](K)
    return u[:, None] * K * fits[1](K, u)


def chances(m, truth):
    return np.array([math.comb(m, k) * truth**k * (1 - truth) ** (m - k) for k in range(m + 1)])


def median(m, truth):
    return int((chances(m, truth).cumsum() >= 0.5).argmax())


# One median each, clearly; between them median, mode, rounded mean and mean go four ways.
BINOMIAL = [(7, 0.22), (5, 0.68), (2, 0.73), (3, 0.23), (1, 0.6), (9, 0.28), (7, 0.78), (4, 0.44), (2, 0.64)]


best_theta = Exercise(
    "Notebook 02: the median of a binomial law divided by m, where it is unique and differs from the truth.",
    cases=lambda rng: BINOMIAL,
    right=lambda m, truth: median(m, truth) / m,
    wrong="""m, truth:
    truth | this is the true share; the batch loss has its minimum elsewhere: at a median, not at the mean
    median | this is the median of the number of ones; divide by m
    m * truth | this is the mean of the number of ones; take the median, divided by m
    round(m * truth) / m | this is the rounded mean, not the median: count the chances until half is reached
    chances(m, truth).argmax() / m | this is the mode, the most likely number: take the median
    chances(m, truth).argmax() | this is the mode of the number of ones: take the median, divided by m
    _first(np.cumsum(_orders(m, truth)), 0.5, m) | the binomial coefficients comb(m, k) are missing
    math.floor(m * truth) / m | this is the mean rounded down, not the median: count the chances until half is reached
    math.ceil(m * truth) / m | this is the mean rounded up, not the median: count the chances until half is reached
    (median(m, truth) - 1) / m | one step too low: take the first k at which the cumulative chance reaches 1/2
    (median(m, truth) + 1) / m | one step too high: k counts from 0, to where the cumulative chance reaches 1/2
    median(m, truth) / (m + 1) | divide by m: a batch has m tosses, and k runs from 0 to m
    1 - median(m, truth) / m | truth and 1 - truth are swapped: this is the share of zeros
    _first(chances(m, truth).cumsum(), truth, m) | the cumulative chance must reach 1/2, not the true share
    _first(chances(m, truth).cumsum(), 1 - truth, m) | the cumulative chance must reach 1/2, not 1 - truth
    _first(chances(m, truth), 0.5, m) | sum the chances up: this is the first k whose own chance reaches 1/2
    float(truth >= 0.5) | this is the answer for a single toss, m = 1: use m
    chances(m, truth).max() | this is the largest chance itself: the share k / m is asked
    chances(m, truth).cumsum()[median(m, truth)] | this is the cumulative chance at the median: the share k / m is asked
    chances(m, truth) @ abs(np.arange(m + 1) / m - median(m, truth) / m) | this is the least loss: return its place
    _worst(m, truth) | this is where the expected distance is largest: take the smallest
    round(1000 * median(m, truth) / m) | this is the place in your grid of shares, argmin: return the share there
    round(100 * median(m, truth) / m) | this is the place in your grid of shares, argmin, or per cent: return the share
    0.5 | a fair coin is no answer: the share depends on m and truth
    """,
    tolerance=0.03,  # a search over 101 shares is good enough; no slip comes as near on all cases
)


def _orders(m, truth):
    return [truth**k * (1 - truth) ** (m - k) for k in range(m + 1)]


def _first(values, level, m):
    reached = np.flatnonzero(np.asarray(values) >= level)
    return (reached[0] if len(reached) else m) / m


def _worst(m, truth):
    ends = [chances(m, truth) @ abs(np.arange(m + 1) / m - end) for end in (0, 1)]
    return float(ends[1] > ends[0])
