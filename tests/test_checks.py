"""Each check accepts a right answer, waits for a missing one, and tells typical mistakes apart by name."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wgan_utils import checks
from wgan_utils.distances import js_divergence, kl_divergence, total_variation
from wgan_utils.losses import critic_loss, gradient_penalty


def share_at_limit(critic, clip_limit):
    weights = torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])
    return (weights.abs() == clip_limit).float().mean()


def latent_walk(z_start, z_end, n):
    return torch.lerp(z_start, z_end, torch.linspace(0, 1, n)[:, None])


def penalty(power=2, charge=torch.relu, dims=None, eps_shape=None, create_graph=True, low=0.0, high=1.0):
    """A penalty with one thing changed; as it stands it is right."""

    def my_one_sided_penalty(critic, x_real, x_fake):
        shape = eps_shape(x_real) if eps_shape else (len(x_real), 1, 1, 1)
        eps = low + (high - low) * torch.rand(shape)
        x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        slope = grad.norm(dim=dims) if dims else grad.flatten(1).norm(dim=1)
        return (charge(slope - 1) ** power).mean()

    return my_one_sided_penalty


RIGHT = {
    "critic_loss": critic_loss,
    "share_at_limit": share_at_limit,
    "latent_walk": latent_walk,
    "best_slope": lambda d, lambda_gp: 1 + d / (2 * lambda_gp),
    "one_sided_penalty": penalty(),
}
WRONG = [
    ("critic_loss", lambda real, fake: real.mean() - fake.mean(), "sign is flipped"),
    ("critic_loss", lambda real, fake: fake.sum() - real.sum(), "take means"),
    ("critic_loss", lambda real, fake: fake.sigmoid().mean() - real.sigmoid().mean(), "no sigmoid"),
    ("critic_loss", lambda real, fake: fake.mean(), "expected .* found"),
    ("share_at_limit", lambda critic, c: 100 * share_at_limit(critic, c), "per cent"),
    (
        "share_at_limit",
        lambda critic, c: sum((p.detach().abs() == c).sum() for p in critic.parameters()),
        "divide by how many",
    ),
    (
        "share_at_limit",
        lambda critic, c: torch.cat([p.detach().flatten() for p in critic.parameters()]).eq(c).float().mean(),
        r"\+clip_limit alone",
    ),
    (
        "share_at_limit",
        lambda critic, c: torch.stack([p.detach().abs().eq(c).float().mean() for p in critic.parameters()]).mean(),
        "averaged the shares of the layers",
    ),
    (
        "share_at_limit",
        lambda critic, c: (
            torch.cat([p.detach().flatten() for p in critic.parameters() if p.ndim > 1]).abs().eq(c).float().mean()
        ),
        "left the biases out",
    ),
    ("latent_walk", lambda a, b, n: latent_walk(b, a, n), "backwards"),
    ("latent_walk", lambda a, b, n: a + torch.arange(n)[:, None] / n * (b - a), "one step short"),
    ("latent_walk", lambda a, b, n: a + torch.linspace(0, 1, n)[:, None] * b, "weight z_start by what is left"),
    ("latent_walk", lambda a, b, n: latent_walk(a, b, n + 1), "expected shape"),
    ("latent_walk", lambda a, b, n: latent_walk(a, b, n) ** 2, "not right"),
    ("best_slope", lambda d, lambda_gp: 1 + d / lambda_gp, "factor of 2"),
    ("best_slope", lambda d, lambda_gp: 1 - d / (2 * lambda_gp), "sign of the reward"),
    ("best_slope", lambda d, lambda_gp: d + d**2 / (2 * lambda_gp), "this is the estimate"),
    ("best_slope", lambda d, lambda_gp: 1.0, "the reward pulls it higher"),
    ("one_sided_penalty", gradient_penalty, "two-sided"),
    ("one_sided_penalty", penalty(charge=lambda excess: torch.relu(-excess)), "side is flipped"),
    ("one_sided_penalty", penalty(power=1), "square the excess"),
    ("one_sided_penalty", penalty(dims=1), "norm over one axis"),
    ("one_sided_penalty", penalty(create_graph=False), "create_graph=True"),
    ("one_sided_penalty", penalty(eps_shape=lambda x: (1, 1, 1, 1)), "all pairs share one eps"),
    ("one_sided_penalty", penalty(eps_shape=lambda x: x.shape), "differs from coordinate to coordinate"),
    ("one_sided_penalty", penalty(low=1.0, high=2.0), "outside the segment"),
]

RIGHT["total_variation"] = total_variation
RIGHT["kl_divergence"] = kl_divergence
RIGHT["js_divergence"] = js_divergence
RIGHT["theta_step"] = lambda theta, lr, step: theta - lr / (1 + step) ** 0.5 * (1 if theta > 0 else -1)


def plain_kl(p, q, kept=None):
    """KL as a formula, over all points or those kept."""
    kept = slice(None) if kept is None else kept
    return (p[kept] * np.log(p[kept] / q[kept])).sum()


WRONG += [
    ("total_variation", lambda p, q: abs(p - q).sum(), "half is missing"),
    ("total_variation", lambda p, q: abs(p - q).max(), "largest difference at one point"),
    ("total_variation", lambda p, q: (p - q).sum() / 2, "cancel"),
    ("total_variation", lambda p, q: abs(p - q).mean(), "not the mean"),
    ("kl_divergence", plain_kl, "0 log 0"),
    ("kl_divergence", lambda p, q: plain_kl(p, q, (p > 0) & (q > 0)), "KL is infinite"),
    ("kl_divergence", lambda p, q: plain_kl(p + 1e-12, q + 1e-12), "KL is infinite"),
    ("kl_divergence", lambda p, q: kl_divergence(q, p), "swapped"),
    ("kl_divergence", lambda p, q: -kl_divergence(p, q), "sign is flipped"),
    ("kl_divergence", lambda p, q: kl_divergence(p, q) / np.log(2), "bits"),
    ("js_divergence", lambda p, q: 2 * js_divergence(p, q), "half is missing"),
    ("js_divergence", lambda p, q: js_divergence(p, q) / np.log(2), "bits"),
    ("js_divergence", lambda p, q: (plain_kl(p, p + q, p > 0) + plain_kl(q, p + q, q > 0)) / 2, "left out its half"),
    ("js_divergence", lambda p, q: (kl_divergence(p, q) + kl_divergence(q, p)) / 2, "infinite here"),
    ("js_divergence", lambda p, q: (plain_kl(p, (p + q) / 2) + plain_kl(q, (p + q) / 2)) / 2, "0 log 0"),
    ("theta_step", lambda theta, lr, step: theta + lr / (1 + step) ** 0.5, "uphill"),
    ("theta_step", lambda theta, lr, step: theta - lr * (1 if theta > 0 else -1), "does not decay"),
    ("theta_step", lambda theta, lr, step: theta - lr / (1 + step), "square root"),
    ("theta_step", lambda theta, lr, step: theta - lr / (1 + step) ** 0.5 * theta, "however large"),
    ("theta_step", lambda theta, lr, step: theta - lr / (1 + step) ** 0.5, "left of the data"),
]


def best_answer(f, cost):
    return (cost - f[:, None]).min(axis=0)


def distances(x_new, x):
    return ((x_new[:, None] - x) ** 2).sum(axis=2) ** 0.5


def upper_form(values, x, x_new, power=1):
    return (values + distances(x_new, x) ** power).min(axis=1)


RIGHT["c_transform"] = best_answer
RIGHT["slack"] = lambda f, g, cost: cost - f[:, None] - g
RIGHT["lower_bound"] = lambda f, p, q, cost: f @ p + best_answer(f, cost) @ q
RIGHT["upper_form"] = upper_form
WRONG += [
    ("c_transform", lambda f, cost: (cost - f[:, None]).max(axis=0), "took the maximum"),
    ("c_transform", lambda f, cost: (cost - f[:, None]).min(axis=1), "axis is swapped"),
    ("c_transform", lambda f, cost: (cost - f).min(axis=0), "make it a column"),
    ("c_transform", lambda f, cost: (cost - f).min(axis=1), "both axes are swapped"),
    ("c_transform", lambda f, cost: (cost + f[:, None]).min(axis=0), "sign of f"),
    ("c_transform", lambda f, cost: -best_answer(f, cost), "sign of g"),
    ("c_transform", lambda f, cost: cost - f[:, None], "expected shape"),
    ("slack", lambda f, g, cost: f[:, None] + g - cost, "sign is flipped"),
    ("slack", lambda f, g, cost: cost - f - g[:, None], "changed places"),
    ("slack", lambda f, g, cost: cost - f[:, None] + g, "added g"),
    ("slack", lambda f, g, cost: f[:, None] + g, "sum of the prices"),
    ("slack", lambda f, g, cost: cost - f[:, None], "g is missing"),
    ("lower_bound", lambda f, p, q, cost: f @ p - f @ q, "g = -f"),
    ("lower_bound", lambda f, p, q, cost: f @ p + (cost - f[:, None]).max(axis=0) @ q, "not feasible"),
    ("lower_bound", lambda f, p, q, cost: f @ p - best_answer(f, cost) @ q, "sign of g"),
    ("lower_bound", lambda f, p, q, cost: f.mean() + best_answer(f, cost).mean(), "plain means"),
    ("lower_bound", lambda f, p, q, cost: f @ p + best_answer(f, cost.T) @ q, "axes of cost"),
    ("lower_bound", lambda f, p, q, cost: f @ p, "income from unloading"),
    ("upper_form", lambda v, x, x_new: -upper_form(-v, x, x_new), "lower form"),
    ("upper_form", lambda v, x, x_new: -(-v + distances(x_new, x)).max(axis=1), "sign is flipped"),
    ("upper_form", lambda v, x, x_new: (v + distances(x_new, x)).max(axis=1), "take the minimum"),
    ("upper_form", lambda v, x, x_new: upper_form(v, x, x_new, power=2), "squared distance"),
    ("upper_form", lambda v, x, x_new: v[distances(x_new, x).argmin(axis=1)], "nearest point"),
]


# Notebook 02


def w1_line(positions, p, q):
    order = positions.argsort()
    return (abs((p - q)[order].cumsum())[:-1] * (positions[order][1:] - positions[order][:-1])).sum()


def sinkhorn_step(sign=-1.0, scale=lambda reg: 1 / reg, columns=True):
    """One Sinkhorn step with one thing changed; as it stands it is right."""

    def my_sinkhorn_step(p, q, cost, reg, v):
        kernel = 2.718281828459045 ** (sign * cost * scale(reg))
        u = p / (kernel @ v)
        return u[:, None] * kernel * (q / (u @ kernel) if columns else v)

    return my_sinkhorn_step


def best_theta(m, truth, step=0):
    below = torch.distributions.Binomial(m, torch.tensor(truth, dtype=torch.double))
    below = below.log_prob(torch.arange(m + 1, dtype=torch.double)).exp().cumsum(0)
    return (int((below < 0.5).sum()) + step) / m


RIGHT["plan_cost"] = lambda plan, x, y: (plan * abs(x[:, None] - y)).sum()
RIGHT["w1_line"] = w1_line
RIGHT["sinkhorn_step"] = sinkhorn_step()
RIGHT["best_theta"] = best_theta
WRONG += [
    ("plan_cost", lambda plan, x, y: (plan * abs(x[:, None] - y)).mean(), "took the mean"),
    ("plan_cost", lambda plan, x, y: (plan * abs(x[:, None] - y)).sum() / len(x), "divided by n"),
    ("plan_cost", lambda plan, x, y: (plan * abs(x[:, None] - y)).sum() / len(y), "divided by m"),
    ("plan_cost", lambda plan, x, y: (plan * (x[:, None] - y)).sum(), "absolute value: moves to the left"),
    ("plan_cost", lambda plan, x, y: (plan * (y - x[:, None])).sum(), "absolute value: moves to the right"),
    ("plan_cost", lambda plan, x, y: (plan * (y - x[:, None]) ** 2).sum(), "squared"),
    ("plan_cost", lambda plan, x, y: abs(y - x[:, None]).mean(), "left the plan out"),
    ("w1_line", lambda x, p, q: w1_line(x.argsort().argsort(), p, q), "forgot the bin width"),
    (
        "w1_line",
        lambda x, p, q: ((p - q)[x.argsort()].cumsum()[:-1] * (x[x.argsort()][1:] - x[x.argsort()][:-1])).sum(),
        "forgot the absolute value",
    ),
    ("w1_line", lambda x, p, q: abs(((p - q) * x).sum()), "absolute value"),
    (
        "w1_line",
        lambda x, p, q: (abs((p - q)[x.argsort()])[:-1] * (x[x.argsort()][1:] - x[x.argsort()][:-1])).sum(),
        "cumulative sum",
    ),
    ("w1_line", lambda x, p, q: (abs((p - q).cumsum())[:-1] * (x[1:] - x[:-1])).sum(), "width cannot be negative"),
    ("w1_line", lambda x, p, q: (abs((p - q).cumsum())[:-1] * abs(x[1:] - x[:-1])).sum(), "sort first"),
    ("w1_line", lambda x, p, q: w1_line(x[x.argsort()], p, q), "sort p and q together"),
    ("sinkhorn_step", sinkhorn_step(columns=False), "now fit the columns"),
    ("sinkhorn_step", sinkhorn_step(sign=1.0), "sign is flipped"),
    ("sinkhorn_step", sinkhorn_step(scale=lambda reg: 1.0), "forgot to divide"),
    ("sinkhorn_step", sinkhorn_step(scale=lambda reg: reg), "multiplied the cost by reg"),
    ("sinkhorn_step", lambda p, q, cost, reg, v: sinkhorn_step()(p, q, cost, reg, v).T, "expected shape"),
    ("best_theta", lambda m, truth: truth, "true share"),
    ("best_theta", lambda m, truth: m * best_theta(m, truth), "divide by m"),
    ("best_theta", lambda m, truth: best_theta(m, truth, step=-1), "one step too low"),
]


# Notebook 08


def fix_penalty(eps_shape=lambda x: (len(x), 1, 1, 1), draw=torch.rand, norm=None, end=torch.mean, create_graph=True):
    """A repaired penalty with one thing changed; as it stands it is right."""

    def my_fix_penalty(critic, x_real, x_fake):
        eps = draw(eps_shape(x_real))
        x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        slope = norm(grad) if norm else grad.flatten(1).norm(dim=1)
        return end((slope - 1) ** 2)

    return my_fix_penalty


def one_axis(grad):
    return grad.norm(dim=1)


def find_the_bug(skip=(), eps_below=True, eps_above=True):
    """The guard of the museum, blind to the exhibits in ``skip``."""

    def my_find_the_bug(eps, slope):
        tests = {
            6: slope != slope,
            1: bool(eps_below and eps.min() < 0) or bool(eps_above and eps.max() > 1.001),
            4: bool((eps - 1).abs().max() < 1e-3),
            12: bool(eps.max() - eps.min() < 1e-3),
            2: slope > 10,
            3: slope < 0.5,
        }
        return next((number for number, found in tests.items() if found and number not in skip), 0)

    return my_find_the_bug


RIGHT["fix_penalty"] = fix_penalty()
RIGHT["wrong_axis_slope"] = lambda n, distance, lambda_gp: n**0.5 * (1 + n**0.5 * distance / (2 * lambda_gp))
RIGHT["critic_step_count"] = lambda n_steps, n_critic: (n_critic * n_steps, -(-n_steps // n_critic))
RIGHT["find_the_bug"] = find_the_bug()
WRONG += [
    ("fix_penalty", fix_penalty(eps_shape=lambda x: 1, norm=one_axis), "share one eps.* and the norm still runs"),
    ("fix_penalty", fix_penalty(eps_shape=lambda x: 1), r"share one eps: draw one per sample \(exhibit 12\)$"),
    ("fix_penalty", fix_penalty(norm=one_axis), "norm still runs over one axis"),
    ("fix_penalty", fix_penalty(create_graph=False), "create_graph=True"),
    ("fix_penalty", fix_penalty(eps_shape=lambda x: x.shape), "differs from coordinate to coordinate"),
    ("fix_penalty", fix_penalty(draw=lambda shape: 1.2 + torch.rand(shape)), "outside the segment"),
    ("fix_penalty", fix_penalty(draw=torch.ones), "at one end"),
    ("fix_penalty", fix_penalty(end=torch.sum), "sum over the batch"),
    ("fix_penalty", fix_penalty(norm=lambda grad: grad.flatten(1).square().sum(dim=1)), "squared the slope itself"),
    ("fix_penalty", penalty(), "above 1: the penalty to repair is two-sided"),
    ("wrong_axis_slope", lambda n, distance, lambda_gp: 28 + 392 * distance / lambda_gp, "belong to 784 pixels"),
    ("wrong_axis_slope", lambda n, distance, lambda_gp: 1 + distance / (2 * lambda_gp), "right penalty"),
    ("wrong_axis_slope", lambda n, distance, lambda_gp: 1 + n**0.5 * distance / (2 * lambda_gp), "this is one weight"),
    ("wrong_axis_slope", lambda n, distance, lambda_gp: n**0.5 + n * distance / lambda_gp, "factor of 2"),
    ("wrong_axis_slope", lambda n, distance, lambda_gp: n**0.5 + distance / (2 * lambda_gp), "mean over pixels"),
    ("wrong_axis_slope", lambda n, d, lambda_gp: n * (1 + n * d / (2 * lambda_gp)), "square root"),
    ("critic_step_count", lambda n_steps, n_critic: (-(-n_steps // n_critic), n_critic * n_steps), "swapped"),
    ("critic_step_count", lambda n_steps, n_critic: (n_critic * n_steps, n_steps // n_critic), "^step 0 counts too"),
    ("critic_step_count", lambda n_steps, n_critic: (n_critic * n_steps, n_steps / n_critic), "steps are whole"),
    ("critic_step_count", lambda n_steps, n_critic: (n_critic * n_steps,) * 2, "both loops the same"),
    ("critic_step_count", lambda n_steps, n_critic: (n_steps, -(-n_steps // n_critic)), "generator step$"),
    ("critic_step_count", lambda n_steps, n_critic: (n_steps, n_steps // n_critic), "generator step; and step 0"),
    ("find_the_bug", find_the_bug(skip=[1]), "off the segment"),
    ("find_the_bug", find_the_bug(eps_below=False), "below 0"),
    ("find_the_bug", find_the_bug(eps_above=False), "above 1"),
    ("find_the_bug", find_the_bug(skip=[2]), "exhibit 2, you answered 0: .*axis 1"),
    ("find_the_bug", find_the_bug(skip=[3]), "lost axis"),
    ("find_the_bug", find_the_bug(skip=[4]), "exhibit 4, you answered 12"),
    ("find_the_bug", find_the_bug(skip=[6]), "NaN compares as false"),
    ("find_the_bug", find_the_bug(skip=[12]), "exhibit 12, you answered 0"),
    ("find_the_bug", lambda eps, slope: find_the_bug()(eps, slope) or 1, "healthy"),
]


# Notebook 04


def saturating_gradient(d, weigh=lambda on_fakes, z, d: d * on_fakes, shift=1.0):
    """The saturating gradient by a Riemann sum, with one thing changed; as it stands it is right."""
    z = np.linspace(-10, 10, 4001)
    on_fakes = 1 / (1 + np.exp(d * (shift * d + z) - d**2 / 2))
    return (weigh(on_fakes, z, d) * np.exp(-(z**2) / 2)).sum() * (z[1] - z[0]) / np.sqrt(2 * np.pi)


RIGHT["optimal_discriminator"] = lambda p, q: p / (p + q)
RIGHT["js_from_loss"] = lambda loss: np.log(2) - loss / 2
RIGHT["saturating_gradient"] = saturating_gradient
WRONG += [
    ("optimal_discriminator", lambda p, q: q / (p + q), "changed places"),
    ("optimal_discriminator", lambda p, q: p / q, "the odds"),
    ("optimal_discriminator", lambda p, q: np.log(p) - np.log(q), "logit of D"),
    ("optimal_discriminator", lambda p, q: np.where(p > q, 1.0, 0.0), "not a verdict"),
    ("optimal_discriminator", lambda p, q: p / (p.sum() + q.sum()), "not by the total"),
    ("optimal_discriminator", lambda p, q: p / ((p + q) / 2), "a half too many"),
    ("js_from_loss", lambda loss: np.log(2) + loss / 2, "sign is flipped"),
    ("js_from_loss", lambda loss: 2 * np.log(2) - loss, "a half is missing"),
    ("js_from_loss", lambda loss: np.log(2) - loss, "divide the loss by 2"),
    ("js_from_loss", lambda loss: -loss / 2, "log 2 is missing"),
    ("js_from_loss", lambda loss: 1 - loss / 2 / np.log(2), "bits"),
    ("js_from_loss", lambda loss: loss / 2, "add log 2"),
    ("saturating_gradient", lambda d: -saturating_gradient(d), "sign is flipped"),
    ("saturating_gradient", lambda d: saturating_gradient(d, lambda D, z, d: d * (1 - D)), "non-saturating"),
    ("saturating_gradient", lambda d: saturating_gradient(d, shift=0.0), "averaged over data"),
    ("saturating_gradient", lambda d: saturating_gradient(d, lambda D, z, d: D), "slope, d in size, is missing"),
    ("saturating_gradient", lambda d: saturating_gradient(d) / 2, "JS'"),
    ("saturating_gradient", lambda d: saturating_gradient(d, lambda D, z, d: np.log(1 - D)), "loss itself"),
    ("saturating_gradient", lambda d: saturating_gradient(d, lambda D, z, d: D * (d + z)), "freeze it"),
    ("saturating_gradient", lambda d: saturating_gradient(d, lambda D, z, d: -d * D * (1 - D)), "slope of D"),
]


# Notebook 07


def points(eps=lambda x: torch.rand(len(x), *[1] * (x.ndim - 1)), other=lambda eps: 1 - eps, detach=True):
    """Points between with one thing changed; as it stands it is right."""

    def my_points_between(x_real, x_fake):
        share = eps(x_real)
        x_hat = share * x_real + other(share) * x_fake
        return x_hat.detach() if detach else x_hat

    return my_points_between


def full_penalty(
    reduce=lambda slope: (slope - 1).square().mean(),
    norm=lambda grad: grad.flatten(1).norm(dim=1),
    between=None,
    create_graph=True,
):
    """The two-sided penalty with one thing changed; as it stands it is right."""

    def my_gradient_penalty(critic, x_real, x_fake):
        x_hat = (between or points())(x_real, x_fake).requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        return reduce(norm(grad))

    return my_gradient_penalty


MISPLACED = [
    (points(eps=lambda x: torch.rand(())), "all pairs share one eps"),
    (points(eps=lambda x: torch.full((), 0.5)), "all pairs share one eps"),
    (points(eps=lambda x: torch.rand(x.shape)), "coordinate to coordinate"),
    (points(eps=lambda x: torch.randn(len(x), *[1] * (x.ndim - 1))), "not from a normal law"),
    (points(eps=lambda x: torch.ones(len(x), *[1] * (x.ndim - 1))), "only the real points"),
    (points(eps=lambda x: torch.zeros(len(x), *[1] * (x.ndim - 1))), "only the fakes"),
    (points(other=lambda eps: eps), "weights must be eps and 1 - eps"),
    (points(eps=lambda x: torch.rand(len(x), 1, 1)), "one point per pair"),
    (points(detach=False), "detach x_hat"),
]
RIGHT["points_between"] = points()
RIGHT["gradient_penalty"] = full_penalty()
RIGHT["penalised_estimate"] = lambda w1, lambda_gp: w1 * (1 + w1 / (2 * lambda_gp))
RIGHT["least_lambda"] = lambda w1, share: w1 / (2 * share)
WRONG += [("points_between", function, message) for function, message in MISPLACED]
WRONG += [("gradient_penalty", full_penalty(between=function), message) for function, message in MISPLACED]
WRONG += [
    ("points_between", points(eps=lambda x: torch.rand(len(x), 1, 1, 1)), "one point per pair"),
    ("points_between", points(eps=lambda x: torch.rand(len(x), 1)), "on data of shape .* raised RuntimeError"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: -(slope - 1).square().mean()), "sign is flipped"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (1 - slope).mean()), "rewards steep slopes"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope - 1).mean()), "cancel"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope - 1).abs().mean()), "absolute value"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope - 1).mean() ** 2), "first, then the mean"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope - 1).square().sum()), "grows with the batch"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope**2 - 1).square().mean()), "left the root out"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: slope.square().mean()), "the 1 is missing"),
    ("gradient_penalty", full_penalty(reduce=lambda slope: (slope - 1).relu().square().mean()), "one-sided"),
    ("gradient_penalty", full_penalty(norm=lambda grad: grad.norm(dim=1)), "norm over one axis"),
    ("gradient_penalty", full_penalty(norm=lambda grad: grad.norm()), "over the whole batch"),
    ("gradient_penalty", full_penalty(create_graph=False), "create_graph=True"),
    ("penalised_estimate", lambda w1, lambda_gp: 1 + w1 / (2 * lambda_gp), "this is the slope"),
    ("penalised_estimate", lambda w1, lambda_gp: w1 + w1**2 / (4 * lambda_gp), "leave the penalty out"),
    ("penalised_estimate", lambda w1, lambda_gp: w1 + w1**2 / lambda_gp, "factor of 2"),
    ("penalised_estimate", lambda w1, lambda_gp: w1 - w1**2 / (2 * lambda_gp), "lies above w1"),
    ("penalised_estimate", lambda w1, lambda_gp: w1 + w1 / (2 * lambda_gp), "multiplied by w1 too"),
    ("penalised_estimate", lambda w1, lambda_gp: w1, "lets the critic say more"),
    ("least_lambda", lambda w1, share: w1 / share, "factor of 2"),
    ("least_lambda", lambda w1, share: w1**2 / (2 * share), "share of w1"),
    ("least_lambda", lambda w1, share: 1 / (2 * share), "w1 is missing"),
    ("least_lambda", lambda w1, share: 2 * share / w1, "upside down"),
    ("least_lambda", lambda w1, share: w1 / (4 * share), "twice as much"),
]

# Notebook 06


def stretches(c, widths, root=0.5):
    return c * (np.array(widths[:-1]) * widths[1:]) ** root


def clipper(low=-1, high=1, kept=lambda p: True, in_place=True, walls=False):
    """Clipping with one thing changed; as it stands it is right."""

    def my_clip_(critic, clip_limit):
        with torch.no_grad():
            for parameter in filter(kept, critic.parameters()):
                new = clip_limit * parameter.sign() if walls else parameter.clamp(low * clip_limit, high * clip_limit)
                if in_place:
                    parameter.copy_(new)
        return critic

    return my_clip_


def clip_gradients(critic, clip_limit):
    torch.nn.utils.clip_grad_value_(critic.parameters(), clip_limit)
    return critic


def clip_and_return(value):
    def my_clip_(critic, clip_limit):
        clipper()(critic, clip_limit)
        return value

    return my_clip_


def gap(x_real, x_fake):
    return x_real.mean() - x_fake.mean()


RIGHT["bound_by_hand"] = lambda c, widths: np.prod(stretches(c, widths))
RIGHT["clip_"] = clipper()
RIGHT["linear_estimate"] = lambda c, x_real, x_fake: c * gap(x_real, x_fake).abs()
WRONG += [
    ("bound_by_hand", lambda c, widths: np.prod(stretches(c, widths, root=1)), "square root is missing"),
    ("bound_by_hand", lambda c, widths: c * np.prod(stretches(1, widths)), "multiplied by c once"),
    ("bound_by_hand", lambda c, widths: sum(stretches(c, widths)), "added the layers"),
    ("bound_by_hand", lambda c, widths: np.prod(stretches(c, widths)[:-1]), "last layer is missing"),
    ("bound_by_hand", lambda c, widths: np.prod(c * np.add(widths[:-1], widths[1:]) ** 0.5), "not their sum"),
    ("clip_", clip_gradients, "clipped the gradients"),
    ("clip_", clipper(in_place=False), "nothing has changed"),
    ("clip_", clipper(low=-100), "below -clip_limit"),
    ("clip_", clipper(high=100), r"above \+clip_limit"),
    ("clip_", clipper(low=0), "negative weights are allowed"),
    ("clip_", clipper(kept=lambda p: p.ndim > 1), "left the biases out"),
    ("clip_", clipper(walls=True), "inside the box must stay"),
    ("clip_", clipper(high=2, low=-2), "not right"),
    ("clip_", clip_and_return(None), "also return the critic"),
    ("clip_", clip_and_return("done"), "also return the critic"),
    ("linear_estimate", lambda c, x_real, x_fake: c * gap(x_real, x_fake), "absolute value is missing: "),
    ("linear_estimate", lambda c, x_real, x_fake: gap(x_real, x_fake).abs(), "gap of the means"),
    ("linear_estimate", lambda c, x_real, x_fake: gap(x_real, x_fake), "so is the factor c"),
    ("linear_estimate", lambda c, x_real, x_fake: gap(x_real, x_fake).abs() / c, "divided by c"),
    ("linear_estimate", lambda c, x_real, x_fake: c * (x_real.sum() - x_fake.sum()).abs(), "take means"),
]


# Notebook 05


def ray_cosine(grad, x_real, x_fake):
    ray = x_real - x_fake
    return ((grad * ray).sum(dim=1) / (grad.norm(dim=1) * ray.norm(dim=1))).mean()


RIGHT["certified_estimate"] = lambda real, fake, bound: -critic_loss(real, fake) / bound
RIGHT["operator_norm"] = lambda weight: torch.linalg.eigvalsh(weight.T @ weight).max().sqrt()
RIGHT["ray_cosine"] = ray_cosine
WRONG += [
    ("certified_estimate", lambda real, fake, bound: -critic_loss(real, fake), "estimate alone"),
    ("certified_estimate", lambda real, fake, bound: -critic_loss(real, fake) * bound, "multiplied"),
    ("certified_estimate", lambda real, fake, bound: critic_loss(real, fake) / bound, "sign is flipped"),
    ("certified_estimate", lambda real, fake, bound: (real.sum() - fake.sum()) / bound, "take means"),
    ("certified_estimate", lambda real, fake, bound: real.mean() - fake.mean() / bound, "one of the two means only"),
    ("certified_estimate", lambda real, fake, bound: real.mean() / bound - fake.mean(), "is not divided"),
    ("certified_estimate", lambda real, fake, bound: (real.max() - fake.min()) / bound, "largest gap"),
    ("operator_norm", lambda weight: weight.norm(), "Frobenius"),
    ("operator_norm", lambda weight: weight.abs().max(), "largest entry"),
    ("operator_norm", lambda weight: torch.linalg.matrix_norm(weight, torch.inf), "largest row sum"),
    ("operator_norm", lambda weight: torch.linalg.matrix_norm(weight, 1), "largest column sum"),
    ("operator_norm", lambda weight: torch.linalg.matrix_norm(weight, "nuc"), "added the singular values"),
    ("operator_norm", lambda weight: torch.linalg.eigvalsh(weight.T @ weight).max(), "this is the square"),
    ("operator_norm", lambda weight: torch.linalg.matrix_norm(weight, -2), "smallest singular value"),
    ("ray_cosine", lambda grad, real, fake: ray_cosine(grad, fake, real), "sign is flipped"),
    (
        "ray_cosine",
        lambda grad, real, fake: ((grad * (real - fake)).sum(dim=1) / grad.norm(dim=1)).mean(),
        "length of the ray",
    ),
    (
        "ray_cosine",
        lambda grad, real, fake: ((grad * (real - fake)).sum(dim=1) / (real - fake).norm(dim=1)).mean(),
        "norm of the gradient",
    ),
    ("ray_cosine", lambda grad, real, fake: (grad * (real - fake)).sum(dim=1).mean(), "dot products"),
    (
        "ray_cosine",
        lambda grad, real, fake: torch.cosine_similarity(grad.mean(dim=0), (real - fake).mean(dim=0), dim=0),
        "cosine of the mean",
    ),
    (
        "ray_cosine",
        lambda grad, real, fake: torch.cosine_similarity(grad, real - fake, dim=0).mean(),
        "down the batch",
    ),
    ("ray_cosine", lambda grad, real, fake: len(grad) * ray_cosine(grad, real, fake), "this is the sum"),
]


def rank_correlation(a, b, times=2, sign=1):
    ranks = torch.tensor([a, b])
    for _ in range(times):
        ranks = ranks.argsort(dim=1)
    return sign * torch.corrcoef(ranks.double())[0, 1]


def images_from_folder(folder, mode="L"):
    pictures = [Image.open(path).convert(mode).resize((28, 28)) for path in sorted(Path(folder).glob("*.png"))]
    return torch.stack([torch.from_numpy(np.array(picture)) for picture in pictures])


RIGHT["rank_correlation"] = rank_correlation
RIGHT["images_from_folder"] = lambda folder: images_from_folder(folder)[:, None]
WRONG += [
    ("rank_correlation", lambda a, b: rank_correlation(a, b, times=0), "correlation of the values"),
    ("rank_correlation", lambda a, b: rank_correlation(a, b, times=1), "apply it twice"),
    ("rank_correlation", lambda a, b: rank_correlation(a, b, sign=-1), "sign is flipped"),
    ("images_from_folder", lambda f: images_from_folder(f)[:, None] / 255, "expected bytes"),
    ("images_from_folder", lambda f: images_from_folder(f, "RGB").permute(0, 3, 1, 2), "still in colour"),
    ("images_from_folder", images_from_folder, r"expected torch.uint8 \(3, 1, 28, 28\)"),
    ("images_from_folder", lambda f: images_from_folder(f)[:, None].mT, "rows and columns are swapped"),
    ("images_from_folder", lambda f: 255 - images_from_folder(f)[:, None], "brightness is inverted"),
    ("images_from_folder", lambda f: images_from_folder(f)[:, None].flip(0), "sort the files by name"),
    ("images_from_folder", lambda f: images_from_folder(f)[:, None] // 2, "expected right halves"),
    ("images_from_folder", lambda f: images_from_folder(f).numpy(), "expected a tensor, found ndarray"),
]


# Notebook 11


def critic_for(*last, norm=(), width=None):
    """A maker of critics with one thing changed; as it stands it is right."""

    def my_critic_for(channels, height, width_of_image):
        features = 8 * (height // 4) * (width_of_image // 4)
        body = [torch.nn.PixelUnshuffle(4), torch.nn.Conv2d(16 * channels, 8, 3, padding=1), *norm]
        body += [torch.nn.LeakyReLU(0.2), torch.nn.Flatten()]
        return torch.nn.Sequential(*body, torch.nn.Linear(width or features, 1), *last)

    return my_critic_for


def falling_rate(cap=1.0, factor=None):
    return lambda step, n, lr, hold: lr * min(cap, (factor or 1 / (1 - hold)) * (1 - step / n))


RIGHT["epochs"] = lambda n_steps, n_critic, batch, n: n_steps * n_critic * batch / n
RIGHT["falling_rate"] = falling_rate()
RIGHT["critic_for"] = critic_for()
RIGHT["grey_levels"] = lambda estimate: 127.5 * estimate
WRONG += [
    ("epochs", lambda n_steps, n_critic, batch, n: n_steps * batch / n, "n_critic steps, each"),
    ("epochs", lambda n_steps, n_critic, batch, n: n_steps * (n_critic + 1) * batch / n, "fakes alone"),
    ("epochs", lambda n_steps, n_critic, batch, n: 2 * n_steps * n_critic * batch / n, "fakes are not data"),
    ("epochs", lambda n_steps, n_critic, batch, n: n_steps * n_critic / n, "batches per image"),
    ("epochs", lambda n_steps, n_critic, batch, n: n / (n_steps * n_critic * batch), "upside down"),
    ("epochs", lambda n_steps, n_critic, batch, n: n_steps * n_critic * batch, "number of images shown"),
    ("falling_rate", falling_rate(cap=100), "smaller of lr and the line"),
    ("falling_rate", falling_rate(factor=2), "hold is not used"),
    ("falling_rate", falling_rate(factor=1), "with the first step"),
    ("falling_rate", lambda step, n, lr, hold: lr * min(1, (1 - step / n) / hold), "reach 0 at n_steps"),
    ("falling_rate", lambda step, n, lr, hold: lr if step < hold * n else lr * (1 - step / n), "drops at once"),
    ("falling_rate", lambda step, n, lr, hold: falling_rate()(step, n, 1.0, hold), "multiply it by lr"),
    ("critic_for", critic_for(width=392), r"\(3, 32, 32\): your critic raised"),
    ("critic_for", critic_for(torch.nn.Sigmoid()), "scores are bounded"),
    ("critic_for", critic_for(torch.nn.Tanh()), "scores are bounded"),
    ("critic_for", critic_for(torch.nn.ReLU()), "no score is negative"),
    ("critic_for", critic_for(norm=(torch.nn.LazyBatchNorm2d(),)), "other images of its batch"),
    ("critic_for", critic_for(torch.nn.Linear(1, 2)), "one score per image"),
    ("critic_for", lambda channels, height, width: torch.zeros(8, 1), "return a network"),
    ("grey_levels", lambda estimate: 255 * estimate, "length 2"),
    ("grey_levels", lambda estimate: estimate / 127.5, "upside down"),
    ("grey_levels", lambda estimate: 127.5 * (estimate + 1), "no origin"),
    ("grey_levels", lambda estimate: 127.5**2 * estimate, "multiply by 127.5 once"),
    ("grey_levels", lambda estimate: estimate, "change with the units"),
]


def check(name, function):
    return getattr(checks, f"check_{name}")(function)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_answer_is_correct_on_every_draw(name, seed):
    torch.manual_seed(seed)
    assert check(name, RIGHT[name]) == "correct"


@pytest.mark.parametrize("name", RIGHT)
def test_a_stub_is_not_attempted_yet_and_an_error_is_reported_and_not_raised(name):
    assert check(name, lambda *args: None) == "not attempted yet"
    for nonsense in ("abc", (1, 2, "x"), [torch.zeros(2), torch.zeros(3)]):
        assert check(name, lambda *args, answer=nonsense: answer) not in ("correct", "not attempted yet")
    assert "ZeroDivisionError" in check(name, lambda *args: 1 / 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "function", "message"), WRONG)
def test_a_typical_mistake_is_told_by_name(name, function, message, seed):
    torch.manual_seed(seed)
    assert re.search(message, check(name, function))


def test_every_check_is_tested_with_at_least_two_mistakes():
    names = {name.removeprefix("check_") for name in vars(checks) if name.startswith("check_")}
    assert names == set(RIGHT)
    assert all(sum(name == wrong for wrong, _, _ in WRONG) >= 2 for name in names)
