"""Each test states a fact from the papers or from calculus, then checks it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

from wgan_utils.distances import (
    gaussian_kl,
    gaussian_tv,
    gaussian_w1,
    js_divergence,
    kl_divergence,
    parallel_lines_distances,
    total_variation,
)
from wgan_utils.transport import wasserstein1, wasserstein1_line

HERRMANN = np.array([[12, 7, 4, 1, 19, 14, 9, 6, 3, 2], [1, 5, 11, 17, 13, 9, 6, 4, 3, 2]])
UDLBOOK = np.array([[5, 3, 2, 1, 8, 7, 5, 9, 2, 1], [4, 10, 1, 1, 4, 6, 3, 2, 0, 1]])
MASSES = st.floats(1e-3, 1) | st.just(0.0) | st.floats(1e-300, 1e-12)
GAUSSIAN_PAIRS = [  # d, JS and TV between N(0, 1) and N(d, 1)
    (0.5, 0.030311, 0.197413),
    (1, 0.111421, 0.382925),
    (2, 0.336831, 0.682689),
    (4, 0.632720, 0.954500),
    (6, 0.689298, 0.997300),
    (8, 0.693054, 0.999937),
]


@st.composite
def laws(draw, count):
    """``count`` distributions on the same 1 to 8 points, some masses 0 and some tiny."""
    n = draw(st.integers(1, 8))
    drawn = np.array(draw(st.lists(MASSES, min_size=count * n, max_size=count * n))).reshape(count, n)
    drawn[drawn.sum(axis=1) < 1e-3, draw(st.integers(0, n - 1))] = 1
    return drawn / drawn.sum(axis=1, keepdims=True)


def uniform_and_moved(n):
    """U[0, 1] and U[1/n, 1 + 1/n] as masses of n + 1 cells of width 1/n."""
    p = np.append(np.full(n, 1 / n), 0)
    return p, p[::-1]


def density(x, mean=0.0):
    return stats.norm.pdf(x - mean)


def to_all_digits(text):
    return pytest.approx(float(text), abs=0.51 * 10 ** -len(text.partition(".")[2]))


def over_the_line(integrand, d):
    return quad(integrand, -12, d + 12, points=[0, d / 2, d], epsabs=1e-13, epsrel=1e-12, limit=200)[0]


@given(laws(3))
def test_total_variation_and_the_root_of_js_are_metrics(pqr):
    p, q, r = pqr
    for distance, power in ((total_variation, 1), (lambda a, b: math.sqrt(js_divergence(a, b)), 2)):
        assert distance(p, p) == 0
        assert distance(p, q) == pytest.approx(distance(q, p), abs=1e-15)
        most = [(distance(*pair) ** power + 1e-15) ** (1 / power) for pair in ((p, q), (q, r))]  # 1e-15: JS is rounded
        assert distance(p, r) <= sum(most) + 1e-15
        assert (distance(p, q) > 0) == (np.abs(p - q).max() > 0) or np.abs(p - q).max() < 1e-15


@given(laws(2))
def test_js_is_half_of_two_kl_to_the_mixture_and_every_distance_is_bounded(pq):
    p, q = pq
    middle = (p + q) / 2
    js, tv, kl = js_divergence(p, q), total_variation(p, q), kl_divergence(p, q)
    assert js == pytest.approx((kl_divergence(p, middle) + kl_divergence(q, middle)) / 2, abs=1e-12)
    assert 0 <= js <= math.log(2) and 0 <= tv <= 1 and kl >= 0
    assert js <= tv * math.log(2) + 1e-12  # Lin 1991
    assert tv <= math.sqrt(kl / 2) + 1e-12  # Pinsker
    assert all(type(value) is float for value in (js, tv, kl))


@given(laws(2))
def test_kl_agrees_with_scipy(pq):
    p, q = pq
    with np.errstate(all="ignore"):
        expected = stats.entropy(p, q)
    assert kl_divergence(p, q) == pytest.approx(expected, abs=1e-12)


@given(laws(2))
def test_total_variation_is_the_largest_difference_over_events(pq):
    p, q = pq
    events = (np.arange(2 ** len(p))[:, None] >> np.arange(len(p))) & 1  # every subset of the points
    assert total_variation(p, q) == pytest.approx(np.abs(events @ (p - q)).max(), abs=1e-12)


def test_a_sum_off_by_less_than_a_millionth_is_taken_as_one():
    assert total_variation([0.5, 0.5 + 9e-7], [0.5 + 9e-7, 0.5]) == pytest.approx(9e-7)
    assert js_divergence([1 + 9e-7, 0], [0, 1]) == math.log(2)
    for distance in (total_variation, kl_divergence, js_divergence):
        assert distance([0.3 * (1 + 9e-7), 0.7 * (1 + 9e-7)], [0.3, 0.7]) == pytest.approx(0, abs=1e-15)


def test_the_smallest_positive_numbers_neither_warn_nor_break():
    tiny = [5e-324, 1]
    assert kl_divergence(tiny, [1, 5e-324]) == pytest.approx(744.44, abs=0.01)
    assert js_divergence(tiny, [1, 0]) == math.log(2)
    assert js_divergence(tiny, [0, 1]) == total_variation(tiny, [0, 1]) == 0


def test_js_is_not_misled_by_a_mass_too_small_to_halve():
    assert js_divergence([5e-324, 1], [0, 1]) == 0


@pytest.mark.parametrize("distance", [total_variation, kl_divergence, js_divergence])
@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.5], [1.5, -0.5], "q must be 0 or more everywhere, found -0.5"),
        ([math.nan, 1], [0.5, 0.5], "p must be 0 or more everywhere, found nan"),
        ([0.5, 0.6], [0.5, 0.5], r"p must sum to 1 within 1e-6, found a sum of 1\.1"),
        ([0.5, 0.5], [0.5, 0.5 + 2e-6], r"q must sum to 1 within 1e-6, found a sum of 1\.000002"),
        ([math.inf, 0], [0.5, 0.5], "p must sum to 1 within 1e-6, found a sum of inf"),
        ([[0.5, 0.5]], [0.5, 0.5], r"p must be a 1-D array of probabilities, found shape \(1, 2\)"),
        ([0.5, 0.5j], [0.5, 0.5], "p must hold real numbers, none masked"),
        ([0.5, 0.5], np.ma.masked_less([0.2, 0.8], 0.5), "q must hold real numbers, none masked"),
        ([1.0], 1.0, r"q must be a 1-D array of probabilities, found shape \(\)"),
        ([], [], r"p must be a 1-D array of probabilities, found shape \(0,\)"),
        ([0.5, 0.5], [1.0], "p and q must be equally long, found 2 and 1"),
    ],
)
def test_what_is_no_pair_of_distributions_is_refused_with_its_reason(distance, p, q, message):
    with pytest.raises(ValueError, match=message):
        distance(p, q)


# Arjovsky et al. 2017, Example 1: two parallel lines


@pytest.mark.parametrize("theta", [-2, -0.1, 1e-9, 0.5, 3])
def test_on_parallel_lines_only_w1_sees_the_distance(theta):
    """A grid of n heights on each line; all 2n points listed, the first n on the left line."""
    n = 20
    heights = (np.arange(n) + 0.5) / n
    left, right = (np.stack([np.full(n, line), heights], axis=1) for line in (0.0, theta))
    p, q = np.repeat([1 / n, 0], n), np.repeat([0, 1 / n], n)
    exact = parallel_lines_distances(theta)
    assert wasserstein1(left, right) == pytest.approx(abs(theta), rel=1e-12, abs=0) == exact["W1"]
    assert js_divergence(p, q) == exact["JS"] == pytest.approx(0.693147, abs=5e-7)
    assert kl_divergence(p, q) == kl_divergence(q, p) == exact["KL"] == math.inf
    assert total_variation(p, q) == pytest.approx(exact["TV"], abs=1e-15) and exact["TV"] == 1


def test_at_theta_zero_all_four_distances_are_zero():
    assert parallel_lines_distances(0) == {"W1": 0, "JS": 0, "KL": 0, "TV": 0}


def test_the_js_formula_as_the_paper_displays_it_would_give_twice_log_two():
    p, q = np.array([1.0, 0]), np.array([0, 1.0])
    middle = (p + q) / 2
    assert kl_divergence(p, middle) + kl_divergence(q, middle) == pytest.approx(1.386294, abs=5e-7)
    assert js_divergence(p, q) == pytest.approx(1.386294 / 2, abs=5e-7)


def test_two_samples_of_one_line_are_a_little_apart():
    """n = 100 heights each, theta = 0: the mean is sqrt(2 / pi) sqrt(2 / n) pi / 8, 90 % of seeds in .021-.082."""
    rng = np.random.default_rng(0)
    n, trials = 100, 2000
    x, y = np.sort(rng.random((2, trials, n)), axis=2)
    found = np.abs(x - y).mean(axis=1)  # on a line the sorted samples are matched
    line = np.zeros(n)
    assert wasserstein1(np.stack([line, x[0]], axis=1), np.stack([line, y[0]], axis=1)) == pytest.approx(found[0])
    formula = math.sqrt(2 / math.pi) * math.sqrt(2 / n) * math.pi / 8
    assert formula == pytest.approx(0.044, abs=5e-4)
    assert found.mean() == pytest.approx(formula, rel=0.03)
    assert np.quantile(found, [0.05, 0.95]) == pytest.approx([0.021, 0.082], abs=0.003)
    assert np.mean((found > 0.021) & (found < 0.082)) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("theta", [-2.0, -0.3, 0.3, 2.0])
def test_w1_has_slope_sign_theta_and_the_others_have_none(theta):
    h = 1e-6
    after, before = parallel_lines_distances(theta + h), parallel_lines_distances(theta - h)
    assert (after["W1"] - before["W1"]) / (2 * h) == pytest.approx(np.sign(theta), rel=1e-9)
    assert after["JS"] == before["JS"] and after["TV"] == before["TV"]


def test_constant_steps_on_theta_hop_to_and_fro_and_decaying_steps_settle():
    lr, theta, visited = 0.1, 0.73, []
    for _ in range(100):
        visited.append(theta)
        theta -= lr * np.sign(theta)
    late = np.array(visited[20:])
    assert np.abs(np.diff(late)) == pytest.approx(lr)  # every step has the length lr ...
    assert (
        np.maximum(np.abs(late[1:]), np.abs(late[:-1])) >= lr / 2 - 1e-12
    ).all()  # ... and one end at lr / 2 or more
    theta = 0.73
    for step in range(1000):
        theta -= lr / math.sqrt(1 + step) * np.sign(theta)
    assert abs(theta) <= lr / math.sqrt(1000)


# The ladder of Theorem 2: which convergence implies which


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_a_point_mass_that_approaches_another_converges_in_w1_alone(n):
    p, q = [1.0, 0], [0, 1.0]  # on the points 1/n and 0
    assert wasserstein1_line([1 / n, 0], p, q) == pytest.approx(1 / n, rel=1e-12)
    assert total_variation(p, q) == 1
    assert js_divergence(p, q) == math.log(2)
    assert kl_divergence(p, q) == kl_divergence(q, p) == math.inf


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_a_uniform_law_moved_by_one_nth_converges_in_all_but_kl(n):
    p, q = uniform_and_moved(n)
    assert wasserstein1_line(np.arange(n + 1) / n, p, q) == pytest.approx(1 / n, rel=1e-9)
    assert total_variation(p, q) == pytest.approx(1 / n, rel=1e-9)
    assert js_divergence(p, q) == pytest.approx(math.log(2) / n, rel=1e-9)
    assert kl_divergence(p, q) == kl_divergence(q, p) == math.inf


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_on_an_unbounded_space_total_variation_may_vanish_and_w1_stay(n):
    p, q = [1 - 1 / n, 1 / n], [1.0, 0]  # on the points 0 and n
    assert total_variation(p, q) == pytest.approx(1 / n, rel=1e-12)
    assert wasserstein1_line([0, n], p, q) == pytest.approx(1, rel=1e-12)


# Gaussians on the line


@pytest.mark.parametrize(("d", "js", "tv"), GAUSSIAN_PAIRS)
def test_distances_between_two_unit_gaussians(d, js, tv):
    """Quadrature first; then the same numbers from the discrete functions on a fine grid."""

    def js_integrand(x):
        p, q = density(x), density(x, d)
        return (p * np.log(2 * expit(-d * x + d * d / 2)) + q * np.log(2 * expit(d * x - d * d / 2))) / 2

    assert over_the_line(js_integrand, d) == pytest.approx(js, abs=5.1e-7)
    assert over_the_line(lambda x: abs(density(x) - density(x, d)) / 2, d) == pytest.approx(tv, abs=5.1e-7)
    assert gaussian_tv(d) == gaussian_tv(-d) == pytest.approx(tv, abs=5.1e-7)
    assert gaussian_tv(d) == pytest.approx(2 * stats.norm.cdf(d / 2) - 1, rel=1e-12)
    assert over_the_line(lambda x: density(x) * (d * d / 2 - d * x), d) == pytest.approx(d * d / 2, rel=1e-9)
    assert gaussian_kl(0, 1, d, 1) == gaussian_kl(d, 1, 0, 1) == d * d / 2
    assert gaussian_w1(0, 1, d, 1) == d
    x = np.arange(-12, d + 12, 1e-3)
    p, q = (law / law.sum() for law in (density(x), density(x, d)))
    assert js_divergence(p, q) == pytest.approx(js, abs=1e-6)
    assert total_variation(p, q) == pytest.approx(tv, abs=1e-6)
    assert kl_divergence(p, q) == pytest.approx(d * d / 2, rel=1e-6)
    assert wasserstein1_line(x, p, q) == pytest.approx(d, rel=1e-6)


@pytest.mark.parametrize(("d", "js", "tv"), GAUSSIAN_PAIRS)
def test_the_best_discriminator_reaches_twice_js_minus_twice_log_two(d, js, tv):
    def value(x):  # E log D + E log(1 - D) with D = p / (p + q)
        logit = -d * x + d * d / 2
        return density(x) * np.log(expit(logit)) + density(x, d) * np.log(expit(-logit))

    assert over_the_line(value, d) == pytest.approx(2 * js - 2 * math.log(2), abs=1.1e-6)


@pytest.mark.parametrize(
    ("d", "saturating", "non_saturating"),
    [
        (1, "0.397973", "0.602027"),
        (2, "0.449600", "1.5504"),
        (4, "0.137195", "3.86281"),
        (6, "0.0124532", "5.98755"),
        (8, "0.000392875", "7.99961"),
    ],
)
def test_generators_gradient_fades_when_the_discriminator_is_best(d, saturating, non_saturating):
    """Data N(0, 1), fakes z + d. With D fixed, logit D = -d x + d^2 / 2: the slopes are d E D(x) and d E (1 - D(x))."""

    def slope(loss):  # of the mean loss over fakes, by central difference in the mean, at fixed D
        h = 1e-4

        def logit(x, move):
            return -d * (x + move) + d * d / 2

        ends = [over_the_line(lambda x, m=m: density(x, d) * loss(logit(x, m)), d) for m in (h, -h)]
        return (ends[0] - ends[1]) / (2 * h)

    by_calculus = over_the_line(lambda x: density(x, d) * d * expit(-d * x + d * d / 2), d)
    assert by_calculus == to_all_digits(saturating)
    assert d - by_calculus == to_all_digits(non_saturating)
    assert slope(lambda logit: np.log(expit(-logit))) == pytest.approx(by_calculus, rel=1e-5)
    assert slope(lambda logit: -np.log(expit(logit))) == pytest.approx(d - by_calculus, rel=1e-5)
    h = 1e-6  # a critic that is optimal for W1 pulls with force 1 at every distance
    assert (gaussian_w1(0, 1, d + h, 1) - gaussian_w1(0, 1, d - h, 1)) / (2 * h) == pytest.approx(1, rel=1e-8)


def test_w1_between_gaussians_in_two_known_cases():
    assert gaussian_w1(0, 1, 3, 1) == 3
    assert gaussian_w1(5, 1, 5, 2) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-12)
    assert gaussian_w1(5, 1, 5, 2) == pytest.approx(0.797885, abs=5e-7)
    assert gaussian_w1(1, 0, 4, 0) == 3


MEANS, DEVIATIONS = st.floats(-5, 5), st.floats(0.1, 3)


def test_close_and_far_gaussians_lose_no_digits():
    for excess in (1e-8, 1e-4, -1e-6):  # KL = e - ln(1 + e) + e^2 / 2 = e^2 - e^3 / 3 + ...
        std = 0.7 * (1 + excess)
        e = (std - 0.7) / 0.7
        assert gaussian_kl(0, std, 0, 0.7) == pytest.approx(e * e - e**3 / 3, rel=1e-7, abs=0)
    assert gaussian_kl(0, 1e-20, 0, 1) == pytest.approx(20 * math.log(10) - 0.5)
    assert gaussian_kl(0, np.float32(1.0001), 0, np.float32(1)) == pytest.approx(1e-8, rel=2e-3, abs=0)
    assert gaussian_w1(np.uint8(3), 1, np.uint8(5), 1) == 2


@settings(max_examples=30)
@given(MEANS, DEVIATIONS, MEANS, DEVIATIONS)
def test_closed_forms_of_gaussians_agree_with_quadrature(mean_p, std_p, mean_q, std_q):
    p, q = stats.norm(mean_p, std_p), stats.norm(mean_q, std_q)
    x = np.linspace(-40, 40, 200_001)
    w1 = np.abs(p.cdf(x) - q.cdf(x)).sum() * (x[1] - x[0])  # the area between the distribution functions
    assert gaussian_w1(mean_p, std_p, mean_q, std_q) == pytest.approx(w1, abs=1e-6)
    kl = (p.pdf(x) * (p.logpdf(x) - q.logpdf(x))).sum() * (x[1] - x[0])
    assert gaussian_kl(mean_p, std_p, mean_q, std_q) == pytest.approx(kl, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("std", [-1.0, math.nan])
def test_a_standard_deviation_cannot_be_negative(std):
    with pytest.raises(ValueError, match=f"std_p and std_q must be 0 or more, found 1 and {std}"):
        gaussian_w1(0, 1, 0, std)
    with pytest.raises(ValueError, match=f"std_p and std_q must be more than 0, found {std} and 1"):
        gaussian_kl(0, std, 0, 1)
    with pytest.raises(ValueError, match="found 0 and 1"):
        gaussian_kl(0, 0, 0, 1)


# Histograms that other courses use


def test_distances_between_herrmanns_ten_bins():
    p, q = HERRMANN / HERRMANN.sum(axis=1, keepdims=True)
    assert total_variation(p, q) == pytest.approx(0.334919, abs=5e-7)
    assert kl_divergence(p, q) == pytest.approx(0.500336, abs=5e-7)
    assert kl_divergence(q, p) == pytest.approx(0.674935, abs=5e-7)
    assert js_divergence(p, q) == pytest.approx(0.117632, abs=5e-7)


def test_distances_between_udlbooks_ten_bins():
    p, q = UDLBOOK / UDLBOOK.sum(axis=1, keepdims=True)
    assert total_variation(p, q) == pytest.approx(0.292151, abs=5e-7)
    assert kl_divergence(p, q) == math.inf
    assert kl_divergence(q, p) == pytest.approx(0.364711, abs=5e-7)
    assert js_divergence(p, q) == pytest.approx(0.084178, abs=5e-7)


@pytest.mark.parametrize(
    "call",
    [
        lambda: parallel_lines_distances(math.nan),
        lambda: gaussian_w1(0, math.inf, 0, 1),
        lambda: gaussian_kl(math.nan, 1, 0, 1),
    ],
)
def test_numbers_that_are_not_finite_are_named(call):
    with pytest.raises(ValueError, match="expected finite numbers, found"):
        call()
