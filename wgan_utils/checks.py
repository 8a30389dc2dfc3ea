"""Checks for the exercises: each calls the student's function on random cases and names the likely mistake.

A check returns a sentence: "not attempted yet", "correct", or what seems to be wrong. It never raises
for a wrong answer. The cases are drawn anew at each call, so a hard-coded answer does not pass.
"""

import tempfile
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from wgan_utils.losses import critic_loss

NOT_YET, CORRECT = "not attempted yet", "correct"


def close(found, expected, tolerance: float = 1e-4) -> bool:
    """Whether a number or a tensor has the expected shape and values."""
    try:
        found, expected = torch.as_tensor(found).detach().double(), torch.as_tensor(expected).double()
    except (TypeError, ValueError, RuntimeError):  # neither a number nor a tensor
        return False
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


def attempt(function: Callable, *arguments):
    """The student's answer, or the sentence that says why there is none."""
    try:
        answer = function(*arguments)
    except Exception as error:  # the student's own mistake: report it, do not stop the notebook
        return None, f"your function raised {type(error).__name__}: {error}"
    return answer, NOT_YET if answer is None else ""


def assess(function: Callable, arguments: tuple, expected, mistakes: dict[str, object]) -> str:
    """What to tell the student: ``mistakes`` maps a sentence to the answer that the mistake gives."""
    answer, problem = attempt(function, *arguments)
    if problem:
        return problem
    if close(answer, expected):
        return CORRECT
    for sentence, wrong in mistakes.items():
        if close(answer, wrong):
            return sentence
    shape, found = tuple(torch.as_tensor(expected).shape), tuple(getattr(answer, "shape", ()))
    if found != shape:
        return f"expected shape {shape}, found {found}"
    return (
        f"expected {float(expected):.4f} on a random case, found {answer}"
        if not shape
        else "these values are not right"
    )


def check_critic_loss(my_critic_loss: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Notebook 00: mean score on fakes minus mean score on data, from (batch,) scores of each."""
    scores_real, scores_fake = torch.randn(7) + 2, torch.randn(5) - 1
    expected = critic_loss(scores_real, scores_fake)
    mistakes = {
        "the sign is flipped: the critic minimises this, and it wants high scores on data": -expected,
        "you took sums; take means, or the loss grows with the batch": scores_fake.sum() - scores_real.sum(),
        "no sigmoid: a critic's score is not a probability": critic_loss(scores_real.sigmoid(), scores_fake.sigmoid()),
    }
    return assess(my_critic_loss, (scores_real, scores_fake), expected, mistakes)


def _unlike_laws():
    """Two random laws on six points, numpy arrays: p is heavier on the first three points, q on the last three."""
    import numpy as np

    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    p, q = (1 + 0.5 * rng.random((2, 6))) * np.repeat([[6, 1], [1, 6]], 3, axis=1)
    return p / p.sum(), q / q.sum()


def _without(law, point: int):
    """The law with no mass on one point, normalised again."""
    law = law.copy()
    law[point] = 0
    return law / law.sum()


def check_total_variation(my_total_variation: Callable) -> str:
    """Notebook 01: total variation between two numpy arrays of probabilities."""
    p, q = _unlike_laws()
    gap = abs(p - q)
    mistakes = {
        "a half is missing: mass that lacks at one point is counted again where it is too much": gap.sum(),
        "this is the largest difference at one point; an event may hold several points": gap.max(),
        "take absolute values, or the differences cancel": 0.0,
        "take half of the sum, not the mean over the points": gap.mean(),
    }
    return assess(my_total_variation, (p, q), gap.sum() / 2, mistakes)


def check_kl_divergence(my_kl_divergence: Callable) -> str:
    """Notebook 01: KL in nats between two numpy arrays: first p has a zero, then q has one under mass of p."""
    import numpy as np

    from wgan_utils.distances import kl_divergence

    p, q = _unlike_laws()
    p, hole = _without(p, 5), _without(q, 0)
    expected = kl_divergence(p, q)
    mistakes = {
        "the two laws are swapped: take the mean over p of log(p / q)": np.inf,
        "the sign is flipped: the ratio is p / q": -expected,
        "this is in bits: take the natural logarithm": expected / np.log(2),
    }
    with np.errstate(all="ignore"):
        verdict = assess(my_kl_divergence, (p.copy(), q.copy()), expected, mistakes)
        if verdict.endswith("found nan"):
            return "0 log 0 counts as 0: leave out the points where p has no mass"
        if verdict != CORRECT:
            return verdict
        verdict = assess(my_kl_divergence, (p.copy(), hole), np.inf, {})
    if verdict.startswith("expected inf"):
        return "where p has mass and q has none, KL is infinite: leave out only the points where p has none"
    return verdict


def check_js_divergence(my_js_divergence: Callable) -> str:
    """Notebook 01: JS in nats between two numpy arrays, each with a zero where the other has mass."""
    import numpy as np

    from wgan_utils.distances import js_divergence

    p, q = _unlike_laws()
    p, q = _without(p, 5), _without(q, 0)
    expected = js_divergence(p, q)
    mistakes = {
        "a half is missing: JS is the mean of the two divergences to the middle, not their sum": 2 * expected,
        "this is in bits: take the natural logarithm": expected / np.log(2),
        "the middle is (p + q) / 2; you left out its half": expected - np.log(2),
        "compare each law with the middle: between p and q themselves KL is infinite here": np.inf,
    }
    with np.errstate(all="ignore"):
        verdict = assess(my_js_divergence, (p.copy(), q.copy()), expected, mistakes)
    return "0 log 0 counts as 0: leave out points without mass" if verdict.endswith("found nan") else verdict


def check_theta_step(my_theta_step: Callable[[float, float, int], float]) -> str:
    """Notebook 01: a decaying step of gradient descent on |theta|, from the right of 0 and from the left."""
    right, lr = 1.5 + torch.rand(()).item(), 0.1 + 0.1 * torch.rand(()).item()
    step = int(torch.randint(9, 20, ()))  # sqrt(1 + step) > theta, which keeps the mistakes apart
    length = lr / (1 + step) ** 0.5
    mistakes = {
        "this goes uphill: step against the slope": right + length,
        "the step does not decay: divide lr by sqrt(1 + step)": right - lr,
        "lr falls with the square root: divide it by sqrt(1 + step)": right - lr / (1 + step),
        "the slope of W1 is 1, however large theta is": right - length * right,
    }
    verdict = assess(my_theta_step, (right, lr, step), right - length, mistakes)
    if verdict != CORRECT:
        return verdict
    mistakes = {"left of the data the slope is -1: theta must grow there": -right - length}
    return assess(my_theta_step, (-right, lr, step), length - right, mistakes)


def check_plan_cost(my_plan_cost: Callable) -> str:
    """Notebook 02: sum of plan * |x - y| for a plan (n, m) between points on a line, numpy arrays."""
    import numpy as np

    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    x = rng.random(3) + np.array([0, 2, 4])
    y = rng.random(4) + np.array([-5, 20, 30, 40])  # mass moves to both sides, and more than 1 far
    plan = rng.random((3, 4)) + 0.5
    plan /= plan.sum()
    gaps = x[:, None] - y
    expected = (plan * np.abs(gaps)).sum()
    mistakes = {
        "you took the mean over the entries of the plan; they are weights that sum to 1 already: sum": expected / 12,
        "you divided by n; the plan sums to 1 already": expected / 3,
        "you divided by m; the plan sums to 1 already": expected / 4,
        "you forgot the absolute value: moves to the left cost as much as moves to the right": (plan * gaps).sum(),
        "you forgot the absolute value: moves to the right cost as much as moves to the left": -(plan * gaps).sum(),
        "you squared the distances: that is the cost of W2": (plan * gaps**2).sum(),
        "you left the plan out: weigh each distance by the mass that travels it": np.abs(gaps).mean(),
    }
    return assess(my_plan_cost, (plan, x, y), expected, mistakes)


def check_w1_line(my_w1_line: Callable) -> str:
    """Notebook 02: the area between two distribution functions on unevenly spaced, unsorted points, numpy arrays."""
    import numpy as np

    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    positions = np.cumsum(1.5 + rng.random(6))
    p, q = rng.random((2, 6)) + np.array([[3, 2, 0, 0, 2, 3], [0, 0, 5, 5, 0, 0]])  # the distribution functions cross
    p, q = p / p.sum(), q / q.sum()
    crossing, widths = (p - q).cumsum()[:-1], np.diff(positions)
    mixed = np.array([3, 0, 5, 1, 4, 2])
    as_given = np.abs((p - q)[mixed].cumsum()[:-1])
    expected = np.abs(crossing) @ widths
    mistakes = {
        "you forgot the bin width: mass that crosses a wide gap pays more": np.abs(crossing).sum(),
        "you forgot the absolute value: earth moved left must not pay for earth moved right": crossing @ widths,
        "you took the absolute value of the total; take it in each gap": abs(crossing @ widths),
        "you compared masses; compare what has piled up so far: a cumulative sum": np.abs(p - q)[:-1] @ widths,
        "sort first: the positions come in any order": as_given @ np.abs(np.diff(positions[mixed])),
        "sort first: the positions come in any order, and a width cannot be negative": as_given
        @ np.diff(positions[mixed]),
        "sort p and q together with the positions": as_given @ widths,
    }
    return assess(my_w1_line, (positions[mixed], p[mixed], q[mixed]), expected, mistakes)


def check_sinkhorn_step(my_sinkhorn_step: Callable) -> str:
    """Notebook 02: the matrix after one fit of the rows and one of the columns, from v on, numpy arrays."""
    import numpy as np

    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    p, q, cost, v = rng.random(3) + 0.2, rng.random(4) + 0.2, 2 * rng.random((3, 4)), rng.random(4) + 0.5
    p, q, reg = p / p.sum(), q / q.sum(), 0.3 + 0.3 * rng.random()

    def step(kernel: np.ndarray, half: bool = False) -> np.ndarray:
        u = p / (kernel @ v)
        return u[:, None] * kernel * (v if half else q / (kernel.T @ u))

    kernel = np.exp(-cost / reg)
    u = p / (kernel @ v)
    mistakes = {
        "only the rows fit; now fit the columns: v = q / (K^T u)": step(kernel, half=True),
        "the sign is flipped: K = exp(-cost / reg) is small where moving is dear": step(np.exp(cost / reg)),
        "you forgot to divide the cost by reg": step(np.exp(-cost)),
        "you multiplied the cost by reg; divide": step(np.exp(-cost * reg)),
        "multiply by K: the plan is diag(u) K diag(v)": np.outer(u, q / (kernel.T @ u)),
    }
    return assess(my_sinkhorn_step, (p, q, cost, reg, v), step(kernel), mistakes)


def check_best_theta(my_best_theta: Callable[[int, float], float]) -> str:
    """Notebook 02: the median of a binomial law divided by m, where it is unique and differs from the truth."""
    import math

    import numpy as np

    while True:
        m, truth = int(torch.randint(2, 8, ())), 0.2 + 0.6 * torch.rand(()).item()
        chance = [math.comb(m, k) * truth**k * (1 - truth) ** (m - k) for k in range(m + 1)]
        below = np.cumsum(chance)
        median = int((below >= 0.5).argmax())
        if median >= 1 and np.abs(below - 0.5).min() > 1e-3 and abs(median / m - truth) > 1e-2:
            break
    mistakes = {
        "this is the true share; the batch loss has its minimum elsewhere: at a median, not at the mean": truth,
        "this is the median of the number of ones; divide by m": median,
        "one step too low: take the first k at which the cumulative chance reaches 1/2": (median - 1) / m,
    }
    return assess(my_best_theta, (m, truth), median / m, mistakes)


def check_c_transform(my_c_transform: Callable) -> str:
    """Notebook 03: the largest g with f[i] + g[j] <= cost[i, j], from numpy arrays f (n,) and cost (n, m)."""
    f, cost = torch.randn(5).double().numpy(), torch.rand(5, 5).double().numpy()
    expected = (cost - f[:, None]).min(axis=0)
    mistakes = {
        "you took the maximum over i; the rule must hold for every i, so the smallest bound counts": (
            cost - f[:, None]
        ).max(axis=0),
        "the axis is swapped: take the minimum over i, axis 0, so that one price per column is left": (
            cost - f[:, None]
        ).min(axis=1),
        "f belongs to the rows of cost: make it a column, f[:, None]": (cost - f).min(axis=0),
        "both axes are swapped: this is the transform of prices for the columns": (cost - f).min(axis=1),
        "the sign of f is flipped: a higher loading price leaves less room for g": (cost + f[:, None]).min(axis=0),
        "the sign of g is flipped: these are the scores -g": -expected,
    }
    return assess(my_c_transform, (f, cost), expected, mistakes)


def check_slack(my_slack: Callable) -> str:
    """Notebook 03: cost[i, j] - f[i] - g[j], from numpy arrays f (n,), g (m,) and cost (n, m)."""
    f, g = torch.randn(2, 4).double().numpy()
    cost = torch.rand(4, 4).double().numpy()
    expected = cost - f[:, None] - g
    mistakes = {
        "the sign is flipped: slack is what is left of the cost, 0 or more for feasible prices": -expected,
        "f and g have changed places: f belongs to the rows, so it must be a column, f[:, None]": cost - f - g[:, None],
        "you added g; the carrier is paid both prices, so take both off the cost": cost - f[:, None] + g,
        "this is the sum of the prices; take it off the cost": f[:, None] + g,
        "g is missing: the carrier is paid twice, for loading and for unloading": cost - f[:, None],
    }
    return assess(my_slack, (f, g, cost), expected, mistakes)


def check_lower_bound(my_lower_bound: Callable) -> str:
    """Notebook 03: the income of prices f (n,) and the best g for them; p (n,), q (m,), cost (n, m); numpy arrays."""
    f, (p, q) = torch.randn(5).double().numpy(), torch.rand(2, 5).double().softmax(dim=1).numpy()
    cost = torch.rand(5, 5).double().numpy()
    g = (cost - f[:, None]).min(axis=0)
    mistakes = {
        "you took g = -f; for a cost of any kind the best g is the c-transform of f": f @ p - f @ q,
        "you took the maximum in the c-transform: such prices are not feasible": f @ p
        + (cost - f[:, None]).max(axis=0) @ q,
        "the sign of g is flipped: the carrier earns both prices": f @ p - g @ q,
        "weigh the prices by p and q; these are plain means": f.mean() + g.mean(),
        "the axes of cost are swapped: g has one entry per column": f @ p + (cost - f).min(axis=1) @ q,
        "the income from unloading is missing": f @ p,
    }
    return assess(my_lower_bound, (f, p, q, cost), f @ p + g @ q, mistakes)


def check_upper_form(my_upper_form: Callable) -> str:
    """Notebook 03: min over i of values[i] + |x_new - x[i]|, from numpy arrays (n,), (n, 2) and (k, 2)."""
    x, x_new, centers = torch.randn(6, 2).double(), 2 * torch.randn(4, 2).double(), torch.randn(5, 2).double()
    values = (torch.cdist(x, centers) - torch.rand(5).double()).amin(dim=1)  # 1-Lipschitz, as scores must be
    distance = torch.cdist(x_new, x)
    mistakes = {
        "this is the lower form; from the fakes alone the largest extension serves": (values - distance).amax(dim=1),
        "the sign is flipped: a score may rise by the distance, so add it": (values - distance).amin(dim=1),
        "take the minimum: the score must keep below every bound": (values + distance).amax(dim=1),
        "you used the squared distance; take the distance itself, or the slope is not bounded by 1": (
            values + distance**2
        ).amin(dim=1),
        "this is the score of the nearest point; add the distance to it, and take the smallest sum": values[
            distance.argmin(dim=1)
        ],
    }
    return assess(my_upper_form, (values.numpy(), x.numpy(), x_new.numpy()), (values + distance).amin(dim=1), mistakes)


def check_optimal_discriminator(my_optimal_discriminator: Callable) -> str:
    """Notebook 04: p / (p + q), from numpy arrays of densities, data p and fakes q."""
    import numpy as np

    rng = np.random.default_rng(int(torch.randint(2**31, ())))
    p, q = rng.random((2, 6)) + np.array([[0.1] * 3 + [1.5] * 3, [1.5] * 3 + [0.1] * 3])
    expected = p / (p + q)
    mistakes = {
        "data and fakes have changed places: D is the probability of data": 1 - expected,
        "this ratio is D / (1 - D), the odds; divide by the sum of both densities": p / q,
        "this is the logit of D; put it through the sigmoid": np.log(p / q),
        "the best D is a probability, not a verdict of 0 or 1": (p > q).astype(float),
        "divide at each point by p + q there, not by the total": p / (p + q).sum(),
        "this is data against the middle, up to 2; the middle has a half too many": 2 * expected,
    }
    return assess(my_optimal_discriminator, (p, q), expected, mistakes)


def check_js_from_loss(my_js_from_loss: Callable[[float], float]) -> str:
    """Notebook 04: log 2 - loss / 2, the reading of JS in nats from a discriminator's loss."""
    import math

    loss = 0.2 + 0.8 * torch.rand(()).item()
    expected = math.log(2) - loss / 2
    mistakes = {
        "the sign is flipped: the loss is minus L, and a low loss means far apart": math.log(2) + loss / 2,
        "a half is missing: L = 2 JS - 2 log 2, so divide by 2": 2 * expected,
        "divide the loss by 2 as well: L = 2 JS - 2 log 2": math.log(2) - loss,
        "log 2 is missing: a coin toss, loss 2 log 2, must read 0": -loss / 2,
        "this is in bits: the loss is in nats": expected / math.log(2),
        "this is JS - log 2 with the sign of the loss flipped; add log 2 to minus half the loss": loss / 2,
    }
    return assess(my_js_from_loss, (loss,), expected, mistakes)


def check_saturating_gradient(my_saturating_gradient: Callable[[float], float]) -> str:
    """Notebook 04: d times the mean of the optimal D on fakes from N(d, 1), data from N(0, 1)."""
    d = 1.5 + 1.5 * torch.rand(()).item()
    z = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    weight = torch.exp(-(z**2) / 2) / (2 * torch.pi) ** 0.5

    def mean(values: Tensor) -> float:
        return torch.trapezoid(values * weight, z).item()

    on_fakes = torch.sigmoid(-d * z - d**2 / 2)
    expected = d * mean(on_fakes)
    mistakes = {
        "the sign is flipped: descent on the loss must lower d, so its derivative is positive": -expected,
        "this is the non-saturating gradient (or D averaged over data): weigh the fakes by D, not by 1 - D": d
        - expected,
        "this is the mean of D on fakes; the logit's slope, d in size, is missing": mean(on_fakes),
        "this is half of it: you gave JS'(d), and the loss is 2 JS, or you let D follow d: freeze it": expected / 2,
        "this is the loss itself; take its derivative": mean(torch.log1p(-on_fakes)),
        "this is the slope of D; the loss is log(1 - D)": -d * mean(on_fakes * (1 - on_fakes)),
    }
    return assess(my_saturating_gradient, (d,), expected, mistakes)


def check_certified_estimate(my_certified_estimate: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Notebook 05: (mean score on data minus mean score on fakes) / bound, from scores of two lengths."""
    scores_real, scores_fake, bound = torch.randn(7) + 4, torch.randn(5) - 1, 2.0 + torch.rand(()).item()
    gap = scores_real.mean() - scores_fake.mean()
    mistakes = {
        "this is the estimate alone: divide it by the bound, so that the critic's slope is at most 1": gap,
        "you multiplied by the bound; a critic of slope K must be divided by K": gap * bound,
        "the sign is flipped: data score high, so take their mean first": -gap / bound,
        "you took sums; the samples are laws, so take means": (scores_real.sum() - scores_fake.sum()) / bound,
        "you divided one of the two means only": scores_real.mean() - scores_fake.mean() / bound,
        "one of the two means is not divided": scores_real.mean() / bound - scores_fake.mean(),
        "you took the largest gap of all pairs; the bracket speaks of means": (scores_real.max() - scores_fake.min())
        / bound,
    }
    return assess(my_certified_estimate, (scores_real, scores_fake, bound), gap / bound, mistakes)


def _told_apart(expected, mistakes: dict[str, object]) -> bool:
    """Whether the right number and those of all mistakes differ by more than any tolerance."""
    answers = torch.tensor([float(answer) for answer in (expected, *mistakes.values())]).sort().values
    return bool((answers.diff() > 1e-3 + 1e-3 * answers[1:].abs()).all())


def check_operator_norm(my_operator_norm: Callable[[Tensor], Tensor]) -> str:
    """Notebook 05: the largest singular value of a weight matrix (5, 3), whose singular values are well apart."""
    mistakes, expected = {}, torch.ones(())
    while not mistakes or not _told_apart(expected, mistakes):
        left, right = (torch.linalg.qr(torch.randn(size, 3).double()).Q for size in (5, 3))
        values = torch.tensor([3.0, 2.0, 1.0]).double() * (1 + 0.2 * torch.rand(3).double())
        weight, expected = left @ values.diag() @ right.T, values.max()
        rows, columns = weight.abs().sum(dim=1), weight.abs().sum(dim=0)
        mistakes = {
            "this is the Frobenius norm: it adds up all directions, and a vector has only one": values.norm(),
            "this is the largest entry: a matrix can stretch more than any of its entries": weight.abs().max(),
            "this is the largest row sum: it bounds the largest coordinate, not the Euclidean length": rows.max(),
            "this is the largest column sum: it bounds the sum of coordinates, not the Euclidean length": columns.max(),
            "you added the singular values; only the largest counts": values.sum(),
            "this is the square: take the root of the largest eigenvalue of W^T W": expected**2,
            "this is the smallest singular value: the least stretch, not the most": values.min(),
        }
    return assess(my_operator_norm, (weight,), expected, mistakes)


def check_ray_cosine(my_ray_cosine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """Notebook 05: mean cosine between gradients and the rays from x_fake[i] to x_real[i], (batch, 2) each."""
    mistakes, expected = {}, torch.ones(())
    while not mistakes or not _told_apart(expected, mistakes):
        x_fake, angle = torch.randn(6, 2), 0.8 * torch.rand(6, 1)
        x_real = x_fake + (2 + torch.rand(6, 1)) * torch.nn.functional.normalize(torch.randn(6, 2), dim=1)
        ray = x_real - x_fake
        turned = angle.cos() * ray + angle.sin() * ray.flip(1) * torch.tensor([-1.0, 1.0])
        grad = turned * (0.2 + 0.3 * torch.rand(6, 1))
        dot, steep, length = (grad * ray).sum(dim=1), grad.norm(dim=1), ray.norm(dim=1)
        expected = (dot / (steep * length)).mean()
        of_means = torch.cosine_similarity(grad.mean(dim=0), ray.mean(dim=0), dim=0)
        mistakes = {
            "the sign is flipped: the ray runs from the fake to the data point": -expected,
            "you did not divide by the length of the ray": (dot / steep).mean(),
            "you did not divide by the norm of the gradient: a cosine knows directions alone": (dot / length).mean(),
            "this is the mean of the dot products: divide each by both lengths": dot.mean(),
            "this is the cosine of the mean vectors; take one cosine per pair, then the mean": of_means,
            "you normalised down the batch; one cosine per row, dim=1": torch.cosine_similarity(grad, ray, 0).mean(),
            "take the mean over the pairs; this is the sum": 6 * expected,
        }
    return assess(my_ray_cosine, (grad, x_real, x_fake), expected, mistakes)


def check_bound_by_hand(my_bound_by_hand: Callable[[float, list[int]], float]) -> str:
    """Notebook 06: the product over the layers of clip_limit * sqrt(rows * columns), from a list of widths."""
    import math
    from itertools import pairwise

    clip_limit = 0.2 + 0.2 * torch.rand(()).item()
    widths = [2, *(torch.randint(0, 3, (2,)) + torch.tensor([5, 9])).tolist(), 1]
    sizes = [columns * rows for columns, rows in pairwise(widths)]
    layers = [clip_limit * math.sqrt(size) for size in sizes]
    mistakes = {
        "the square root is missing: each layer stretches by at most c sqrt(rows * columns)": math.prod(
            clip_limit * size for size in sizes
        ),
        "you multiplied by c once; every layer brings its own factor c": clip_limit * math.sqrt(math.prod(sizes)),
        "you added the layers; slopes multiply along a chain": sum(layers),
        "the last layer is missing: it has one row, and its weights are clipped too": math.prod(layers[:-1]),
        "take rows times columns under the root, not their sum": math.prod(
            clip_limit * math.sqrt(columns + rows) for columns, rows in pairwise(widths)
        ),
    }
    return assess(my_bound_by_hand, (clip_limit, widths), math.prod(layers), mistakes)


def check_clip_(my_clip_: Callable[[nn.Module, float], nn.Module]) -> str:
    """Notebook 06: every parameter of the critic moved into [-clip_limit, clip_limit], in place; returns the critic."""
    clip_limit = 0.1 + 0.1 * torch.rand(()).item()
    critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        for parameter in critic.parameters():  # half the weights far outside, on both sides, and no small ones
            ways = torch.arange(parameter.numel()).reshape(parameter.shape) % 4
            size = clip_limit * torch.tensor([3.0, -3.0, 0.5, -0.5])[ways] * (1 + 0.1 * torch.rand(parameter.shape))
            parameter.copy_(size)
        critic[2].bias.fill_(-3 * clip_limit)
    for parameter in critic.parameters():
        parameter.grad = parameter.detach().clone()
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    inside = torch.cat([p.clamp(-clip_limit, clip_limit).flatten() for p in before])
    answer, problem = attempt(my_clip_, critic, clip_limit)
    after = torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])
    start = torch.cat([p.flatten() for p in before])
    if close(after, inside):
        return CORRECT if answer is critic else problem if problem not in ("", NOT_YET) else "also return the critic"
    if problem:
        return problem
    if any(not torch.equal(p.grad, b) for p, b in zip(critic.parameters(), before, strict=True) if p.grad is not None):
        return "you clipped the gradients; Algorithm 1 clips the weights themselves"
    mistakes = {
        "nothing has changed: parameter.clamp(...) returns a new tensor; clamp_ changes the parameter itself": start,
        "only one side is clipped: weights below -clip_limit must come back too": start.clamp(max=clip_limit),
        "only one side is clipped: weights above +clip_limit must come back too": start.clamp(min=-clip_limit),
        "negative weights are allowed: clip to [-clip_limit, clip_limit], not to [0, clip_limit]": start.clamp(
            0, clip_limit
        ),
        "you left the biases out; Algorithm 1 clips all parameters": torch.cat(
            [(p.clamp(-clip_limit, clip_limit) if p.ndim > 1 else p).flatten() for p in before]
        ),
        "you set every weight to a wall; those inside the box must stay": clip_limit * start.sign(),
    }
    for sentence, wrong in mistakes.items():
        if close(after, wrong):
            return sentence
    return "these weights are not right"


def check_linear_estimate(my_linear_estimate: Callable[[float, Tensor, Tensor], Tensor]) -> str:
    """Notebook 06: clip_limit * |mean of x_real - mean of x_fake|, on a pair whose fakes lie to the right."""
    clip_limit = 0.2 + 0.5 * torch.rand(()).item()
    x_real, x_fake = torch.rand(5) - 2, 3 * torch.rand(7) + 1
    gap = x_real.mean() - x_fake.mean()
    mistakes = {
        "the absolute value is missing: the critic picks w = -c when the fakes lie to the right": clip_limit * gap,
        "this is the gap of the means; the slope of the critic is at most c": gap.abs(),
        "the absolute value is missing, and so is the factor c": gap,
        "you divided by c: the slope multiplies the gap": gap.abs() / clip_limit,
        "take means, not sums: the two samples need not be equally long": clip_limit
        * (x_real.sum() - x_fake.sum()).abs(),
    }
    return assess(my_linear_estimate, (clip_limit, x_real, x_fake), clip_limit * gap.abs(), mistakes)


def _pairs(*shape: int) -> tuple[Tensor, Tensor]:
    """Data and fakes of this shape that differ clearly in every coordinate; the last rows are the largest."""
    size = torch.linspace(0.1, 3, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return size * (0.5 + torch.rand(shape)), -size * (0.1 + torch.rand(shape))


def _ask_penalty(my_penalty: Callable[..., Tensor], x_real: Tensor, x_fake: Tensor) -> tuple:
    """The student's value, the points at which the critic was asked, and what went wrong, if anything."""
    seen = []

    def critic(x: Tensor) -> Tensor:  # its slope at x is |x|: under 1 near zero, over 1 farther out
        seen.append(x.detach())
        return 0.5 * scale * x.flatten(1).square().sum(dim=1)

    scale = torch.ones((), requires_grad=True)
    answer, problem = attempt(my_penalty, critic, x_real, x_fake)
    if not problem and len(seen) != 1:
        problem = f"call the critic once, on the points between; you called it {len(seen)} times"
    return answer, seen[0] if seen else None, problem


def _problem_with_x_hat(x_hat: Tensor, x_real: Tensor, x_fake: Tensor) -> str:
    """What is wrong with the points between, or an empty string."""
    if x_hat.shape != x_real.shape:
        return f"there must be one point per pair, shape {tuple(x_real.shape)}, found {tuple(x_hat.shape)}"
    eps = ((x_hat - x_fake) / (x_real - x_fake)).detach().flatten(1)  # the same number in all places of a row
    low, high = eps.min().item(), eps.max().item()
    if (eps - eps[:, :1]).abs().max() > 1e-3:
        total = (x_real + x_fake).flatten(1)
        share = (x_hat.flatten(1) * total).sum(1, keepdim=True) / total.square().sum(1, keepdim=True)
        if low < -1e-3 or high > 1 + 1e-3 or close(x_hat.flatten(1), (share * total).detach()):
            return "x_hat is not on the straight line between the two: the weights must be eps and 1 - eps"
        return "eps differs from coordinate to coordinate: x_hat leaves the straight line; draw one eps per sample"
    if (eps - 1).abs().max() < 1e-5:
        return "eps is always 1: x_hat holds only the real points"
    if eps.abs().max() < 1e-5:
        return "eps is always 0: x_hat holds only the fakes"
    if high - low < 1e-3:
        return "all pairs share one eps: draw one per sample"
    if low < -1e-3 or high > 1 + 1e-3:
        return "x_hat lies outside the segment: draw eps uniformly from [0, 1], not from a normal law"
    return ""


def check_points_between(my_points_between: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Notebook 07: one random point per pair on the segment between, for images and for points, without gradient."""
    for shape in [(16, 1, 2, 3), (16, 2)]:
        x_real, x_fake = _pairs(*shape)
        x_hat, problem = attempt(my_points_between, x_real, x_fake.requires_grad_(True))
        if problem:
            return problem if problem == NOT_YET else f"on data of shape {shape} {problem}"
        if not isinstance(x_hat, Tensor):
            return f"expected a tensor of shape {shape}, found {x_hat}"
        if problem := _problem_with_x_hat(x_hat, x_real, x_fake):
            return problem
        if x_hat.requires_grad and not x_hat.is_leaf:
            return "the points are right, but a gradient flows back through them to the generator: detach x_hat"
    return CORRECT


def check_gradient_penalty(my_gradient_penalty: Callable[..., Tensor]) -> str:
    """Notebook 07: the mean of (slope - 1)^2 at points between data and fakes, for images and for points."""
    for shape in [(16, 1, 2, 3), (16, 3)]:
        verdict = _assess_penalty(my_gradient_penalty, *_pairs(*shape))
        if verdict != CORRECT:
            return verdict
    return CORRECT


def _assess_penalty(my_gradient_penalty: Callable[..., Tensor], x_real: Tensor, x_fake: Tensor) -> str:
    """The verdict on data of one shape; what the critic was asked shows eps, the value shows the rest."""
    answer, x_hat, problem = _ask_penalty(my_gradient_penalty, x_real, x_fake.requires_grad_(True))
    if problem := problem or _problem_with_x_hat(x_hat, x_real, x_fake.detach()):
        return problem
    tolerance = 1e-5  # so that no two mistakes agree by chance
    gap = x_hat.flatten(1).norm(dim=1) - 1
    expected = gap.square().mean()
    if close(answer, expected, tolerance):
        if not (isinstance(answer, Tensor) and answer.requires_grad):
            return "the value is right, but it cannot train the critic: pass create_graph=True"
        if torch.autograd.grad(answer, x_fake, allow_unused=True)[0] is not None:
            return "the value is right, but a gradient flows back to the generator: detach x_hat"
        return CORRECT
    mistakes = {
        "the sign is flipped: the penalty is added to a loss that is minimised, so it must be 0 or more": -expected,
        "square each deviation: as it stands slopes above 1 and below 1 cancel": gap.mean(),
        "1 - slope without a square rewards steep slopes: square each deviation": -gap.mean(),
        "square each deviation; you took its absolute value": gap.abs().mean(),
        "take the square of each deviation first, then the mean": gap.mean() ** 2,
        "you took the norm over one axis: flatten everything but the batch first": (
            (x_hat.norm(dim=1) - 1).square().mean()
        ),
        "you took one norm over the whole batch; each sample has a slope of its own": (x_hat.norm() - 1) ** 2,
        "this is the one-sided penalty: slopes below 1 cost too": gap.relu().square().mean(),
        "you took the sum; take the mean, or the penalty grows with the batch": gap.square().sum(),
        "you left the root out: compare the slope with 1, not its square": ((gap + 1) ** 2 - 1).square().mean(),
        "the 1 is missing: charge for the deviation from slope 1": (gap + 1).square().mean(),
    }
    for sentence, wrong in mistakes.items():
        if close(answer, wrong, tolerance):
            return sentence
    return f"expected {expected.item():.4f} on a random case, found {answer}"


def check_penalised_estimate(my_penalised_estimate: Callable[[float, float], float]) -> str:
    """Notebook 07: W1 (1 + W1 / (2 lambda_gp)), what the best linear critic says about laws w1 apart."""
    w1, lambda_gp = 2.2 + torch.rand(()).item(), 1.5 + torch.rand(()).item()  # no two mistakes agree here
    mistakes = {
        "this is the slope; the estimate is slope times distance": 1 + w1 / (2 * lambda_gp),
        "this is minus the loss with the penalty: leave the penalty out of an estimate": w1 + w1**2 / (4 * lambda_gp),
        "the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing": w1 + w1**2 / lambda_gp,
        "the reward pulls the slope above 1: the estimate lies above w1": w1 - w1**2 / (2 * lambda_gp),
        "the slope's excess must be multiplied by w1 too": w1 + w1 / (2 * lambda_gp),
        "this is the distance; the penalty lets the critic say more": w1,
    }
    return assess(my_penalised_estimate, (w1, lambda_gp), w1 + w1**2 / (2 * lambda_gp), mistakes)


def check_least_lambda(my_least_lambda: Callable[[float, float], float]) -> str:
    """Notebook 07: the least lambda_gp with which a linear critic's estimate exceeds w1 by at most a share of w1."""
    w1, share = 1.2 + 0.6 * torch.rand(()).item(), 0.01 + 0.04 * torch.rand(()).item()
    mistakes = {
        "the excess of the slope is w1 / (2 lambda): a factor of 2 is missing": w1 / share,
        "share is a share of w1, not a distance: divide the excess of the estimate by w1": w1**2 / (2 * share),
        "the farther apart the laws, the more lambda you need: w1 is missing": 1 / (2 * share),
        "this is the fraction upside down: a smaller share needs a larger lambda": 2 * share / w1,
        "this holds for minus the loss with the penalty; the estimate exceeds w1 by twice as much": w1 / (4 * share),
    }
    return assess(my_least_lambda, (w1, share), w1 / (2 * share), mistakes)


def check_fix_penalty(my_fix_penalty: Callable[..., Tensor]) -> str:
    """Notebook 08: the two-sided penalty, repaired from one eps per batch and a norm over axis 1."""
    x_real, x_fake = _pairs(16, 2, 3, 4)
    answer, x_hat, problem = _ask_penalty(my_fix_penalty, x_real, x_fake)
    if problem:
        return problem
    if x_hat.shape != x_real.shape:
        return f"the critic must see one point per pair, shape {tuple(x_real.shape)}, found {tuple(x_hat.shape)}"
    slope, wrong_axis = x_hat.flatten(1).norm(dim=1), x_hat.norm(dim=1)
    axis = "the norm still runs over one axis: flatten everything but the batch first (exhibit 2)"
    eps = (x_hat - x_fake) / (x_real - x_fake)  # the same number in all places of a row
    if (eps - eps[:, :1, :1, :1]).abs().max() > 1e-3:
        return "eps differs from coordinate to coordinate: x_hat leaves the straight line; draw one eps per sample"
    if (eps - 1).abs().max() < 1e-3 or eps.abs().max() < 1e-3:
        return "x_hat lies at one end of each segment: mix data and fakes (exhibit 4)"
    if (eps - eps[0, 0, 0, 0]).abs().max() < 1e-3:
        also = f"; and {axis}" if close(answer, (wrong_axis - 1).square().mean()) else ""
        return f"all pairs still share one eps: draw one per sample (exhibit 12){also}"
    if eps.min() < -1e-3 or eps.max() > 1 + 1e-3:
        return "x_hat lies outside the segment: draw eps uniformly from [0, 1] (exhibit 1)"
    if close(answer, (slope - 1).square().mean()):
        if not (isinstance(answer, Tensor) and answer.requires_grad):
            return "the value is right, but it cannot train the critic: pass create_graph=True"
        return CORRECT
    mistakes = {
        axis: (wrong_axis - 1).square().mean(),
        "this charges only for slopes above 1: the penalty to repair is two-sided": (slope - 1).relu().square().mean(),
        "square the deviation before you take the mean": (slope - 1).mean(),
        "you took the sum over the batch: take the mean": (slope - 1).square().sum(),
        "you squared the slope itself: take the norm first, then subtract 1": (slope**2 - 1).square().mean(),
    }
    for sentence, wrong in mistakes.items():
        if close(answer, wrong):
            return sentence
    return f"expected {(slope - 1).square().mean().item():.4f} on a random case, found {answer}"


def check_wrong_axis_slope(my_wrong_axis_slope: Callable[[int, float, float], float]) -> str:
    """Notebook 08: the slope of a linear critic on n_pixels pixels when each weight is penalised on its own."""
    root = int(torch.randint(5, 20, ()))
    n_pixels, (distance, lambda_gp) = root**2, (1 + torch.rand(2)).tolist()
    mistakes = {
        "28 and 392 belong to 784 pixels: use n_pixels": 28 + 392 * distance / lambda_gp,
        "this is the slope of the right penalty; here each weight is held on its own": 1 + distance / (2 * lambda_gp),
        "this is one weight; the slope is sqrt(n_pixels) times that": 1 + root * distance / (2 * lambda_gp),
        "the derivative of (w - 1)^2 is 2 (w - 1): a factor of 2 is missing": root + n_pixels * distance / lambda_gp,
        "the mean over pixels is missing: each weight is held by lambda_gp / n_pixels only": root
        + distance / (2 * lambda_gp),
        "n_pixels is 28 * 28 in the example: take its square root for the norm of equal weights": n_pixels
        * (1 + n_pixels * distance / (2 * lambda_gp)),
    }
    expected = root + n_pixels * distance / (2 * lambda_gp)
    return assess(my_wrong_axis_slope, (n_pixels, distance, lambda_gp), expected, mistakes)


def check_critic_step_count(my_critic_step_count: Callable[[int, int], tuple[int, int]]) -> str:
    """Notebook 08: critic steps of the right loop and of the inverted one while the generator takes n_steps."""
    n_critic = int(torch.randint(3, 9, ()))
    n_steps = n_critic * int(torch.randint(3, 9, ())) + 1  # not a multiple: floor and ceiling differ
    right, inverted = n_critic * n_steps, n_steps // n_critic + 1
    mistakes = {
        "the two are swapped: the right loop takes more critic steps": (inverted, right),
        "step 0 counts too: round up, not down": (right, n_steps // n_critic),
        "steps are whole: round up": (right, n_steps / n_critic),
        "the inverted loop skips most critic steps; you gave both loops the same": (right, right),
        "the right loop takes n_critic critic steps for each generator step": (n_steps, inverted),
        "the right loop takes n_critic critic steps for each generator step; and step 0 counts: round up": (
            n_steps,
            n_steps // n_critic,
        ),
    }
    return assess(my_critic_step_count, (n_steps, n_critic), (right, inverted), mistakes)


def check_find_the_bug(my_find_the_bug: Callable[[Tensor, float], int]) -> str:
    """Notebook 08: which exhibit (1, 2, 3, 4, 6, 12, or 0 for none) shows these positions and this slope."""
    inside = 0.02 + 0.96 * torch.rand(7, 16)
    below, above = inside[1].clone(), inside[2].clone()
    below[3], above[3] = -0.1 - torch.rand(()), 1.1 + torch.rand(())
    near = (1 + 0.05 * (torch.rand(8) - 0.5)).tolist()
    cases = [
        (0, inside[0], 1.05 * near[0], "scattered positions and slope near 1.05 are healthy"),
        (1, below, 1.05 * near[1], "a position below 0 lies off the segment"),
        (1, above, 1.05 * near[2], "a position above 1 lies off the segment"),
        (2, inside[3], 67.2 * near[3], "a slope near 67 is what the norm over axis 1 gives"),
        (3, inside[4], 0.253 * near[4], "a slope near 1/sqrt(16) is what the lost axis gives"),
        (4, torch.ones(16), 1.05 * near[5], "all positions are 1: only the data are penalised"),
        (6, inside[5], float("nan"), "a NaN compares as false with everything: ask for it by name"),
        (12, inside[6, :1].repeat(16), 1.05 * near[6], "all positions are equal, and not at an end"),
    ]
    for index in torch.randperm(len(cases)).tolist():
        number, eps, slope, reason = cases[index]
        answer, problem = attempt(my_find_the_bug, eps.clone(), slope)
        if problem:
            return problem
        if not close(answer, number):
            truth = f"this was exhibit {number}" if number else "nothing was wrong"
            return f"{truth}, you answered {answer}: {reason}"
    return CORRECT


def check_share_at_limit(my_share_at_limit: Callable[[nn.Module, float], float]) -> str:
    """Notebook 09: the share of a critic's parameters, biases included, that lie at -clip_limit or +clip_limit."""
    clip_limit = 0.1
    critic = nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.copy_(0.15 * torch.randn_like(parameter)).clamp_(-clip_limit, clip_limit)
        critic[0].weight[0, 0] = clip_limit
    layers = [(parameter.detach().abs() == clip_limit).float() for parameter in critic.parameters()]
    weights, matrices = torch.cat([p.flatten() for p in layers]), torch.cat([p.flatten() for p in layers if p.ndim > 1])
    upper = torch.cat([(parameter.detach() == clip_limit).float().flatten() for parameter in critic.parameters()])
    mistakes = {
        "a share lies between 0 and 1: you gave per cent": 100 * weights.mean(),
        "this is the number of weights at the limit; divide by how many there are": weights.sum(),
        "you counted +clip_limit alone; count -clip_limit too": upper.mean(),
        "you averaged the shares of the layers; count all weights alike": sum(p.mean() for p in layers) / len(layers),
        "you left the biases out; Algorithm 1 clips them too": matrices.mean(),
    }
    return assess(my_share_at_limit, (critic, clip_limit), weights.mean(), mistakes)


def check_latent_walk(my_latent_walk: Callable[[Tensor, Tensor, int], Tensor]) -> str:
    """Notebook 09: n evenly spaced points on the straight line from z_start to z_end, both ends included."""
    z_start, z_end, n = torch.randn(8), torch.randn(8), 5
    share, open_share = torch.linspace(0, 1, n)[:, None], torch.arange(n)[:, None] / n
    expected = z_start + share * (z_end - z_start)
    mistakes = {
        "the walk runs backwards: row 0 must be z_start": expected.flip(0),
        "the walk stops one step short: divide by n - 1, so that the last row is z_end": z_start
        + open_share * (z_end - z_start),
        "you added a multiple of z_end; weight z_start by what is left, 1 - share": z_start + share * z_end,
    }
    return assess(my_latent_walk, (z_start, z_end, n), expected, mistakes)


def check_best_slope(my_best_slope: Callable[[float, float], float]) -> str:
    """Notebook 10: the slope s that minimises -s d + lambda_gp (s - 1)^2."""
    d, lambda_gp = (0.5 + torch.rand(2)).tolist()
    mistakes = {
        "the derivative of (s - 1)^2 is 2 (s - 1): a factor of 2 is missing": 1 + d / lambda_gp,
        "the sign of the reward is flipped: the critic gains by a larger slope": 1 - d / (2 * lambda_gp),
        "this is the estimate, slope times d; the question asks for the slope": d + d**2 / (2 * lambda_gp),
        "1 is the slope that the penalty asks for; the reward pulls it higher": 1.0,
    }
    return assess(my_best_slope, (d, lambda_gp), 1 + d / (2 * lambda_gp), mistakes)


def check_one_sided_penalty(my_one_sided_penalty: Callable[..., Tensor]) -> str:
    """Notebook 10: the mean of max(slope - 1, 0)^2 at points drawn as in ``gradient_penalty``."""
    x_real, x_fake = _pairs(16, 1, 2, 3)
    answer, x_hat, problem = _ask_penalty(my_one_sided_penalty, x_real, x_fake)
    if problem := problem or _problem_with_x_hat(x_hat, x_real, x_fake):
        return problem
    slope = x_hat.flatten(1).norm(dim=1)
    expected = (slope - 1).relu().square().mean()
    if close(answer, expected):
        if not (isinstance(answer, Tensor) and answer.requires_grad):
            return "the value is right, but it cannot train the critic: pass create_graph=True"
        return CORRECT
    if close(answer, (slope - 1).square().mean()):
        return "this is the two-sided penalty: slopes below 1 must cost nothing"
    if close(answer, (1 - slope).relu().square().mean()):
        return "the side is flipped: charge for slopes above 1"
    if close(answer, (slope - 1).relu().mean()):
        return "square the excess before you take the mean"
    wrong_axis = x_hat.norm(dim=1)
    if close(answer, (wrong_axis - 1).relu().square().mean()):
        return "you took the norm over one axis: flatten everything but the batch first"
    return f"expected {expected.item():.4f} on a random case, found {answer}"


def check_rank_correlation(my_rank_correlation: Callable) -> str:
    """Notebook 10: Spearman's rank correlation of two lists without ties."""
    mistakes, expected = {}, torch.ones(())
    while not mistakes or not _told_apart(expected, mistakes):
        values = torch.rand(2, 9)
        order = values.argsort(dim=1)
        expected = torch.corrcoef(order.argsort(dim=1).double())[0, 1]
        mistakes = {
            "this is the correlation of the values; replace them by their ranks first": torch.corrcoef(values)[0, 1],
            "one argsort gives the order, not the ranks; apply it twice": torch.corrcoef(order.double())[0, 1],
            "the sign is flipped: rank both lists in the same direction": -expected,
        }
    return assess(my_rank_correlation, tuple(values.tolist()), expected, mistakes)


def check_images_from_folder(my_images_from_folder: Callable[[str], Tensor]) -> str:
    """Notebook 10: the PNG files of a folder as bytes (n, 1, 28, 28), grey, sorted by name."""
    levels = [255, 60, 160]  # of the right half; the left half is black
    sizes = [(40, 60), (28, 28), (64, 32)]
    with tempfile.TemporaryDirectory() as folder:
        for name, level, (height, width) in zip("cab", levels, sizes, strict=True):
            picture = np.zeros((height, width, 3), np.uint8)
            picture[:, width // 2 :] = level
            Image.fromarray(picture).save(f"{folder}/{name}.png")
        answer, problem = attempt(my_images_from_folder, folder)
    if problem:
        return problem
    if not isinstance(answer, Tensor):
        return f"expected a tensor, found {type(answer).__name__}"
    if answer.is_floating_point():
        return f"expected bytes (torch.uint8), found {answer.dtype}: train scales them to [-1, 1] itself"
    if answer.shape == (3, 3, 28, 28):
        return "the pictures are still in colour: read them as grey"
    if answer.dtype != torch.uint8 or answer.shape != (3, 1, 28, 28):
        return f"expected torch.uint8 (3, 1, 28, 28), found {answer.dtype} {tuple(answer.shape)}"
    left, right, top, bottom = (
        answer[..., rows, columns].float().mean(dim=(1, 2, 3))
        for rows, columns in [
            (slice(None), slice(0, 12)),
            (slice(None), slice(16, 28)),
            (slice(0, 12), slice(None)),
            (slice(16, 28), slice(None)),
        ]
    )
    if (bottom > top + 30).all():
        return "rows and columns are swapped: the order is (n, 1, height, width)"
    if (left > 200).all():
        return "the brightness is inverted: 0 is black, 255 white"
    expected = torch.tensor([60.0, 160.0, 255.0])
    if close(right.sort().values, expected, tolerance=0.05) and not close(right, expected, tolerance=0.05):
        return "sort the files by name, so that a run can be repeated"
    if close(right, expected, tolerance=0.05) and (left < 10).all():
        return CORRECT
    return f"expected right halves of brightness {expected.tolist()}, found {[round(x, 1) for x in right.tolist()]}"


def check_epochs(my_epochs: Callable[[int, int, int, int], float]) -> str:
    """Notebook 11: how often, on average, a run shows each of its images to the critic as data."""
    n_steps, n_critic, batch_size, n_images = (int(torch.randint(k, 2 * k, ())) for k in (500, 2, 32, 2000))
    expected = n_steps * n_critic * batch_size / n_images
    mistakes = {
        "the critic takes n_critic steps, each with a batch of its own, per generator step": expected / n_critic,
        "the generator's step shows fakes alone: no data are drawn for it": expected * (n_critic + 1) / n_critic,
        "fakes are not data: count batch_size images per critic step": 2 * expected,
        "this is the number of batches per image; a batch holds batch_size images": expected / batch_size,
        "this is the fraction upside down: more steps, more epochs": 1 / expected,
        "this is the number of images shown; divide by how many there are": expected * n_images,
    }
    return assess(my_epochs, (n_steps, n_critic, batch_size, n_images), expected, mistakes)


def check_falling_rate(my_falling_rate: Callable[[int, int, float, float], float]) -> str:
    """Notebook 11: the rate lr during the share ``hold`` of the run, then on a straight line to 0 at step n_steps."""
    n_steps, lr, hold = 1000, 2 + torch.rand(()).item(), 0.6 + 0.2 * torch.rand(()).item()
    early, soon = int(torch.randint(50, 350, ())), int(torch.randint(420, 580, ()))
    for step in (early, soon, int(torch.randint(850, 950, ()))):
        done = step / n_steps
        line = lr * (1 - done) / (1 - hold)
        expected = min(lr, line)
        mistakes = {
            "the rate must not exceed lr: take the smaller of lr and the line": line,
            "hold is not used: as it stands the fall begins at half the run": lr * min(1, 2 * (1 - done)),
            "the rate drops at once where the fall begins: divide by 1 - hold": lr if done < hold else lr * (1 - done),
            "the fall begins with the first step: keep lr during the share hold of the run": lr * (1 - done),
            "the line must reach 0 at n_steps: divide by the share that is left, 1 - hold": lr
            * min(1, (1 - done) / hold),
            "this is the factor; multiply it by lr": expected / lr,
        }
        verdict = assess(my_falling_rate, (step, n_steps, lr, hold), expected, mistakes)
        if verdict != CORRECT:
            return verdict
    return CORRECT


def check_critic_for(my_critic_for: Callable[[int, int, int], nn.Module]) -> str:
    """Notebook 11: a critic for images of any shape whose height and width are multiples of 4."""
    for shape in [(1, 28, 28), (3, 32, 32), (2, 20, 24)]:
        critic, problem = attempt(my_critic_for, *shape)
        if problem:
            return problem
        if not isinstance(critic, nn.Module):
            return f"return a network, an nn.Module; found {critic}"
        critic.train()
        images = 1000 * torch.randn(8, *shape)
        scores, problem = attempt(critic, images)
        if problem:
            return f"for images of shape {shape}: {problem.replace('your function', 'your critic')}"
        found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        if found not in [(8,), (8, 1)]:
            return f"one score per image: expected shape (8, 1) for 8 images, found {found}"
        if not close(critic(torch.cat([images[:1], 100 * torch.randn(7, *shape)]))[0], scores[0].detach(), 1e-3):
            return "a score depends on the other images of its batch: no batch norm, no dropout in a critic"
        if scores.abs().max() <= 1:
            return "the scores are bounded: a critic ends with a linear layer, without sigmoid or tanh"
        if scores.min() == 0:
            return "no score is negative: a critic ends with a linear layer, without ReLU"
    return CORRECT


def check_grey_levels(my_grey_levels: Callable[[float], float]) -> str:
    """Notebook 11: an estimate for pixels in [-1, 1], turned into the units of the bytes 0 to 255."""
    estimate = 5 + 5 * torch.rand(()).item()
    mistakes = {
        "[-1, 1] has length 2, so one unit is 127.5 grey levels": 255 * estimate,
        "this is upside down: one unit is many grey levels": estimate / 127.5,
        "a distance has no origin: multiply, and add nothing": 127.5 * (estimate + 1),
        "W1 is a length, not a squared length: multiply by 127.5 once": 127.5**2 * estimate,
        "the distance does change with the units of the data": estimate,
    }
    return assess(my_grey_levels, (estimate,), 127.5 * estimate, mistakes)
