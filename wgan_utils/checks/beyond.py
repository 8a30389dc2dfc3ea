"""Notebook 12: directions of a known critic, the game of two numbers, a reflector, a shrunk pair, an exact field."""

import math

import numpy as np

from wgan_utils.checks.answer import Exercise


def funnels(rng: np.random.Generator) -> list[tuple]:
    """Fakes, apexes and offsets so large that the nearest apex is often not the active one."""
    sizes = ((9, 4, 2), (8, 5, 3), (10, 3, 4))
    return [(rng.normal(size=(n, d)), 1.5 * rng.normal(size=(k, d)), 2 * rng.random(k)) for n, k, d in sizes]


def distances(y, apexes):
    return np.linalg.norm(y[:, None] - apexes, axis=2)


def active(y, apexes, offsets):
    return (distances(y, apexes) + offsets).argmin(axis=1)


def far(y, apexes, offsets):
    """The way from the active apex to each point, in full length."""
    return y - apexes[active(y, apexes, offsets)]


def rise_from(y, apexes, chosen):
    away = y - apexes[chosen]
    return away / np.linalg.norm(away, axis=1)[:, None]


def rise(y, apexes, offsets):
    return rise_from(y, apexes, active(y, apexes, offsets))


exact_direction = Exercise(
    "Notebook 12: the gradient of min |y - apex| + offset at each y (n, d), from apexes (N, d) and offsets (N,).",
    cases=funnels,
    right=lambda y, apexes, offsets: rise(y, apexes, offsets),
    wrong="""y, a, c:
    -rise(y, a, c) | this points to the apex: there the critic falls, for it is lowest at an apex
    far | divide by the distance to the apex: the slope is 1, so the vector has length 1
    rise_from(y, a, (distances(y, a) + c).argmax(axis=1)) | the smallest distance plus offset is active, not the largest
    rise(y, a, 0 * c) | the active apex has the smallest distance plus offset: this takes the nearest
    rise(y, a, -c) | the offset is added to the distance, not taken off
    rise_from(y, a, (distances(y, a) ** 2 + c).argmin(axis=1)) | do not square the distance before you add the offset
    ((y[:, None] - a) / distances(y, a)[:, :, None]).mean(axis=1) | one apex is active: this is the mean over all
    y / np.linalg.norm(y, axis=1, keepdims=True) | this points away from the origin: the apexes are missing
    far(y, a, c) / np.linalg.norm(far(y, a, c)) | each row is a unit vector of its own: this is the norm of the table
    far(y, a, c) / np.linalg.norm(far(y, a, c), axis=0) | the norm takes the wrong axis: each row is one vector
    (far(y, a, c) ** 2).sum(axis=1) | these are squared distances to the apex: return vectors
    np.linalg.norm(far(y, a, c), axis=1) | these are distances to the apex: return vectors
    (distances(y, a) + c).min(axis=1) | this is the critic's value u: return its gradient
    active | these are the active apexes: return the unit vectors away from them
    rise(y, a, c).mean(axis=0) | one vector per fake: this is their mean
    rise_from(y, a, (distances(y, a) * c).argmin(axis=1)) | the offset is added to the distance, not multiplied with it
    rise_from(y, a, (np.abs(y[:, None] - a).sum(axis=2) + c).argmin(axis=1)) | the distance is the root of the sum of
        squares: this sums absolute values
    rise_from(y, a, c.argmin()) | the distance counts too: this takes the apex of the least offset for every fake
    rise_from(y, a, active(y, a, c)[0]) | each fake has an active apex of its own: this takes that of the first fake
    rise_from(y, a.mean(axis=0, keepdims=True), 0) | one apex is active: this points away from the mean of all
    far(y, a, c) / np.abs(far(y, a, c)).sum(axis=1)[:, None] | the Euclidean length is the root of a sum of squares
    far(y, a, c) / (far(y, a, c) ** 2).sum(axis=1)[:, None] | divide by the distance: this divides by its square
    far(y, a, c) / (distances(y, a) + c).min(axis=1)[:, None] | divide by the distance alone, without the offset
    np.sign(rise(y, a, c)) | these are the signs of the coordinates alone: divide by the distance
    """,
    corners=lambda rng: {
        "with one apex the offset does not matter": (np.array([[3.0, 4.0]]), np.zeros((1, 2)), np.array([7.0])),
        "with equal offsets the nearest apex is active": (
            np.array([[1.0, 0.0], [-1.0, 0.5]]),
            np.array([[3.0, 0.0], [-3.0, 0.5]]),
            np.ones(2),
        ),
    },
    errors={
        "shapes (9,2) (9,)": "the lengths must be a column, one for each row: [:, None] or keepdims=True",
        "is out of bounds": "each fake chooses among the apexes: argmin over axis 1",
        "could not be broadcast": "compare each fake with each apex: y[:, None] - apexes",
    },
)

GAMES = [(0.1, 1.0, 0.3), (0.2, 0.5, 0.7), (0.3, 1.3, 0.4), (0.5, 0.8, 1.1)]


def critic_turn(h, slope, gamma):
    return np.array([[1.0, 0], [-h * slope, 1 - h * gamma]])


def turns(h, slope, gamma, critic_first=True, penalty=True):
    critic = critic_turn(h, slope, gamma * penalty)
    generator = np.array([[1.0, h * slope], [0, 1]])
    return generator @ critic if critic_first else critic @ generator


def at_once(h, slope, gamma):
    return np.array([[1, h * slope], [-h * slope, 1 - h * gamma]])


def other_order(matrix):
    return matrix[::-1, ::-1]


def other_turn(generator):
    """A turn whose generator moves by another matrix, a function of h, slope and gamma."""
    return lambda h, slope, gamma: np.array(generator(h, slope, gamma)) @ critic_turn(h, slope, gamma)


alternating_matrix = Exercise(
    "Notebook 12: the matrix of one turn, critic first, for (theta, psi); step h, slope f', R1 of weight gamma.",
    cases=lambda rng: GAMES,
    right=lambda h, slope, gamma: turns(h, slope, gamma),
    wrong="""h, s, g:
    at_once | this moves both players at once: the generator must answer the new critic
    turns(h, s, g, critic_first=False) | the critic steps first: its matrix stands on the right
    turns(h, s, g).T | this is the transpose: rows are the new theta and psi, columns the old ones
    np.array([[1.0, h * s], [0, 1]]) * critic_turn(h, s, g) | this multiplies entry by entry: the product of matrices is
        @
    np.array([[1.0, h * s], [0, 1]]) @ critic_turn(h, -s, g) | the critic's sign is flipped: it turns against theta
    np.array([[1 - h * s, h * s * (1 - h * g)], [-h * s, 1 - h * g]]) | the square is missing in the first entry: theta
        moves by h f' times psi's step, -h f' theta
    other_order(turns(h, s, g)) | theta stands first, psi second: here they have changed places
    turns(h, s, g, penalty=False) | R1 is missing: the critic's step multiplies psi by 1 - h gamma
    turns(h, s, -g) | the sign of R1 is flipped: it pulls psi to 0
    turns(h, -s, g) | both signs of f' are flipped: the generator follows psi, the critic turns against theta
    turns(h, 1.0, g) | f' is missing: it multiplies both steps
    turns(h, s, 2 * g) | R1 is gamma psi^2 / 2, of derivative gamma psi: no factor of 2
    turns(h, s, g / 2) | R1 is gamma psi^2 / 2, of derivative gamma psi: the half is gone
    turns(h, s, g / h) | R1 is multiplied by the step h as well
    turns(h, s, g) - np.eye(2) | this is the change in a turn: add the identity
    other_turn(lambda h, s, g: [[1, h * s], [0, 1 - h * g]]) | R1 is the critic's: the generator leaves psi as it is
    other_turn(lambda h, s, g: [[1 - h * g, h * s], [0, 1]]) | R1 is the critic's: it pulls psi, not theta
    other_turn(lambda h, s, g: [[1, -h * s], [0, 1]]) | the generator's sign is flipped: theta follows psi
    other_turn(lambda h, s, g: [[1, h], [0, 1]]) | f' is missing in the generator's step
    np.array([[1 - h * g, h * s], [0, 1]]) @ np.array([[1, 0], [-h * s, 1]]) | R1 pulls psi, not theta
    np.array([[2, h * s], [-h * s, 2 - h * g]]) | multiply the matrices of the steps, do not add
    turns(h, s, g * h) | the step h counts once in R1
    np.array([[1, h * s], [0, 1]]) @ np.array([[1, 0], [-h * s, -h * g]]) | the critic steps on from the psi it has
    np.linalg.matrix_power(turns(h, s, g), 2) | these are two turns
    np.linalg.inv(turns(h, s, g)) | this is the turn backwards, the inverse
    np.linalg.eigvals(turns(h, s, g)).real | these are eigenvalues: return the matrix
    np.linalg.det(turns(h, s, g)) | this is the determinant: return the matrix
    np.array([[1 - (h * s) ** 2, h * s], [-h * s, 1 - h * g]]) | theta follows the new psi, with its 1 - h gamma
    np.array([[1 + (h * s) ** 2, h * s * (1 - h * g)], [-h * s, 1 - h * g]]) | the sign of the square is flipped: the
        critic turns against theta
    """,
    corners=lambda rng: {
        "without R1 the determinant is 1": (0.4, 0.9, 0.0),
        "with a step of 0 nothing moves": (0.0, 1.0, 1.0),
    },
)


def least_of_both(slope, gamma, real=lambda s, g: 4 / (g + math.sqrt(g * g - 4 * s * s))):
    return gamma / slope**2 if gamma < 2 * slope else real(slope, gamma)


def with_real(real):
    return lambda slope, gamma: least_of_both(slope, gamma, real)


largest_step = Exercise(
    "Notebook 12: the step below which the game with R1 arrives, both players stepping at once; slope f', gamma.",
    cases=lambda rng: [(1.2, 0.3), (0.6, 0.5), (0.8, 1.2), (0.7, 2.1), (1.1, 3.7)],
    right=lambda slope, gamma: least_of_both(slope, gamma),
    wrong="""s, g:
    g / s**2 | for gamma above 2 f' the eigenvalues are real, and the larger one decides: h |mu| < 2
    g / s | f' stands squared: 1 - h gamma + h^2 f'^2 < 1 means h < gamma / f'^2
    s**2 / g | this is upside down: more R1 allows a larger step while the eigenvalues are complex
    g | f' is missing: 1 - h gamma + h^2 f'^2 < 1 means h < gamma / f'^2
    2 * g / s**2 | a factor of 2 too many: 1 - h gamma + h^2 f'^2 < 1 means h < gamma / f'^2
    g / (2 * s**2) | half of it: this step is the one that shrinks fastest, not the largest that arrives
    2 / g | this is the step of the critic alone, without the game
    g / s if g < 2 * s else least_of_both(s, g) | where they are complex f' stands squared: h < gamma / f'^2
    2 * g / s**2 if g < 2 * s else least_of_both(s, g) | where they are complex, a factor of 2 too many: |1 + h mu|^2 is
        1 - h gamma + h^2 f'^2
    g / (2 * s**2) if g < 2 * s else least_of_both(s, g) | where they are complex, half of it: this step shrinks fastest
    2 / s if g < 2 * s else least_of_both(s, g) | h |mu| < 2 is for real eigenvalues: complex ones ask |1 + h mu| < 1
    g / s**2 if g > 2 * s else 4 / (g + math.sqrt(abs(g * g - 4 * s * s))) | the two cases are swapped: complex below 2
        f'
    with_real(lambda s, g: 1 / g) | 1 / gamma is half of the bound for a very large gamma: solve mu^2 + gamma mu + f'^2
        = 0
    g / s**2 if g < s else 4 / (g + math.sqrt(g * g - s * s)) | under the root stands gamma^2 - 4 f'^2: a 4 is missing
    2 / s | this is the bound in turns without R1, h f' < 2
    2 / (g + s) | the eigenvalues are not gamma + f': solve mu^2 + gamma mu + f'^2 = 0
    np.sqrt(g) / s | no root: h < gamma / f'^2
    min(g / s**2, 2 / g) | where the eigenvalues are real the bound is 2 over the larger |mu|, not 2 / gamma
    with_real(lambda s, g: 4 / (g - math.sqrt(g * g - 4 * s * s))) | the larger |mu| decides, not the smaller
    with_real(lambda s, g: 2 / (g + math.sqrt(g * g - 4 * s * s))) | where they are real, |mu| is (gamma + root) / 2, so
        the bound is 4 / (gamma + root): a half is lost
    with_real(lambda s, g: 1 / (g + math.sqrt(g * g - 4 * s * s))) | where they are real, 1 + h mu > -1 means h |mu| <
        2, not 1, and |mu| has a half
    with_real(lambda s, g: 4 / (g + math.sqrt(g * g - s * s))) | the root is of gamma^2 - 4 f'^2: a 4 is missing
    with_real(lambda s, g: 2 / g) | 2 / gamma is the bound for a very large gamma: solve mu^2 + gamma mu + f'^2 = 0
    g / s**2 if g < s else 4 / (g + math.sqrt(max(0, g**2 - 4 * s**2))) | eigenvalues are complex below 2 f', not f'
    with_real(lambda s, g: 2 / s) | 2 / f' is the bound at gamma = 2 f' alone: beyond it the bound falls with gamma
    with_real(lambda s, g: 0.0) | real eigenvalues arrive too, for small steps
    with_real(lambda s, g: math.inf) | real eigenvalues have a largest step too: h |mu| < 2
    4 / (g + math.sqrt(abs(g**2 - 4 * s**2))) | for complex eigenvalues it is gamma / f'^2
    (g + math.sqrt(abs(g**2 - 4 * s**2))) / 2 | this is |mu| of the flow: the largest step makes |1 + h mu| equal to 1
    math.sqrt(abs(1 - 0.1 * g + 0.01 * s**2)) | this is the size of an eigenvalue at h = .1: solve for h
    """,
    corners=lambda rng: {
        "without R1 no step arrives: 0": (1.0, 0.0),
        "at gamma = 2 f' both formulas give 2 / f'": (0.5, 1.0),
        "for a large gamma the step is close to 2 / gamma": (0.1, 20.0),
    },
    errors={"math domain error": "below gamma = 2 f' the eigenvalues are complex: a case of its own"},
)


def project(v):
    return v @ np.linalg.solve(v.T @ v, v.T)


block_reflector = Exercise(
    "Notebook 12: the matrix (n, n) that turns the span of the columns of v (n, k) around and leaves the rest alone.",
    cases=lambda rng: [(rng.normal(size=shape) + 0.3,) for shape in ((5, 2), (4, 1), (6, 3))],
    right=lambda v: np.eye(len(v)) - 2 * project(v),
    wrong="""v:
    project(v) | this projects onto the span: take it off the identity, twice
    np.eye(len(v)) - project(v) | this takes the span away: take the projection off twice to turn it around
    np.eye(len(v)) + 2 * project(v) | the sign is flipped: this stretches the span by 3
    np.eye(len(v)) + project(v) | the sign is flipped, and a 2 is missing: this stretches the span
    2 * project(v) - np.eye(len(v)) | this turns around what is orthogonal to the span: the signs are flipped
    np.eye(len(v)) - 2 * v @ v.T | the columns are no unit vectors, nor orthogonal: put (v^T v)^-1 between them
    np.eye(len(v)) - v @ v.T | the 2 is missing, and (v^T v)^-1 between the two
    v @ v.T | this is no projection: put (v^T v)^-1 between, and take it twice off the identity
    np.eye(len(v)) - 2 * v @ v.T / (v**2).sum() | one number makes no orthonormal columns: (v^T v)^-1 is a matrix
    np.eye(len(v)) - 2 * (v / np.linalg.norm(v, axis=0)) @ (v / np.linalg.norm(v, axis=0)).T | columns of length 1 are
        not yet orthogonal to each other: (v^T v)^-1
    np.eye(len(v)) - 2 * v @ (v.T @ v) @ v.T | v^T v must be inverted
    np.eye(len(v)) - 2 * v @ (1 / (v.T @ v)) @ v.T | 1 / (v^T v) inverts each entry: invert the matrix
    -np.eye(len(v)) | this turns everything around, the orthogonal vectors too
    np.eye(len(v)) | this leaves all alone: the span must turn around
    np.eye(len(v)) - 2 * v @ v.T / np.linalg.norm(v, 2) ** 2 | the largest singular value does not make the columns
        orthonormal: (v^T v)^-1 is a matrix
    np.eye(len(v)) - 2 * v @ v.T / np.linalg.norm(v) | one norm makes no orthonormal columns: (v^T v)^-1
    np.eye(len(v)) - 2 * project(v) / v.shape[1] | do not divide by the number of columns: (v^T v)^-1 has done it all
    np.eye(len(v)) - 2 * project(v) / len(v) | do not divide by the number of rows: (v^T v)^-1 has done it all
    np.eye(len(v)) - 2 * project(v[:, :1]) | this turns the first column alone
    np.linalg.multi_dot([np.eye(len(v)), np.eye(len(v)), *(np.eye(len(v)) - 2 * project(c[:, None]) for c in v.T)]) |
        one reflection per column turns the span around only where the columns are orthogonal
    np.eye(len(v)) - 2 * v @ np.linalg.inv(v.T @ v + np.eye(v.shape[1])) @ v.T | a ridge makes it no projection
    np.eye(len(v)) - 4 * project(v) | the projection is taken off four times: twice is enough
    np.eye(v.shape[1]) - 2 * v.T @ v | the matrix acts on vectors of n numbers: v stands on the left
    1 - 2 * project(v) | 1 minus a matrix takes it off every entry: the identity is np.eye(n)
    np.eye(len(v)) - 2 * np.linalg.qr(v)[0] | the projection is Q Q^T, with Q from the qr of v
    np.eye(len(v)) - np.linalg.qr(v)[0] @ np.linalg.qr(v)[0].T * np.sqrt(2) | the factor is 2, not its root
    """,
    corners=lambda rng: {
        "of one unit vector it turns that axis": (np.array([[0.0], [1.0], [0.0]]),),
        "when the columns span everything it is minus the identity": (np.array([[2.0, 1.0], [0.0, 3.0]]),),
    },
    errors={
        "Singular": "v^T v (k, k) can be inverted, v v^T cannot",
        "must be square": "v is not square: invert v^T v",
        "matmul": "v^T v is (k, k); v stands on its left, v^T on its right",
    },
)


def rest_of(rate=lambda reg: 2 / reg):
    """The positive solution of r = tanh(rate r), or 0."""

    def solve(reg):
        k, low, high = rate(reg), 1e-9, 1.0
        if k <= 1:
            return 0.0
        for _ in range(100):
            r = (low + high) / 2
            low, high = (r, high) if math.tanh(k * r) > r else (low, r)
        return low

    return solve


shrunk_pair = Exercise(
    "Notebook 12: the r >= 0 where fakes at -r, r rest, data at -1, 1, Sinkhorn's value at reg, squared distances.",
    cases=lambda rng: [(0.9,), (1.0,), (1.3,), (1.7,)],
    right=rest_of(),
    wrong="""reg:
    rest_of(lambda reg: 1 / reg) | the costs differ by 4 r, so the mean is tanh(2 r / reg): a 2 is missing
    rest_of(lambda reg: 4 / reg) | half of the difference 4 r stands in the tanh: 2 r / reg
    rest_of(lambda reg: 8 / reg) | the costs differ by 4 r, not by 16 r: the mean is tanh(2 r / reg)
    rest_of(lambda reg: reg / 2) | the fraction is upside down: the mean is tanh(2 r / reg)
    rest_of(lambda reg: 2.0) | reg is missing: this is the answer for reg 1
    math.tanh(2 / reg) | this is the first step, from r = 1: iterate until r = tanh(2 r / reg)
    math.tanh(2 / reg * math.tanh(2 / reg)) | these are two steps from r = 1: iterate until nothing changes
    math.tanh(4 / reg) | this is one step, with 4 r / reg: iterate, with 2 r / reg
    math.tanh(1 / reg) | this is one step, with r / reg: iterate, with 2 r / reg
    1.0 | the fakes rest at the data only when the divergence is debiased
    0.0 | 0 is a rest point for every reg, but below 2 a positive one attracts
    2 / reg | this is the slope of tanh(2 r / reg) at 0: solve r = tanh(2 r / reg)
    iv_ratio(reg) | this is the ring's quotient of Bessel functions: for two points the mean is a tanh
    math.sqrt(max(1 - reg / 2, 0)) | this holds for a normal law's standard deviation: two points have r = tanh(2 r /
        reg)
    max(1 - reg / 2, 0) | this holds for a normal law's variance: two points have r = tanh(2 r / reg)
    1 - rest_of()(reg) | this is how far the fakes stay from the data: return r
    iterated(lambda r: 1 / (1 + math.exp(-4 * r / reg))) | this is a share: the mean is twice it, minus 1
    rest_of()(reg) if reg < 1 else 0.0 | the fakes fall together from reg 2 on, not from 1
    1 / (1 + math.exp(-4 * rest_of()(reg) / reg)) | this is the share that +r sends to +1: the mean is twice it, minus 1
    """,
    corners=lambda rng: {
        "from reg 2 on both fakes rest at 0; found {found}": (2.5,),
        "at reg 8 both fakes rest at 0; found {found}": (8.0,),
        "for a small reg r is close to 1": (0.2,),
    },
    tolerance=1e-3,
    errors={"different signs": "from reg 2 on there is no positive r: return 0 there"},
)


def iterated(step, r=1.0):
    for _ in range(1000):
        r = step(r)
    return r


def iv_ratio(reg):
    """The ring's radius."""
    from scipy.special import iv

    r = 0.5
    for _ in range(300):
        r = iv(1, 2 * r / reg) / iv(0, 2 * r / reg)
    return r


def weights(x, t, data, centre=lambda t: t, spread=lambda t: 2 * (1 - t) ** 2, sign=-1, power=1.0):
    score = sign * ((x - centre(t) * data) ** 2).sum(axis=1) ** power / spread(t)
    share = np.exp(score - score.max())
    return share / share.sum()


def velocity(x, t, data, end=lambda x, t, mean: (mean - x) / (1 - t), **how):
    return end(x, t, weights(x, t, data, **how) @ data)


def changed_velocity(**how):
    return lambda x, t, data: velocity(x, t, data, **how)


def moving(rng: np.random.Generator) -> list[tuple]:
    return [
        (rng.normal(size=d), t, 1.5 * rng.normal(size=(n, d)) + 0.4)
        for n, d, t in ((5, 2, 0.3), (4, 3, 0.55), (6, 2, 0.2), (3, 1, 0.45))
    ]


exact_velocity = Exercise(
    "Notebook 12: the mean of x1 - z given t x1 + (1 - t) z = x (d,), x1 a row of data (n, d), z from N(0, I).",
    cases=moving,
    right=lambda x, t, data: velocity(x, t, data),
    wrong="""x, t, data:
    data.mean(axis=0) - x | this is right at t = 0 alone: later the place tells which datum is likely
    (data.mean(axis=0) - x) / (1 - t) | weigh the data by how likely they are at this place
    changed_velocity(centre=lambda t: 1) | given the datum, the place is normal around t times the datum
    changed_velocity(centre=lambda t: 1 - t) | the datum has the weight t in the place, the noise 1 - t
    changed_velocity(spread=lambda t: 2 * (1 - t)) | the variance is (1 - t)^2: the square is missing
    changed_velocity(spread=lambda t: (1 - t) ** 2) | the normal law has 2 times the variance under its square
    changed_velocity(spread=lambda t: 2 / (1 - t) ** 2) | twice the variance stands below, in brackets: / (2 * (1 -
        t)**2)
    velocity(x, t, data, spread=lambda t: 2 * len(x) * (1 - t) ** 2) | the squared distance is a sum over the
        coordinates, not their mean
    changed_velocity(spread=lambda t: 2.0) | the noise has the standard deviation 1 - t here
    changed_velocity(spread=lambda t: 2 * t**2) | the noise has the standard deviation 1 - t, not t
    changed_velocity(spread=lambda t: 1 - t) | twice the variance is 2 (1 - t)^2
    changed_velocity(sign=1) | the sign in the exponent is flipped: near data weigh more
    weights | these are the weights of the data: return the velocity
    (data[((x - t * data) ** 2).sum(axis=1).argmin()] - x) / (1 - t) | this goes to the likeliest datum alone: take the
        mean over all, weighed
    (data[((x - data) ** 2).sum(axis=1).argmin()] - x) / (1 - t) | this goes to the nearest datum alone: take the mean
        over all, weighed
    changed_velocity(centre=lambda t: math.sqrt(t)) | the datum has the weight t in the place, not its root
    changed_velocity(spread=lambda t: 4 * (1 - t) ** 2) | twice the variance is 2 (1 - t)^2: a factor of 2 too many
    changed_velocity(spread=lambda t: 2 * (1 - t**2)) | the noise has the weight 1 - t: its variance is (1 - t)^2
    (data - x) / (1 - t) | these are the velocities to each datum: take their mean, weighed by how likely each is
    velocity(x, t, data) + x | this is where one whole step leads: return the velocity
    velocity(x, t, data) / (1 - t) | divide by 1 - t once
    changed_velocity(power=0.5) | the exponent holds the squared distance, not its root
    (np.exp(-((x - t * data) ** 2).sum(axis=1) / (2 * (1 - t) ** 2)) @ data - x) / (1 - t) | divide the weights by their
        sum: they are chances
    np.linalg.norm(velocity(x, t, data)) | this is the speed: return the vector
    velocity(x, t, data) * t | this is the distance already gone at that speed: return the velocity
    velocity(x, t, data, end=lambda x, t, mean: ...):
    mean - x | divide by the time that is left, 1 - t
    mean | this is the mean datum: the velocity is (mean - x) / (1 - t)
    mean - x / (1 - t) | brackets: all of mean - x is divided by 1 - t
    (x - mean) / (1 - t) | the sign is flipped: the flow goes from noise to data
    (mean - x) / t | divide by the time that is left, 1 - t, not by t
    (mean - x) * (1 - t) | divide by 1 - t, do not multiply
    (x - t * mean) / (1 - t) | this is the mean noise z: the velocity is the mean datum minus it
    mean - (x - mean) / (1 - t) | z is (x - t x1) / (1 - t): the t is missing
    mean - (x - t * mean) | z is (x - t x1) / (1 - t): divide by 1 - t
    (t * mean - x) / (1 - t) ** 2 | this is the score, the gradient of the log density: return the mean of x1 - z
    mean - t * x | z is (x - t x1) / (1 - t): the velocity is (mean - x) / (1 - t)
    """,
    corners=lambda rng: {
        "at t = 0 the place tells nothing: the mean of the data minus x": (np.array([0.5, -1.0]), 0.0, np.eye(2) * 3),
        "with one datum the flow goes straight to it": (np.array([1.0, 0.0]), 0.4, np.array([[2.0, 2.0]])),
        "far out the exponentials vanish: take the largest exponent off first, as softmax does": (
            np.array([90.0, 0.0]),
            0.5,
            np.array([[1.0, 0.0], [-1.0, 2.0]]),
        ),
    },
)
