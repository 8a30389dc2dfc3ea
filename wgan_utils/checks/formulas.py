"""Notebooks 06 to 11: formulas of a few numbers, such as slopes under a penalty, counts of steps, and rates."""

import math
from itertools import pairwise

import numpy as np

from wgan_utils.checks.answer import Exercise


def layers(c, widths, size=lambda a, b: math.sqrt(a * b)):
    return [c * size(a, b) for a, b in pairwise(widths)]


bound_by_hand = Exercise(
    "Notebook 06: the product over the layers of clip_limit * sqrt(rows * columns), from a list of widths.",
    cases=lambda rng: [(0.31, [2, 7, 10, 1]), (0.23, [6, 12, 5, 8, 1]), (0.41, [3, 5, 1])],
    right=lambda c, widths: math.prod(layers(c, widths)),
    wrong="""c, widths:
    math.prod(layers(c, widths, lambda a, b: ...)):
    a * b | the square root is missing: each layer stretches by at most c sqrt(rows * columns)
    math.sqrt(a + b) | take rows times columns under the root, not their sum
    math.sqrt(a) | the rows are missing: a layer's root holds rows times columns
    math.sqrt(b) | the columns are missing: a layer's root holds rows times columns
    a | columns alone, without a root, bound the largest coordinate: take c sqrt(rows * columns)
    b | rows alone, without a root, bound the sum of coordinates: take c sqrt(rows * columns)
    math.sqrt(a * b + b) | add nothing for the biases: a bias does not change a slope
    math.sqrt(max(a, b)) | the root of the largest width is not enough: rows times columns
    1 / math.sqrt(a * b) | divide by nothing: c sqrt(rows * columns), not c / sqrt(...)
    ...:
    c * math.prod(layers(1, widths)) | you multiplied by c once; every layer brings its own factor c
    math.prod(layers(1, widths)) | c is missing: every layer brings its own factor c
    c * math.prod(layers(c, widths)) | c to the number of widths: there is one layer less than widths
    math.prod(layers(c, widths)) / c | c to the number of hidden layers: the layer to the output is clipped too
    math.prod(layers(1, widths)) * c ** ((len(widths) - 1) / 2) | the square root of c too: c stands outside the root
    sum(layers(c, widths)) | you added the layers; slopes multiply along a chain
    max(layers(c, widths)) | you took the largest layer; slopes multiply along a chain
    sum(layers(c, widths)) / (len(widths) - 1) | you took the mean of the layers; slopes multiply along a chain
    layers(c, widths)[-1] | you took the last layer alone; slopes multiply along a chain
    layers(c, widths)[0] | you took the first layer alone; slopes multiply along a chain
    math.prod(layers(c, widths)[:-1]) | the last layer is missing: it has one row, and its weights are clipped too
    math.prod(layers(c, widths)[1:]) | the first layer is missing: its columns are the input's
    math.prod((c * math.sqrt(width) for width in widths)) | inner widths stand in two layers, so their roots meet
    math.prod((c * width for width in widths)) | every width once, and no root
    c ** (len(widths) - 1) * math.sqrt(widths[0] * widths[-1]) | the inner widths are missing: each stands in two layers
    math.prod(layers(c, widths, max)) | take the larger of nothing: rows times columns, under a root
    layers | these are the bounds of the layers: multiply them
    math.prod(c * math.isqrt(a * b) for a, b in pairwise(widths)) | do not round the roots: sqrt, not isqrt
    c * math.sqrt(sum(a * b for a, b in pairwise(widths))) | this bounds all weights at once; slopes multiply
    math.prod(layers(c, widths)[1:-1]) | the first and the last layer are missing: they are clipped too
    """,
    corners=lambda rng: {"a single layer is a chain as well": (0.5, [9, 1]), "a single weight": (0.25, [1, 1])},
    tolerance=1e-5,
)

W1_LAMBDA = [(2.3, 1.7), (0.7, 0.9), (3.1, 2.6)]

penalised_estimate = Exercise(
    "Notebook 07: W1 (1 + W1 / (2 lambda_gp)), what the best linear critic says about a law and its copy moved by w1.",
    cases=lambda rng: W1_LAMBDA,
    right=lambda w1, lambda_gp: w1 * (1 + w1 / (2 * lambda_gp)),
    wrong="""w1, lam:
    1 + w1 / (2 * lam) | this is the slope; the estimate is slope times distance
    w1 + w1**2 / (4 * lam) | this is minus the loss with the penalty: leave the penalty out of an estimate
    w1 + w1**2 / (2 * lam) + lam * (w1 / (2 * lam)) ** 2 | the penalty was added to the estimate: leave it out
    w1 + w1**2 / lam | the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing
    w1 + 2 * w1**2 / lam | the 2 belongs under the fraction: the slope is 1 + w1 / (2 lambda)
    w1 + w1**2 / 2 * lam | the 2 and lambda stand under the fraction, in brackets: w1 / (2 * lambda_gp)
    w1 + 2 * lam | the fraction is upside down: w1 / (2 * lambda_gp), for a larger lambda leaves less excess
    w1 + 2 * lam * w1**2 | the fraction is upside down: a larger lambda leaves less excess
    w1 + w1**2 / 2 | lambda is missing: a larger lambda leaves less excess
    w1 - w1**2 / (2 * lam) | the reward pulls the slope above 1: the estimate lies above w1
    w1 + w1 / (2 * lam) | the slope's excess must be multiplied by w1 too
    w1 + 1 + w1 / (2 * lam) | the slope is 1 + w1 / (2 lambda); add it to nothing, multiply it by w1
    w1 | this is the distance; the penalty lets the critic say more
    w1**2 / (2 * lam) | this is the excess over w1: add w1
    w1 / (2 * lam) | this is the excess of the slope: add 1, and multiply by w1
    w1**2 / (4 * lam) | the penalty's own price, lambda times the squared excess, is no part of it
    w1 * (1 + w1 / (2 * lam)) ** 2 | the slope is squared: the estimate is slope times distance
    w1 / (1 + w1 / (2 * lam)) | divide by nothing: the slope times w1, not w1 over the slope
    w1 * (1 + (w1 / (2 * lam)) ** 2) | the excess enters once: slope 1 + w1 / (2 lambda)
    w1 * (w1 / (2 * lam) - 1) | the slope 1 - w1 / (2 lambda) is the wrong-sign optimum's: the best slope is above 1
    w1 * math.exp(w1 / (2 * lam)) | the exponential is too much: the spring is linear
    w1 * (1 + w1 / 20) | this assumes lambda = 10; use lambda_gp
    w1 * (1 + math.sqrt(w1 / (2 * lam))) | no root: the condition 2 lambda (s - 1) = w1 is linear
    w1 * math.sqrt(1 + w1 / (2 * lam)) | this is the estimate under a one-weight penalty squared: no root here
    1 + w1 / lam | this is the slope of the whole loss at the optimum: the derivative of the estimate in w1
    w1 * math.sqrt(1 + w1 / lam) | no root: the slope is 1 + w1 / (2 lambda)
    w1 / (1 - w1 / (2 * lam)) | the slope is 1 + w1 / (2 lambda), not 1 over (1 - w1 / (2 lambda))
    """,
    corners=lambda rng: {"equal laws, w1 = 0, have the estimate 0": (0.0, 10.0)},
)

least_lambda = Exercise(
    "Notebook 07: the least lambda_gp with which a linear critic's estimate exceeds w1 by at most a share of w1.",
    cases=lambda rng: [(1.3, 0.023), (1.7, 0.04), (3.2, 0.13), (0.4, 0.11)],
    right=lambda w1, share: w1 / (2 * share),
    wrong="""w1, share:
    w1 / share | the excess of the slope is w1 / (2 lambda): a factor of 2 is missing
    w1 / 2 * share | the 2 and the share stand under the fraction, in brackets: w1 / (2 * share)
    w1**2 / (2 * share) | share is a share of w1, not a distance: divide the excess of the estimate by w1
    1 / (2 * share) | the farther apart the laws, the more lambda you need: w1 is missing
    1 / (2 * share * w1) | w1 stands above the fraction: the farther apart the laws, the more lambda
    2 * share / w1 | this is the fraction upside down: a smaller share needs a larger lambda
    w1 / (4 * share) | this holds for minus the loss with the penalty; the estimate exceeds w1 by twice as much
    w1 / (2 * share / 100) | share is a fraction, 0.01 for 1 %: do not divide it by 100
    w1 / (200 * share) | share is a fraction, 0.01 for 1 %: do not multiply it by 100
    w1 / (2 * (1 + share)) | the excess alone is share times w1: leave out the 1
    (w1 - 1) / (2 * share) | solve 1 + w1 / (2 lambda) = 1 + share: no 1 is left on the other side
    -w1 / (2 * share) | the estimate may exceed w1 by share times w1, not fall below it
    math.sqrt(w1 / (2 * share)) | no root: the excess is linear in 1 / lambda
    w1 / (2 * share**2) | the share once, not squared
    w1 / (4 * share**2) | this bounds the penalty by the share; bound the excess of the estimate
    share | this is the share that remains at that lambda: solve for lambda
    math.ceil(w1 / (2 * share)) | lambda need not be whole: do not round up
    w1 / (2 * share) - 1 | subtract nothing: w1 / (2 * share)
    """,
)

wrong_axis_slope = Exercise(
    "Notebook 08: the slope of a linear critic on n_pixels pixels when each weight is penalised on its own.",
    cases=lambda rng: [(49, 1.3, 1.7), (144, 1.8, 1.2), (11, 0.7, 2.3)],
    right=lambda n_pixels, distance, lambda_gp: n_pixels**0.5 + n_pixels * distance / (2 * lambda_gp),
    wrong="""n, d, lam:
    math.isqrt(n) + n * d / (2 * lam) | do not round the root: sqrt, not isqrt
    28 + 392 * d / lam | 28 and 392 belong to 784 pixels: use n_pixels
    28 + n * d / (2 * lam) | the 28 belongs to 784 pixels; use sqrt(n_pixels)
    1 + d / (2 * lam) | this is the slope of the right penalty; here each weight is held on its own
    1 + n**0.5 * d / (2 * lam) | this is one weight; the slope is sqrt(n_pixels) times that
    n * (1 + n**0.5 * d / (2 * lam)) | this is n_pixels times one weight; the norm of equal weights has sqrt(n_pixels)
    n * (1 + n**0.5 * d / (2 * lam)) ** 2 | this is the squared slope: take the norm, sqrt(n_pixels) times one weight
    1 + n * d / (2 * lam) | this is one weight with the whole image's reward: its part is distance / sqrt(n_pixels)
    n**0.5 + n * d / lam | the derivative of (w - 1)^2 is 2 (w - 1): a factor of 2 is missing
    n**0.5 + 2 * n * d / lam | the 2 stands under the fraction: n_pixels * distance / (2 * lambda_gp)
    n**0.5 + n * d / 2 * lam | 2 * lambda_gp stands under the fraction, in brackets
    n**0.5 + d / (2 * lam) | the mean over pixels is missing: each weight is held by lambda_gp / n_pixels only
    n**0.5 * (1 + d / (2 * lam)) | a weight's reward is distance / sqrt(n_pixels), and its spring lambda_gp / n_pixels
    n * (1 + n * d / (2 * lam)) | n_pixels is 28 * 28 in the example: take its square root for the norm of equal weights
    n**0.5 * (1 + n * d / (2 * lam)) | the whole image's reward moves each weight: one's is distance / sqrt(n_pixels)
    n + n * d / (2 * lam) | the first term is sqrt(n_pixels), not n_pixels
    n**0.5 + n**2 * d / (2 * lam) | the second term has n_pixels, not its square
    n**0.5 - n * d / (2 * lam) | the sign of the reward is flipped: the critic gains by larger weights
    n**0.5 | the reward is missing: without it the slope would settle at sqrt(n_pixels)
    n * d / (2 * lam) | the penalty's pull to 1 is missing: add sqrt(n_pixels)
    d * (n**0.5 + n * d / (2 * lam)) | this is the estimate, slope times distance; the question asks for the slope
    n**0.5 + n * lam / (2 * d) | the fraction is upside down: a larger lambda_gp holds the weights nearer to 1
    """,
)

w1_from_log = Exercise(
    "Notebook 07: W1 from two numbers in the log of a settled critic: the estimate, and the loss with the penalty.",
    cases=lambda rng: [(3.9, -3.3), (5.1, -4.2), (1.7, -1.6), (0.9, -0.7)],
    right=lambda estimate, total_loss: -2 * total_loss - estimate,
    wrong="""e, t:
    2 * t - e | the total loss is a loss: minus it is W + W^2 / (4 lambda)
    2 * t + e | the signs are flipped: minus the total loss is W + W^2 / (4 lambda): take the estimate off twice that
    -t | minus the total loss still has half of the excess, W^2 / (4 lambda)
    t | this is the loss itself: it is minus (W + W^2 / (4 lambda))
    e | the estimate has the whole excess, W^2 / (2 lambda)
    -t - e | this is minus the penalty times lambda, half of the excess: take it off once more from minus the loss
    e + t | this is lambda times the penalty, half of the excess: take twice of it off the estimate
    e - t | this adds the two: their excesses must cancel
    (e - t) / 2 | this is their mean: its excess is three quarters of the estimate's
    2 * e + t | the excess doubles so: the estimate has the larger one, so it counts once
    2 * (e + t) | this is the excess, W^2 / (2 lambda): take it off the estimate
    -2 * t | take the estimate off: W + W^2 / (4 lambda) twice, minus W + W^2 / (2 lambda)
    -2 * t + e | take the estimate off, do not add it
    t + 2 * e - 2 * t | the larger excess is the estimate's: minus the loss counts twice, the estimate once
    (-2 * t - e) / 2 | do not halve: 2 - 1 = 1 of W is left already
    math.sqrt(-t * e) | the two differ by a sum, not by a factor
    t**2 / e | the two differ by a sum, not by a factor: no quotient
    e - (e + t) / 10 | lambda is not known, and need not be: this takes it as 10
    e / (1 + e / 20) | lambda is not known, and need not be: this takes it as 10, and the estimate as W
    """,
    corners=lambda rng: {"where the two agree there is no excess: that is W1": (2.5, -2.5)},
)


def slopes_seen(rng: np.random.Generator) -> list[tuple]:
    return [(2.6, rng.uniform(0.4, 1.3, 7), 1.7), (0.8, rng.uniform(0.7, 1.9, 6), 4.0), (3.3, rng.random(9) + 0.3, 0.6)]


best_scale = Exercise(
    "Notebook 07: the t that minimises -t estimate + lambda_gp * mean of (t s - 1)^2 over the slopes s.",
    cases=slopes_seen,
    right=lambda estimate, s, lambda_gp: (estimate / (2 * lambda_gp) + s.mean()) / (s**2).mean(),
    wrong="""e, s, lam:
    (e / lam + s.mean()) / (s**2).mean() | the derivative of (t s - 1)^2 is 2 s (t s - 1): a factor of 2 is missing
    (e / (2 * lam) + s.mean()) / s.mean() ** 2 | the mean of the squares, not the square of the mean
    (e / (2 * lam) + 1) / (s**2).mean() | the derivative of (t s - 1)^2 is 2 s (t s - 1): an s is missing
    (e / (2 * lam) + s.mean()) / s.mean() | the derivative of (t s - 1)^2 is 2 s (t s - 1): s stands twice below
    e / (2 * lam) + 1 | the slopes are missing: this is for slopes of 1
    e / (2 * lam) + s.mean() | divide by the mean of the squares: the parabola's other coefficient
    (e + s.mean()) / (2 * lam * (s**2).mean()) | only the estimate is divided by 2 lambda_gp: the mean slope is not
    (e / (2 * lam) + 1) / s.mean() | the derivative of (t s - 1)^2 is 2 s (t s - 1): take the mean of this
    e / (2 * lam) + s.mean() / (s**2).mean() | brackets: both terms stand over the mean of the squares
    (e / (2 * lam) + s.mean()) / s.var() | the mean of the squares, not the variance
    (e / (2 * lam) + s) / s**2 | one factor for all slopes: take the means of s and of s^2 first
    1 / s.mean() | this makes the mean slope 1: the reward pulls too
    s.mean() / (s**2).mean() | this minimises the penalty alone: the reward pulls too
    e / (2 * lam) / (s**2).mean() | this is for a penalty of the squared slope: the spring rests at 1
    (s.mean() - e / (2 * lam)) / (s**2).mean() | the sign of the reward is flipped: a larger estimate pulls t up
    (s**2).mean() / (e / (2 * lam) + s.mean()) | this is upside down
    (2 * lam * e + s.mean()) / (s**2).mean() | lambda_gp divides: a stiffer spring yields less
    (e / 2 * lam + s.mean()) / (s**2).mean() | brackets: 2 * lambda_gp stands below
    (e / (2 * lam) + s.sum()) / (s**2).sum() | take means over the slopes: with sums the reward counts too little
    e / (2 * lam * (s * (s - 1)).mean()) | this is the quotient of the thermometer's two sides: minimise over t
    e - 2 * lam * (s * (s - 1)).mean() | this is the gap G of the thermometer: return the factor t
    1 + (e - 2 * lam * (s * (s - 1)).mean()) / lam | one step of descent is not the minimum: solve for t
    (e / (2 * lam) + s.mean()) / (s**2).mean() - 1 | this is the change: return the factor t itself
    (e / 20 + s.mean()) / (s**2).mean() | this assumes lambda = 10; use lambda_gp
    (e / (2 * lam) + np.median(s)) / (s**2).mean() | take the mean slope, not the median
    ((e / (2 * lam) + s) / s**2).mean() | minimise the mean over all slopes, not one by one
    """,
    corners=lambda rng: {
        "a settled critic keeps its scale: t = 1": (2 * 1.05 * 10 * 0.05, np.full(5, 1.05), 10.0),
        "slope 0 everywhere is a critic without a slope to scale; here some are 0": (
            1.0,
            np.array([0.0, 0.0, 2.0]),
            2.0,
        ),
    },
)

best_slope = Exercise(
    "Notebook 10: the slope s that minimises -s d + lambda_gp (s - 1)^2.",
    cases=lambda rng: W1_LAMBDA,
    right=lambda d, lambda_gp: 1 + d / (2 * lambda_gp),
    wrong="""d, lam:
    1 + d / lam | the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing
    1 + 2 * d / lam | the 2 stands under the fraction: d / (2 * lambda_gp)
    1 + d / 2 * lam | 2 * lambda_gp stands under the fraction, in brackets: d / 2 * lambda_gp multiplies by it
    1 + d / 2 | lambda_gp is missing: it is the stiffness of the spring
    1 + 1 / (2 * lam) | d is missing: the reward grows with the distance
    1 + 2 * lam / d | the fraction is upside down: a larger lambda_gp holds the slope nearer to 1
    1 + lam / (2 * d) | the fraction is upside down: the reward d stands above, the spring 2 lambda_gp below
    1 - d / (2 * lam) | the sign of the reward is flipped: the critic gains by a larger slope
    d / (2 * lam) - 1 | the sign of the 1 is flipped: solve 2 lambda (s - 1) = d
    d + d**2 / (2 * lam) | this is the estimate, slope times d; the question asks for the slope
    d / (2 * lam) | this is the excess over 1: add the 1
    1.0 | 1 is the slope that the penalty asks for; the reward pulls it higher
    (d + 1) / (2 * lam) | this is (d + 1) / (2 lambda): the 1 stands outside of the fraction
    -d - d**2 / (4 * lam) | this is the least loss: return the slope where it is reached
    d**2 / (4 * lam) | this is the penalty at the best slope: return the slope
    (d / (2 * lam)) ** 2 | this is the squared excess: return the slope
    1 + d / (4 * lam) | half of the excess: the derivative of (s - 1)^2 is 2 (s - 1), once
    1 + math.sqrt(d / (2 * lam)) | no root: the condition 2 lambda (s - 1) = d is linear
    1 + math.sqrt(d / lam) | no root: the condition 2 lambda (s - 1) = d is linear in s
    2 * lam / (2 * lam - d) | this is for a penalty (s^2 - 1) or without the 1: the spring pulls to slope 1
    (1 + d / (2 * lam)) / d | divide by d no more: the loss -s d + lambda (s - 1)^2 has d once
    1 + d / 20 | this assumes lambda = 10; use lambda_gp
    min(1 + d / (2 * lam), 2.0) | a brute search must reach far enough and be fine: this stops at slope 2
    """,
    corners=lambda rng: {"at distance 0 the slope is 1": (0.0, 10.0), "the slope may exceed 2": (9.0, 1.5)},
)


def ceil(a, b):
    return -(-a // b)


critic_step_count = Exercise(
    "Notebook 08: critic steps of the right loop and of the inverted one while the generator takes n_steps.",
    cases=lambda rng: [(26, 5), (43, 6), (64, 7), (40, 8)],
    right=lambda n_steps, n_critic: (n_critic * n_steps, ceil(n_steps, n_critic)),
    wrong="""n, k:
    (ceil(n, k), k * n) | the two are swapped: the right loop takes more critic steps
    (n // k, k * n) | the two are swapped, and step 0 counts too: round up, not down
    (k * n, n // k) | step 0 counts too: round up, not down
    (k * n, n / k) | steps are whole: round up
    (k * n, round(n / k)) | step 0 counts too: round up, not to the nearest
    (k * n, n // k + 1) | rounding up is no floor plus 1: where n_critic divides n_steps, nothing is added
    (k * n, (n + 1) // k) | steps run from 0 to n_steps - 1: step n_steps is not taken
    (k * n, (n - 1) // k) | steps run from 0 to n_steps - 1, and step 0 is one of the multiples
    (k * n, k * n) | the inverted loop skips most critic steps; you gave both loops the same
    (ceil(n, k), ceil(n, k)) | both loops were given the inverted one's count
    (n, ceil(n, k)) | the right loop takes n_critic critic steps for each generator step
    (n, n // k) | the right loop takes n_critic critic steps for each generator step; and step 0 counts: round up
    (k, ceil(n, k)) | the right loop takes n_critic steps per generator step, not in all
    (k + n, ceil(n, k)) | multiply: n_critic critic steps for each of the n_steps
    ((k + 1) * n, ceil(n, k)) | the generator's own step is no critic step
    ((k - 1) * n, ceil(n, k)) | one critic step of each round is no generator step: n_critic of them, not n_critic - 1
    (k * (n - 1), ceil(n, k)) | the last round counts as well: n_steps rounds
    (k * (n + 1), ceil(n, k)) | n_steps rounds, from 0 to n_steps - 1: not one more
    (k * n, n - ceil(n, k)) | the inverted loop takes a critic step at multiples of n_critic alone, not at the others
    (k * n, n) | the inverted loop takes a critic step at multiples of n_critic, not in every round
    (k * n, n % k) | this is what is left over, n_steps % n_critic: count the multiples
    (k * n, k * ceil(n, k)) | the inverted loop takes one critic step at each multiple, not n_critic
    k**2 | this is the ratio where n_critic divides n_steps: return both numbers
    (k * n, k) | the inverted loop: how often is step a multiple of n_critic? n_critic is the distance, not the number
    (k * n, ceil(n, k * k)) | the inverted loop takes a critic step only every n_critic-th round: divide by it once
    k * n | this is the number of critic steps of the right loop alone: return both
    ceil(n, k) | this is the number of critic steps of the inverted loop alone: return both
    k * n / ceil(n, k) | this is the ratio of the two: return both numbers
    k * n - ceil(n, k) | this is the difference of the two: return both numbers
    k * n + ceil(n, k) | this is the sum of the two: return both numbers
    (n, k * n) | the right loop comes first: this is the generator's steps, then the right loop's critic steps
    (k * n - 1, ceil(n, k)) | one critic step too few in the right loop: n_critic for each of the n_steps
    (k * (n // k), ceil(n, k)) | the right loop takes n_critic critic steps for each of the n_steps: round nothing down
    """,
    corners=lambda rng: {
        "step 0 counts too: with fewer steps than n_critic the inverted loop still takes one": (3, 5),
        "with n_critic = 1 both loops are the same": (7, 1),
    },
)

epochs = Exercise(
    "Notebook 11: how often, on average, a run shows each of its images to the critic as data.",
    cases=lambda rng: [(640, 3, 37, 2417), (951, 2, 53, 3001), (540, 5, 64, 60000)],
    right=lambda n_steps, n_critic, batch_size, n_images: n_steps * n_critic * batch_size / n_images,
    wrong="""n, k, b, m:
    n * b / m | the critic takes n_critic steps, each with a batch of its own, per generator step
    n / k * b / m | n_critic multiplies: the critic takes n_critic steps per generator step
    n * (k + 1) * b / m | the generator's step shows fakes alone: no data are drawn for it
    2 * n * k * b / m | fakes are not data: count batch_size images per critic step
    n * k * b / m / 2 | a batch of data is whole: no half of it is fakes
    n * k / m | this is the number of batches per image; a batch holds batch_size images
    n / m | this counts steps per image: each has n_critic batches of batch_size images
    m / (n * k * b) | this is the fraction upside down: more steps, more epochs
    n * k * b | this is the number of images shown; divide by how many there are
    n * k | this is the number of critic steps: times batch_size, over n_images
    m / b | this is the number of batches in one epoch: how many epochs does the run have?
    m / (k * b) | this is the number of generator steps in one epoch: how many epochs does the run have?
    n * k / (b * m) | batch_size multiplies: a larger batch shows more images
    n * k * m / b | batch_size multiplies, and n_images divides
    n * k * b // m | epochs need not be whole: / in place of //
    round(n * k * b / m) | epochs need not be whole: do not round
    ceil(n * k * b, m) | epochs need not be whole: do not round up
    n * k / (m // b) | do not round the batches of an epoch down: / in place of //
    n * k / ceil(m, b) | do not round the batches of an epoch up: batches are drawn, the last is not cut
    n // k * b / m | n_critic divides nothing: every generator step has n_critic critic steps
    n * k / (k + 1) * b / m | n_steps counts generator steps alone: each has n_critic critic steps besides
    (n + k) * b / m | n_steps counts generator steps: multiply by n_critic, do not add
    (n + 1) * k * b / m | the first step counts as the others: n_steps of them
    (n - 1) * k * b / m | the last step counts as the others: n_steps of them
    1 - math.exp(-n * k * b / m) | this is the share of images seen at least once: the mean number of times is asked
    min(1.0, n * k * b / m) | do not cut at 1: an image may be shown more than once
    n * k * b / 60000 | the images of this notebook are 60000: use n_images
    """,
)


def line(step, n_steps, lr, hold):
    return lr * (1 - step / n_steps) / (1 - hold)


falling_rate = Exercise(
    "Notebook 11: the rate lr during the share `hold` of the run, then on a straight line to 0 at step n_steps.",
    cases=lambda rng: [
        (130, 1000, 2.3, 0.66),
        (510, 1000, 2.3, 0.66),
        (890, 1000, 2.3, 0.66),
        (700, 1000, 2.9, 0.66),
        (333, 800, 1.7, 0.35),
        (640, 800, 1.7, 0.35),
    ],
    right=lambda step, n_steps, lr, hold: min(lr, line(step, n_steps, lr, hold)),
    wrong="""s, n, lr, h:
    line | the rate must not exceed lr: take the smaller of lr and the line
    max(lr, line(s, n, lr, h)) | take the smaller of lr and the line, not the larger
    lr * min(1, 2 * (1 - s / n)) | hold is not used: as it stands the fall begins at half the run
    lr if s / n < h else lr * (1 - s / n) | the rate drops at once where the fall begins: divide by 1 - hold
    lr if s / n < h else 0 | the rate drops to 0 at once where the fall begins: a straight line to n_steps
    lr * (1 - s / n) | the fall begins with the first step: keep lr during the share hold of the run
    lr * min(1, (1 - s / n) / h) | the line must reach 0 at n_steps: divide by the share that is left, 1 - hold
    lr if s / n < h else lr * (1 - (s / n - h)) | the line starts at 1 where the hold ends: count the steps from there
    lr if s / n < h else lr * (1 - (s / n - h) / h) | the line falls by the share of the hold: divide by 1 - hold
    lr * min(1, (1 - s / n) * (1 - h)) | multiply by nothing: the line is divided by 1 - hold
    lr if s / n < h else lr * (s / n - h) / (1 - h) | the line rises after the hold: 1 minus the share that is done
    lr * min(1, s / n / h) | this rises with the steps: the rate falls at the end
    lr * (1 - s / n / h) if s / n < h else 0.0 | hold and fall are swapped: first hold, then fall
    lr if s / n < 1 - h else lr * (1 - s / n) / h | hold is the share at lr, not of the fall: it ends at hold * n_steps
    lr if s / n < h else lr * (1 - s / n / (1 - h)) | take hold off the share done too: 1 - (share - hold) / (1 - hold)
    min(lr, line(s, n, 1, h)) | the line is a factor: multiply it by lr before you take the smaller
    lr * max(0, (s / n - h) / (1 - h)) | this is the share of the fall that is done: 1 minus it is left
    lr if s / n < h else 0.1 * lr | one drop, not a straight line to 0
    lr | the rate never falls: after the hold a straight line to 0
    lr if s < h else line(s, n, lr, h) | hold is a share, not a number of steps: compare step / n_steps with it
    lr if s < h else lr * (n - s) / (n - h) | hold is a share of the run, not a number of steps: divide by n_steps
    lr * min(1, line(s, n, 1, h)) ** 2 | a straight line, not a parabola
    lr * min(1, line(s, n, 1, h)) ** 0.5 | a straight line, not a root
    lr if s / n < h else lr * (1 + math.cos(math.pi * (s / n - h) / (1 - h))) / 2 | a straight line, not a cosine
    lr if s / n < h else lr * math.exp(-(s / n - h) / (1 - h)) | a straight line, not an exponential
    lr * min(1, (1 - s / (n - 1)) / (1 - h)) | the line must reach 0 at step n_steps, not at n_steps - 1
    min(1, line(s, n, 1, h)) | this is the factor; multiply it by lr
    min(1, line(s, n, lr, h)) | multiply the smaller of 1 and the line by lr: here 1 is not multiplied
    lr * min(1, (1 - s // n) / (1 - h)) | the share done is step / n_steps: no //, which rounds it down to 0
    lr if s / n < h else lr * h * (1 - s / n) / (1 - h) | the line starts at lr, not at lr times hold
    lr * min(1, (1 - s / n) / (1 - h) ** 2) | do not divide by the square of what is left: 1 - hold
    lr * min(1, (1 - s / n) / (1 + h)) | add nothing: the share that is left is 1 - hold, not 1 + hold
    lr * (1 - max(0, (s / n - h) / (1 - h)) ** 2) | a straight line, not a parabola: no square
    lr * (1 - h * s / n) | hold is where the line begins, not how steep it is
    lr if s / n < h else lr * (1 - h) * (1 - s / n) | the line starts at lr: divide by 1 - hold, do not multiply
    """,
    corners=lambda rng: {
        "at step 0 the rate is lr": (0, 500, 1.9, 0.3),
        "at step n_steps the rate is 0": (500, 500, 1.9, 0.3),
        "with hold = 0 the line begins at once": (100, 500, 1.9, 0.0),
        "where the hold ends the rate is still lr": (300, 600, 1.9, 0.5),
    },
)

grey_levels = Exercise(
    "Notebook 11: an estimate for pixels in [-1, 1], turned into the units of the bytes 0 to 255.",
    cases=lambda rng: [(5.3,), (8.1,), (0.7,), (-0.4,)],
    right=lambda estimate: 127.5 * estimate,
    wrong="""e:
    255 * e | [-1, 1] has length 2, so one unit is 127.5 grey levels
    510 * e | [-1, 1] has length 2: divide 255 by it, do not multiply
    e / 127.5 | this is upside down: one unit is many grey levels
    e / 255 | this is upside down, and [-1, 1] has length 2: one unit is 127.5 grey levels
    127.5 * (e + 1) | a distance has no origin: multiply, and add nothing
    255 * (e + 1) | a distance has no origin: multiply by 127.5, and add nothing
    127.5 * (e - 1) | a distance has no origin; subtract nothing
    e + 127.5 | a distance has no origin: add no 127.5 to it alone
    e / 127.5 - 1 | this scales bytes to [-1, 1], the other way, and with an origin: multiply by 127.5
    127.5**2 * e | W1 is a length, not a squared length: multiply by 127.5 once
    127.5**0.5 * e | W1 is a length: no root of the factor
    e | the distance does change with the units of the data
    128 * e | bytes run from 0 to 255, a length of 255, not 256: the factor is 127.5
    256 * e | bytes run from 0 to 255, a length of 255, not 256; and [-1, 1] has length 2
    127 * e | half of 255 is 127.5: // rounds it down
    round(127.5 * e) | grey levels of a distance need not be whole: do not round
    int(127.5 * e) | grey levels of a distance need not be whole: int cuts the rest off
    127.5 * 784 * e | the length over all pixels scales like each of them: no factor 784
    127.5 * 28 * e | the length over all pixels scales like each of them: no factor 28
    127.5 * e / 784 | the length over all pixels scales like each of them: do not divide by 784
    127.5 * e / 28 | the length over all pixels scales like each of them: do not divide by 28
    min(127.5 * e, 255) | a distance may exceed 255: do not cut it
    min(max(127.5 * e, 0), 255) | a distance may exceed 255: do not cut it to [0, 255]
    abs(127.5 * e) | an estimate may be negative early in a run: keep its sign
    max(127.5 * e, 0) | an estimate may be negative early in a run: do not cut it at 0
    2 * e | one unit is 127.5 grey levels, not 2 / 255 of one
    """,
    corners=lambda rng: {"a distance of 0 stays 0: add nothing": (0.0,)},
)
