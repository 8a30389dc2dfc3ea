"""Each check accepts right answers in several forms, and names the mistake in each of many planted wrong ones."""

import contextlib
import copy
import functools  # noqa: F401
import io
import math
import os  # noqa: F401 (used in the tables below)
import random
import re
import subprocess
import sys
from fractions import Fraction  # noqa: F401
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import stats  # noqa: F401
from scipy.special import softmax as shares  # noqa: F401
from torch import nn
from torch.nn.utils import spectral_norm  # noqa: F401

from wgan_utils import checks
from wgan_utils.checks.answer import plain
from wgan_utils.transport import transport_plan  # noqa: F401

# Parts of answers. Where one is called with no change it is right.


def signed_tv(p, q):
    total = 0
    for a, b in zip(p, q, strict=True):
        total += a - b
    return total


def overwriting_tv(p, q):
    p -= q
    return np.abs(p).sum() / 2


def printing_tv(p, q):
    print(np.abs(p - q).sum() / 2)


def silent_tv(p, q):
    total = np.abs(p - q).sum() / 2  # noqa: F841


def kl_sum(a, b):
    return (a[a > 0] * np.log(a[a > 0] / b[a > 0])).sum()


def kl(p, q, weigh=lambda a, b: (a * np.log(a / b)).sum(), hole=math.inf):
    seen = p > 0
    return hole if (q[seen] == 0).any() else weigh(p[seen], q[seen])


def overwriting_kl(p, q):
    p[p == 0] = 1e-300
    return (p * np.log(p / q)).sum()


def js_where_both(p, q):
    both, m = (p > 0) & (q > 0), (p + q) / 2
    return (p[both] * np.log(p[both] / m[both])).sum() / 2 + (q[both] * np.log(q[both] / m[both])).sum() / 2


def sign(theta):
    return (theta > 0) - (theta < 0)


def by_root(step):
    return 1 / math.sqrt(1 + step)


def moved(slope=sign, decay=by_root):
    return lambda theta, lr, step: theta - lr * slope(theta) * decay(step)


def gaps(x, y):
    return np.abs(x[:, None] - y[None, :])


def overwriting_cost(plan, x, y):
    plan *= gaps(x, y)
    return plan.sum()


def area(positions, p, q, cumulative=True, absolute=True, width=True, ordered=True):
    order = np.argsort(positions) if ordered else slice(None)
    crossing = (np.cumsum((p - q)[order]) if cumulative else (p - q)[order])[:-1]
    crossing = abs(crossing) if absolute else crossing
    return (crossing * np.diff(positions[order])).sum() if width else crossing.sum()


def piled(positions, p, q):
    return abs(np.cumsum((p - q)[np.argsort(positions)]))


def overwriting_area(positions, p, q):
    order = np.argsort(positions)
    positions.sort()
    return (abs(np.cumsum((p - q)[order]))[:-1] * np.diff(positions)).sum()


def fits(p, q, cost, reg, v, sign=-1, fit=np.divide):
    K = np.exp(sign * cost / reg)
    u = fit(p, K @ v)
    return u, K, fit(q, K.T @ u)


def plan_of(u, K, v):
    return u[:, None] * K * v


def overwriting_step(p, q, cost, reg, v):
    K = np.exp(-cost / reg)
    u = p / (K @ v)
    v /= v
    v *= q / (K.T @ u)
    return u[:, None] * K * v


def chance(k, m, t):
    return math.comb(m, k) * t**k * (1 - t) ** (m - k)


def share_of_ones(m, t, off=0, divide=None):
    below = 0
    for k in range(m + 1):
        below += chance(k, m, t)
        if below >= 0.5:
            return (k + off) / (divide or m)


def mean_distance(theta, m, t, power=1):
    return sum(chance(k, m, t) * abs(k / m - theta) ** power for k in range(m + 1))


SHARES = np.linspace(0, 1, 1001)


def places(p):
    return np.arange(len(p))


def best_answer(f, cost):
    return (cost - f[:, None]).min(0)


def overwriting_transform(f, cost):
    cost -= f[:, None]
    return cost.min(0)


def lengths(x_new, x):
    return np.linalg.norm(x_new[:, None] - x, axis=2)


LN2 = math.log(2)


def saturating(d, weigh=lambda D, z, d: d * D, fakes=True, half=0.5):
    z = np.linspace(-9, 9, 3001)
    D = 1 / (1 + np.exp(d * (z + fakes * d) - half * d * d))
    return float((weigh(D, z, d) * np.exp(-z * z / 2)).sum() / np.sqrt(2 * np.pi) * (z[1] - z[0]))


def log_of_rest(D, z, d):
    return np.log(1 - D)


def expected_log(e, d):
    """E log(1 - D*(e + z)), with the discriminator that is best for fakes from N(d, 1)."""
    z = torch.linspace(-9, 9, 3001)
    loss = -F.softplus(-d * (z + e) + d * d / 2)
    return (loss * torch.exp(-z * z / 2)).sum() / math.sqrt(2 * math.pi) * (z[1] - z[0])


def bounded_loss(e, d, slope):
    """E -log D(e + z), with the best logit of slope at most ``slope`` for fakes from N(d, 1)."""
    z = torch.linspace(-10, 10, 2001)
    return (F.softplus(min(slope, d) * (e + z - d / 2)) * torch.exp(-(z**2) / 2)).sum() * 0.01 / (2 * math.pi) ** 0.5


def svdvals(weight):
    return torch.linalg.svdvals(weight)


def cosines(grad, ray):
    return F.cosine_similarity(grad, ray, dim=1)


def layers(c, widths, size=lambda a, b: math.sqrt(a * b)):
    return [c * size(a, b) for a, b in pairwise(widths)]


def clipper(kept=lambda name, p: True, new=lambda p, c: p.clamp(-c, c), returns=True):
    @torch.no_grad()
    def my_clip_(critic, c):
        for name, p in critic.named_parameters():
            if kept(name, p):
                p.copy_(new(p, c))
        return critic if returns else None

    return my_clip_


def clip_with_grad(critic, c):
    for p in critic.parameters():
        p.clamp_(-c, c)
    return critic


def clip_replace(critic, c):
    for layer in critic.modules():
        for name, p in list(layer.named_parameters(recurse=False)):
            setattr(layer, name, nn.Parameter(p.detach().clamp(-c, c)))
    return critic


def clip_assign(critic, c):
    for p in critic.parameters():
        p = p.clamp(-c, c)
    return critic


@torch.no_grad()
def clip_each_layer(critic, c):
    for layer in critic:
        layer.weight.clamp_(-c, c)
        layer.bias.clamp_(-c, c)
    return critic


@torch.no_grad()
def clip_early(critic, c):
    for p in critic.parameters():
        p.clamp_(-c, c)
        return critic


def clip_grad(critic, c):
    for p in critic.parameters():
        p.grad.clamp_(-c, c)
    return critic


def clip_freeze(critic, c):
    for p in critic.parameters():
        p.requires_grad_(False)
        p.clamp_(-c, c)
    return critic


def clip_copy(critic, c):
    return clipper()(copy.deepcopy(critic), c)


@torch.no_grad()
def clip_list(critic, c):
    return [p.clamp_(-c, c) for p in critic.parameters()]


@torch.no_grad()
def clip_linear(critic, c):
    for layer in critic.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.clamp_(-c, c)
            layer.bias.clamp_(-c, c)
    return critic


def clip_state(critic, c):
    critic.load_state_dict({name: value.clamp(-c, c) for name, value in critic.state_dict().items()})
    return critic


def clip_data(critic, c):
    for p in critic.parameters():
        p.data = p.data.clamp(-c, c)
    return critic


def share(critic, c, caught=lambda p, c: p.abs() == c, kept=lambda p: True, end="mean"):
    weights = torch.cat([p.detach().flatten() for p in critic.parameters() if kept(p)])
    return getattr(caught(weights, torch.tensor(c)).float(), end)()


def overwriting_share(critic, c):
    with torch.no_grad():
        for p in critic.parameters():
            p.abs_()
    return share(critic, c)


def last_share(critic, c):
    for p in critic.parameters():
        found = (p.abs() == c).float().mean()
    return found


def first_share(critic, c):
    for p in critic.parameters():
        return (p.abs() == c).float().mean()


def one_each(x, draw=torch.rand):
    return draw(len(x), *[1] * (x.ndim - 1))


def points(eps=one_each, other=lambda eps: 1 - eps, detach=True, noise=0):
    def my_points_between(x_real, x_fake):
        share = eps(x_real)
        x_hat = share * x_real + other(share) * x_fake + noise * torch.randn_like(x_real)
        return x_hat.detach() if detach else x_hat

    return my_points_between


def seeded(x):
    torch.manual_seed(0)
    return one_each(x)


def two_sided(slope):
    return ((slope - 1) ** 2).mean()


def one_sided(slope):
    return ((slope - 1).relu() ** 2).mean()


def penalty(
    charge=two_sided,
    norm=lambda grad: grad.flatten(1).norm(dim=1),
    between=points(),  # noqa: B008
    create_graph=True,
    score=lambda scores: scores.sum(),
):
    def my_gradient_penalty(critic, x_real, x_fake):
        x_hat = between(x_real, x_fake).detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(score(critic(x_hat)), x_hat, create_graph=create_graph)
        return charge(norm(grad))

    return my_gradient_penalty


def one_each_two(x):
    return one_each(x)[: (len(x) + 1) // 2].repeat_interleave(2, 0)[: len(x)]


def root_by_hand(grad):
    return grad.flatten(1).pow(2).sum(1).sqrt()


def without_requires_grad(critic, x_real, x_fake):
    x_hat = points()(x_real, x_fake)
    (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    return two_sided(grad.flatten(1).norm(dim=1))


def without_detach(critic, x_real, x_fake):
    x_hat = points(detach=False)(x_real, x_fake)
    (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    return two_sided(grad.flatten(1).norm(dim=1))


def with_backward(critic, x_real, x_fake):
    x_hat = points()(x_real, x_fake).requires_grad_(True)
    critic(x_hat).sum().backward(create_graph=True)
    return two_sided(x_hat.grad.flatten(1).norm(dim=1))


def finite_difference(critic, x_real, x_fake):
    x_hat = points()(x_real, x_fake)
    return two_sided((critic(x_hat + 1e-3) - critic(x_hat)) / 1e-3)


def looped(charge=two_sided):
    def my_gradient_penalty(critic, x_real, x_fake):
        slopes = []
        for real, fake in zip(x_real, x_fake, strict=True):
            eps = torch.rand(())
            x_hat = (eps * real + (1 - eps) * fake).detach()[None].requires_grad_(True)
            (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
            slopes.append(grad.norm())
        return charge(torch.stack(slopes))

    return my_gradient_penalty


def one_gradient_at_a_time(critic, x_real, x_fake):
    x_hat, total = points()(x_real, x_fake).requires_grad_(True), 0
    for i in range(len(x_hat)):
        (grad,) = torch.autograd.grad(critic(x_hat)[i], x_hat, create_graph=True)
        total = total + (grad[i].norm() - 1) ** 2
    return total / len(x_hat)


def with_grad_outputs(critic, x_real, x_fake):
    x_hat = points()(x_real, x_fake).requires_grad_(True)
    scores = critic(x_hat)
    grad = torch.autograd.grad(scores, x_hat, grad_outputs=torch.ones_like(scores), create_graph=True)[0]
    return ((grad.view(len(grad), -1).norm(2, dim=1) - 1) ** 2).mean()


def by_vmap(critic, x_real, x_fake, charge=two_sided):
    grad = torch.func.vmap(torch.func.grad(lambda x: critic(x[None]).sum()))(points()(x_real, x_fake))
    return charge(grad.flatten(1).norm(dim=1))


def touching(charge, touch):
    def my_gradient_penalty(critic, x_real, x_fake):
        value = penalty(charge)(critic, x_real, x_fake)
        touch(critic)
        return value

    return my_gradient_penalty


def shuffled(critic, x_real, x_fake):
    return penalty()(critic, x_real, x_fake[torch.randperm(len(x_fake))])


def guard(skip=(), names=None, healthy=0):
    """The guard of the museum, blind to the exhibits in ``skip``."""

    def my_find_the_bug(eps, slope):
        tests = {6: math.isnan(slope), 1: bool(eps.min() < 0 or eps.max() > 1), 4: bool((eps == 1).all())}
        tests |= {12: bool((eps == eps[0]).all()), 2: slope > 10, 3: slope < 0.5}
        number = next((n for n, found in tests.items() if found and n not in skip), healthy)
        return (names or {}).get(number, number)

    return my_find_the_bug


def rate(step, n_steps, lr, hold):
    return lr * min(1, (1 - step / n_steps) / (1 - hold))


def walk(a, b, n):
    return a + torch.linspace(0, 1, n)[:, None] * (b - a)


def arc(a, b, n):
    angle, t = torch.acos(a @ b / a.norm() / b.norm()), torch.linspace(0, 1, n)[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def overwriting_walk(a, b, n):
    return torch.stack([a.clone() if k == 0 else a.add_((b - a) / (n - k)).clone() for k in range(n)])


def ranks(x):
    return torch.tensor(x).argsort().argsort().double()


def correlation(a, b):
    return torch.corrcoef(torch.stack([torch.as_tensor(a).double(), torch.as_tensor(b).double()]))[0, 1]


def overwriting_correlation(a, b):
    a.sort()
    return correlation(ranks(a), ranks(b))


def read(path, mode="L", change=lambda picture: picture.resize((28, 28)), turn=lambda picture: picture):
    picture = Image.open(path)
    return torch.from_numpy(np.array(turn(change(picture.convert(mode) if mode else picture))))


def pictures(folder, glob="*.png", key=None, **how):
    return torch.stack([read(path, **how) for path in sorted(Path(folder).glob(glob), key=key)])


def maker(last=(), middle=(), width=None, channels=None):
    """A maker of critics with one thing changed; as it stands it is right."""

    def my_critic_for(c, h, w):
        body = [nn.Conv2d(channels or c, 8, 3, 2, 1), *middle, nn.LeakyReLU(0.2), nn.Flatten()]
        return nn.Sequential(*body, nn.Linear(width or 2 * h * w, 1), *last)

    return my_critic_for


class Bent(nn.Module):
    """A critic of two layers, and what is made of its images and its scores."""

    def __init__(self, c, h, w, before=lambda x: x, after=lambda scores: scores):
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
        self.before, self.after = before, after

    def forward(self, x):
        return self.after(self.layers(self.before(x).flatten(1)))


def named_fault(loss, penalty, seen):
    """The fault of notebook 13, row by row."""
    both, equal = loss + penalty, np.allclose(seen, seen[0])
    if equal:
        return next(k for k, x in ((0, both.mean(0)), (2, both.sum(0)), (4, both[0])) if np.allclose(seen[0], x))
    return 1 if np.allclose(seen, both) else 3


def one_backward_at_the_end(critic, x_real, x_fake, eps, k):
    critic.zero_grad()
    total = 0.0
    for real, fake, at in zip(x_real.chunk(k), x_fake.chunk(k), eps.chunk(k), strict=True):
        x_hat = (at * real + (1 - at) * fake).requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
        total = total + (critic(fake).mean() - critic(real).mean() + 10 * two_sided(grad.norm(dim=1))) / k
    total.backward()
    return torch.cat([weight.grad.flatten() for weight in critic.parameters()])


def in_one_pass(critic, x_real, x_fake, eps, k):
    critic.zero_grad()
    for real, fake, at in zip(x_real.chunk(k), x_fake.chunk(k), eps.chunk(k), strict=True):
        x_hat = (at * real + (1 - at) * fake).requires_grad_(True)
        high, low, between = critic(torch.cat([real, fake, x_hat])).chunk(3)
        (grad,) = torch.autograd.grad(between.sum(), x_hat, create_graph=True)
        ((low.mean() - high.mean() + 10 * two_sided(grad.norm(dim=1))) / k).backward()
    return torch.cat([weight.grad.flatten() for weight in critic.parameters()])


def accumulated(critic, x_real, x_fake, eps, k, charge=None, weight=10, by_hand=False, forget=True):
    """Gradients added up over k parts by backward(), or as a mean of vectors."""
    vectors = []
    if forget:
        critic.zero_grad()
    for x, y, e in zip(x_real.chunk(k), x_fake.chunk(k), eps.chunk(k), strict=True):
        x_hat = (y + e * (x - y)).detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
        penalty = (charge or two_sided)(grad.norm(dim=1))
        loss = critic(y).mean() - critic(x).mean() + weight * penalty
        if by_hand:
            vectors.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*critic.parameters()][:3])]))
        else:
            (loss / k).backward()
    if by_hand:
        return torch.cat([torch.stack(vectors).mean(0), torch.zeros(1).double()])  # the last bias cancels
    return torch.cat([p.grad.flatten() for p in critic.parameters()])


# Right answers, an expression a line.


def pointing(y, a, c, pick=np.argmin, unit=True):
    found = []
    for point in y:
        away = point - a[pick(np.linalg.norm(point - a, axis=1) + c)]
        found.append(away / np.linalg.norm(away) if unit else away)
    return np.array(found)


def off(y, apex):
    return (y - apex) / np.linalg.norm(y - apex, axis=1, keepdims=True)


def in_turns(h, f, g, order=1, r1=1):
    critic, generator = np.array([[1, 0], [-h * f, 1 - r1 * h * g]]), np.array([[1, h * f], [0, 1]])
    return (generator @ critic)[::order, ::order] if order else critic @ generator


def largest_by_search(f, g):
    """The largest step at which no eigenvalue leaves the unit circle, by bisection."""
    low, high = 0.0, 50.0
    for _ in range(60):
        h = (low + high) / 2
        size = np.abs(np.linalg.eigvals([[1, h * f], [-h * f, 1 - h * g]])).max()
        low, high = (h, high) if size < 1 else (low, h)
    return low


def fixed_point(reg, k=2.0, rounds=20_000):
    r = 1.0
    for _ in range(rounds):
        r = math.tanh(k * r / reg)
    return r


def onto(v):
    return v @ np.linalg.inv(v.T @ v) @ v.T


def field(x, t, d, end=lambda x, t, m: (m - x) / (1 - t), centre=None, twice=None):
    squares = ((x - (t if centre is None else centre) * d) ** 2).sum(1) / (twice or 2 * (1 - t) ** 2)
    w = np.exp(squares.min() - squares)
    return end(x, t, w @ d / w.sum())


RIGHT = {
    "exact_direction": """y, a, c:
    pointing
    ((y[:, None] - a) / lengths(y, a)[:, :, None])[np.arange(len(y)), (lengths(y, a) + c).argmin(1)]
    """,
    "alternating_matrix": """h, f, g:
    [[1 - h * h * f * f, h * f * (1 - h * g)], [-h * f, 1 - h * g]]
    in_turns
    """,
    "largest_step": """f, g:
    largest_by_search
    g / f**2 if g <= 2 * f else (g - math.sqrt(g * g - 4 * f * f)) / f**2
    """,
    "block_reflector": """v:
    np.eye(len(v)) - 2 * np.linalg.qr(v)[0] @ np.linalg.qr(v)[0].T
    np.eye(len(v)) - 2 * v @ np.linalg.pinv(v)
    """,
    "shrunk_pair": """reg:
    fixed_point
    next((r for r in np.linspace(1, 0, 100_001) if math.tanh(2 * r / reg) >= r), 0.0)
    """,
    "exact_velocity": """x, t, d:
    field
    F.softmax(torch.tensor(-((x - t * d) ** 2).sum(1) / 2 / (1 - t) ** 2), 0).numpy() @ (d - (x - t * d) / (1 - t))
    """,
    "total_variation": """p, q:
    sum(max(a - b, 0) for a, b in zip(p, q))
    1 - np.minimum(p, q).sum()
    np.array([np.abs(p - q).sum() * 0.5])
    """,
    "kl_divergence": """p, q:
    sum(math.inf if b == 0 else a * math.log(a / b) for a, b in zip(p, q) if a > 0)
    kl(p, q)
    math.inf if ((p > 0) & (q == 0)).any() else np.where(p > 0, p * np.log(p / q), 0).sum()
    """,
    "js_divergence": """p, q:
    (kl_sum(p, (p + q) / 2) + kl_sum(q, (p + q) / 2)) / 2
    sum(a / 2 * math.log(2 * a / (a + b)) for c, d in zip(p, q) for a, b in ((c, d), (d, c)) if a > 0)
    """,
    "theta_step": """theta, lr, step:
    theta - math.copysign(lr / (1 + step) ** 0.5, theta)
    moved()
    """,
    "chi_squared": """r, f:
    np.mean(r) - np.mean(f) - np.mean(f * f) / 4
    sum(r) / len(r) + 1 - ((1 + f / 2) ** 2).mean()
    """,
    "best_shift": """r, f:
    sorted(np.sort(r) - np.sort(f))[len(r) // 2]
    (lambda grid: grid[np.argmin([abs(np.sort(r) - np.sort(f) - s).mean() for s in grid])])(np.linspace(-9, 9, 18001))
    """,
    "plan_cost": """plan, x, y:
    sum(plan[i, j] * abs(x[i] - y[j]) for i in range(len(x)) for j in range(len(y)))
    np.einsum("ij,ij->", plan, gaps(x, y))
    """,
    "w1_circle": """p, q:
    min(abs(np.cumsum(np.roll(p - q, k))).sum() for k in range(len(p)))
    abs(np.cumsum(p - q) - sorted(np.cumsum(p - q))[len(p) // 2]).sum()
    transport_plan(p, q, np.minimum(gaps(places(p), places(p)), len(p) - gaps(places(p), places(p))))[1]
    """,
    "best_theta": """m, t:
    SHARES[np.argmin([mean_distance(x, m, t) for x in SHARES])]
    Fraction(round(share_of_ones(m, t) * m), m)
    np.linspace(0, 1, 101)[np.argmin([mean_distance(x, m, t) for x in np.linspace(0, 1, 101)])]
    """,
    "c_transform": """f, c:
    [min(c[i, j] - f[i] for i in range(len(f))) for j in range(c.shape[1])]
    -np.max(f[:, None] - c, axis=0)
    """,
    "slack": """f, g, c:
    (c.T - f).T - g[None]
    np.array([[c[i, j] - f[i] - g[j] for j in range(len(g))] for i in range(len(f))])
    """,
    "lower_bound": """f, p, q, c:
    np.dot(p, f) + np.dot(q, np.min(c.T - f, axis=1))
    sum(f * p) + sum(best_answer(f, c) * q)
    """,
    "scaled_bound": """r, f, c:
    (r.mean() - f.mean()) * 1 / np.max(np.subtract.outer(r, f) / c)
    (np.mean(r) - np.mean(f)) / max(((a - f) / row).max() for a, row in zip(r, c))
    """,
    "upper_form": """v, x, xn:
    np.array([min(v + np.hypot(*(z - x).T)) for z in xn])
    (v + lengths(xn, x)).min(axis=1)
    (v[:, None] + lengths(x, xn)).min(axis=0)
    """,
    "js_from_loss": """l:
    (2 * LN2 - l) / 2
    -(l - math.log(4)) / 2
    """,
    "saturating_gradient": """d:
    saturating(d, lambda D, z, d: d * D)
    saturating(d, lambda D, z, d: D * d / 2 + D * d / 2)
    torch.autograd.functional.jacobian(lambda e: expected_log(e, d), torch.tensor(d)).item()
    """,
    "optimal_discriminator": """p, q:
    1 / (1 + q / np.where(p == 0, 1e-300, p))
    p / (p + q)
    1 - q / (p + q)
    """,
    "density_ratio": """D, k:
    k / (1 / D.clip(1e-300) - 1)
    np.exp(np.log(D) - np.log1p(-D) + math.log(k))
    np.array([k * a / (1 - a) for a in D])
    """,
    "tv_bound": """a, b:
    max(a + b - 1, 1 - a - b)
    abs(a - (1 - b))
    """,
    "bounded_gradient": """d, s:
    saturating(d, lambda D, z, d: min(s, d) / (1 + np.exp(-min(s, d) * (z + d / 2))))
    torch.autograd.functional.jacobian(lambda e: bounded_loss(e, d, s), torch.tensor(d)).item()
    """,
    "sinkhorn_step": """p, q, c, reg, v:
    (lambda s: np.diag(s[0]) @ s[1] @ np.diag(s[2]))(fits(p, q, c, reg, v))
    plan_of(*fits(p, q, c, reg, v))
    """,
    "w1_line": """a, p, q:
    stats.wasserstein_distance(a, a, p, q)
    area(a, p, q)
    np.trapezoid(0 * a, a) + sum(piled(a, p, q)[:-1] * np.diff(sorted(a)))
    """,
    "bytes_sent": """c, g, k, n:
    2 * (n - 1) * 4 * (k * c + g) / n
    sum(4 * 2 * (n - 1) * size / n for size in [c] * k + [g])
    8 * (k * c + g) - 8 * (k * c + g) / n
    8 * (n - 1) * (k * c + g) // n
    """,
    "silent_fault": """a, b, s:
    named_fault(a, b, s)
    (lambda t: [np.allclose(s, x) for x in (t.mean(0), t, t.sum(0), a.mean(0) + b, t[0])].index(True))(a + b)
    """,
    "average_gradient": """g, r:
    np.average(g, axis=0, weights=r)
    sum(n * x for n, x in zip(r, g)) / sum(r)
    (g * r[:, None]).sum(0) / r.sum()
    """,
    "accumulated_gradient": """c, x, y, e, k:
    accumulated(c, x, y, e, k)
    accumulated(c, x, y, e, len(x))
    accumulated(c, x, y, e, k, by_hand=True)
    in_one_pass
    """,
    "scaled_lr": """lr, k:
    2 / (1 + (2 - lr) / (k * lr))
    (lambda a: 2 * a / (1 + a))(k * lr / (2 - lr))
    """,
    "gradient_penalty": """c, x, y:
    looped()
    by_vmap
    one_gradient_at_a_time
    with_grad_outputs
    shuffled
    penalty(norm=lambda grad: (grad.flatten(1).pow(2).sum(1) + 1e-12).sqrt())
    penalty(lambda s: F.mse_loss(s, torch.ones_like(s)))
    """,
    "one_sided_penalty": """*args:
    looped(one_sided)
    by_vmap(*args, one_sided)
    penalty(lambda s: (s - 1).clamp(min=0).pow(2).mean())
    penalty(lambda s: (torch.maximum(s - 1, torch.zeros_like(s)) ** 2).mean())
    """,
    "fix_penalty": """*args:
    looped()
    with_grad_outputs
    penalty()
    """,
    "points_between": """x, y:
    torch.stack([torch.lerp(b, a, torch.rand(())) for a, b in zip(x, y)]).detach()
    (y + one_each(x) * (x - y)).detach()
    points(lambda x: torch.distributions.Uniform(0, 1).sample((len(x), *[1] * (x.ndim - 1))))(x, y)
    points(one_each)(x, y).requires_grad_(True)
    torch.no_grad()(points(one_each, detach=False))(x, y)
    points(lambda x: torch.tensor(np.random.default_rng().random((len(x), *[1] * (x.ndim - 1))), dtype=x.dtype))
    """,
    "critic_for": """c, h, w:
    maker(middle=(nn.GroupNorm(1, 8),))
    nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 1))
    nn.Sequential(nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(1))
    nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, 8), nn.PReLU(), nn.Linear(8, 1), nn.Flatten(0))
    nn.Sequential(nn.Conv2d(c, 8, 4, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))
    nn.Sequential(nn.Conv2d(c, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, (h // 2, w // 2)), nn.Flatten())
    maker(middle=(spectral_norm(nn.Conv2d(8, 8, 3, padding=1)),))
    maker(middle=(nn.LazyInstanceNorm2d(),))
    Bent
    nn.Sequential(nn.Conv2d(c, 8, 4, 2, 1), nn.LayerNorm([8, h // 2, w // 2]), nn.Flatten(), nn.Linear(2 * h * w, 1))
    """,
    "epochs": """n, k, b, m:
    Fraction(n * k * b, m)
    torch.tensor(n * k * b / m)
    n * k / (m / b)
    """,
    "clip_": """critic, c:
    clipper()
    clip_state
    clip_data
    """,
    "latent_walk": """a, b, n:
    torch.stack([a + k / (n - 1) * (b - a) for k in range(n)])
    torch.lerp(a, b, torch.linspace(0, 1, n).unsqueeze(1))
    (1 - torch.linspace(0, 1, n))[:, None] * a + torch.linspace(0, 1, n)[:, None] * b
    """,
    "rank_correlation": """a, b:
    stats.spearmanr(a, b)[0]
    1 - 6 * sum((sorted(a).index(x) - sorted(b).index(y)) ** 2 for x, y in zip(a, b)) / (len(a) * (len(a) ** 2 - 1))
    """,
    "share_at_limit": """k, c:
    sum(int((p.abs() >= c).sum()) for p in k.parameters()) / sum(p.numel() for p in k.parameters())
    share(k, c).item()
    (torch.nn.utils.parameters_to_vector(k.parameters()).abs() == c).float().mean()
    """,
    "operator_norm": """w:
    torch.linalg.matrix_norm(w, 2).item()
    np.linalg.norm(w.numpy(), 2)
    torch.linalg.eigvalsh(w @ w.T).max().sqrt()
    """,
    "certified_estimate": """r, f, b:
    ((r.mean() - f.mean()) / b).item()
    r.mean() / b - f.mean() / b
    """,
    "ray_cosine": """g, r, f:
    np.mean([float(a @ b / (a.norm() * b.norm())) for a, b in zip(g, r - f)])
    cosines(g, r - f).mean()
    """,
    "bracket": """e, k, c:
    (max(abs(a) / b for a, b in zip(e, k)), sorted(c)[0])
    [max((e / k).max(), (-e / k).max()), c.min()]
    """,
    "residual_bound": """k:
    math.prod(1 + math.prod(row) for row in k)
    np.exp(np.log1p(np.prod(k, axis=1)).sum())
    """,
    "linear_estimate": """c, x, y:
    max(c * (x.mean() - y.mean()), -c * (x.mean() - y.mean()))
    abs(c * x.mean() - c * y.mean()).item()
    """,
    "clip_for_slope": """s, w:
    math.exp((math.log(s) - sum(math.log(a * b) / 2 for a, b in pairwise(w))) / (len(w) - 1))
    s ** (1 / (len(w) - 1)) / math.prod((a * b) ** (0.5 / (len(w) - 1)) for a, b in pairwise(w))
    """,
    "plane_estimate": """c, x, y:
    sum(c * abs(x[:, j].mean() - y[:, j].mean()) for j in range(x.shape[1]))
    c * torch.linalg.vector_norm(x.mean(0) - y.mean(0), ord=1)
    """,
    "critic_step_count": """n, k:
    [n * k, len(range(0, n, k))]
    torch.tensor([n * k, -(-n // k)])
    """,
    "critic_loss": """r, f:
    torch.sum(f) / len(f) - torch.sum(r) / len(r)
    -r.mean() + f.mean()
    """,
    "falling_rate": """s, n, lr, h:
    lr if s <= h * n else lr * (n - s) / (n - h * n)
    np.interp(s, [0, h * n, n], [lr, lr, 0])
    """,
    "bound_by_hand": """c, w:
    c ** (len(w) - 1) * math.prod(w) / math.sqrt(w[0] * w[-1])
    math.prod(layers(c, w))
    """,
    "images_from_folder": """f:
    pictures(f)[:, None]
    torch.stack([read(os.path.join(f, name))[None] for name in sorted(os.listdir(f))])
    pictures(f, change=lambda p: p.resize((28, 28), Image.NEAREST))[:, None]
    pictures(f, mode=None).double().mean(3).to(torch.uint8)[:, None]
    """,
    "find_the_bug": """e, s:
    guard()
    guard()(torch.as_tensor(e), float(s))
    """,
    "best_slope": """d, l:
    (2 * l + d) / (2 * l)
    1 + 0.5 * d / l
    """,
    "wrong_axis_slope": """n, d, l:
    np.sqrt(n) * (1 + np.sqrt(n) * d / (2 * l))
    n**0.5 + n * d / 2 / l
    """,
    "grey_levels": """e:
    e * 255 / 2
    127.5 * e
    """,
    "least_lambda": """w, s:
    0.5 * w / s
    w / (2 * s)
    """,
    "w1_from_log": """e, t:
    e - 2 * (e + t)
    -t - (e + t)
    """,
    "best_scale": """e, s, lam:
    (e + 2 * lam * s.mean()) / (2 * lam * (s * s).mean())
    max(np.roots([2 * lam * np.mean(s**2), -e - 2 * lam * np.mean(s)]))
    """,
    "penalised_estimate": """w, l:
    w + w**2 / (2 * l)
    w * (1 + w / (2 * l))
    """,
}

# Wrong answers: an expression, and a word that the verdict must hold.

WRONG = {
    "exact_direction": """y, a, c:
    -pointing(y, a, c) | falls|to the apex
    pointing(y, a, c, unit=False) | length 1|distance
    pointing(y, a, c, np.argmax) | smallest
    pointing(y, a, 0 * c) | nearest
    pointing(y, a, -c) | added
    pointing(y, a, c)[::-1] | backwards
    pointing(y, a, c).mean(0) | mean
    pointing(y, a, c) / len(y) | number of
    lengths(y, a).min(1) | vectors|shape
    (lengths(y, a) + c).min(1) | value
    (lengths(y, a) + c).argmin(1) | active
    -pointing(y, a, 0 * c) | nearest
    np.sign(pointing(y, a, c)) | signs
    2 * pointing(y, a, c) | twice
    y / np.linalg.norm(y, axis=1)[:, None] | origin
    off(y, a[(lengths(y, a) * c).argmin(1)]) | multiplied
    off(y, a[(np.abs(y[:, None] - a).sum(2) + c).argmin(1)]) | sum of squares
    off(y, a[[c.argmin()]]) | least offset
    off(y, a[[(lengths(y, a) + c).argmin(1)[0]]]) | first fake
    off(y, a.mean(0)) | mean of all
    pointing(y, a, c) / np.abs(pointing(y, a, c)).sum(1)[:, None] | Euclidean
    pointing(y, a, c) / np.linalg.norm(pointing(y, a, c, unit=False), axis=1)[:, None] | its square
    pointing(y, a, c, unit=False) / (lengths(y, a) + c).min(1)[:, None] | distance alone
    """,
    "alternating_matrix": """h, f, g:
    [[1, h * f], [-h * f, 1 - h * g]] | at once
    in_turns(h, f, g, order=0) | first
    in_turns(h, f, g).T | transpose
    in_turns(h, f, g, order=-1) | places
    in_turns(h, f, g, r1=0) | R1
    in_turns(h, f, g, r1=2) | R1
    in_turns(h, f, g, r1=-1) | sign
    in_turns(h, -f, g) | signs
    in_turns(h, 1, g) | f'
    in_turns(1, f, g) | h
    in_turns(h, f, g) - np.eye(2) | identity
    np.linalg.det(in_turns(h, f, g)) | determinant
    in_turns(h, f, g) @ in_turns(h, f, g) | two turns
    np.linalg.inv(in_turns(h, f, g)) | backwards
    -in_turns(h, f, g) | sign
    [[1, h * f], [0, 1 - h * g]] @ np.array([[1, 0], [-h * f, 1 - h * g]]) | leaves psi
    [[1 - h * g, h * f], [0, 1]] @ np.array([[1, 0], [-h * f, 1 - h * g]]) | not theta
    [[1 - h * g, h * f], [0, 1]] @ np.array([[1, 0], [-h * f, 1]]) | not theta
    [[1, -h * f], [0, 1]] @ np.array([[1, 0], [-h * f, 1 - h * g]]) | theta follows
    [[1, h], [0, 1]] @ np.array([[1, 0], [-h * f, 1 - h * g]]) | generator's step
    np.array([[1, h * f], [0, 1]]) + [[1, 0], [-h * f, 1 - h * g]] | do not add
    in_turns(h, f, g * h) | once
    [[1, h * f], [0, 1]] @ np.array([[1, 0], [-h * f, -h * g]]) | psi it has
    """,
    "largest_step": """f, g:
    g / f**2 | real
    g / f | squared
    f * f / g | upside
    g | missing
    2 * g / f**2 | factor of 2
    g / f**2 / 2 | half
    2 / g | critic alone
    2 / f | turns
    math.sqrt(g) / f | root
    -largest_by_search(f, g) | sign
    largest_by_search(g, f) | swapped
    min(g / f**2, 2 / g) | larger
    g / f**2 if g < 2 * f else 2 / f | alone
    g / f**2 if g < 2 * f else 0 | real
    g / f**2 if g < f else 4 / (g + math.sqrt(max(0, g * g - 4 * f * f))) | not f'
    g / f**2 if g < 2 * f else 2 / g | very large
    g / f**2 if g < 2 * f else 4 / (g - math.sqrt(g * g - 4 * f * f)) | smaller
    """,
    "block_reflector": """v:
    onto(v) | projects
    np.eye(len(v)) - onto(v) | twice
    np.eye(len(v)) + 2 * onto(v) | sign
    2 * onto(v) - np.eye(len(v)) | sign
    np.eye(len(v)) - 2 * v @ v.T | between
    np.eye(len(v)) - v @ v.T | 2 is missing
    v @ v.T | projection
    -np.eye(len(v)) | everything
    np.eye(len(v)) | alone
    1 - 2 * onto(v) | identity
    np.eye(len(v)) - 2 * v @ (v.T @ v) @ v.T | inverted
    np.eye(len(v)) - 2 * v @ v.T / (v**2).sum() | matrix
    np.eye(len(v)) - 2 * v @ np.linalg.inv(v @ v.T) @ v.T | raised|v\\^T v
    np.eye(len(v)) - 2 * v @ v.T / np.linalg.svd(v)[1][0] ** 2 | largest singular
    np.eye(len(v)) - 2 * v @ v.T / np.linalg.norm(v) | one norm
    np.eye(len(v)) - 2 * onto(v) / v.shape[1] | number of columns
    np.eye(len(v)) - 2 * onto(v) / len(v) | number of rows
    np.eye(len(v)) - 2 * onto(v[:, [0]]) | first column
    functools.reduce(np.matmul, [np.eye(len(v)) - 2 * np.outer(c, c) / (c @ c) for c in v.T]) | per column
    np.eye(len(v)) - 2 * v @ np.linalg.solve(v.T @ v + np.eye(v.shape[1]), v.T) | ridge
    """,
    "shrunk_pair": """reg:
    0 if reg >= 1 else fixed_point(reg, 1) | 2 is missing
    fixed_point(reg, 4) | half
    fixed_point(reg, 2, 1) | first step
    fixed_point(reg, 2, 2) | two steps
    fixed_point(1 / reg) | divides|wrong side
    fixed_point(1) | missing
    1.0 | debiased|data
    0.0 | attracts
    2 / reg | slope
    1 - fixed_point(reg) | far
    -fixed_point(reg) | sign
    math.sqrt(max(1 - reg / 2, 0)) | normal
    max(1 - reg / 2, 0) | normal
    max(fixed_point(reg), 0.1) | 0
    (1 + fixed_point(reg)) / 2 | share
    [r := 1.0, *(r := 1 / (1 + math.exp(-4 * r / reg)) for _ in range(900))][-1] | share
    fixed_point(reg) if reg < 1 else 0 | not from 1
    """,
    "exact_velocity": """x, t, d:
    d.mean(0) - x | t = 0
    (d.mean(0) - x) / (1 - t) | weigh
    -field(x, t, d) | sign
    field(x, t, d, lambda x, t, m: m - x) | left
    field(x, t, d, lambda x, t, m: m) | mean datum
    field(x, t, d, lambda x, t, m: (m - x) / t) | left
    field(x, t, d, lambda x, t, m: (x - t * m) / (1 - t)) | noise
    field(x, t, d, centre=1) | t times
    field(x, t, d, twice=2 * (1 - t)) | square
    field(x, t, d, twice=(1 - t) ** 2) | 2 times
    field(x, t, d, twice=2) | deviation
    (d[((x - t * d) ** 2).sum(1).argmin()] - x) / (1 - t) | likeliest
    (d[((x - d) ** 2).sum(1).argmin()] - x) / (1 - t) | nearest
    field(x, t, d) + x | leads
    field(x, t, d, centre=math.sqrt(t)) | root
    field(x, t, d, twice=2 * (1 - t * t)) | variance
    field(x, t, d, lambda x, t, m: (t * m - x) / (1 - t) ** 2) | score
    (d - x) / (1 - t) | each datum
    field(x, t, d) / (1 - t) | once
    field(x, t, d, lambda x, t, m: m - t * x) | z is
    np.linalg.norm(field(x, t, d)) | speed
    (np.exp(-((x - t * d) ** 2).sum(1) / 2 / (1 - t) ** 2) @ d - x) / (1 - t) | their sum
    (shares(-np.linalg.norm(x - t * d, axis=1) / 2 / (1 - t) ** 2) @ d - x) / (1 - t) | squared distance
    field(x, 1 - t, d) | 1 minus|t
    """,
    "bytes_sent": """c, g, k, n:
    4 * (k * c + g) | payload
    8 * (k * c + g) | keeps one
    4 * (n - 1) * (k * c + g) / n | one round
    2 * (n - 1) * (k * c + g) / n | 4 bytes
    16 * (n - 1) * (k * c + g) / n | float64
    8 * (n - 1) * (k * c + g) | n-th
    8 * (n - 1) * (c + g) / n | n_critic steps
    8 * (n - 1) * k * (c + g) / n | once
    8 * (n - 1) * (c + k * g) / n | swapped
    8 * (n - 1) * k * c / n | generator's gradients are missing
    8 * (n - 1) * g / n | critic's gradients are missing
    8 * n * (k * c + g) / (n - 1) | upside down
    8 * (k * c + g) / n | one message
    -8 * (n - 1) * (k * c + g) / n | sign|-1|negative
    64 * (n - 1) * (k * c + g) / n | bits
    8 * (n - 1) * (k * c + c + g) / n | generator's step
    8 * (n - 1) * (k * c + g) / n / 1e6 | megabytes
    math.nan | nan is
    """,
    "silent_fault": """a, b, s:
    0 | always answer 0
    1 | always answer 1
    3 | always answer 3
    {0: 0, 1: 3, 2: 2, 3: 1, 4: 4}[named_fault(a, b, s)] | swapped
    {0: 0, 1: 1, 2: 4, 3: 3, 4: 2}[named_fault(a, b, s)] | swapped
    int(named_fault(a, b, s) > 0) | 1 for any
    int(named_fault(a, b, s) == 0) | yes or no
    0 if np.allclose(s, s[0]) else 1 | rows are equal
    named_fault(a, b, s) % 4 | fault 4
    named_fault(a, b, s) % 3 | this was fault|you do not see
    named_fault(a, b, s) == 0 | yes or no
    None if named_fault(a, b, s) else 0 | return
    {1: 1, 3: 1}.get(named_fault(a, b, s), 0) | rows are equal
    """,
    "average_gradient": """g, r:
    g.mean(0) | one size
    g.sum(0) | sum
    r @ g | all rows
    r @ g / len(r) | number of processes
    g.sum(0) / r.sum() | weigh
    (g / r[:, None]).sum(0) | multiply
    g[0] | first
    g[-1] | last
    r**2 @ g / (r**2).sum() | squares
    np.sqrt(r) @ g / np.sqrt(r).sum() | roots
    np.median(g, axis=0) | median
    r @ g / r.sum() / len(r) | once
    r @ g / (r.sum() - 1) | one less
    (r @ g).sum() / r.sum() | shape|number
    -(r @ g) / r.sum() | sign
    """,
    "accumulated_gradient": """c, x, y, e, k:
    accumulated(c, x, y, e, 1) | rows at once
    accumulated(c, x, y, e, k, forget=False) | step before
    k * accumulated(c, x, y, e, k) | divide each
    accumulated(c, x, y, e, k) / k | once
    accumulated(c, x, y, torch.rand_like(e), k) | call to call
    one_backward_at_the_end | every part
    3.7 * accumulated(c, x, y, e, k) | always 3.7 times
    accumulated(c, x, y, e[: len(e) // k].repeat(k, 1), k) | own
    accumulated(c, x, y, e.mean().expand(len(e), 1), k) | one number
    accumulated(c, x, y, 1 - e, k) | swapped
    accumulated(c, x, y, e, k, weight=0) | penalty is missing
    accumulated(c, x, y, e, k, weight=1) | 10
    accumulated(c, x, y, e, k, weight=-10) | sign
    accumulated(c, x, y, e, k, weight=10 * k) | not divided
    accumulated(c, x, y, e, k, weight=10 / k) | twice
    accumulated(c, y, x, 1 - e, k) | sign
    accumulated(c, *[t[: len(t) // k] for t in (x, y, e)], 1) | first part
    accumulated(c, *[t[-(len(t) // k) :] for t in (x, y, e)], 1) | last part
    accumulated(c, x, y, e, k, one_sided) | two-sided
    accumulated(c, x, y, e, k, lambda s: ((s - 1) ** 2).sum()) | not a sum
    accumulated(c, x, y, e, k, lambda s: (s.mean() - 1) ** 2) | first, then
    accumulated(c, x, y, e, k, lambda s: (s - 1).abs().mean()) | absolute
    accumulated(c, x, y, e, k, lambda s: (s**2).mean()) | 1 is missing
    accumulated(c, x, y, e, k, lambda s: (s.norm() - 1) ** 2) | one norm
    accumulated(c, x, y, e[:1].expand(len(e), 1), k) | its first
    accumulated(c, x, y, 0 * e + 1, k) | data alone
    accumulated(c.eval(), x, y, e, k) | overwrites
    """,
    "scaled_lr": """lr, k:
    k * lr | linear
    lr * math.sqrt(k) | root rule
    lr | same rate
    lr / k | falls
    lr / math.sqrt(k) | falls
    min(2, k * lr) | cut off
    2 * k * lr / (2 + k * lr) | 2 - lr
    k * lr / (1 - lr + k * lr) | 2 is missing
    2 * lr / (2 * k - k * lr + lr) | wrong side
    k * lr / (2 - lr) | solve
    2 * k * lr / (2 - lr - k * lr) | sign
    1 - (1 - lr) ** k | another question
    k * lr / (2 - lr + k * lr) | 2 is missing
    """,
    "total_variation": """p, q:
    sum(abs(a - b) for a, b in zip(p, q)) | half|twice
    abs((p - q).sum()) / 2 | cancel|absolute
    signed_tv | cancel|absolute
    overwriting_tv | overwrites
    printing_tv | print
    silent_tv | return
    round(np.abs(p - q).sum() / 2, 2) | round
    np.abs(p - q) / 2 | shape|sum
    math.dist(p, q) | Euclid|square
    50 * np.abs(p - q).sum() | per cent|100
    np.median(abs(p - q)) | median
    np.minimum(p, q).sum() | common
    np.cumsum(abs(p - q))[-1] | half|twice
    """,
    "kl_divergence": """p, q:
    kl_sum(p[q > 0], q[q > 0]) | infinite
    math.inf if (q == 0).any() else kl_sum(p, q) | infinite only where|neither
    (p * np.log(np.clip(p, 1e-10, 1) / np.clip(q, 1e-10, 1))).sum() | infinite
    kl(p, q, lambda a, b: (a * np.log2(a / b)).sum()) | bits
    kl(p, q, lambda a, b: (a * np.log(a / b)).mean()) | mean
    (lambda terms: terms[np.isfinite(terms)].sum())(p * np.log(p / q)) | infinite
    kl(p, q, hole=None) | None|branch
    overwriting_kl | overwrites
    (q[p > 0] * np.log(p[p > 0] / q[p > 0])).sum() | swapped|weigh|q
    (p[p > 0] * np.log(p[p > 0])).sum() | entropy|log q
    (p[p > 0] * np.log(q[p > 0] / p[p > 0])).sum() | sign
    (p[p > 0] * np.log10(p[p > 0] / q[p > 0])).sum() | log10|natural
    np.sum(p * np.log(p)) - np.sum(p * np.log(q)) | 0 log 0
    np.sum(np.log(p / q)) | weigh|sum
    """,
    "js_divergence": """p, q:
    kl_sum(p, p + q) + kl_sum(q, p + q) | half
    js_where_both | own|0 log 0|only for the law
    0.5 * ((p + q) / 2 * np.log((p + q) / 2 / p)).sum() + 0.5 * ((p + q) / 2 * np.log((p + q) / 2 / q)).sum() |
        swapped|order|first
    (kl_sum((p + q) / 2, p) + kl_sum((p + q) / 2, q)) / 2 | swapped|order|first
    0.5 * kl_sum(p, q) + 0.5 * kl_sum(q, p) | middle
    math.sqrt(0.5 * kl_sum(p, (p + q) / 2) + 0.5 * kl_sum(q, (p + q) / 2)) | root
    kl_sum(p, (p + q) / 2) | both|alone|q counts
    kl_sum(p, (p + q) / 2) + kl_sum(q, (p + q) / 2) | half
    (kl_sum(p, (p + q) / 2) + kl_sum(q, (p + q) / 2)) / 2 / math.log(2) | bits
    0.5 * kl_sum(p, (p + q) / 2) - 0.5 * kl_sum(q, (p + q) / 2) | sign|subtract|add
    -(kl_sum(p, (p + q) / 2) + kl_sum(q, (p + q) / 2)) / 2 | sign
    (kl_sum(p, np.sqrt(p * q)) + kl_sum(q, np.sqrt(p * q))) / 2 | arithmetic|root
    (np.sum(p * np.log(2 * p / (p + q))) + np.sum(q * np.log(2 * q / (p + q)))) / 2 | 0 log 0|inf
    """,
    "theta_step": """theta, lr, step:
    theta - lr / math.sqrt(1 + step) | left
    moved(lambda t: -sign(t), by_root) | uphill
    moved(lambda t: t, by_root) | proportional|however large|slope
    theta - sign(theta) * lr / math.sqrt(step) | sqrt\\(step\\)|count from 0
    moved(sign, lambda k: 1 / (1 + k)) | square|root
    theta - lr * sign(theta) | decay
    -sign(theta) * lr / math.sqrt(1 + step) | change|next
    max(0, abs(theta) - lr / math.sqrt(1 + step)) * sign(theta) | cut|stop
    lr - sign(lr) * theta / math.sqrt(1 + step) | swap|`
    abs(theta - sign(theta) * lr / math.sqrt(1 + step)) | absolute
    theta - sign(theta) / math.sqrt(1 + step) | lr
    theta - sign(theta) * lr * math.sqrt(1 + step) | multipl|grow
    theta - sign(theta) * lr / 2 / math.sqrt(1 + step) | half|halved|`lr`
    theta - theta**2 / 2 * lr / math.sqrt(1 + step) | slope|theta
    """,
    "chi_squared": """r, f:
    np.mean(r) - np.mean(f) | charge
    r.mean() - (np.exp(f) - 1).mean() | KL
    r.mean() - np.mean(f + f * f) | quarter
    r.mean() - np.mean(f + f * f / 2) | f\\^2 / 4
    r.mean() - np.mean(f * f / 4) | itself is missing
    r.mean() - np.mean(f - f * f / 4) | sign|convex
    -(r.mean() - np.mean(f + f * f / 4)) | loss|negative|sign
    r.mean() + np.mean(f + f * f / 4) | subtract
    f.mean() - np.mean(r + r * r / 4) | swapped
    r.mean() - f.mean() - np.square(f.mean()) / 4 | first the square
    r.sum() - np.sum(f + f * f / 4) | means
    np.mean(r + r * r / 4) - np.mean(f + f * f / 4) | face value
    r.mean() - (f + f * f / 4) | mean|each fake
    r.mean() - (f + f * f / 4).max() | expected|largest|maximum|max
    """,
    "best_shift": """r, f:
    np.mean(r) - np.mean(f) | means
    np.median(r) - np.median(f) | medians
    np.median(r - f) | sort both
    np.median(np.sort(f) - np.sort(r)) | sign
    np.median(np.abs(np.sort(r) - np.sort(f))) | absolute
    np.abs(np.sort(r) - np.sort(f)).mean() | before any shift
    np.sort(r) - np.sort(f) | median
    f + np.median(np.sort(r) - np.sort(f)) | shifted fakes
    np.median(np.subtract.outer(r, f)) | all pairs
    (np.sort(r) - np.sort(f)).max() | largest
    np.ptp(np.sort(r) - np.sort(f)) / 2 + (np.sort(r) - np.sort(f)).min() | largest move
    r.min() - f.min() | smallest points
    0.0 | always
    """,
    "plan_cost": """plan, x, y:
    np.mean(plan * gaps(x, y)) | mean
    (plan * gaps(x, y) ** 2).sum() | square|W2
    math.sqrt((plan * gaps(x, y) ** 2).sum()) | root|W2
    (plan * (x[:, None] - y)).sum() | absolute
    (plan * np.abs(x - y)).sum() | column|broadcast|x\\[:, None\\]|every y
    overwriting_cost | overwrites
    plan * gaps(x, y) | one step is left|sum
    (plan * gaps(x, y)).sum(axis=1) | one step is left|sum
    (plan.T * np.abs(x[:, None] - y)).sum() | transpose|swap|rows
    gaps(x, y).sum() | plan out|weigh|plan
    abs((plan * (x[:, None] - y)).sum()) | absolute
    np.trace(plan.T @ gaps(x, y)) * 0 + (plan @ gaps(x, y).T).sum() | matrix|entry
    np.abs(np.sort(x)[:2] - np.sort(y)[:2]).mean() | plan
    (plan * gaps(x, y)).max() | largest|dearest
    """,
    "w1_circle": """p, q:
    abs(np.cumsum(p - q)).sum() | line
    abs(np.cumsum(p - q))[:-1].sum() | line
    abs(np.cumsum(p - q) - np.cumsum(p - q).mean()).sum() | median
    abs(np.cumsum(p - q) - np.median(np.cumsum(p - q)))[:-1].sum() | n gaps
    abs(np.cumsum(p - q) - np.median(np.cumsum(p - q))).mean() | sum over the gaps
    max(abs(np.cumsum(np.roll(p - q, k))).sum() for k in range(len(p))) | dearest
    np.mean([abs(np.cumsum(np.roll(p - q, k))).sum() for k in range(len(p))]) | cheapest
    (np.cumsum(p - q) - np.median(np.cumsum(p - q))).sum() | absolute
    np.square(np.cumsum(p - q) - np.median(np.cumsum(p - q))).sum() | square
    abs(p - q).sum() / 2 | TV
    abs(p - q - np.median(p - q)).sum() | cumulative
    np.median(np.cumsum(p - q)) | stream
    np.cumsum(p - q).max() - np.cumsum(p - q).min() | range
    """,
    "w1_line": """a, p, q:
    area(a, p, q, width=False) | width
    area(a, p, q, cumulative=False) | cumul
    area(a, p, q, absolute=False) | absolute
    area(a, p, q, ordered=False) | sort
    area(np.sort(a), p, q, ordered=False) | sort p and q|together
    overwriting_area | overwrites
    abs((a * p).sum() - (a * q).sum()) | mean
    area(a, p, q) / (a.max() - a.min()) | mean|divide|length
    (np.cumsum((p - q)[np.argsort(a)])[:-1] ** 2 * np.diff(np.sort(a))).sum() | square|Cramer
    (abs(np.cumsum((p - q)[np.argsort(a)]))[1:] * np.diff(np.sort(a))).sum() | one gap|missing|point i
    abs(np.cumsum((p - q)[np.argsort(a)])).max() | largest|Kolmog
    np.trapezoid(abs(np.cumsum((p - q)[np.argsort(a)])), np.sort(a)) | trapez
    0.5 * area(a, p, q) | half
    (abs(np.cumsum((p - q)[np.argsort(a)])) * np.diff(np.sort(a))).sum() | broadcast|last entry
    abs(np.cumsum((p - q)[np.argsort(a)]))[:-1] * np.diff(np.sort(a)) | one step is left|sum
    """,
    "sinkhorn_step": """p, q, c, reg, v:
    lambda *a: fits(*a) | text|tuple|numbers
    overwriting_step | overwrites
    lambda *a: np.outer(fits(*a)[0], fits(*a)[2]) | multiply by K|outer
    (lambda K: (lambda u: u[:, None] * K * (q / (K.T @ u)))(p / (K @ v)))(np.exp(c / reg)) | sign
    (lambda K: (lambda v: (lambda u: u[:, None] * K * v)(p / (K @ v)))(q / (K.T @ (p / (K @ v)))))(np.exp(-c / reg)) |
        rows|columns|first|order
    (lambda K: (p / (K @ v))[:, None] * K * v)(np.exp(-c / reg)) | only the rows
    (lambda K: (lambda u: u[:, None] * K * (q / (K.T @ u)))(p / (K @ v)))(np.exp(-c)) | reg
    lambda *a: fits(*a)[0] * fits(*a)[1] * fits(*a)[2] | changed places|broadcast|u\\[
    (plan_of(*fits(p, q, c, reg, v)) * c).sum() | cost
    lambda *a: plan_of(*fits(*a)).T | transpose
    plan_of(*fits(q, p, c, reg, v)) | swapped
    lambda *a: fits(*a)[2] | factors
    lambda *a: (lambda P: P / P.sum(axis=1, keepdims=True))(plan_of(*fits(*a))) | sum|divided
    (lambda K: (lambda u: u[:, None] * K * (q * (K.T @ u)))(p / (K @ v)))(np.exp(-c / reg)) | multiply|divide
    """,
    "best_theta": """m, t:
    t | true share
    round(m * t) / m | rounded mean
    max(range(m + 1), key=lambda k: math.comb(m, k) * t**k * (1 - t) ** (m - k)) / m | mode
    int(m * t) / m | down
    math.ceil(m * t) / m | up
    share_of_ones(m, t) * m | divide by m
    share_of_ones(m, t, -1) | low
    share_of_ones(m, t, 1) | high|from 0
    SHARES[np.argmin([mean_distance(x, m, t, 2) for x in SHARES])] | true share|mean
    SHARES[np.argmax([mean_distance(x, m, t) for x in SHARES])] | largest
    min(mean_distance(x, m, t) for x in SHARES) | loss|minimum
    int(np.argmin([mean_distance(x, m, t) for x in SHARES])) | index|1000|times|place
    share_of_ones(m, 1 - t) | zeros|1 minus|1 - truth
    1.0 if t > 0.5 else 0.0 | m = 1|single
    share_of_ones(m, t, 0, m + 1) | divide by m
    0.5 | half|fair|always
    round(share_of_ones(m, t), 1) | rounded
    """,
    "c_transform": """f, c:
    np.array([min(c[i, j] - f[i] for j in range(c.shape[1])) for i in range(c.shape[0])]) | axis
    overwriting_transform | overwrites
    (c - f[:, None]).max(0) | maxim
    (c + f[:, None]).min(0) | sign of f
    (c - f[:, None]).min(0, keepdims=True) | shape|\\(1
    (c - f[:, None]).min() | minimum|all
    np.argmin(c - f[:, None], axis=0) | argmin
    (c - f).min(0) | column|row
    (f[:, None] - c).max(0) | sign
    c.min(0) | f is missing|`f`
    c.min(0) - f.min() | minimum
    best_answer(best_answer(f, c), c.T) | f\\^cc|two|twice
    np.clip(best_answer(f, c), 0, None) | cut|0
    (c.T - f).min(0) | transpose|axes|axis
    best_answer(f, c) / 2 | half|halved
    np.sort(best_answer(f, c)) | places
    """,
    "slack": """f, g, c:
    c - f - g[:, None] | places|swap|row
    f[:, None] + g - c | sign
    c - f[:, None] | g
    c - g | f is missing|`f`
    c - f[:, None] + g | added
    c - (f[:, None] - g) | added
    (c - f[:, None] - g).min() | whole|smallest
    np.abs(c - f[:, None] - g) | absolute
    c - f - g | rows|column
    c >= f[:, None] + g | which|rule
    np.subtract(np.subtract(c, f[:, None], out=c), g, out=c) | overwrites
    (c - f[:, None] - g).T | transpose
    (c - f[:, None] - g).sum() | sum|total
    c - f[:, None] * g | multipl
    np.maximum(0, c - f[:, None] - g) | cut
    -f[:, None] - g | cost|`cost`
    c - 2 * f[:, None] - g | twice|doubled|2
    """,
    "lower_bound": """f, p, q, c:
    f @ p - f @ q | -f
    (f * p).sum() | unload|missing|g @ q
    f @ p + (c - f[:, None]).max(0) @ q | max
    f @ p - best_answer(f, c) @ q | sign of g
    f.mean() + best_answer(f, c).mean() | mean
    f @ q + best_answer(f, c) @ p | swap
    f @ p + (c - f[:, None]).min(1) @ q | axis|axes
    (np.outer(p, q) * c).sum() | upper|p q
    f.sum() + best_answer(f, c).sum() | sum
    best_answer(f, c) | prices|one number|weigh
    (f @ p, best_answer(f, c) @ q) | two numbers|number|tuple|sum|add
    max(0, f @ p + best_answer(f, c) @ q) | cut|0
    0.5 * (f @ p + best_answer(f, c) @ q) | half
    -(f @ p + best_answer(f, c) @ q) | sign
    best_answer(f, c) @ q | f @ p|loading
    f @ p + (c - f[:, None]).min() | smallest|column
    f @ p + np.subtract(c, f[:, None], out=c).min(0) @ q | overwrites
    """,
    "scaled_bound": """r, f, c:
    np.mean(r) - np.mean(f) | scaled
    (np.mean(r) - np.mean(f)) / np.max(np.abs(r[:, None] - f) / c) | absolute
    (np.mean(r) - np.mean(f)) * np.max((r[:, None] - f) / c) | multiply
    (np.mean(r) - np.mean(f)) / np.mean((r[:, None] - f) / c) | mean
    (np.mean(r) - np.mean(f)) / max(1, np.max((r[:, None] - f) / c)) | scale up
    (np.mean(r) - np.mean(f)) / np.max(r[:, None] - f) | per distance
    (np.mean(f) - np.mean(r)) / np.max((r[:, None] - f) / c) | sign
    (np.sum(r) - np.sum(f)) / np.max((r[:, None] - f) / c) | means
    np.max((r[:, None] - f) / c) | largest slope
    (np.mean(r) - np.mean(f)) / np.max((r[:, None] - f) * c) | per
    (np.mean(r) - np.mean(f)) / np.min((r[:, None] - f) / c) | smallest
    (np.mean(r) - np.mean(f)) / np.max((r - f) / c) | rows|raised
    transport_plan(np.full(len(r), 1 / len(r)), np.full(len(f), 1 / len(f)), c)[1] | itself
    """,
    "upper_form": """v, x, xn:
    np.array([max(v[i] - np.linalg.norm(z - x[i]) for i in range(len(x))) for z in xn]) | lower
    (v + lengths(xn, x)).max(1) | maxim|minimum
    v[lengths(xn, x).argmin(1)] | nearest
    (v + ((xn[:, None] - x) ** 2).sum(2)).min(1) | squar
    v[lengths(xn, x).argmin(1)] + lengths(xn, x).min(1) | nearest
    (v + lengths(xn, x)).mean(1) | mean
    (v - lengths(xn, x)).min(1) | sign
    (v[:, None] + lengths(x, xn)).min(1) | axis
    (v + lengths(xn, x)).argmin(1) | argmin
    (v + np.abs(xn[:, None] - x).sum(2)).min(1) | absolute|Euclid
    lengths(xn, x).min(1) | values
    0.5 * ((v + lengths(xn, x)).min(1) + (v - lengths(xn, x)).max(1)) | lower
    (v + lengths(xn, x)).min() | shape|number|all
    (v + np.abs(xn[:, None, 0] - x[:, 0])).min(1) | coordinate
    (v + lengths(xn, x)).min(1)[:, None] | column|shape
    (v + 2 * lengths(xn, x)).min(1) | 2|doubled|Twice|twice
    """,
    "optimal_discriminator": """p, q:
    q / (p + q) | places
    p / q | odds
    np.log(p) - np.log(q) | logit
    p > q | verdict|probab|round
    p / (p.sum() + q.sum()) | total|there
    p / p.sum() | sum to 1|p / p
    1 / (1 + np.exp(-(p - q))) | sigmoid
    np.divide(p, p + q, out=p) | overwrites
    p / (0.5 * (p + q)) | 2|half
    1 - p / q | 1 minus|odds|D is
    (p - q) / (p + q) | -1 to 1|\\(p - q\\)
    np.log(p / (p + q)) | log
    np.mean(p / (p + q)) | mean|one number
    p**2 / (p**2 + q**2) | square
    -p / (p + q) | sign
    np.sqrt(p / (p + q)) | root|square
    p / p + q | brackets|plus|precedence|odds
    """,
    "js_from_loss": """l:
    LN2 + l / 2 | sign
    LN2 - l | half|divide
    2 * LN2 - l | half
    -l / 2 | log 2
    1 - l / 2 | bits|log2
    1 - l / (2 * LN2) | bits
    max(0, LN2 - l / 2) | 0|cut
    l / 2 - LN2 | sign
    LN2 / 2 - l / 2 | log 2|halve|divide
    math.log(4) - l / 2 | log 4|divide|halve|log 2
    max(0, LN2 - l / 2) ** 0.5 | root
    math.log10(2) - l / 2 | 10
    abs(LN2 - l / 2) | absolute
    l | coin|loss
    (2 * LN2 - l) / 4 | half|divide|quarter
    math.exp(-l) | exp
    l / 2 | -4|add|sign|log 2
    """,
    "saturating_gradient": """d:
    saturating(d, lambda D, z, d: -d * D) | sign
    saturating(d, lambda D, z, d: d * (1 - D)) | non-sat
    saturating(d, lambda D, z, d: D) | logit|d in size|slope
    saturating(d, lambda D, z, d: d * D / 2) | half|2 JS
    saturating(d, lambda D, z, d: np.log(1 - D)) | loss
    saturating(d, lambda D, z, d: -np.log(D)) | loss
    saturating(d, lambda D, z, d: d * d * D) | d\\^2|`d`|square|slope is d
    saturating(d, fakes=False) | data|z|d \\+ z|fakes
    np.sqrt(2 * np.pi) * saturating(d, lambda D, z, d: d * D) | density|2 pi
    1.0 | size 1|W1
    d / (1 + np.exp(d * d / 2)) | mean
    saturating(d, lambda D, z, d: -d * D * (1 - D)) | 1 - D|slope of D
    saturating(d, lambda D, z, d: d * D) / (18 / 3000) | grid|width|spacing|times
    saturating(d, half=1) | d\\^2/2|term
    (saturating(d + 1e-4, log_of_rest) - saturating(d - 1e-4, log_of_rest)) / 2e-4 | freeze|follows|half
    """,
    "density_ratio": """D, k:
    D / (1 - D) | missing
    k * (1 - D) / D | upside down
    D / (1 - D) / k | wrong side
    k * D | 1 - D
    k * D / (k - D) | share|1 - D|shape|expected
    D / (1 - k * D) | solve
    np.log(k * D / (1 - D)) | logarithm
    (k * D / (1 - D)).mean() | mean
    (k + 1) * D / (1 - D) | 1 \\+ k
    100 * k * D / (1 - D) | per cent|100
    np.clip(k * D / (1 - D), 0, 1) | cut
    -k * D / (1 - D) | sign
    k * D / (D - 1) | sign
    np.exp(k * D / (1 - D)) | exponential
    np.round(k * D / (1 - D)) | round
    """,
    "tv_bound": """a, b:
    a + b - 1 | worse than a coin
    max(0, a + b - 1) | cut
    (a + b) / 2 | accuracy
    abs(a + b - 1) / 2 | half
    2 * abs(a + b - 1) | twice
    abs(a - b) | called data
    1 - abs(a + b - 1) | 1 minus
    abs(a * b - (1 - a) * (1 - b)) + 1 | coin|plus 1|1
    min(a, b) | both
    a | accuracy on the fakes
    b | accuracy on data
    (a + b - 1) ** 2 | square
    -abs(a + b - 1) | sign
    100 * abs(a + b - 1) | per cent
    abs(a + b - 1) ** 0.5 | root
    """,
    "bounded_gradient": """d, s:
    saturating(d, lambda D, z, d: d * (1 - D)) | without a bound
    saturating(d, lambda D, z, d: s / (1 + np.exp(-s * (z + d / 2)))) | does not bind
    saturating(d, lambda D, z, d: s * (1 - D)) | free logit
    saturating(d, lambda D, z, d: min(s, d) * (1 - D)) | free logit
    saturating(d, lambda D, z, d: min(s, d) / (1 + np.exp(min(s, d) * (z + d / 2)))) | 1 - D
    saturating(d, lambda D, z, d: -min(s, d) / (1 + np.exp(-min(s, d) * (z + d / 2)))) | sign
    saturating(d, lambda D, z, d: d / (1 + np.exp(-min(s, d) * (z + d / 2)))) | push
    saturating(d, lambda D, z, d: 1 / (1 + np.exp(-min(s, d) * (z + d / 2)))) | slope is missing
    min(s, d) | weight
    min(s, saturating(d, lambda D, z, d: d * (1 - D))) | not the gradient
    min(s, d) / (1 + math.exp(-min(s, d) * d / 2)) | mean of
    saturating(d, lambda D, z, d: max(s, d) / (1 + np.exp(-max(s, d) * (z + d / 2)))) | smaller
    saturating(d, lambda D, z, d: min(s, d) / (1 + np.exp(-min(s, d) * (z + d)))) | half way
    saturating(d, lambda D, z, d: min(s, d) / (2 + 2 * np.exp(-min(s, d) * (z + d / 2)))) | half
    """,
    "critic_loss": """r, f:
    -(f.mean() - r.mean()).abs() | absolute
    (f.mean() - r.mean()).item() | item|plain
    (f.mean() - r.mean()).detach() | detach|graph
    torch.mean(r) - torch.mean(f) | sign
    torch.sum(f) - torch.sum(r) | sum
    (f - r).mean() | equally long|broadcast|length
    f.mean() | data is missing|fakes
    F.relu(1 - r).mean() + F.relu(1 + f).mean() | hinge
    2 * (f.mean() - r.mean()) | twice|half|2
    0.5 * (f.mean() - r.mean()) | half|factor
    (f.mean() - r.mean()) ** 2 | square
    f.detach().numpy().mean() - r.detach().numpy().mean() | plain|numpy
    f.mean() - r.mean().detach() | part|gradient
    (f.mean(), -r.mean()) | sum of these
    torch.cat([f, -r]).mean() | all scores|each
    f.median() - r.median() | median
    torch.tensor(f.mean().item() - r.mean().item()) | graph|tensor|plain
    -(torch.log(torch.sigmoid(r)).mean() + torch.log(1 - torch.sigmoid(f)).mean()) | sigmoid|log
    f.mean() + r.mean() | added|add
    f.mean() - r.mean() + 10 | penalty|plus|always
    f.max() - r.max() | max|largest
    f.mean() * r.mean() | exp|product|ratio
    F.softplus(-r).mean() + F.softplus(f).mean() | 2014|sigmoid|logarithm
    """,
    "certified_estimate": """r, f, b:
    r.mean() - f.mean() | estimate alone|divide
    abs(r.mean() - f.mean()) / b | absolute
    max((r.mean() - f.mean()).item() / b, 0) | cut
    (r.mean() - f.mean()) * b | multipl
    (f.mean() - r.mean()) / b | sign
    (r.sum() - f.sum()) / b | sum
    r.mean() - f.mean() / b | one of
    (r.max() - f.max()) / b | largest
    (r.mean() - f.mean()) / math.sqrt(b) | root
    (r.mean() - f.mean()) / (2 * b) | 2|doubled|half
    ((r - f) / b).mean() | equally|length|long
    torch.minimum(r.mean() - f.mean(), torch.tensor(b)) | cap|min
    r.div_(b).mean() - f.div_(b).mean() | overwrites
    b / (r.mean() - f.mean()) | upside|over
    r.mean() - f.mean() - b | subtract|minus
    (r.mean() + f.mean()) / b | added
    (r.mean() - f.mean()) / (1 + b) | 1
    """,
    "operator_norm": """w:
    torch.norm(w) | Frobenius
    torch.linalg.matrix_norm(w) | Frobenius
    w.abs().max() | entry
    w.abs().sum(1).max() | row sum
    w.abs().sum(0).max() | column sum
    torch.linalg.eigvalsh(w.T @ w).max() | square
    svdvals(w).min() | smallest
    svdvals(w).sum() | sum|added
    svdvals(w) | largest|first|alone
    torch.linalg.eigvals(w).abs().max() | eigenvalue
    svdvals(w.float())[0] | float|digits
    w.norm(dim=1).max() | longest row
    svdvals(w).mean() | mean
    (w @ torch.ones(w.shape[1], dtype=w.dtype)).norm() | unit|vector|1, 
    torch.linalg.eigvalsh(w.T @ w)[0].clamp(min=0).sqrt() | last|smallest
    svdvals(w)[0].sqrt() | root
    torch.linalg.matrix_norm(w, float("inf")) | infin|row sum
    torch.linalg.cond(w) | condition
    svdvals(w.div_(w.norm()))[0] | overwrites
    """,
    "ray_cosine": """g, r, f:
    cosines(g, r - f).abs().mean() | absolute
    cosines(g, f - r).mean() | sign
    (g * (r - f)).sum(1).mean() | dot
    ((g * (r - f)).sum(1) / (r - f).norm(dim=1)).mean() | norm of the gradient|ray|length
    F.cosine_similarity(g.mean(0), (r - f).mean(0), dim=0) | mean vectors
    F.cosine_similarity(g, r - f, dim=0).mean() | batch|row
    (g * (r - f)).sum() / (g.norm() * (r - f).norm()) | whole|one cosine|one per pair
    cosines(g, r - f).sum() | mean over|sum
    cosines(g, r - f) | mean|cosines
    cosines(g, r).mean() | data points
    cosines(g, r - f).median() | median
    (cosines(g, r - f) ** 2).mean() | square
    torch.acos(cosines(g, r - f)).mean() | angle
    ((g * (r - f)).sum(1) / (g.pow(2).sum(1) * (r - f).pow(2).sum(1))).mean() | squared
    cosines(g, r.sub_(f)).mean() | overwrites
    cosines(g, (r + f) / 2).mean() | middle|sum|fakes
    ((g * (r - f)).sum(1) / (g.norm() * (r - f).norm(dim=1))).mean() | batch|norm
    (g @ (r - f).T).mean() | pair
    """,
    "bracket": """e, k, c:
    ((e / k).max(), c.min()) | minus the critic
    (abs(e).max() / k.max(), c.min()) | look by look
    (abs(e / k)[-1], c[-1]) | grow old
    (abs(e / k)[-1], c.min()) | best of all
    (abs(e / k).mean(), c.min()) | mean
    (abs(e / k).max(), c.mean()) | mean
    (abs(e / k).max(), c.max()) | cheapest
    (abs(e).max(), c.min()) | divide
    (abs(e * k).max(), c.min()) | multiply
    (c.min(), abs(e / k).max()) | changed places
    abs(e / k).max() | alone
    c.min() | alone
    (max(0, (e / k).max()), c.min()) | zero
    (abs(e / k), c.min()) | shape|compare|numbers|one|kind
    """,
    "residual_bound": """k:
    k.prod() | plain chain
    1 + k.prod() | per block
    (1 + k).prod() | whole branch
    (1 + k.prod(axis=1)).sum() | multiply
    (1 + k.sum(axis=1)).prod() | multiply
    (1 + k.prod(axis=0)).prod() | row
    (1 + k.prod(axis=1)) | multiply
    1 + k.prod(axis=1).sum() | multiply
    np.sqrt(1 + k.prod(axis=1) ** 2).prod() | Pythagoras
    np.maximum(1, k.prod(axis=1)).prod() | sum
    (1 + k.prod(axis=1)).max() | largest
    (1 + k.prod(axis=1))[-1] | last
    (1 + k.prod(axis=1)).prod() - 1 | minus 1
    np.log((1 + k.prod(axis=1)).prod()) | logarithm
    """,
    "bound_by_hand": """c, w:
    math.prod(layers(c, w, lambda a, b: a * b)) | root
    c * math.prod(layers(1, w)) | once
    sum(layers(c, w)) | add
    math.prod(layers(1, w)) | c is missing|factor c
    math.prod(layers(c, w)[:-1]) | last
    math.prod(layers(c, w, lambda a, b: math.sqrt(a))) | columns|rows
    math.prod(layers(c, w, lambda a, b: math.sqrt(b))) | columns|rows
    c ** len(w) * math.prod(layers(1, w)) | one layer less|number of widths|widths
    math.prod(c * math.sqrt(a) for a in w) | width|once
    max(layers(c, w)) | largest
    math.prod(layers(c, w, lambda a, b: math.sqrt(a + b))) | sum
    math.prod(layers(c, w)[1:]) | first
    layers(c, w) | number|multiply|layers
    math.prod(layers(c, w, lambda a, b: math.sqrt((a + 1) * b))) | bias
    math.prod(layers(1, w, lambda a, b: math.sqrt(c * a * b))) | c |root
    math.prod(layers(2 * c, w)) | 2|doubled
    sum(math.log(x) for x in layers(c, w)) | log
    c ** (len(w) - 1) * math.sqrt(w[0] * w[-1]) | inner widths
    """,
    "clip_": """critic, c:
    clip_with_grad | no_grad
    clip_replace | replaced|new
    clip_each_layer | parameters\\(\\)
    clip_assign | nothing has changed|clamp_
    clip_early | first|loop
    clip_grad | gradients
    clip_freeze | freez|requires
    clip_copy | copy
    clip_list | return the critic
    clip_linear | kind|Linear
    clipper(lambda n, p: "bias" not in n) | bias
    clipper(returns=False) | return
    clipper(new=lambda p, c: p.clamp(max=c)) | below
    clipper(new=lambda p, c: p.clamp(min=-c)) | above
    clipper(new=lambda p, c: p.sign() * c) | wall
    clipper(new=lambda p, c: p.clamp(-0.01, 0.01)) | 0.01
    clipper(new=lambda p, c: c * torch.tanh(p)) | tanh
    clipper(new=lambda p, c: p * c / max(c, p.norm())) | norm
    clipper(new=lambda p, c: p.clamp(0, c)) | 0
    clipper(new=lambda p, c: p * c) | multipl|scaled
    clipper(new=lambda p, c: torch.where(p.abs() <= c, p, torch.zeros_like(p))) | outside to 0|nearest wall
    (torch.nn.utils.clip_grad_norm_(critic.parameters(), c), critic)[1] | gradients|weights
    """,
    "linear_estimate": """c, x, y:
    -c * abs(x.mean() - y.mean()) | sign
    c * (x.mean() - y.mean()) | absolute
    abs(x.mean() - y.mean()) | gap|c
    abs(x.mean() - y.mean()) / c | divid
    c * abs(x.sum() - y.sum()) | sum
    c * (x - y).mean().abs() | long|each mean
    c * torch.relu(x.mean() - y.mean()) | cut
    c * (x.mean() - y.mean()) ** 2 | square
    c * (x.abs().mean() - y.abs().mean()) | absolute
    2 * c * abs(x.mean() - y.mean()) | 2
    c * abs(x.median() - y.median()) | median
    c * c * abs(x.mean() - y.mean()) | c once|squar
    x.mul_(c).mean().sub(y.mul_(c).mean()).abs() | overwrites
    abs(x.mean() - y.mean()).clamp(-c, c) | clipped|clamp|cut
    c * abs(x.mean() + y.mean()) | add
    c * abs(x.max() - y.max()) | largest
    """,
    "clip_for_slope": """s, w:
    s / math.prod(math.sqrt(a * b) for a, b in pairwise(w)) | root
    (s / math.prod(math.sqrt(a * b) for a, b in pairwise(w))) ** (1 / len(w)) | one more
    (s / math.prod(math.sqrt(a * b) for a, b in pairwise(w))) ** 0.5 | number of layers
    (s / math.prod(a * b for a, b in pairwise(w))) ** (1 / (len(w) - 1)) | sqrt
    (s / math.prod(w)) ** (1 / (len(w) - 1)) | widths
    (math.prod(math.sqrt(a * b) for a, b in pairwise(w)) / s) ** (1 / (len(w) - 1)) | upside down
    math.prod(math.sqrt(a * b) for a, b in pairwise(w)) ** (-1 / (len(w) - 1)) | asked for
    s ** (1 / (len(w) - 1)) | missing
    s ** (1 / (len(w) - 1)) / math.prod(math.sqrt(a * b) for a, b in pairwise(w)) | whole quotient
    (s / math.prod(math.sqrt(a * b) for a, b in pairwise(w))) ** (len(w) - 1) | power
    s / (len(w) - 1) / math.prod(math.sqrt(a * b) for a, b in pairwise(w)) | multiply
    math.prod(s * math.sqrt(a * b) for a, b in pairwise(w)) | turn it round
    2 * (s / math.prod(math.sqrt(a * b) for a, b in pairwise(w))) ** (1 / (len(w) - 1)) | twice
    """,
    "plane_estimate": """c, x, y:
    c * (x.mean(0) - y.mean(0)).norm() | square
    c * (x.mean(0) - y.mean(0)).sum() | sign
    c * (x.mean(0) - y.mean(0)).sum().abs() | sizes before
    c * (x.mean(0) - y.mean(0)).abs().max() | every weight
    c * (x.mean(0) - y.mean(0)).abs().mean() | add
    c * (x.mean() - y.mean()).abs() | per coordinate
    c * (x.mean(0) - y.mean(0)).abs() | one number
    (x.mean(0) - y.mean(0)).abs().sum() | clip limit
    -c * (x.mean(0) - y.mean(0)).abs().sum() | sign
    c * (x.sum(0) - y.sum(0)).abs().sum() | means
    c * (x - y).mean(0).abs().sum() | equally long
    c * (x.mean(0) - y.mean(0)).square().sum() | square
    c * (x.mean(0) + y.mean(0)).abs().sum() | added
    c * (x.mean(1).sum() - y.mean(1).sum()).abs() | expected|mean|axis|twice|half|unused|found
    """,
    "share_at_limit": """k, c:
    share(k, c, lambda p, c: p == c) | \\+clip_limit|alone
    share(k, c, lambda p, c: p == -c) | -clip_limit alone
    100 * share(k, c) | per cent
    share(k, c, end="sum") | divide|number
    share(k, c, kept=lambda p: p.ndim == 2) | bias
    np.mean([float((p.abs() == c).float().mean()) for p in k.parameters()]) | averag
    overwriting_share | overwrites
    last_share | last
    first_share | first
    1 - share(k, c) | inside
    share(k, c, lambda p, c: p.abs() > c) | beyond
    share(k, c, lambda p, c: p.abs() >= 0.999 * c) | near
    share(k, c, lambda p, c: (p.abs() - c).abs() < 0.01 * c) | near|exact
    share(k, c, lambda p, c: p.abs() <= c) | inside|all
    share(k, c, lambda p, c: p <= -c) | alone
    sum((p.abs() == c).sum() for p in k.parameters() if p.ndim > 1) / sum(p.numel() for p in k.parameters()) |
        divided by all|out of the count
    [float((p.abs() == c).float().mean()) for p in k.parameters()] | tensors
    share(k, c, kept=lambda p: p.ndim > 1) | bias|weights alone
    """,
    "points_between": """x, y:
    points(one_each, detach=False) | detach
    points(lambda x: torch.rand(len(x))) | eps needs|shape|axis
    points(one_each)(x, y)[0] | one point per pair|shape
    (points(one_each)(x, y), one_each(x)) | points alone|eps
    points(one_each)(x, y).numpy() | numpy
    x.mul_((e := one_each(x))).add_((1 - e) * y.detach()) | overwrites
    points(lambda x: one_each(x), lambda e: (1 - e**2).sqrt()) | straight|sqrt|weights
    points(lambda x: torch.rand(1)) | share one
    points(torch.rand_like) | coordinate
    points(lambda x: one_each(x, torch.randn)) | outside|normal
    one_each(x) * x + (1 - one_each(x)) * y.detach() | twice
    points(lambda x: one_each(x).round()) | coin|0 or 1
    points(lambda x: one_each(x) / 2) | uniform
    points(lambda x: one_each(x) ** 4) | uniform
    points(lambda x: 2 * one_each(x)) | outside
    points(lambda x: 2 * one_each(x) - 1) | outside
    points(seeded) | same at each call
    points(lambda x: torch.linspace(0, 1, len(x)).reshape(-1, *[1] * (x.ndim - 1))) | same at each call
    points(other=lambda e: e) | 1 - eps
    points(lambda x: 0.5) | 1/2
    points(other=lambda e: 1 + e) | sum to 1|straight
    points(other=lambda e: 1) | sum to 1|straight
    points(noise=0.1) | straight|coordinate
    points(lambda x: 0 * one_each(x)) | only the fakes
    points(lambda x: 0 * one_each(x) + 1) | only the real
    points()(x, y[torch.randperm(len(y))]) | shuffled
    """,
    "gradient_penalty": """c, x, y:
    without_requires_grad | requires_grad
    without_detach | generator|detach
    with_backward | backward
    penalty(score=lambda scores: scores) | scalar|sum the scores
    finite_difference | twice|points|never|once
    penalty(between=lambda x, y: torch.cat([x, y])) | per pair|points
    penalty(lambda s: (s**2).mean()) | 1 is missing
    penalty(lambda s: (s - 1).abs().mean()) | absolute
    penalty(lambda s: (s.mean() - 1) ** 2) | first|each
    penalty(one_sided) | one-sided
    penalty(lambda s: (s - 1).mean()) | cancel|square
    penalty(lambda s: ((s - 1) ** 2).max()) | largest
    penalty(lambda s: ((s**2 - 1) ** 2).mean()) | squares|one by one|root
    penalty(lambda s: two_sided(s).sqrt()) | root
    torch.tensor(1.0, requires_grad=True) | never
    penalty(two_sided, between=points(lambda x: one_each(x) / 2)) | uniform
    penalty(two_sided, between=points(lambda x: one_each(x).clamp(0.1, 0.9))) | uniform
    penalty(two_sided, between=points(one_each_two)) | share
    penalty(two_sided, between=lambda x, y: points()(x, y).double()) | x_hat is in torch.float64
    """,
    "one_sided_penalty": """*args:
    penalty(two_sided) | two-sided
    penalty(lambda s: ((1 - s).relu() ** 2).mean()) | flipped
    penalty(lambda s: (s - 1).relu().mean()) | square
    penalty(lambda s: (s.mean() - 1).relu() ** 2) | cut|mean
    penalty(lambda s: (s.relu() ** 2).mean()) | 1
    penalty(lambda s: ((s[s > 1] - 1) ** 2).mean()) | above 1|all pairs|divide
    penalty(lambda s: (s.clamp(min=1) ** 2).mean()) | clamp|excess|above
    penalty(lambda s: one_sided(s).sqrt()) | root
    penalty(lambda s: (s**2 - 1).relu().mean()) | cut|square
    penalty(lambda s: ((s**2 - 1).relu() ** 2).mean()) | root
    penalty(lambda s: ((s + 1).relu() ** 2).mean()) | added
    """,
    "fix_penalty": """*args:
    penalty(two_sided, lambda g: g.norm(dim=1), points(lambda x: torch.rand(1))) | share one.*norm
    penalty(one_sided) | one-sided|above
    penalty(two_sided, lambda g: g.norm(dim=(2, 3))) | axes
    penalty(two_sided, lambda g: g.flatten(1).norm(dim=0)) | batch
    penalty(two_sided, between=points(lambda x: torch.rand(1, *x.shape[1:]))) | share|eps
    penalty(two_sided, between=points(lambda x: one_each(x, torch.randn))) | normal|outside
    penalty(two_sided, between=points(lambda x: one_each(x) / 2)) | leave it as it is$
    """,
    "penalised_estimate": """w, l:
    1 + w / (2 * l) | slope
    w + w * w / (4 * l) | penalty
    w * (1 + w / l) | 2|factor
    w * (1 - w / (2 * l)) | above|1 \\+|sign
    w | distance|more
    w * (1 + w / 2 * l) | bracket|fraction
    w * w / (2 * l) | excess
    -w * (1 + w / (2 * l)) | sign
    w * (1 + w / 2) | lambda
    w + w / (2 * l) | 1 \\+|multipl|add
    w * (1 + w / (2 * l)) ** 2 | squar
    w * (1 + 2 * l / w) | upside|fraction
    l * (1 + l / (2 * w)) | swap
    w * (1 + w / 20) | 10
    w + w * w / (2 * l) - l * (w / (2 * l)) ** 2 | penalty
    w * (1 + math.sqrt(w / (2 * l))) | root
    w * (1 + 1 / (2 * l)) | w1|1 /|proportion|multipl
    """,
    "least_lambda": """w, s:
    w / s | 2|factor
    w * w / (2 * s) | share of w1
    1 / (2 * s) | w1 is missing
    2 * s / w | upside
    w / (4 * s) | loss|twice
    w / (2 * s / 100) | 100
    w / 2 * s | bracket
    w / (2 * (1 + s)) | 1
    math.ceil(w / (2 * s)) | round|whole
    s / (2 * w) | swap|changed places
    w / (2 * s * s) | squar
    2 * w / s | 2
    math.sqrt(w / (2 * s)) | root
    -w / (2 * s) | exceed|sign
    w * (1 + s) / (2 * s) | w1|distance
    w // (2 * s) | int|round
    """,
    "w1_from_log": """e, t:
    e | whole excess
    -t | half of the excess
    t | loss itself
    2 * t - e | minus
    e + t | twice
    (e - t) / 2 | mean
    2 * (e + t) | excess
    -2 * t | estimate
    e - 2 * t | add
    2 * e + t | excess|once
    -t - e | penalty
    2 * t + e | signs
    (-2 * t - e) / 2 | halve
    math.sqrt(-e * t) | sum
    """,
    "best_scale": """e, s, lam:
    (e / lam + s.mean()) / (s**2).mean() | factor of 2
    (e / (2 * lam) + s.mean()) / s.mean() ** 2 | square of the mean
    e / (2 * lam) + 1 | slopes
    1 / s.mean() | reward
    s.mean() / (s**2).mean() | reward
    (s.mean() - e / (2 * lam)) / (s**2).mean() | sign
    (e / 2 * lam + s.mean()) / (s**2).mean() | brackets
    (2 * lam * e + s.mean()) / (s**2).mean() | stiffer
    (e / (2 * lam) + s.sum()) / (s**2).sum() | means
    e / (2 * lam * (s * (s - 1)).mean()) | quotient
    (s**2).mean() / (e / (2 * lam) + s.mean()) | upside down
    (e / (2 * lam) + s.mean()) / (s**2).mean() - 1 | change
    (e / (2 * lam) + np.median(s)) / (s**2).mean() | median
    e - 2 * lam * (s * (s - 1)).mean() | gap
    """,
    "wrong_axis_slope": """n, d, l:
    28 + 392 * d / l | 784|28
    1 + d / (2 * l) | right penalty
    1 + math.sqrt(n) * d / (2 * l) | one weight
    math.sqrt(n) + n * d / l | 2|factor
    n * (1 + math.sqrt(n) * d / (2 * l)) | n_pixels times|sqrt
    math.sqrt(n) - n * d / (2 * l) | sign
    d * (math.sqrt(n) + n * d / (2 * l)) | estimate|distance
    math.sqrt(n) * (1 + d / (2 * l)) | spring|mean over pixels|whole image
    n * d / (2 * l) | pull|sqrt
    math.sqrt(n) | reward
    math.sqrt(n) * (1 + n * d / (2 * l)) | whole image|reward
    math.sqrt(n) * (1 + math.sqrt(n) * d / 2 * l) | bracket
    math.sqrt(n) * (1 + math.sqrt(n) * l / (2 * d)) | upside
    n + n * d / (2 * l) | one step|root|n_pixels
    (math.sqrt(n) + n * d / (2 * l)) ** 2 | squared
    math.sqrt(n) + n * l / (2 * d) | upside
    round(math.sqrt(n) + n * d / (2 * l)) | int|round
    """,
    "best_slope": """d, l:
    1 + d / l | 2|factor
    1 - d / (2 * l) | sign
    d * (1 + d / (2 * l)) | estimate
    1.0 | higher|1 is
    d / (2 * l) | excess|add the 1
    1 + 2 * l / d | upside
    1 + d / 2 * l | bracket
    (1 + d) / (2 * l) | outside|1 stands
    1 + l / (2 * d) | swap|upside
    -d * (1 + d / (2 * l)) + l * (d / (2 * l)) ** 2 | loss
    1 + d * d / (2 * l) | squar|square
    1 + d / (4 * l) | half|once
    1 + d / 2 | lambda
    -1 - d / (2 * l) | sign
    math.sqrt(1 + d / (2 * l)) | root
    np.linspace(0, 2, 201)[np.argmin(-np.linspace(0, 2, 201) * d + l * (np.linspace(0, 2, 201) - 1) ** 2)] | round
    """,
    "critic_step_count": """n, k:
    (math.ceil(n / k), n * k) | swap
    (n * k, n // k) | round up|step 0
    (n * k, n / k) | whole
    (n * k, n // k + 1) | plus 1|divides
    (n * k, n * k) | same
    (n, math.ceil(n / k)) | n_critic critic steps
    n * k | both
    (n * k, n % k) | left over|%
    (n * k, n - math.ceil(n / k)) | not at the others|others
    (n + k, math.ceil(n / k)) | add|multiply
    (n * k, len([s for s in range(1, n) if s % k == 0])) | n_steps - 1|one of the multiples|not taken
    (n * k, len([s for s in range(n + 1) if s % k == 0])) | plus 1|floor
    f"{n * k}, {math.ceil(n / k)}" | text
    ((k + 1) * n, math.ceil(n / k)) | generator
    (n * k, round(n / k)) | nearest|round
    n * k / math.ceil(n / k) | ratio
    (n, n * k, math.ceil(n / k)) | order|three|numbers
    {"right": n * k, "inverted": math.ceil(n / k)} | dict|object
    (n * k, n) | every round
    """,
    "epochs": """n, k, b, m:
    n * b / m | n_critic
    2 * n * k * b / m | fakes are not|2
    n * (k + 1) * b / m | generator
    n * k * b // m | whole|//
    m / (n * k * b) | upside
    n * k * b | divide
    n * k / m | batch
    n * k // (m // b) | whole|round
    round(n * k * b / m) | round
    n * b / (k * m) | multipl|n_critic
    100 * n * k * b / m | per cent
    m / b | batches
    n * k / math.ceil(m / b) | round|up
    n * k * m / b | multiplies
    n * k * b / 60000 | 60000
    n * (k - 1) * b / m | generator|shows fakes|plus|first step|one less|n_critic
    (n + k) * b / m | add|\\+
    """,
    "falling_rate": """s, n, lr, h:
    lr * (1 - s / n) / (1 - h) | exceed
    lr * min(1, 2 * (1 - s / n)) | hold
    lr if s / n < h else lr * (1 - s / n) | at once
    lr * (1 - s / n) | first step
    lr * min(1, (1 - s / n) / h) | 1 - hold
    min(1, (1 - s / n) / (1 - h)) | multiply|factor
    lr | never
    lr * max(1, (1 - s / n) / (1 - h)) | larger|smaller
    lr if s <= h * n else lr * (s / n - h) / (1 - h) | rise
    lr if s <= h * n else 0.0 | 0 at once|drops
    lr * min(1, (1 - s // n) / (1 - h)) | //
    lr if s < h * n else lr * 0.5 * (1 + math.cos(math.pi * (s / n - h) / (1 - h))) | cosine
    lr if s < h * n else None | None|branch
    rate(s, n, lr, h) ** 2 / lr | squar|parabola
    lr if s < h * n else lr * (1 - (s - h * n) / n) | count|there|line starts
    lr * min(1, (n - s) / (1 - h)) | n_steps|step
    rate(s, n, lr, h) / 2 | half|halved
    lr * min(1, (1 - s / n) / (1 - h)) * (h / h) | division by 0|ZeroDivision|hold = 0
    """,
    "grey_levels": """e:
    255 * e | length 2
    e / 127.5 | upside
    (e + 1) * 127.5 | origin
    e * 127.5**2 | once|squared
    e | units
    128 * e | 256|128
    int(127.5 * e) | round|whole
    255 // 2 * e | //|127
    127.5 * e * 784 | 784
    min(255, 127.5 * e) | cut|exceed
    127.5 + e | origin|plus
    -127.5 * e | sign
    e * 2 / 255 | upside
    127.5 * e * 28 | 28
    abs(127.5 * e) | negative|absolute
    510 * e | length 2|510|divide
    127.5 * e + 127.5 | origin|127.5
    """,
    "find_the_bug": """e, s:
    guard(skip=[6]) | NaN
    guard(skip=[12]) | 12
    guard(skip=[4]) | exhibit 4.*12|12
    guard(healthy=None) | None|healthy
    guard(names={2: 3, 3: 2}) | swapped
    guard(names={4: 12, 12: 4}) | swapped
    0 | always
    2 if abs(s - 67.2) < 0.01 else guard()(e, s) if guard()(e, s) != 2 else 0 | 67|off
    2 if s > 1.055 and guard()(e, s) == 0 else guard()(e, s) | healthy
    bool(guard()(e, s)) | number|any bug|1
    f"exhibit {guard()(e, s)}" | text
    guard()(e.clamp(min=0), s) | below
    2 if s > 10 else 3 if s < 0.5 else 6 if s != s else 0 | slope alone|exhibit 1
    guard()(e, 1.05) | eps alone|slope
    [guard()(e, s)] * 2 | \\[6, 6\\]
    6 if s == float("nan") else guard(skip=[6])(e, s) | NaN
    """,
    "latent_walk": """a, b, n:
    walk(b, a, n) | backwards
    a + torch.arange(n)[:, None] / n * (b - a) | one step short|n - 1
    walk(a, b, n + 1) | too many
    walk(a, b, n).T | transpose|rows
    [a + k / (n - 1) * (b - a) for k in range(n)] | list|stack
    walk(a, b, n).numpy() | numpy|ndarray
    a + torch.rand(n, 1).sort(0).values * (b - a) | random|spaced|evenly
    walk(a, b, n + 2)[1:-1] | ends
    a + torch.linspace(0, 1, n)[:, None] * b | weight|1 - share
    a + torch.linspace(0, 1, n) * (b - a) | column|size
    a + torch.arange(n)[:, None] * (b - a) | too far|n - 1
    a - torch.linspace(0, 1, n)[:, None] * (b - a) | sign|away
    a + torch.linspace(1 / n, 1, n)[:, None] * (b - a) | z_start|leaves out
    walk(a, b, n)[:-1] | too few|last
    (a + b) / 2 | half|middle
    arc | sphere|arc
    overwriting_walk | overwrites
    """,
    "rank_correlation": """a, b:
    np.corrcoef(a, b)[0, 1] | values
    correlation(torch.tensor(a).argsort(), torch.tensor(b).argsort()) | twice
    torch.corrcoef(torch.stack([ranks(a), ranks(b)])) | matrix|entry
    correlation(ranks(a), b) | first list
    correlation(ranks(a), ranks([-x for x in b])) | sign|direction
    correlation(ranks(a), ranks(b)) ** 2 | square
    torch.cov(torch.stack([ranks(a), ranks(b)]))[0, 1] | covariance
    stats.kendalltau(a, b)[0] | Kendall
    6 * ((ranks(a) - ranks(b)) ** 2).sum() / (len(a) * (len(a) ** 2 - 1)) | 1 is missing|1 minus
    1 - ((ranks(a) - ranks(b)) ** 2).sum() / (len(a) * (len(a) ** 2 - 1)) | 6
    correlation(sorted(a), sorted(b)) | sorted
    F.cosine_similarity(ranks(a), ranks(b), dim=0) | mean|cosine
    abs(correlation(ranks(a), ranks(b))) | absolute
    tuple(stats.spearmanr(a, b)) | object|numbers|SignificanceResult|alone
    1 - 6 * ((ranks(a) - ranks(b)) ** 2).sum() / len(a) ** 3 | denominator|n\\^2
    ((ranks(a) - ranks(a).mean()) * (ranks(b) - ranks(b).mean())).mean() / (ranks(a).std() * ranks(b).std()) | freedom
    (ranks(a) == ranks(b)).double().mean() | equal|share
    overwriting_correlation | overwrites
    """,
    "images_from_folder": """f:
    pictures(f) | channel|axis|1, 28
    pictures(f, mode="RGB").permute(0, 3, 1, 2) | colour
    pictures(f)[:, None] / 127.5 - 1 | bytes|float
    pictures(f, key=lambda p: -ord(p.name[0]))[:, None] | sort
    pictures(f, change=lambda p: p.resize((32, 32)))[:, None] | 28
    pictures(f)[:, None].numpy() | tensor
    255 - pictures(f)[:, None] | invert|brightness
    pictures(f)[..., None] | second|channel
    list(pictures(f)[:, None]) | list|one tensor
    pictures(f)[:, None].transpose(2, 3) | swapped|rows
    pictures(f, change=lambda p: p.crop((0, 0, 28, 28)))[:, None] | cut
    pictures(f)[:, None].int() | int|uint8
    pictures(f, change=lambda p: p) | resize|equal size|size
    pictures(f, glob="*.jpg") | empty|no picture
    pictures(f)[:1, None] | one picture|all
    (pictures(f)[:, None] / 255).to(torch.uint8) | 255|bytes
    pictures(f, mode="1")[:, None].to(torch.uint8) * 255 | black and white
    pictures(f, mode="RGB")[..., 0][:, None] | one colour
    torch.stack([torch.from_numpy(np.array(Image.open(f / p))) for p in os.listdir(f)]) | text|folder
    torch.stack([torch.from_numpy(np.array(Image.open(p))) for p in sorted(os.listdir(f))]) | folder before|names
    pictures(f)[:, None].flip(3) | upside|left and right|rotat|mirror
    """,
    "critic_for": """c, h, w:
    maker(last=(nn.Sigmoid(),)) | sigmoid|bounded
    maker(last=(nn.Tanh(),)) | tanh|bounded
    maker(last=(nn.ReLU(),)) | ReLU|negative
    maker(middle=(nn.BatchNorm2d(8),)) | batch norm|other images
    maker(width=8 * 14 * 14) | raised|\\(3, 32
    maker(channels=1) | channel|raised
    nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, 10)) | one score|8, 10
    maker(middle=(nn.Dropout(0.3),)) | dropout|call
    nn.Sequential | class
    lambda x: x.flatten(1).sum(1) | brackets|network|function
    nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 1, 1)) | flatten|8, 1, 1
    nn.Sequential(nn.Conv2d(c, 1, 4, 4)) | patch|flatten|one score
    maker(last=(nn.Softmax(1),)) | softmax|every image
    maker(last=(nn.Softplus(),)) | softplus|negative|linear
    Bent(c, h, w, before=lambda x: x[:, 0]) | channel
    Bent(c, h, w, after=lambda scores: scores.detach()) | graph|detach
    Bent(c, h, w, before=lambda x: x - x.mean(0)) | other images
    Bent(c, h, w, after=lambda scores: scores.mean()) | whole batch|mean
    Bent(c, h, w, after=torch.sigmoid) | bounded|sigmoid
    maker(last=(nn.BatchNorm1d(1),)) | batch norm|other images|every image
    maker(last=(nn.LayerNorm(1),)) | every image|norm over|single
    maker(last=(nn.LogSigmoid(),)) | negative|ReLU|exp|finite|not positive
    maker(last=(nn.Hardtanh(),)) | tanh|bounded
    nn.Sequential(nn.Linear(w, 1)) | one score|scalar|0-d|\\(8, 28
    nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, 1)) | linear
    nn.Sequential(nn.Conv2d(c, 8, 4, 2, 1), nn.Flatten(), nn.Linear(2 * h * w, 1)) | linear
    """,
}

WRONG_PENALTIES = """*args:
    touching(charge, lambda critic: [p.data.mul_(1.01) for p in critic.parameters()]) | changes the critic
    touching(charge, lambda critic: critic.requires_grad_(False)) | changes the critic
    touching(charge, lambda critic: critic.eval()) | changes the critic
    penalty(charge, root_by_hand) | NaN
    penalty(charge, create_graph=False) | create_graph
    penalty(charge, lambda grad: grad.norm(dim=1)) | over one axis
    penalty(charge, lambda grad: grad.norm()) | whole batch
    penalty(charge, lambda grad: grad.flatten(1).norm(dim=0)) | the batch
    penalty(charge, lambda grad: grad.norm(dim=(2, 3))) | axes
    penalty(charge, lambda grad: grad.flatten(1).pow(2).sum(1)) | root
    penalty(charge, lambda grad: grad.flatten(1).abs().sum(1)) | absolute entries
    penalty(charge, lambda grad: grad.flatten(1)) | entry of the gradient
    penalty(charge, lambda grad: grad.flatten(1).norm(dim=1).detach().requires_grad_()) | detach
    penalty(charge, score=lambda scores: scores.mean()) | sum the scores
    penalty(charge, score=lambda scores: scores) | sum the scores
    lambda *args: penalty(charge)(*args).item() | item
    lambda *args: penalty(charge)(*args).detach() | graph
    penalty(lambda slope: charge(slope) * len(slope)) | sum
    penalty(lambda slope: -charge(slope)) | sign
    penalty(lambda slope: charge(slope).sqrt()) | root
    penalty(lambda slope: 10 * charge(slope)) | lambda
    penalty(lambda slope: torch.stack([charge(s) for s in slope])) | mean
    penalty(lambda slope: (slope - 1).abs().mean()) | absolute|square
    penalty(lambda slope: (slope - 1).mean()) | cancel|square
    penalty(charge, between=points(lambda x: torch.rand(1))) | share one
    penalty(charge, between=points(torch.rand_like)) | coordinate
    penalty(charge, between=points(lambda x: one_each(x).round())) | coin
    penalty(charge, between=points(lambda x: one_each(x, torch.randn))) | normal law
    penalty(charge, between=points(lambda x: one_each(x) / 2)) | uniform
    penalty(charge, between=lambda x, y: x) | real
    penalty(charge, between=lambda x, y: one_each(x) * x + (1 - one_each(x)) * y) | twice
    lambda *args: torch.tensor(1.0, requires_grad=True) | never asked
    """


def rows(table, **more):
    """The planted answers of a table: functions, each with the word that the verdict must contain."""
    head, *lines = table.strip().splitlines()
    joined = re.sub(r" \|\n\s+", " | ", "\n".join(lines))
    for line in joined.splitlines():
        expression, _, word = line.strip().partition(" |")
        value = eval(f"lambda {head}{expression}", {**globals(), **more})
        yield word.strip(), value


def answer(value):
    """The function; an expression that is a function itself is called with the arguments."""

    def my_answer(*args):
        result = value(*args)
        return result(*args) if callable(result) and not isinstance(result, nn.Module) else result

    return my_answer


def check(name, function):
    return getattr(checks, f"check_{name}")(function)


def exercise_of(name):
    return getattr(import_module(f"wgan_utils.checks.{checks.THEME_OF[f'check_{name}']}"), name)


NAMES = [name.removeprefix("check_") for name in checks.THEME_OF]
PENALTIES = {"gradient_penalty": two_sided, "fix_penalty": two_sided, "one_sided_penalty": one_sided}
PLANTED = [(name, word, answer(value)) for name, table in WRONG.items() for word, value in rows(table)]
PLANTED += [
    (name, word, answer(value)) for name, c in PENALTIES.items() for word, value in rows(WRONG_PENALTIES, charge=c)
]
WELL = [(name, answer(value)) for name, table in RIGHT.items() for _, value in rows(table)]


@pytest.mark.parametrize(("name", "function"), WELL, ids=lambda value: value if isinstance(value, str) else "")
def test_a_right_answer_is_correct_in_any_form(name, function):
    assert check(name, function) == "correct"


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_mistake_is_told_by_name(name):
    for word, function in ((word, function) for planted, word, function in PLANTED if planted == name):
        verdict = check(name, function)
        assert re.search(word, verdict) and not verdict.startswith(("correct", "not attempted")), (word, verdict)


def test_every_exercise_has_many_planted_answers_and_two_right_forms():
    for name in NAMES:
        assert sum(planted == name for planted, _, _ in PLANTED) >= 12, name
        assert sum(planted == name for planted, _ in WELL) >= 2, name


def test_a_better_bound_than_asked_is_correct_and_the_check_says_so():
    def tidied(f, p, q, cost):
        g = best_answer(f, cost)
        return (cost - g).min(1) @ p + g @ q

    assert re.match("correct: and a better bound", check("lower_bound", tidied))


@pytest.mark.parametrize("name", NAMES)
def test_a_stub_is_not_attempted_yet_and_nothing_else_is(name):
    def stub(*args):
        """Nothing but a docstring."""

    def without_return(*args):
        len(args)

    def printing(*args):
        print("42")

    assert check(name, stub) == check(name, lambda *args: None) == "not attempted yet"
    assert "return" in check(name, without_return) or name == "clip_"
    assert "print" in check(name, printing) or name == "clip_"


JUNK = [
    math.nan,
    math.inf,
    -1e300,
    "abc",
    "",
    b"x",
    (1, 2, "x"),
    [],
    {},
    {1},
    ...,
    1j,
    True,
    print,
    int,
    object(),
    torch,
]
JUNK += [
    [torch.zeros(2), torch.zeros(3)],
    np.zeros((2, 3, 4)),
    np.array(["a"]),
    torch.zeros(0),
    torch.zeros(2, dtype=torch.cfloat),
]


class Evil:
    """An object that raises whatever is asked of it."""

    def __array__(self, *args, **kwargs):
        raise SystemExit

    __repr__ = __len__ = __float__ = __bool__ = __eq__ = __array__


@pytest.mark.parametrize("name", NAMES)
def test_a_check_answers_whatever_it_is_given(name):
    for junk in [*JUNK, Evil()]:
        verdict = check(name, lambda *args, junk=junk: junk)
        assert isinstance(verdict, str) and not verdict.startswith(("correct", "not attempted")), junk
    for junk in (None, 1.5, "my_answer", [1], (2, 3), {}, np.zeros(3), torch.zeros(3), int, Evil):
        verdict = check(name, junk)
        assert isinstance(verdict, str) and not verdict.startswith(("correct", "not attempted")), junk
    for error in (ValueError("no"), SystemExit(), BaseException("out"), RecursionError(), MemoryError()):

        def raising(*args, error=error):
            raise error

        assert f"raised {type(error).__name__}" in check(name, raising)
    assert "raised SystemExit" in check(name, lambda *args: sys.exit())
    assert "argument" in check(name, lambda: 1) and "argument" in check(name, lambda a, b, c, d, e, f, g: 1)


def test_ctrl_c_still_stops_a_check():
    def interrupted(p, q):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("total_variation", interrupted)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_says_the_same_twice_and_leaves_everything_global_as_it_was(name):
    def state():
        numbers = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
        return *numbers, torch.get_default_dtype(), torch.is_grad_enabled(), np.geterr(), sys.stdout

    def drawing(*args):
        return random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002

    before = state()
    assert check(name, drawing) == check(name, drawing)
    assert state() == before


@pytest.mark.parametrize("setting", ["float64", "no_grad", "inference", "device", "errors"])
def test_the_verdict_does_not_depend_on_global_settings(setting):
    first = {name: function for name, function in reversed(WELL)}
    planted = {name: (word, function) for name, word, function in reversed(PLANTED)}
    with contextlib.ExitStack() as stack:
        if setting == "float64":
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float64)
        if setting == "device":
            stack.enter_context(torch.device("meta"))
        if setting == "errors":
            stack.enter_context(np.errstate(all="raise"))
        if setting == "no_grad":
            stack.enter_context(torch.no_grad())
        if setting == "inference":
            stack.enter_context(torch.inference_mode())
        for name, function in first.items():
            assert check(name, function) == "correct", name
        for name, (word, function) in planted.items():
            assert re.search(word, check(name, function)), name


@pytest.mark.parametrize("name", [name for name in NAMES if exercise_of(name).probe is plain])
def test_each_slip_gets_its_own_sentence(name):
    exercise = exercise_of(name)
    for sentence, slip in exercise.slips().items():
        assert check(name, slip) == sentence


def test_no_table_of_slips_holds_a_misprint():
    for name in NAMES:
        exercise = exercise_of(name)
        if exercise.probe is not plain:
            continue
        rng = np.random.default_rng(2026)
        inputs = [*exercise.cases(rng), *exercise.corners(rng).values()]
        for sentence, slip in exercise.slips().items():
            for args in inputs:
                try:
                    slip(*args)
                except (NameError, SyntaxError, AttributeError) as error:
                    raise AssertionError(f"{name}: {sentence}") from error
                except Exception:
                    continue  # a slip may be an error on some case, as the student's


def test_a_students_own_print_is_shown_once_and_not_an_answer():
    shown = io.StringIO()

    def talking(p, q):
        print("here")
        return abs(p - q).sum() / 2

    with contextlib.redirect_stdout(shown):
        assert check("total_variation", talking) == "correct"
    assert shown.getvalue() == "here\n"


def test_checks_of_formulas_and_of_notebooks_01_to_04_need_no_torch():
    names = [
        name for theme in ("distances", "transport", "duality", "gans", "formulas") for name in checks.THEMES[theme]
    ]
    program = (
        "import sys; sys.modules['torch'] = None\n"
        f"for name in {names}:\n"
        "    exec(f'from wgan_utils.checks import check_{name} as check')\n"
        "    assert check(lambda *args: None) == 'not attempted yet', name\n"
        "    assert 'always 7' in check(lambda *args: 7.0) or 'expected' in check(lambda *args: 7.0), name\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_package_imports_no_theme_before_it_is_asked_for():
    program = (
        "import sys, wgan_utils.checks as c; assert not {'torch', 'numpy', 'scipy'} & set(sys.modules); print(dir(c))"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert all(f"check_{name}" in shown for name in NAMES)


def test_an_unknown_check_is_an_attribute_error_that_lists_the_checks():
    with pytest.raises(AttributeError, match="check_total_variation"):
        _ = checks.check_everything
    assert checks.check_slack.__name__ == "check_slack" and "Notebook 03" in checks.check_slack.__doc__
