"""Notebooks 00 and 05: the loss of a critic, the estimate that is a proof, operator norms, and directions."""

import numpy as np
import torch
from torch import Tensor

from wgan_utils.checks.answer import Exercise


def tensor(array) -> Tensor:
    """The array as a tensor of the default dtype."""
    return torch.tensor(np.asarray(array), dtype=torch.get_default_dtype())


def scores(rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
    """Scores of data and of fakes, not equally many, with their graph; the data score higher, lower, and higher."""
    cases = [(7, 5, 2.0, -1.0), (6, 9, -1.5, 1.0), (8, 3, 4.0, 1.0)]
    return [
        tuple(tensor(rng.normal(c, 1, k)).requires_grad_(True) for k, c in ((n, a), (m, b))) for n, m, a, b in cases
    ]


def trains_the_critic(answer: object, *scores: Tensor) -> str:
    """What is wrong with a loss of the right value that an optimiser cannot use, or an empty string."""
    if not isinstance(answer, Tensor):
        what = type(answer).__name__
        return f"the value is right, but a plain {what} trains nothing: return the tensor, no .item(), float() or numpy"
    if not answer.requires_grad:
        return "the value is right, but its graph is cut, and nothing can be trained: no detach() and no no_grad()"
    grads = torch.autograd.grad(answer.sum(), scores, allow_unused=True)
    for grad, score, sign in zip(grads, scores, (-1, 1), strict=True):
        if grad is None or not torch.allclose(grad, torch.full_like(grad, sign / len(score))):
            return "the value is right, but its gradient is not: a part of its graph is cut by detach() or .item()"
    if answer.ndim:
        return f"the value is right, in a tensor of shape {tuple(answer.shape)}: a loss is one number, without axes"
    return ""


def softplus(x):
    return torch.nn.functional.softplus(x)


critic_loss = Exercise(
    "Notebook 00: mean score on fakes minus mean score on data, from (batch,) scores of each.",
    cases=scores,
    right=lambda real, fake: fake.mean() - real.mean(),
    extra=trains_the_critic,
    wrong="""real, fake:
    real.mean() - fake.mean() | the sign is flipped: the critic minimises this, and it wants high scores on data
    fake.sum() - real.sum() | you took sums; take means, or the loss grows with the batch
    fake.sum() - real.mean() | one of the two is a sum; take means of both
    fake.mean() - real.sum() | one of the two is a sum; take means of both scores
    -abs(fake.mean() - real.mean()) | no absolute value: when data score lower, the loss must be positive
    abs(fake.mean() - real.mean()) | no absolute value, and the sign counts: data shall score higher
    fake.mean() + real.mean() | the means are added: subtract the mean score on data
    -fake.mean() - real.mean() | the means are added, and the sign is flipped: mean on fakes minus mean on data
    fake.sigmoid().mean() - real.sigmoid().mean() | no sigmoid: a critic's score is not a probability
    fake.tanh().mean() - real.tanh().mean() | no tanh: a critic's score is not bounded
    softplus(-real).mean() + softplus(fake).mean() | this is the loss of the 2014 discriminator, with sigmoid and
        logarithm: take the plain means
    (softplus(-real).mean() + softplus(fake).mean()) / 2 | this is half of the 2014 loss: take the plain means
    torch.cat([softplus(-real), softplus(fake)]).mean() | this is a discriminator's loss: take the plain means
    (1 - real).relu().mean() + (1 + fake).relu().mean() | no hinge: scores past 1 count too
    ((real - 1) ** 2).mean() + (fake**2).mean() | no squares: this is the least-squares loss
    (fake**2).mean() - (real**2).mean() | no squares: scores are signed
    (fake.mean() - real.mean()) ** 2 | the square of the gap does not know its sign
    fake.mean() | the mean score on data is missing; this is the fakes' alone
    -fake.mean() | the mean score on data is missing; this is minus the fakes', the generator's loss
    real.mean() | the mean score on fakes is missing; this is the data's alone
    fake.median() - real.median() | take the mean, not the median
    fake.max() - real.max() | take the mean, not the largest score
    fake.min() - real.max() | take means: this is the gap of the extremes
    torch.cat([fake, -real]).mean() | take means of each; this is one mean over all scores
    (fake.sum() - real.sum()) / len(real) | divide each sum by its own number: the two need not be equally long
    (fake.sum() - real.sum()) / len(fake) | divide each sum by its own number; the two need not be equally long
    (fake - real).mean() | the two need not be equally long: take each mean first, then the difference
    fake[: len(real)].mean() - real[: len(fake)].mean() | the two need not be equally long: do not cut one of them off
    fake.mean() / real.mean() | the estimate is not scaled: a ratio of means is no loss
    fake.mean().log() - real.mean().log() | no logarithm: a score may be negative
    fake.abs().mean() - real.abs().mean() | each score counts as it is: these are means of absolute values
    fake.sum() / len(real) - real.sum() / len(fake) | each sum is divided by the other's number of scores
    fake.clamp(-1, 1).mean() - real.clamp(-1, 1).mean() | do not clip the scores: a critic's score is not bounded
    fake.norm() - real.norm() | take means, not norms
    fake.exp().mean().log() - real.exp().mean().log() | no exponential: plain means
    fake.std() - real.std() | take means, not spreads
    """,
    corners=lambda rng: {
        "a single score of each is a batch too": (
            tensor([0.5]).requires_grad_(True),
            tensor([2.0]).requires_grad_(True),
        ),
    },
    errors={"must match the size": "the two need not be equally long: take each mean first, then the difference"},
)


def with_bound(rng: np.random.Generator) -> list[tuple]:
    pairs = [tuple(s.detach() for s in pair) for pair in scores(rng)]
    cases = [(*pairs[0], 2.6), (*pairs[2], 3.4), (pairs[1][1], pairs[1][0], 0.7)]
    return [*cases, *((fake, real, bound) for real, fake, bound in cases)]  # one way round the fakes score higher


certified_estimate = Exercise(
    "Notebook 05: (mean score on data minus mean score on fakes) / bound, from scores of two lengths.",
    cases=with_bound,
    right=lambda real, fake, bound: (real.mean() - fake.mean()) / bound,
    wrong="""real, fake, bound:
    real.mean() - fake.mean() | this is the estimate alone: divide by the bound, so that the slope is at most 1
    (real.mean() - fake.mean()) * bound | you multiplied by the bound; a critic of slope K must be divided by K
    (real.mean() - fake.mean()).abs() / bound | no absolute value: the sign says which of the two scores higher
    (real.mean() - fake.mean()).clamp(min=0) / bound | do not cut at 0: an estimate may be negative
    (fake.mean() - real.mean()) / bound | the sign is flipped: data score high, so take their mean first
    fake.mean() - real.mean() | the sign is flipped, and the bound is missing: this is the critic's loss
    (real.sum() - fake.sum()) / bound | you took sums; the samples are laws, so take means
    real.mean() - fake.mean() / bound | you divided one of the two means only
    real.mean() / bound - fake.mean() | one of the two means is not divided
    (real.mean() + fake.mean()) / bound | you added the means: the estimate is their difference
    (real.max() - fake.min()) / bound | you took the largest gap of all pairs; the bracket speaks of means
    (real.max() - fake.max()) / bound | you took the largest scores; the bracket speaks of means
    (real.median() - fake.median()) / bound | you took medians; the bracket speaks of means
    (real.min() - fake.max()) / bound | you took the smallest gap of all pairs; the bracket speaks of means
    real.mean() - fake.mean() - bound | divide by the bound, do not subtract it
    (real.mean() - fake.mean()) / max(bound, 1) | divide by the bound also when it is below 1
    (real.mean() - fake.mean()).clamp(max=bound) | the bound does not cap the estimate: divide by it
    (real.sigmoid().mean() - fake.sigmoid().mean()) / bound | no sigmoid: scores are not probabilities
    (real - fake).mean() / bound | the two need not be equally long: take each mean first, then the difference
    (real.sum() - fake.sum()) / len(real) / bound | divide each sum by its own number: the two need not be equally long
    real.clamp(-bound, bound).mean() - fake.clamp(-bound, bound).mean() | clip nothing: divide the gap
    (real.mean() - fake.mean()) ** 2 / bound | no square: the gap itself is divided by the bound
    (real.mean() - fake.mean()) / torch.cat([real, fake]).std() | divide by the bound, not by the spread
    (real.min() - fake.min()) / bound | you took the smallest scores; the bracket speaks of means
    (real.mean() - fake.mean()) / (real.std() + fake.std()) / bound | do not divide by the spread of the scores as well
    """,
    errors={"must match the size": "the two need not be equally long: take each mean first, then the difference"},
)


def matrices(rng: np.random.Generator) -> list[tuple[Tensor]]:
    """Matrices, tall, square and wide, whose singular values are known and well apart."""
    cases = []
    for rows, columns, values in ((5, 3, (3.3, 2.1, 1.2)), (4, 4, (2.7, 1.9, 0.8, 0.5)), (3, 6, (1.9, 1.3, 0.7))):
        left, right = (np.linalg.qr(rng.normal(size=(size, len(values))))[0] for size in (rows, columns))
        cases.append((torch.tensor(left * values @ right.T),))
    return cases


def eigenvalues(weight):
    return torch.linalg.eigvals(weight)


operator_norm = Exercise(
    "Notebook 05: the largest singular value of a weight matrix, in float64.",
    cases=matrices,
    right=lambda weight: torch.linalg.svdvals(weight)[0],
    extra=lambda answer, weight: (
        f"the value is right to a few digits only, in {answer.dtype}: compute in float64, weight.double()"
        if isinstance(answer, Tensor) and answer.dtype != torch.float64
        else ""
    ),
    wrong="""w:
    w.norm() | this is the Frobenius norm: it adds up all directions, and a vector has only one
    (w**2).sum() | this is the square of the Frobenius norm: it adds up all directions
    w.abs().max() | this is the largest entry: a matrix can stretch more than any of its entries
    w.max() | this is the largest entry with its sign: a matrix can stretch more than any of its entries
    w.abs().sum(dim=1).max() | this is the largest row sum: it bounds the largest coordinate, not the Euclidean length
    w.abs().sum(dim=0).max() | this is the largest column sum: it bounds sums of coordinates, not the Euclidean length
    w.norm(dim=1).max() | this is the longest row: a vector may meet several rows at once
    w.norm(dim=0).max() | this is the longest column: a vector may use several columns at once
    torch.linalg.svdvals(w).sum() | you added the singular values; only the largest counts
    torch.linalg.svdvals(w).mean() | you took the mean of the singular values; only the largest counts
    torch.linalg.svdvals(w).prod() | you multiplied the singular values; only the largest counts
    torch.linalg.svdvals(w)[0] ** 2 | this is the square: take the root of the largest eigenvalue of W^T W
    torch.linalg.svdvals(w)[0] ** 0.5 | one root too many: a singular value is the root of an eigenvalue of W^T W
    torch.linalg.svdvals(w)[-1] | this is the smallest singular value: the least stretch, not the most
    torch.linalg.svdvals(w)[1] | this is the second singular value: they come in falling order, so take the first
    torch.linalg.eigvalsh(w.T @ w)[0] | eigvalsh gives them in rising order: take the last, and its root
    torch.linalg.eigvalsh(w.T @ w)[0].clamp(min=0) ** 0.5 | eigvalsh gives them in rising order: take the last
    eigenvalues(w).abs().max() | eigenvalues serve symmetric matrices alone: take singular values
    eigenvalues(w).real.max() | eigenvalues serve symmetric matrices alone; take singular values
    torch.linalg.cond(w) | this is the condition number, largest over smallest: take the largest
    torch.linalg.svdvals(w) | these are all singular values: return the largest alone
    w.trace() | this is the trace: take the largest singular value
    w.abs().sum() | this is the sum of all absolute entries: take the largest singular value
    w.abs().mean() | this is the mean of the absolute entries: take the largest singular value
    torch.linalg.matrix_rank(w).double() | this is the rank: the number of directions, not the stretch
    w.sum(dim=1).norm() | this is the stretch of the one vector (1, ..., 1): a norm is the most over all unit vectors
    w.sum(dim=1).norm() / w.shape[1] ** 0.5 | this is the stretch along (1, ..., 1): a norm is the largest of all
    torch.linalg.matrix_norm(torch.linalg.pinv(w), 2) | this is the norm of W^-1: take that of W
    w.norm() / min(w.shape) ** 0.5 | this is the Frobenius norm over the root of a dimension: a mean stretch
    w.abs().max() * w.numel() ** 0.5 | this is clip_limit's bound with sqrt(rows * columns), not the norm
    torch.linalg.svdvals(w).median() | this is the middle singular value: take the largest
    torch.linalg.det(w) | this is the determinant: it multiplies all stretches
    """,
    tolerance=1e-5,
)


def directions(rng: np.random.Generator) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Gradients and pairs of points; most gradients point along the ray, a few against it."""
    cases = []
    for n, dim in ((6, 2), (7, 3), (5, 4)):
        x_fake, ray = rng.normal(size=(n, dim)) + 1, rng.normal(size=(n, dim))
        ray *= (2 + rng.random((n, 1))) / np.linalg.norm(ray, axis=1, keepdims=True)
        grad = (0.8 * ray + 1.1 * rng.normal(size=(n, dim))) * (0.2 + 0.6 * rng.random((n, 1)))
        grad[0] = -0.3 * ray[0] + 0.2 * rng.normal(size=dim)
        grad *= -1 if dim == 4 else 1  # a critic that points the wrong way
        cases.append((tensor(grad), tensor(x_fake + ray), tensor(x_fake)))
    return cases


def cosines(grad, ray, dim=1):
    return torch.nn.functional.cosine_similarity(grad, ray, dim=dim)


def of_rays(function):
    return lambda grad, real, fake: function(grad, real - fake)


ray_cosine = Exercise(
    "Notebook 05: mean cosine between gradients and the rays from x_fake[i] to x_real[i], (batch, dim) each.",
    cases=directions,
    right=of_rays(lambda grad, ray: cosines(grad, ray).mean()),
    wrong="""g, real, fake:
    cosines(g, real).mean() | the ray is x_real - x_fake: this takes the data points themselves
    cosines(g, fake).mean() | the ray is x_real - x_fake: this takes the fakes themselves
    cosines(g, real + fake).mean() | the ray is x_real - x_fake: this takes the sum
    cosines(real, fake).mean() | the gradients are missing: this compares data and fakes
    of_rays(lambda g, r: ...):
    -cosines(g, r).mean() | the sign is flipped: the ray runs from the fake to the data point
    cosines(g, r).abs().mean() | no absolute value: a gradient against the ray must count against the critic
    cosines(g, r).relu().mean() | negative cosines count too: do not cut them off
    ((g * r).sum(1) / g.norm(dim=1)).mean() | you did not divide by the length of the ray
    ((g * r).sum(1) / r.norm(dim=1)).mean() | you did not divide by the norm of the gradient: directions alone count
    (g * r).sum(1).mean() | this is the mean of the dot products: divide each by both lengths
    (g * r).mean() | this is the mean over all coordinates: sum the products of each pair, then divide by both lengths
    cosines(g.mean(0), r.mean(0), 0) | this is the cosine of the mean vectors; take one cosine per pair, then the mean
    cosines(g.flatten(), r.flatten(), 0) | this is one cosine of the whole batch; take one per pair, then the mean
    (g * r).sum(1).mean() / (g.norm(dim=1).mean() * r.norm(dim=1).mean()) | take one cosine per pair, then the mean:
        this is a ratio of means
    (g * r).sum(1).mean() / (g.norm() * r.norm()) | take one cosine per pair: these are norms of the whole batch
    cosines(g, r, 0).mean() | you normalised down the batch; one cosine per row, dim=1
    cosines(g, r) | take the mean over the pairs; these are all cosines
    cosines(g, r).median() | take the mean over the pairs, not the median
    cosines(g, r).min() | take the mean over the pairs, not the smallest cosine
    cosines(g, r).max() | take the mean over the pairs, not the largest cosine
    ((g * r).sum(1) / ((g**2).sum(1) * (r**2).sum(1))).mean() | divide by the norms, not by squared norms
    ((g * r).sum(1) / (g.norm(dim=1) + r.norm(dim=1))).mean() | divide by the product of the two norms, not by their sum
    ((g * r).sum(1) / (r**2).sum(1)).mean() | divide by both norms; this divides by the squared norm of the ray
    ((g * r).sum(1) / (g**2).sum(1)).mean() | divide by both norms; this divides by the squared norm of the gradient
    (cosines(g, r) ** 2).mean() | no squares: the cosine itself, with its sign
    cosines(g, r).acos().mean() | this is the angle: take its cosine
    cosines(g, r).acos().mean() * 180 / torch.pi | this is the angle in degrees: take its cosine
    (1 - cosines(g, r)).mean() | this is the cosine distance, 1 minus the cosine
    (cosines(g, r) > 0).double().mean() | this is the share of gradients that point along the ray: take the mean cosine
    (g / g.norm(dim=0) * (r / r.norm(dim=0))).sum(1).mean() | the norms take the wrong axis: one per row, dim=1
    ((g * r).sum(1) / (g.norm() * r.norm(dim=1))).mean() | the gradient's norm is the batch's: one per row, dim=1
    ((g * r).sum(1) / (g.norm(dim=1) * r.norm())).mean() | the ray's length is the batch's: one per row, dim=1
    (g @ r.T).mean() | one cosine per pair, and lengths divided out: this is g @ ray^T
    cosines(g, r.roll(1, 0)).mean() | this is the cosine of neighbouring pairs: gradient i belongs to ray i
    (torch.nn.functional.normalize(g, dim=1) @ torch.nn.functional.normalize(r, dim=1).T).mean() | one cosine per pair:
        this compares each gradient with every ray
    ((g * r).abs().sum(1) / (g.norm(dim=1) * r.norm(dim=1))).mean() | no absolute values: signs count
    (g * r).sum(1).mean() / (g.norm(dim=1) * r.norm(dim=1)).mean() | first a cosine per pair, then the mean
    cosines(g, r).sign().mean() | this is the mean sign: take the mean cosine
    ((g * r).sum(1) / g.norm(dim=1) * r.norm(dim=1)).mean() | brackets: a / b * c multiplies by c; divide by both norms
    """,
)


def looks(rng: np.random.Generator) -> list[tuple]:
    """Estimates, some negative, proven bounds, and costs of couplings; the best is neither first nor last."""
    cases = []
    for n, m, sign in ((7, 5, 1), (6, 8, -1), (9, 4, 1)):
        bounds = rng.uniform(0.5, 4, n)
        shares = sign * rng.uniform(0.2, 0.5, n)
        shares[n // 2], shares[1] = sign * 0.8, -sign * 0.6
        bounds[n // 2] = 0.6 if n == 6 else bounds[n // 2]  # below 1: it scales up
        cases.append((shares * bounds, bounds, rng.permutation(np.linspace(1.1, 2, m)) + rng.random() / 2))
    return cases


bracket = Exercise(
    "Notebook 05: the tightest (low, high) around W1, from a log's estimates and bounds and from costs of couplings.",
    cases=looks,
    right=lambda estimates, bounds, costs: (np.max(np.abs(estimates) / bounds), np.min(costs)),
    wrong="""e, k, c:
    ((e / k).max(), c.min()) | minus the critic has the same slope: a negative estimate proves its size
    (np.abs(e).max() / k.max(), c.min()) | divide look by look, then take the largest: each estimate has its own bound
    (np.abs(e).max() / k.min(), c.min()) | divide look by look: the bound of another look proves nothing
    (np.abs(e / k)[-1], c[-1]) | a proof does not grow old: the best of all looks counts, not the last
    (np.abs(e / k)[-1], c.min()) | the best of all looks counts below too, not the last
    (np.abs(e / k).max(), c[-1]) | the cheapest coupling counts, not the last
    (np.abs(e / k)[0], c.min()) | the best of all looks counts, not the first
    (np.abs(e / k).mean(), c.mean()) | each look is a proof by itself: the best one, not the mean
    (np.abs(e / k).mean(), c.min()) | each look is a proof by itself: the largest, not the mean
    (np.abs(e / k).max(), c.mean()) | each coupling is an upper bound by itself: the cheapest, not the mean
    (np.abs(e / k).min(), c.max()) | this is the widest bracket: the largest below, the smallest above
    (np.abs(e / k).max(), c.max()) | the cheapest coupling is the tightest upper bound
    (np.abs(e / k).min(), c.min()) | the largest certificate is the tightest lower bound
    (np.abs(e).max(), c.min()) | an estimate is no certificate: divide by its bound
    (e.max(), c.min()) | an estimate is no certificate: divide by its bound, and a negative one counts as well
    (np.abs(e * k).max(), c.min()) | divide by the bound, do not multiply
    (np.abs(e / k).max(), (c / k.min()).min()) | a coupling's cost is in data units already
    (c.min(), np.abs(e / k).max()) | the two have changed places: (low, high)
    np.abs(e / k).max() | this is the lower end alone: return both
    c.min() | this is the upper end alone; return both
    (np.abs(e / k)[np.abs(e).argmax()], c.min()) | divide look by look first: the largest estimate need not prove most
    (np.abs(e / k)[k.argmin()], c.min()) | divide look by look first: the smallest bound need not prove most
    (np.abs(e / np.maximum(k, 1)).max(), c.min()) | divide by the bound also when it is below 1
    (np.abs(e / k)[0], c[0]) | the best of all looks and the cheapest coupling count, not the first
    (np.abs((e / k).min()), c.min()) | take the absolute value before the maximum: signs differ from log to log
    (e.max() / k.min(), c.min()) | divide look by look, and take sizes: each estimate has its own bound
    c.min() - np.abs(e / k).max() | this is the width of the bracket: return its two ends
    (np.maximum(e / k, 0).max(), c.min()) | a negative estimate is no zero: minus the critic reads its size
    """,
    corners=lambda rng: {
        "when every estimate is negative, minus the critic proves its size": (
            np.array([-0.4, -1.2, -0.9]),
            np.array([2.0, 1.5, 1.0]),
            np.array([1.4, 1.1]),
        ),
    },
)

residual_bound = Exercise(
    "Notebook 05: a bound on the slope of a chain of blocks x + branch(x), from norms of shape (blocks, layers).",
    cases=lambda rng: [(rng.uniform(0.4, 1.9, shape),) for shape in ((3, 2), (2, 4), (4, 3))],
    right=lambda norms: np.prod(1 + norms.prod(axis=1)),
    wrong="""k:
    k.prod() | this is the bound of a plain chain: each block adds its input, slope 1, to the branch
    1 + k.prod() | each block adds its input, not the network as a whole: one 1 per block
    (1 + k).prod() | the shortcut leads around the whole branch, not around each layer
    (1 + k.sum(axis=1)).prod() | inside a branch the norms multiply
    (1 + k.prod(axis=1)).sum() | along the chain of blocks the slopes multiply
    1 + k.prod(axis=1).sum() | this is for branches that all start at one input: along a chain the slopes multiply
    k.prod(axis=1).sum() | along the chain slopes multiply, and each block adds its input
    k.prod(axis=1).max() | along the chain slopes multiply, and each block adds its input, slope 1
    (1 + k.prod(axis=1)).max() | along the chain of blocks the slopes multiply: not the largest alone
    (1 + k.prod(axis=1))[-1] | all blocks count, not the last alone
    (1 + k.prod(axis=1))[0] | all blocks count, not the first alone
    np.maximum(1, k.prod(axis=1)).prod() | the slope of a sum is at most the sum of the slopes, not the larger
    np.sqrt(1 + k.prod(axis=1) ** 2).prod() | the two slopes may point the same way: they add, not by Pythagoras
    (1 + k.prod(axis=0)).prod() | a row is a block: multiply along the row
    (1 + k.max(axis=1)).prod() | inside a branch the norms multiply, not the largest alone
    (1 + k.prod(axis=1)) | these are the bounds of the blocks: multiply them
    np.abs(1 - k.prod(axis=1)).prod() | input and branch may point the same way: the slopes add
    (1 + k.prod(axis=1).cumprod()).prod() | start each block's product at 1 anew: this one runs on through all blocks
    (1 + k.mean(axis=1)).prod() | inside a branch the norms multiply, not their mean
    (k.prod(axis=1) - 1).prod() | the slopes of input and branch add: 1 + the product
    (2 * k.prod(axis=1)).prod() | the shortcut has slope 1, not the branch's
    k.shape[0] + k.prod() | one 1 per block, inside the product
    """,
    corners=lambda rng: {
        "branches of zeros leave the identity, slope 1": (np.zeros((3, 2)),),
    },
)
