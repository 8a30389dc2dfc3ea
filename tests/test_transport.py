"""Each test states a fact about optimal transport, then checks it against another route to the same number."""

import itertools
import math
import sys
from fractions import Fraction

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

import wgan_utils.transport as transport
from wgan_utils.transport import (
    c_transform,
    kantorovich_potentials,
    mcshane_extension,
    sinkhorn_divergence,
    sinkhorn_plan,
    transport_plan,
    wasserstein1,
    wasserstein1_line,
)

BINS = np.abs(np.subtract.outer(np.arange(10), np.arange(10))).astype(float)  # |i - j|
HERRMANN = [np.array(c) / sum(c) for c in ([12, 7, 4, 1, 19, 14, 9, 6, 3, 2], [1, 5, 11, 17, 13, 9, 6, 4, 3, 2])]
UDLBOOK = [np.array(c) / sum(c) for c in ([5, 3, 2, 1, 8, 7, 5, 9, 2, 1], [4, 10, 1, 1, 4, 6, 3, 2, 0, 1])]
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 12)


def random_problem(seed):
    """Sizes 1 to 40; the seed also picks how the masses and the costs degenerate, and the scale of the costs."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 41, 2) if seed % 5 else np.repeat(rng.integers(1, 41), 2)
    p, q = (rng.dirichlet(np.full(size, 10 ** rng.uniform(-2.5, 0))) for size in (n, m))  # often 1e-300 and less
    if seed % 5 == 0:
        p, q = q.copy(), q  # equal distributions
    elif seed % 5 == 1:
        p, q = np.eye(n)[rng.integers(n)], rng.permutation(q)  # a Dirac
    elif seed % 5 == 2:
        p[rng.random(n) < 0.4] = 0
        p[rng.integers(n)] += 0.1
    elif seed % 5 == 3:
        p, q = np.full(n, 1 / n) + 1e-13 * rng.random(n), np.maximum(q, 1e-13)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    cost = [
        lambda: cdist(x, y),
        lambda: cdist(x.round(), y.round(), "cityblock"),  # ties
        lambda: rng.normal(size=(n, m)),  # some costs negative
        lambda: np.full((n, m), rng.integers(2) * 3.0),  # nothing to choose
    ][seed // 5 % 4]()
    return p / p.sum(), q / q.sum(), cost * [1, 1e-12, 1e12][seed // 20 % 3]


def check_is_plan(plan, p, q, tolerance=1e-12):
    assert plan.shape == (len(p), len(q)) and (plan >= 0).all()
    assert np.abs(plan.sum(axis=1) - p).max() <= tolerance
    assert np.abs(plan.sum(axis=0) - q).max() <= tolerance


# Primal, dual and an independent solver


@pytest.mark.parametrize("block", range(6))
def test_plan_potentials_and_pot_agree_on_300_problems_most_of_them_degenerate(block):
    for seed in range(50 * block, 50 * block + 50):
        p, q, cost = random_problem(seed)
        scale = np.abs(cost).max() or 1.0
        plan, primal = transport_plan(p, q, cost)
        f, g, dual = kantorovich_potentials(p, q, cost)
        check_is_plan(plan, p, q)
        assert np.count_nonzero(plan) <= np.count_nonzero(p) + np.count_nonzero(q) - 1
        assert (f[:, None] + g - cost).max() <= 1e-14 * scale
        assert f[0] == 0
        assert primal == pytest.approx((plan * cost).sum(), abs=1e-14 * scale)
        assert dual == pytest.approx(f @ p + g @ q, abs=1e-14 * scale)
        assert primal == dual == pytest.approx(f @ p + g @ q, abs=1e-14 * scale)
        oracle = ot.emd2(p, q, cost / scale, numItermax=1_000_000) * scale
        assert primal == pytest.approx(oracle, abs=1e-9 * scale), seed


@settings(max_examples=60)
@given(SIZES, SIZES, SEEDS)
def test_every_feasible_pair_lies_below_every_plan(n, m, seed):
    """Weak duality, for plans and potentials that are not optimal; the optimal value lies between them."""
    rng = np.random.default_rng(seed)
    p, q, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.normal(size=(n, m))
    f = rng.normal(size=n)
    g = c_transform(f, cost) - rng.exponential(size=m)
    some_plan = np.outer(p, q)
    value = transport_plan(p, q, cost)[1]
    assert f @ p + g @ q <= value + 1e-12
    assert value <= (some_plan * cost).sum() + 1e-12


@settings(max_examples=60)
@given(SIZES, SIZES, SEEDS)
def test_c_transform_is_the_largest_partner_and_three_are_as_good_as_one(n, m, seed):
    rng = np.random.default_rng(seed)
    f, cost = rng.normal(size=n), rng.normal(size=(n, m))
    g = c_transform(f, cost)
    slack = cost - f[:, None] - g
    assert (slack >= -1e-12).all()
    assert np.abs(slack.min(axis=0)).max() <= 1e-12  # every g[j] touches, so none can grow
    f_again = c_transform(g, cost.T)
    assert (f_again >= f - 1e-12).all()
    np.testing.assert_allclose(c_transform(f_again, cost), g, atol=1e-12)


@settings(max_examples=40)
@given(SIZES, SEEDS)
def test_with_a_metric_cost_g_is_minus_f_and_f_is_1_lipschitz_even_where_there_is_no_mass(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    cost = cdist(x, x)
    p, q = (rng.dirichlet(np.ones(n)) * (rng.random(n) < 0.5) for _ in range(2))
    p[rng.integers(n)] += 0.5
    q[rng.integers(n)] += 0.5
    f, g, value = kantorovich_potentials(p / p.sum(), q / q.sum(), cost)
    np.testing.assert_allclose(g, -f, atol=1e-12)
    assert (np.abs(f[:, None] - f) <= cost + 1e-12).all()
    assert f @ (p / p.sum() - q / q.sum()) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1, 1e12])
@pytest.mark.parametrize("shift", [0, -5, 7])
def test_value_follows_the_unit_and_the_zero_of_the_cost(scale, shift):
    p, q = HERRMANN
    expected = scale * (transport_plan(p, q, BINS)[1] + shift)
    assert transport_plan(p, q, scale * (BINS + shift))[1] == pytest.approx(expected, rel=1e-12, abs=0)
    assert kantorovich_potentials(p, q, scale * (BINS + shift))[2] == pytest.approx(expected, rel=1e-12, abs=0)


def test_one_point_has_one_plan():
    plan, value = transport_plan([1], [0.25, 0.75], [[4, -8]])
    assert plan.tolist() == [[0.25, 0.75]] and value == -5
    f, g, value = kantorovich_potentials([1], [1], [[3]])
    assert f + g == value == 3
    assert transport_plan([0, 1], [1, 0, 0], np.zeros((2, 3)))[1] == 0


def test_costs_below_0_alone_come_to_an_end():
    assert transport_plan([1], [0.5, 0.5], [[-4, -5]])[1] == pytest.approx(-4.5)  # this search for a price never ended


def test_sums_off_by_less_than_a_millionth_are_taken_as_one():
    p, q = HERRMANN
    plan, value = transport_plan(p * (1 + 9e-7), q * (1 - 9e-7), BINS)
    check_is_plan(plan, p, q)
    assert value == pytest.approx(0.706237424547, abs=5e-13)
    assert sinkhorn_plan(p * (1 + 9e-7), q, BINS, 1.0).sum() == pytest.approx(1, abs=1e-12)


def test_a_mass_on_a_dear_point_that_is_never_used_does_not_blur_the_rest():
    cost = np.full((11, 11), 1e9)
    cost[:10, :10] = BINS
    p, q = (np.append(law, 0) for law in HERRMANN)
    assert transport_plan(p, q, cost)[1] == pytest.approx(0.706237424547, abs=5e-13)


# Costs of very different sizes, and forbidden routes


@pytest.mark.parametrize("dear", [1e6, 1e10, 1e14, 1e100, sys.float_info.max, math.inf])
def test_a_dear_route_that_no_best_plan_takes_blurs_nothing(dear):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(2, 9, 2)
        p, q, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.random((n, m))
        plan, value = transport_plan(p, q, cost)
        barred = (plan == 0) & (rng.random((n, m)) < rng.random())  # from none to all of the unused
        cost[barred] = dear
        same_plan, same_value = transport_plan(p, q, cost)
        f, g, dual = kantorovich_potentials(p, q, cost)
        np.testing.assert_allclose(same_plan, plan, rtol=0, atol=1e-15)
        assert same_value == dual == pytest.approx(value, abs=1e-14)
        assert f @ p + g @ q == pytest.approx(value, abs=1e-13)
        assert np.abs(f).max() <= 2 * min(n, m) * cost[~barred].max()  # the prices stay small too
        assert (f[:, None] + g <= cost + 1e-14).all()


def least_cost_by_enumeration(p, q, cost):
    """Exact: the cheapest of all corners, each a tree of n + m - 1 routes whose masses the marginals fix."""
    n, m = len(p), len(q)
    best = math.inf
    for tree in itertools.combinations(itertools.product(range(n), range(m)), n + m - 1):
        left, plan, routes = dict(enumerate([*p, *q])), {}, set(tree)
        while routes:
            leaves = [v for v in left if sum(v in (i, n + j) for i, j in routes) == 1]
            if not leaves:
                break  # a cycle
            route = next((i, j) for i, j in routes if leaves[0] in (i, n + j))
            plan[route] = left[leaves[0]]
            for v in (route[0], n + route[1]):
                left[v] -= plan[route]
            routes.remove(route)
        else:
            if not any(left.values()) and min(plan.values()) >= 0:
                best = min(best, sum(mass * Fraction(cost[i][j]) for (i, j), mass in plan.items() if mass))
    return best


@pytest.mark.parametrize("seed", range(24))
def test_value_is_the_exact_least_cost_or_an_error_whatever_the_sizes_of_costs_and_masses(seed):
    rng = np.random.default_rng(seed)
    n, m = [(2, 3), (3, 3), (2, 4)][seed % 3]
    cost = rng.integers(-9, 10, (n, m)) * 10.0 ** rng.integers(
        *[(0, 1), (-12, 1), (0, 15), (-12, 13)][seed // 6], (n, m)
    )
    parts = [rng.integers(0, 5, size) * 2 ** rng.choice([0, 40], size) for size in (n, m)]  # some tiny, some 0
    parts[0][0], parts[1][0] = 2**41, 2**41  # and one large
    wholes = [part.astype(object) * 2**60 for part in parts]
    wholes[0][0] += max(sum(wholes[1]) - sum(wholes[0]), 0)
    wholes[1][0] += max(sum(wholes[0]) - sum(wholes[1]), 0)
    total = int(sum(wholes[0]))
    p, q = ([Fraction(int(mass), total) for mass in whole] for whole in wholes)
    exact = least_cost_by_enumeration(p, q, cost.tolist())
    p, q = np.array(p, dtype=float), np.array(q, dtype=float)
    try:
        plan, value = transport_plan(p, q, cost)
    except RuntimeError as error:  # the solver cannot tell such small costs from nothing beside such large ones
        assert seed >= 18 and "costs too unequal" in str(error)
        return
    moved = (plan * np.abs(cost)).sum()
    assert value == pytest.approx(float(exact), rel=0, abs=1e-10 * moved)
    f, g, dual = kantorovich_potentials(p, q, cost)
    assert dual == value
    assert f @ p + g @ q == pytest.approx(value, rel=0, abs=1e-9 * (moved + np.abs(f) @ p + np.abs(g) @ q))


def test_a_dear_route_that_must_be_taken_is_paid_for():
    cost = [[0, 1e14], [1e14, 0], [1e14, 1.5e14]]
    plan, value = transport_plan([0.5, 0.3, 0.2], [0.5, 0.5], cost)
    np.testing.assert_allclose(plan, [[0.5, 0], [0, 0.3], [0, 0.2]], rtol=0, atol=1e-15)
    assert value == pytest.approx(0.3e14, rel=1e-15)
    assert transport_plan([1 - 1e-12, 1e-12], [0.5, 0.5], [[1, 2], [1e12, 3e12]])[1] == pytest.approx(2.5, rel=1e-12)


@pytest.mark.parametrize("shift", [1e9, -1e9, 2.0**45])
def test_a_constant_on_one_row_adds_its_share_and_leaves_the_plan(shift):
    p, q = HERRMANN
    cost = BINS + shift * (np.arange(10) == 4)[:, None]  # whole numbers: still exact
    plan, value = transport_plan(p, q, cost)
    assert (plan * BINS).sum() == pytest.approx(0.706237424547, abs=5e-13)
    assert value == pytest.approx(0.706237424547 + shift * p[4], rel=1e-15)
    np.testing.assert_allclose(sinkhorn_plan(p, q, cost, 1.0), sinkhorn_plan(p, q, BINS, 1.0), atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_constant_that_drowns_the_digits_of_all_prices_leaves_the_plan(seed):
    rng = np.random.default_rng(seed)
    p, q, cost = rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(8)), rng.random((8, 8))
    cost[0] = rng.integers(0, 8, 8) / 8  # exact beside 1e15, where floats are an eighth apart
    _, value = transport_plan(p, q, cost)
    plan, _ = transport_plan(p, q, cost + 1e15 * (np.arange(8) == 0)[:, None])
    assert (plan * cost).sum() == pytest.approx(value, abs=1e-14)


@pytest.mark.parametrize("dear", [1e14, math.inf])
def test_sums_equal_up_to_rounding_leave_no_dust_for_a_dear_route(dear):
    p, q = [0.1, 0.2, 0.7], [0.3, 0.7]  # 0.1 + 0.2 is not 0.3 in floats
    plan, value = transport_plan(p, q, [[1, dear], [1, dear], [dear, 2]])
    assert (plan > 0).tolist() == [[True, False], [True, False], [False, True]]
    assert value == pytest.approx(1.7, rel=1e-15)
    f, g, _ = kantorovich_potentials(p, q, [[1, dear], [1, dear], [dear, 2]])
    assert f @ p + g @ q == pytest.approx(1.7, rel=1e-14)


def test_prices_are_finite_where_a_point_without_mass_has_only_forbidden_routes():
    f, g, value = kantorovich_potentials([0.5, 0, 0.5], [0.5, 0.5, 0], np.where(np.eye(3), math.inf, BINS[:3, :3]))
    assert np.isfinite(f).all() and np.isfinite(g).all() and value == 1.5


def test_c_transform_passes_by_forbidden_routes():
    assert c_transform([1, 2], [[math.inf, 5, math.inf], [7, math.inf, 1e200]]).tolist() == [5, 4, math.inf]


# Numbers of other courses


def test_herrmanns_ten_bins():
    p, q = HERRMANN
    plan, primal = transport_plan(p, q, BINS)
    f, g, dual = kantorovich_potentials(p, q, BINS)
    assert primal == pytest.approx(0.706237424547, abs=5e-13)
    assert dual == pytest.approx(0.706237424547, abs=5e-13)
    assert wasserstein1_line(np.arange(10), p, q) == pytest.approx(0.706237424547, abs=5e-13)
    np.testing.assert_allclose(f - f[0], [0, -1, -2, -3, -2, -1, 0, 1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(g, -f, atol=1e-12)
    check_is_plan(plan, p, q)
    assert np.abs(plan * (BINS - f[:, None] - g)).max() <= 1e-12  # mass only where the prices meet the cost
    assert np.count_nonzero(plan) == 19
    assert (np.outer(p, q) * BINS).sum() == pytest.approx(2.596854, abs=5e-7)


@pytest.mark.parametrize(("reg", "value"), [(1, 1.071225), (0.5, 0.775848), (0.1, 0.706237)])
def test_entropic_plans_of_herrmanns_bins_cost_more_than_the_best(reg, value):
    p, q = HERRMANN
    plan = sinkhorn_plan(p, q, BINS, reg)
    check_is_plan(plan, p, q, 1e-9)
    assert (plan * BINS).sum() == pytest.approx(value, abs=5e-7)
    assert (plan * BINS).sum() > 0.706237424547


@pytest.mark.parametrize(("divisor", "value"), [(9, 0.151486), (10, 0.136337)])
def test_udlbooks_ten_bins(divisor, value):
    p, q = UDLBOOK
    plan, primal = transport_plan(p, q, BINS / divisor)
    assert primal == pytest.approx(value, abs=5e-7)
    assert kantorovich_potentials(p, q, BINS / divisor)[2] == pytest.approx(value, abs=5e-7)
    assert np.count_nonzero(plan) == 18  # one of the 20 bins is empty


# Vertices


@pytest.mark.parametrize(("n", "m"), [(1, 5), (7, 4), (20, 20), (30, 45)])
def test_a_vertex_plan_without_coincidences_has_n_plus_m_minus_1_entries(n, m):
    rng = np.random.default_rng(n)
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    assert np.count_nonzero(transport_plan(p, q, rng.random((n, m)))[0]) == n + m - 1


@pytest.mark.parametrize("n", [1, 2, 10, 60])
def test_equal_weights_against_equal_weights_are_matched_one_to_one(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n, 2))
    plan, value = transport_plan(np.full(n, 1 / n), np.full(n, 1 / n), cdist(x, y))
    assert np.count_nonzero(plan) == n
    assert np.sort(plan, axis=1)[:, -1] == pytest.approx(1 / n, abs=1e-14)
    assert value == pytest.approx(wasserstein1(x, y), abs=1e-12)


# W1 between samples


@settings(max_examples=40)
@given(SIZES, SIZES, SIZES, st.integers(1, 4), SEEDS)
def test_w1_is_a_metric(n, m, k, dim, seed):
    rng = np.random.default_rng(seed)
    x, y, z = (rng.normal(size=(size, dim)).round(1) for size in (n, m, k))
    assert wasserstein1(x, rng.permutation(x)) <= 1e-12
    assert wasserstein1(x, np.repeat(x, 2, axis=0)) <= 1e-12  # the same law, in another number of points
    assert wasserstein1(x, y) == pytest.approx(wasserstein1(y, x), abs=1e-10)
    assert wasserstein1(x, z) <= wasserstein1(x, y) + wasserstein1(y, z) + 1e-10
    apart = {tuple(point) for point in x} != {tuple(point) for point in y}
    assert not apart or wasserstein1(x, y) > 1e-4


@settings(max_examples=40)
@given(SIZES, SIZES, st.integers(1, 4), st.floats(0, 1e3), SEEDS)
def test_a_shift_costs_its_length_and_a_stretch_multiplies(n, m, dim, stretch, seed):
    rng = np.random.default_rng(seed)
    x, y, c = rng.normal(size=(n, dim)), rng.normal(size=(m, dim)), rng.normal(size=dim)
    assert wasserstein1(x, x + c) == pytest.approx(np.linalg.norm(c), abs=1e-9)
    assert wasserstein1(x, np.repeat(x, 2, axis=0) + c) == pytest.approx(np.linalg.norm(c), abs=1e-9)  # by the LP
    assert wasserstein1(x + c, y + c) == pytest.approx(wasserstein1(x, y), abs=1e-9)
    assert wasserstein1(stretch * x, stretch * y) == pytest.approx(stretch * wasserstein1(x, y), rel=1e-9, abs=1e-9)


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 30), SEEDS)
def test_on_the_line_three_routes_agree_with_scipy(n, m, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n).round(1), rng.normal(size=m)
    p, q = np.repeat([1 / n, 0], [n, m]), np.repeat([0, 1 / m], [n, m])
    expected = stats.wasserstein_distance(x, y)
    assert wasserstein1(x, y) == pytest.approx(expected, abs=1e-10)
    assert wasserstein1(x[:, None], y[:, None]) == pytest.approx(expected, abs=1e-10)
    assert wasserstein1_line(np.concatenate([x, y]), p, q) == pytest.approx(expected, abs=1e-12)
    plane = [np.stack([z, np.zeros(len(z))], axis=1) for z in (x, y)]  # no longer sorted
    assert wasserstein1(*plane) == pytest.approx(expected, abs=1e-12)


def test_on_the_line_a_far_point_does_not_blur_the_near_ones():
    assert wasserstein1_line([0, 1, 2, 1e18], [0.1, 0.2, 0.7, 0], [0.7, 0.2, 0.1, 0]) == pytest.approx(1.2, rel=1e-14)
    far = wasserstein1_line([0, 1, 2, 1e12], [0.1, 0.2, 0.7 - 1e-12, 1e-12], [0.7, 0.2, 0.1, 0])
    assert far == pytest.approx(2.2, rel=1e-11)
    x, y = np.array([0, 1, 1e15]), np.array([0.25, 1.5, 1e15])
    assert wasserstein1(x, y) == wasserstein1(np.repeat(x, 3), np.repeat(y, 2)) == 0.25


def test_half_a_million_points_on_the_line_are_sorted_and_not_matched():
    x = np.random.default_rng(0).random(500_000)  # a table of costs would take two terabytes
    assert wasserstein1(x, np.repeat(x, 2) + 3) == pytest.approx(3, abs=1e-9)


@pytest.mark.parametrize("unit", [2.0**-700, 2.0**700])
@pytest.mark.parametrize("m", [8, 5])
def test_w1_follows_the_unit_where_squares_would_overflow_or_vanish(m, unit):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 2)), rng.normal(size=(m, 2))
    assert wasserstein1(unit * x, unit * y) == pytest.approx(unit * wasserstein1(x, y), rel=1e-12, abs=0)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 25)])
def test_w1_agrees_with_pot_in_ten_dimensions(n, m):
    rng = np.random.default_rng(n + m)
    x, y = rng.normal(size=(n, 10)), rng.normal(size=(m, 10))
    assert wasserstein1(x, y) == pytest.approx(ot.emd2([], [], ot.dist(x, y, "euclidean")), rel=1e-12)


@pytest.mark.parametrize(
    ("dim", "seeds", "mean", "slack"),
    [(1, 200, 0.111, 0.009), (2, 40, 0.270, 0.02), (10, 4, 2.32, 0), (100, 4, 12.11, 0), (784, 4, 37.65, 0)],
)
def test_two_samples_of_256_from_one_gaussian_are_far_apart_in_many_dimensions(dim, seeds, mean, slack):
    rng = np.random.default_rng(dim)
    found = np.array([wasserstein1(*rng.normal(size=(2, 256, dim))) for _ in range(seeds)])
    if dim > 2:
        assert (np.abs(found / mean - 1) <= 0.05).all()
        return
    low, high = {1: (0.063, 0.188), 2: (0.227, 0.328)}[dim]
    assert found.mean() == pytest.approx(mean, abs=slack)
    assert 0.8 <= np.mean((found >= low) & (found <= high)) <= 0.975


@pytest.mark.parametrize(("m", "best"), [(1, 1.0), (2, 0.5), (5, 0.6)])
def test_the_mean_w1_of_minibatches_has_its_minimum_away_from_the_truth(m, best):
    """Bellemare et al. 2017: batches of m draws from Bernoulli(.6), against Bernoulli(theta)."""
    k = np.arange(m + 1)
    chances = stats.binom.pmf(k, m, 0.6)
    thetas = np.linspace(0, 1, 101)
    means = [
        sum(c * wasserstein1_line([0, 1], [1 - s, s], [1 - t, t]) for c, s in zip(chances, k / m, strict=True))
        for t in thetas
    ]
    assert thetas[np.argmin(means)] == pytest.approx(best, abs=1e-12)


# Critics from potentials


def real_and_fake(seed=0, n=25):
    rng = np.random.default_rng(seed)
    x_real, x_fake = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) * 1.5 + [1, 0]
    uniform = np.full(n, 1 / n)
    f, g, value = kantorovich_potentials(uniform, uniform, cdist(x_real, x_fake))
    return x_real, x_fake, f, g, value


@settings(max_examples=40)
@given(SIZES, st.integers(1, 3), st.sampled_from(["lower", "upper"]), SEEDS)
def test_both_extensions_are_1_lipschitz_and_keep_the_values(n, dim, form, seed):
    rng = np.random.default_rng(seed)
    x, x_new = rng.normal(size=(n, dim)), rng.normal(size=(20, dim))
    f = np.cos(x[:, 0] + 0.3)  # slope at most 1
    np.testing.assert_allclose(mcshane_extension(f, x, x, form), f, atol=1e-12)
    values = mcshane_extension(f, x, x_new, form)
    assert (np.abs(values[:, None] - values) <= cdist(x_new, x_new) + 1e-12).all()
    between = np.cos(x_new[:, 0] + 0.3)  # another extension: the two forms enclose it
    assert (mcshane_extension(f, x, x_new, "lower") <= between + 1e-12).all()
    assert (between <= mcshane_extension(f, x, x_new, "upper") + 1e-12).all()


def test_values_of_slope_1_may_come_in_single_precision():
    x = np.random.default_rng(0).random(200)
    assert mcshane_extension((x + 5).astype(np.float32), x, [0.0]) == pytest.approx(5, abs=1e-6)
    with pytest.raises(ValueError, match="too far apart"):
        mcshane_extension(((1 + 1e-4) * x + 5).astype(np.float32), x, [0.0])


def test_points_on_a_line_may_come_without_an_axis():
    assert mcshane_extension([0, 1], [0, 3], [1, 5]).tolist() == [-1, -1]
    assert mcshane_extension([0, 1], [0, 3], [1, 5], "upper").tolist() == [1, 3]
    assert mcshane_extension([0, 1], [[0], [3]], [[1], [5]], "upper").tolist() == [1, 3]


@pytest.mark.parametrize("seed", range(5))
def test_which_extension_is_an_optimal_critic_depends_on_the_points_it_starts_from(seed):
    x_real, x_fake, f, g, value = real_and_fake(seed)

    def estimate(values, x, form):
        return mcshane_extension(values, x, x_real, form).mean() - mcshane_extension(values, x, x_fake, form).mean()

    both, h = np.concatenate([x_real, x_fake]), np.concatenate([f, -g])
    assert value == pytest.approx(wasserstein1(x_real, x_fake), abs=1e-10)
    assert estimate(h, both, "lower") == pytest.approx(value, abs=1e-10)
    assert estimate(h, both, "upper") == pytest.approx(value, abs=1e-10)
    assert estimate(f, x_real, "lower") == pytest.approx(value, abs=1e-10)
    assert estimate(-g, x_fake, "upper") == pytest.approx(value, abs=1e-10)
    assert estimate(f, x_real, "upper") < 0.7 * value  # the wrong form falls far short
    assert estimate(-g, x_fake, "lower") < 0.7 * value


@pytest.mark.parametrize("seed", range(5))
def test_an_optimal_critic_rises_at_slope_1_on_segments_of_the_plan_but_not_on_others(seed):
    """Proposition 1 of arXiv:1704.00028 holds along the plan; the independent pairs of Algorithm 1 may see less."""
    x_real, x_fake, f, g, _ = real_and_fake(seed)
    both, h = np.concatenate([x_real, x_fake]), np.concatenate([f, -g])

    def critic(x):  # the mean of two optimal critics is one
        return (mcshane_extension(h, both, x, "lower") + mcshane_extension(h, both, x, "upper")) / 2

    def rises(critic, start, end):  # on 50 places of each segment, along the segment
        t = np.linspace(0, 1, 51)[:, None, None]
        heights = critic((start + t * (end - start)).reshape(-1, 2)).reshape(51, -1)
        return np.diff(heights, axis=0) * 50 / np.linalg.norm(end - start, axis=1)

    plan, _ = transport_plan(np.full(25, 1 / 25), np.full(25, 1 / 25), cdist(x_real, x_fake))
    i, j = np.nonzero(plan)
    for optimal in (
        critic,
        lambda x: mcshane_extension(f, x_real, x, "lower"),
        lambda x: mcshane_extension(-g, x_fake, x, "upper"),
    ):
        np.testing.assert_allclose(rises(optimal, x_fake[j], x_real[i]), 1, atol=1e-9)
    wrong = rises(lambda x: mcshane_extension(f, x_real, x, "upper"), x_fake[j], x_real[i])
    assert wrong.min() < -0.5 and wrong.max() > 0.5  # slopes of both signs

    rng = np.random.default_rng(seed)
    i, j = rng.integers(25, size=(2, 500))
    x_hat = x_fake[j] + rng.random((500, 1)) * (x_real[i] - x_fake[j])
    step = 1e-5 * np.eye(2)
    slopes = np.hypot(*((critic(x_hat + s) - critic(x_hat - s)) / 2e-5 for s in step))
    assert slopes.max() <= 1 + 1e-6
    assert slopes.min() < 0.9


# Sinkhorn


@settings(max_examples=30)
@given(SIZES, SIZES, SEEDS)
def test_sinkhorn_plans_have_the_marginals_and_the_form_they_claim(n, m, seed):
    rng = np.random.default_rng(seed)
    p, q, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.random((n, m))
    plan = sinkhorn_plan(p, q, cost, 0.5)
    check_is_plan(plan, p, q, 1e-9)
    log_uv = np.log(plan) + cost / 0.5
    rank_two = log_uv - log_uv[:, :1] - log_uv[:1] + log_uv[0, 0]  # log u_i + log v_j leaves nothing here
    assert np.abs(rank_two).max() <= 1e-9
    assert (plan * cost).sum() >= transport_plan(p, q, cost)[1] - 1e-8
    np.testing.assert_allclose(plan, ot.sinkhorn(p, q, cost, 0.5, stopThr=1e-12), atol=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_with_false_row_sums_undercuts_by_at_most_half_its_row_error_times_the_range_of_prices(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 9, 2)
    p, q, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.random((n, m))
    f, _, value = kantorovich_potentials(p, q, cost)
    other = rng.dirichlet(np.ones(n)) if seed % 2 else p + (np.eye(n)[f.argmin()] - np.eye(n)[f.argmax()]) * 1e-9
    under = value - transport_plan(other, q, cost)[1]  # the cheapest table with these row sums
    assert under <= np.abs(other - p).sum() / 2 * np.ptp(f) + 1e-15
    assert np.ptp(f) <= np.ptp(cost, axis=0).max() + 1e-15
    if seed % 2 == 0 and p[f.argmax()] > 1e-9:
        assert under == pytest.approx(1e-9 * np.ptp(f), rel=1e-3)  # and the bound is met


@pytest.mark.parametrize("dear", [1e6, 1e100, math.inf])
def test_entropic_plans_leave_dear_routes_empty(dear):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = rng.exponential(size=(6, 5)) * (rng.random((6, 5)) < 0.7)
        table[:5][np.eye(5, dtype=bool)] += 1
        table[5, 0] += 1
        table /= table.sum()
        cost = np.where(table > 0, rng.random((6, 5)), dear)
        plan = sinkhorn_plan(table.sum(axis=1), table.sum(axis=0), cost, 0.5)
        check_is_plan(plan, table.sum(axis=1), table.sum(axis=0), 1e-9)
        assert (plan[table == 0] == 0).all() and (plan[table > 0] > 0).all()


def test_tiny_masses_are_right_to_nine_digits():
    p = np.array([1 - 1e-12, 1e-12])
    plan = sinkhorn_plan(p, [0.5, 0.5], [[0, 1], [1, 0]], 0.2)
    np.testing.assert_allclose(plan.sum(axis=1), p, rtol=1e-9)


def test_points_without_mass_stay_without_mass():
    plan = sinkhorn_plan([0.5, 0, 0.5], [0, 1], [[1, 2], [0, 1], [3, 1]], 0.1)
    np.testing.assert_allclose(plan, [[0, 0.5], [0, 0], [0, 0.5]], atol=1e-9)


def test_a_large_reg_gives_the_independent_coupling():
    p, q = HERRMANN
    np.testing.assert_allclose(sinkhorn_plan(p, q, BINS, 1e9), np.outer(p, q), atol=1e-8)


def test_costs_a_thousand_times_reg_neither_overflow_nor_vanish():
    plan = sinkhorn_plan([0.5, 0.5], [0.5, 0.5], [[0, 1000], [1000, 0]], 0.5)
    np.testing.assert_allclose(plan, np.eye(2) / 2, atol=1e-12)


def test_a_plan_whose_marginals_do_not_hold_yet_bounds_nothing():
    p, q = HERRMANN
    kernel = np.exp(-BINS / 0.1)
    first = p[:, None] * kernel / kernel.sum(axis=1, keepdims=True)  # Sinkhorn stopped after half a step: rows hold
    assert (first * BINS).sum() < 0.01 < transport_plan(p, q, BINS)[1]


def test_too_small_a_reg_is_an_error_and_no_plan():
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match=r"row sums off by .*: reg 1e-07 is too small"):
        sinkhorn_plan(rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3)), rng.random((3, 3)), 1e-7)


# Refusals

HALVES = [0.5, 0.5]


@pytest.mark.parametrize("solve", [transport_plan, kantorovich_potentials, lambda *args: sinkhorn_plan(*args, 1.0)])
@pytest.mark.parametrize(
    ("p", "q", "cost", "message"),
    [
        ([1.5, -0.5], HALVES, np.ones((2, 2)), "p must be 0 or more everywhere, found -0.5"),
        (HALVES, [math.nan, 1], np.ones((2, 2)), "q must be 0 or more everywhere, found nan"),
        ([0.5, 0.6], HALVES, np.ones((2, 2)), r"p must sum to 1 within 1e-6, found a sum of 1\.1"),
        (HALVES, [0.5, 0.5 + 2e-6], np.ones((2, 2)), r"q must sum to 1 within 1e-6, found a sum of 1\.000002"),
        (HALVES, HALVES, np.ones((3, 2)), r"p must have the shape \(3,\) .* found \(2,\)"),
        (HALVES, HALVES, np.ones((2, 3)), r"q must have the shape \(3,\) .* found \(2,\)"),
        ([HALVES], HALVES, np.ones((2, 2)), r"p must have the shape \(2,\) .* found \(1, 2\)"),
        (HALVES, HALVES, np.ones(2), r"cost must have shape \(n, m\) without empty axes, found \(2,\)"),
        ([], [], np.ones((0, 0)), r"cost must have shape \(n, m\) without empty axes, found \(0, 0\)"),
        (HALVES, HALVES, [[0, -math.inf], [1, 0]], "cost must be finite, found -inf"),
        (HALVES, HALVES, [[0, math.nan], [1, 0]], "cost must be finite, found nan"),
        (HALVES, HALVES, [[0, -1e151], [1, 0]], r"cost must be -1e\+150 or more, found -1e\+151"),
        ([0.6, 0.4], HALVES, [[0, math.inf], [math.inf, 0]], "has to take a forbidden route .* a mass of at least 0.1"),
        ([1 - 1e-12, 1e-12], [1, 0], [[0, 0], [math.inf, 0]], "has to take a forbidden route .* at least 1e-12"),
        ([0.6, 0.4], HALVES, [[0, sys.float_info.max], [1e151, 0]], "has to take a forbidden route .* at least 0.1"),
        ([1, 1e-16], HALVES, [[0, 0], [math.inf, math.inf]], "has to take a forbidden route .* at least 1e-16"),
        (HALVES, HALVES, np.ma.masked_less([[0, 1], [1, 0]], 1), "cost must hold real .* found 2 masked"),
        (HALVES, np.ma.masked_less(HALVES, 1), np.ones((2, 2)), "q must hold real .* found 2 masked"),
    ],
)
def test_what_is_no_transport_problem_is_refused_with_its_reason(solve, p, q, cost, message):
    with pytest.raises(ValueError, match=message):
        solve(p, q, cost)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: c_transform([0, 0], np.ones((3, 2))), "f must have one entry per row of cost, found 2 entries and 3"),
        (lambda: c_transform([[0]], np.ones((1, 2))), r"f must have shape \(n,\) without empty axes, found \(1, 1\)"),
        (lambda: c_transform([math.nan], np.ones((1, 2))), "f must be finite, found nan"),
        (lambda: c_transform([0], [[1, -math.inf]]), "cost must be finite, found -inf"),
        (lambda: mcshane_extension([0, 9e-4, 1e6], [0, 1e-4, 1e6], [1]), "found two values 0.0008 too far apart"),
        (lambda: mcshane_extension([1e6, 1e6 + 9e-4], [0, 1e-4], [1]), "found two values 0.0008 too far apart"),
        (lambda: mcshane_extension([0, 1], [0, 2, 3], [1]), r"shapes disagree: f \(2,\), x \(3, 1\), x_new \(1, 1\)"),
        (lambda: mcshane_extension([0], [[0, 1]], [1]), r"shapes disagree: f \(1,\), x \(1, 2\), x_new \(1, 1\)"),
        (
            lambda: mcshane_extension([0, 3], [0, 2], [1]),
            "f must be 1-Lipschitz on x, found two values 1 too far apart",
        ),
        (lambda: mcshane_extension([0], [[0, 0]], [[1e200, 0]]), r"less than 1e\+150 apart, found x_new up to 1e\+200"),
        (lambda: mcshane_extension([0], [0], [1], "middle"), 'form must be "lower" or "upper", found \'middle\''),
        (lambda: wasserstein1(np.ones((2, 3)), np.ones((2, 2))), "same dimension, found 3 and 2"),
        (lambda: wasserstein1(np.ones((2, 1, 3)), np.ones((2, 2))), r"x must have shape \(n, dim\) .* \(2, 1, 3\)"),
        (lambda: wasserstein1(np.ones((2, 2)), np.ones((0, 2))), r"y must have shape \(n, dim\) .* found \(0, 2\)"),
        (lambda: wasserstein1([0.0], [math.nan]), "y must be finite, found nan"),
        (lambda: wasserstein1([0.0], [1j]), "y must hold real numbers, none masked, found complex ones"),
        (lambda: wasserstein1(np.ma.masked_less([[0.0], [1.0]], 1), [2.0]), "x must hold real .* found 1 masked"),
        (lambda: sinkhorn_divergence([[0.0, 0.0]], [[1e200, 0.0]], 1.0), "less than 1e75 apart"),
        (lambda: wasserstein1_line([0, 1, 2], HALVES, HALVES), r"p must have the shape \(3,\) .* found \(2,\)"),
        (lambda: wasserstein1_line([0, math.inf], HALVES, HALVES), "positions must be finite, found inf"),
        (lambda: sinkhorn_plan(HALVES, HALVES, np.ones((2, 2)), 0), "reg must be more than 0 and finite, found 0"),
        (
            lambda: sinkhorn_plan(HALVES, HALVES, np.ones((2, 2)), math.nan),
            "reg must be more than 0 and finite, found nan",
        ),
    ],
)
def test_arguments_that_disagree_are_refused_with_their_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_solver_that_calls_a_bad_plan_best_is_found_out(monkeypatch):
    crosswise = np.fliplr(np.eye(2) / 2), np.zeros(2)
    monkeypatch.setattr(transport, "_programme", lambda *args: crosswise)
    with pytest.raises(RuntimeError, match=r"must have the same value, found 1\.0 and 0\.0"):
        transport_plan(HALVES, HALVES, 1 - np.eye(2))


def two_samples(seed, n=12, m=9, dim=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), rng.normal(size=(m, dim)) + 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("reg", [1.0, 3.0, 10.0])
def test_the_sinkhorn_divergence_is_that_of_another_library(reg, seed):
    """POT charges KL against the product and returns <plan, cost> alone, so both are added up from its plans."""
    x, y = two_samples(seed)

    def entropic(a, b):
        p, q, cost = np.full(len(a), 1 / len(a)), np.full(len(b), 1 / len(b)), ot.dist(a, b)
        plan = ot.sinkhorn(p, q, cost, reg, method="sinkhorn_log", stopThr=1e-12, numItermax=5000)
        return (plan * cost).sum() + reg * stats.entropy(plan.ravel(), np.outer(p, q).ravel())

    expected = entropic(x, y) - entropic(x, x) / 2 - entropic(y, y) / 2
    assert sinkhorn_divergence(x, y, reg) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("reg", [1.0, 10.0])
def test_the_sinkhorn_divergence_is_symmetric_zero_for_equal_samples_and_positive_for_others(reg):
    x, y = two_samples(0)
    assert sinkhorn_divergence(x, y, reg) == pytest.approx(sinkhorn_divergence(y, x, reg), abs=1e-8)
    assert sinkhorn_divergence(x, y, reg) > 0.01
    assert sinkhorn_divergence(x, x[::-1], reg) == pytest.approx(0, abs=1e-8)


def test_the_sinkhorn_divergence_runs_from_squared_distances_of_the_best_pairs_to_that_of_the_means():
    x, y = np.array([0.0, 3.0, 7.0]), np.array([0.5, 4.0, 7.2])
    assert sinkhorn_divergence(x, y, 0.1) == pytest.approx((0.25 + 1 + 0.04) / 3, rel=1e-6)
    assert sinkhorn_divergence(x, y + 2, 1e4) == pytest.approx((x.mean() - y.mean() - 2) ** 2, rel=1e-2)


def test_the_sinkhorn_divergence_of_a_moved_sample_is_the_squared_move():
    x, _ = two_samples(2)
    assert sinkhorn_divergence(x, x + np.array([0.3, 0.4]), 2.0) == pytest.approx(0.25, abs=1e-8)
    assert sinkhorn_divergence(np.array([0.0]), np.array([3.0]), 1.0) == pytest.approx(9)


def test_the_sinkhorn_divergence_refuses_samples_of_two_dimensions_and_a_reg_of_0():
    x, y = two_samples(0)
    with pytest.raises(ValueError, match="same dimension, found 2 and 1"):
        sinkhorn_divergence(x, y[:, :1], 1.0)
    with pytest.raises(ValueError, match="reg must be more than 0 and finite, found 0"):
        sinkhorn_divergence(x, y, 0.0)


@pytest.mark.parametrize("unit", [1.0, 1e-9])
@pytest.mark.parametrize("reg", [1e9, 1e12, 1e18])
def test_the_divergence_at_any_large_reg_is_the_squared_distance_of_the_means(reg, unit):
    rng = np.random.default_rng(0)
    x, y = unit * rng.normal(size=(30, 2)), unit * (rng.normal(size=(40, 2)) + 1)
    means = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    assert sinkhorn_divergence(x, y, reg) == pytest.approx(means, rel=1e-6)
