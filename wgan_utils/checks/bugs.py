"""Notebook 08: repair a penalty of two bugs, and be the museum's guard."""

import math

import numpy as np

from wgan_utils.checks.answer import Exercise, numbers, same
from wgan_utils.checks.critics import tensor
from wgan_utils.checks.penalty import TWO_SIDED, ask, for_slopes, two_sided


def ask_repaired(penalty, x_real, x_fake) -> tuple:
    """Ask for the penalty; a fault of x_hat is said together with the norm's, for the exercise has both."""

    def also(fault, answer, x_hat):
        found, right = numbers(answer), numbers(two_sided(x_hat.flatten(1).norm(dim=1)))
        if same(found, numbers(two_sided(x_hat.norm(dim=1))), 1e-4) and not same(found, right, 1e-4):
            return f"{fault}; and the norm still runs over one axis: flatten everything but the batch first (exhibit 2)"
        return fault

    return ask(penalty, x_real, x_fake, also)


fix_penalty = for_slopes(
    "Notebook 08: the two-sided penalty, repaired from one eps per batch and a norm over axis 1.",
    two_sided,
    TWO_SIDED,
    ((16, 2, 3, 4), (11, 3, 4, 2), (14, 1, 5, 5)),
    probe=ask_repaired,
)


def seen_by_the_spy(rng: np.random.Generator) -> dict[str, tuple]:
    """What the guard is shown, each under the reason for the right number."""
    inside, even = 0.02 + 0.96 * rng.random((12, 16)), np.linspace(0.001, 0.999, 16)
    below, above, both = inside[:3].copy()
    below[3], above[3], both[[5, 9]] = -0.4, 1.3, (-0.9, 1.8)
    shown = [
        (6, inside[3], math.nan, "a NaN compares as false with everything: ask for it by name"),
        (1, both, 1.06, "positions below 0 and above 1 lie off the segment"),
        (1, below, 1.04, "a position below 0 lies off the segment"),
        (1, above, 1.07, "a position above 1 lies off the segment"),
        (2, inside[4], 67.2, "a slope near 67 is what the norm over axis 1 gives"),
        (2, inside[5], 64.9, "a slope near 67, here 64.9, is what the norm over axis 1 gives: slopes vary a little"),
        (3, inside[6], 0.2531, "a slope near 1/sqrt(16) is what the lost axis gives"),
        (3, inside[7], 0.263, "a slope near 1/sqrt(16), here 0.263, is what the lost axis gives: slopes vary a little"),
        (4, np.ones(16), 1.05, "all positions are 1: only the data are penalised"),
        (12, np.full(16, 0.37), 1.06, "all positions are equal, and not at an end"),
        (12, np.full(16, 0.81), 1.04, "all positions are equal, and not at an end, here 0.81"),
        (0, inside[8], 1.05, "scattered positions and slope near 1.05 are healthy"),
        (0, inside[9], 1.08, "scattered positions and slope near 1.05, here 1.08, are healthy: slopes vary a little"),
        (0, even, 1.02, "scattered positions may come near both ends: they and a slope of 1.02 are healthy"),
    ]
    cases = {}
    for number, eps, slope, reason in shown:
        truth = f"this was exhibit {number}" if number else "nothing was wrong"
        cases[f"{truth}, you answered {{found}}: {reason}"] = (tensor(eps), slope)
    return cases


def guard(eps, slope):
    """The number of the exhibit, or 0."""
    if math.isnan(slope):
        return 6
    if eps.min() < -1e-3 or eps.max() > 1 + 1e-3:
        return 1
    if (eps - 1).abs().max() < 1e-3:
        return 4
    if eps.max() - eps.min() < 1e-3:
        return 12
    return 2 if slope > 10 else 3 if slope < 0.5 else 0


def renamed(names):
    return lambda eps, slope: names.get(guard(eps, slope), guard(eps, slope))


find_the_bug = Exercise(
    "Notebook 08: which exhibit (1, 2, 3, 4, 6, 12, or 0 for none) shows these positions and this slope.",
    cases=lambda rng: [],
    corners=seen_by_the_spy,
    right=guard,
    wrong="""eps, slope:
    0 | you always answer 0: look at eps and at the slope
    1 | you always answer 1: look at eps and at the slope
    2 | you always answer 2: look at eps and at the slope
    3 | you always answer 3: look at eps and at the slope
    4 | you always answer 4: look at eps and at the slope
    6 | you always answer 6: look at eps and at the slope
    12 | you always answer 12: look at eps and at the slope
    renamed({1: 0, 4: 0, 12: 0}) | you look at the slope alone: exhibits 1, 4 and 12 show only in eps
    renamed({2: 0, 3: 0, 6: 0}) | you look at eps alone: exhibits 2, 3 and 6 show only in the slope
    renamed({2: 3, 3: 2}) | 2 and 3 are swapped: the norm over axis 1 makes the slope large, the lost axis small
    renamed({4: 12, 12: 4}) | 4 and 12 are swapped: exhibit 4 has all positions at the end 1, exhibit 12 one position
        for all
    renamed({1: 4, 4: 1}) | 1 and 4 are swapped: exhibit 1 is off the segment, exhibit 4 at its end
    renamed({1: 12, 12: 1}) | 1 and 12 are swapped: exhibit 1 is off the segment, exhibit 12 has one position for all
    int(guard(eps, slope) > 0) | you answer 1 for any bug: return the number of the exhibit
    int(guard(eps, slope) == 0) | you answer yes or no: return the number of the exhibit, or 0
    """,
)
