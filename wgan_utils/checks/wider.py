"""Notebook 13: bytes on a ring, a fault that nobody reports, means of gradients, and the rate of a larger batch."""

import numpy as np
import torch
from torch import Tensor, nn

from wgan_utils.checks.answer import Exercise

bytes_sent = Exercise(
    "Notebook 13: bytes that each of n processes sends on a ring in one generator step, float32, from weights' counts.",
    cases=lambda rng: [(1000, 300, 5, 2), (205_601, 844_368, 3, 4), (705, 2000, 2, 8), (13, 50, 7, 3)],
    right=lambda critic, generator, n_critic, n: 8 * (n - 1) / n * (n_critic * critic + generator),
    wrong="""c, g, k, n:
    4 * (k * c + g) | this is the payload: a ring sends an n-th of it n - 1 times in each of its two rounds
    8 * (k * c + g) | a process keeps one of the n pieces in each round: n - 1 of n are sent
    4 * (n - 1) / n * (k * c + g) | this is one round: the sums must travel to all the others too, in a second one
    2 * (n - 1) / n * (k * c + g) | these are numbers: a float32 has 4 bytes
    16 * (n - 1) / n * (k * c + g) | 8 bytes a number are those of float64; float32 has 4
    8 * (n - 1) * (k * c + g) | each message holds an n-th of the gradients: you sent all of them n - 1 times
    8 / n * (k * c + g) | this is one message of each round: there are n - 1
    8 * (k * c + g) * n / (n - 1) | the share is upside down: n - 1 of n pieces are sent
    8 * (n - 1) / n * (c + g) | the critic's gradients are sent at each of its n_critic steps
    8 * (n - 1) / n * k * (c + g) | the generator takes one step: its gradients are sent once
    8 * (n - 1) / n * k * c | the generator's gradients are missing
    8 * (n - 1) / n * g | the critic's gradients are missing
    8 * (n - 1) / n * ((k + 1) * c + g) | the generator's step sends its own gradients alone: n_critic critic steps
    8 * (n - 1) / n * (2 * k * c + g) | the critic's loss on data and fakes has one gradient: it is sent once a step
    64 * (n - 1) / n * (k * c + g) | these are bits: 8 of them are a byte
    8 * (n - 1) * (k * -(-c // n) + -(-g // n)) | pieces were rounded up: an n-th of all weights, not padded
    8 * (n - 1) / n * (k * c + g) / 1e6 | these are megabytes: bytes are asked
    8 * (n - 1) / n * (k * c + g) / 1024 | these are kilobytes: bytes are asked
    8 * (n - 1) * ((k * c + g) // n) | pieces were rounded down: an n-th of all weights, / in place of //
    """,
)


def seen_by_optimizers(loss: np.ndarray, penalty: np.ndarray, fault: int) -> np.ndarray:
    """What each process's optimiser gets, (n, d): the mean of all, or what this fault makes of it."""
    both = loss + penalty
    seen = [both.mean(0), both, both.sum(0), loss.mean(0) + penalty, both[0]][fault]
    return seen + np.zeros_like(both)


FAULTS = (
    "the mean of all is what each optimiser should get",
    "each optimiser got its own process's gradient",
    "they got the sum, n times the mean",
    "the loss was averaged and the penalty was not, as by a backward pass of its own",
    "they got the gradient of the first process, as after a broadcast",
)


def shown(rng: np.random.Generator) -> dict[str, tuple]:
    """Gradients of loss and penalty, and what the optimisers see, under the sentence for a wrong number."""
    found = {}
    for n, d in ((2, 4), (4, 3)):
        for fault, reason in enumerate(FAULTS):
            loss, penalty = rng.normal(1, 1, (n, d)), rng.normal(-1, 2, (n, d))
            truth = f"this was fault {fault}" if fault else "nothing was wrong"
            sentence = f"of {n} processes: {truth}, you answered {{found}}: {reason}"
            found[sentence] = (loss, penalty, seen_by_optimizers(loss, penalty, fault))
    return found


def fault_of(loss_grads, penalty_grads, seen):
    """The number of the fault, 0 for none."""
    expected = [seen_by_optimizers(loss_grads, penalty_grads, fault) for fault in range(5)]
    return next(fault for fault, values in enumerate(expected) if np.allclose(seen, values))


def renamed(names):
    return lambda *args: names.get(fault_of(*args), fault_of(*args))


silent_fault = Exercise(
    "Notebook 13: which fault (0 for none) turns these gradients, (n, d) each, into what the optimisers see.",
    cases=lambda rng: [],
    corners=shown,
    right=fault_of,
    wrong="""*args:
    0 | you always answer 0: compare what the optimisers see with the gradients
    1 | you always answer 1: compare what the optimisers see with the gradients
    2 | you always answer 2: compare what the optimisers see with the gradients
    3 | you always answer 3: compare what the optimisers see with the gradients
    4 | you always answer 4: compare what the optimisers see with the gradients
    renamed({1: 3, 3: 1}) | 1 and 3 are swapped: in fault 3 the loss's part is the mean, in fault 1 nothing is
    renamed({2: 4, 4: 2}) | 2 and 4 are swapped: fault 2 is the sum, fault 4 the first process's gradient
    renamed({3: 1}) | you do not see fault 3: rows that differ may still share their part of the loss
    renamed({4: 0}) | you do not see fault 4: equal rows need not be the mean
    renamed({2: 0}) | you do not see fault 2: equal rows may be the sum
    renamed({2: 0, 4: 0, 3: 1}) | you ask only whether the rows are equal: those of faults 2 and 4 are equal too
    int(fault_of(*args) > 0) | you answer 1 for any fault: return its number
    int(fault_of(*args) == 0) | you answer yes or no: return the number of the fault, or 0
    """,
)


average_gradient = Exercise(
    "Notebook 13: gradient of the mean over all rows, (d,), from n means' gradients, (n, d), of parts of unequal size.",
    cases=lambda rng: [
        (rng.normal(1, 2, (n, d)), np.array(rows))
        for n, d, rows in ((2, 3, [6, 2]), (3, 4, [1, 5, 9]), (4, 2, [3, 8, 2, 4]))
    ],
    corners=lambda rng: {"a process with no row has no say": (rng.normal(1, 2, (3, 2)), np.array([4, 0, 2]))},
    right=lambda gradients, rows: rows @ gradients / rows.sum(),
    wrong="""g, r:
    g.mean(0) | the plain mean is right for parts of one size: here each gradient counts with its rows
    g.sum(0) | this is the sum; the gradient of the mean is a mean, weighted by rows
    r @ g | divide by the number of all rows: this is the gradient of the sum
    r @ g / len(r) | divide by the number of all rows, not by the number of processes
    g.sum(0) / r.sum() | each gradient is of its part's mean: weigh it with its rows first
    (g / r[:, None]).sum(0) | multiply each gradient by its rows: dividing makes small parts count most
    (g / r[:, None]).sum(0) / (1 / r).sum() | the weights are upside down: large parts count most
    g[0] | this is the first process's alone
    g[r.argmax()] | this is the largest part's alone
    g[-1] | this is the last process's alone
    r**2 @ g / (r**2).sum() | weigh with the rows, not with their squares
    np.sqrt(r) @ g / np.sqrt(r).sum() | weigh with the rows, not with their roots
    np.median(g, 0) | a mean, weighted by rows, not the median
    r @ g / r.sum() / len(r) | divide once, by the number of all rows
    r @ g / (r.sum() - 1) | divide by the number of all rows, not one less
    r @ g / r.max() | divide by the number of all rows, not by that of the largest part
    g.mean() | one number for each column: this is the mean of all entries
    """,
    errors={"could not be broadcast": "rows must be a column, rows[:, None], to weigh the rows of gradients"},
)


class Noting(nn.Sequential):
    """A critic that notes the largest batch it was given."""

    largest = rows = 0
    held: int | None = None  # rows seen before the first gradient for the weights

    def forward(self, x: Tensor) -> Tensor:
        weight = self[0].weight
        if not self.rows and isinstance(weight, nn.Parameter):  # not under functional_call
            weight.register_hook(self.note_gradient)
        self.largest, self.rows = max(self.largest, len(x)), self.rows + len(x)
        return super().forward(x)

    def note_gradient(self, grad: Tensor) -> None:
        self.held = self.rows if self.held is None else self.held


def batches(rng: np.random.Generator) -> list[tuple]:
    """Critic, data, fakes, places between and the number of parts."""
    found = []
    for n, k in ((6, 2), (12, 3), (8, 4)):
        torch.manual_seed(n)  # in the sandbox of the check
        critic = Noting(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
        with torch.no_grad():
            critic[2].weight.mul_(4)  # slopes on both sides of 1
        for weight in critic.parameters():
            weight.grad = torch.ones_like(weight)  # left from a step before
        x_real, x_fake = torch.tensor(rng.normal([[[2.0]], [[-1.0]]], 1, (2, n, 3)))
        found.append((critic, x_real, x_fake, torch.tensor(rng.random((n, 1))), k))
    return found


def charge_of(critic, x_real, x_fake, eps, charge):
    x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_()
    (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    return charge(grad.norm(dim=1)).mean()


def two_sided(slope):
    return (slope - 1) ** 2


def gradient_of(critic, value):
    """The gradient of the value, all parameters in one vector; 0 where it does not reach."""
    weights = [*critic.parameters()]
    grads = torch.autograd.grad(value, weights, allow_unused=True)
    return torch.cat([(0 * w if g is None else g).detach().flatten() for g, w in zip(grads, weights, strict=True)])


def chunks(eps, k):
    return eps.chunk(k)


def accumulate(loss=1.0, penalty=10.0, last=False, places=chunks, charge=two_sided, kept=slice(None)):
    """A way to accumulate, with the weights of loss and penalty in each part over k."""

    def total(critic, x_real, x_fake, eps, k):
        value = 0.0
        parts = [*zip(x_real.chunk(k), x_fake.chunk(k), places(eps, k), strict=True)]
        for place, (real, fake, e) in list(enumerate(parts))[kept]:
            value = value + loss / k * (critic(fake).mean() - critic(real).mean())
            if not last or place == k - 1:
                value = value + penalty / k * charge_of(critic, real, fake, e, charge)
        return gradient_of(critic, value)

    return total


def in_parts(answer, critic, x_real, x_fake, eps, k):
    """What is wrong with an answer of the right value."""
    if critic.largest > 3 * len(x_real) // k:  # a part's data, fakes and points between
        return f"the value is right, but the critic saw {critic.largest} rows at once: give one part of {k} at a time"
    if critic.held == critic.rows and critic.largest < len(x_real):
        return "the value is right, but every part's graph is kept until one backward at the end: call it in every part"
    return ""


accumulated_gradient = Exercise(
    "Notebook 13: gradient of critic loss + 10 * penalty over the batch, one vector, from k parts of it in turn.",
    cases=batches,
    right=accumulate(),
    extra=in_parts,
    wrong="""*args:
    1 + accumulate()(*args) | the critic's gradient from a step before was added to yours: zero_grad() first
    args[-1] * accumulate()(*args) | the sum over the parts is k times the gradient: divide each part's loss by k
    accumulate(penalty=10.0 * args[-1]) | the penalty is not divided by k: loss and penalty both are means over a part
    accumulate(loss=1.0 * args[-1]) | the critic loss is not divided by k: loss and penalty both are means over a part
    accumulate(penalty=10.0 / args[-1]) | the penalty is divided by k twice
    accumulate()(*args) / args[-1] | divide by k once: the whole is divided twice
    accumulate(last=True) | the penalty is in the last part alone: every part pays for its rows
    accumulate(last=True, penalty=10.0 * args[-1]) | the last part's penalty stands for all: each part pays
    accumulate(penalty=0.0) | the penalty is missing, or does not reach the weights: create_graph=True
    accumulate(loss=0.0) | the critic loss is missing
    accumulate(penalty=1.0) | the penalty's weight 10 is missing
    accumulate(loss=-1.0) | the critic loss has the wrong sign: mean score on fakes minus mean score on data
    accumulate(penalty=-10.0) | the penalty has the wrong sign: it is added
    args[-1] * accumulate(kept=slice(-1, None))(*args) | only the last part is left: gradients of the parts add up, so
        set them to zero once, before the first
    accumulate(kept=slice(-1, None)) | only the last part is left, over k: call backward in every part, and set the
        gradients to zero once, at the start
    args[-1] * accumulate(kept=slice(1))(*args) | only the first part was used
    accumulate(kept=slice(1)) | only the first part was used, over k: go on with the others
    accumulate(charge=lambda slope: (slope - 1).relu() ** 2) | slopes under 1 cost too: the penalty is two-sided
    accumulate(charge=lambda slope: (1 - slope).relu() ** 2) | slopes over 1 cost too: the penalty is two-sided
    accumulate(charge=lambda slope: len(slope) * (slope - 1) ** 2) | the penalty is a mean over the part, not a sum
    accumulate(charge=lambda slope: (slope.mean() - 1) ** 2) | square each deviation first, then take the mean
    accumulate(charge=lambda slope: (slope - 1).abs()) | square each deviation: these are absolute values
    accumulate(charge=lambda slope: slope**2) | the 1 is missing in the square: charge (slope - 1)^2
    accumulate(charge=lambda slope: (slope**2 - 1) ** 2) | a root is missing: the slope is the norm, not its square
    accumulate(charge=lambda slope: (slope.norm() - 1) ** 2) | one norm for the whole part: each row has a slope
    accumulate(charge=lambda slope: (slope / len(slope) - 1) ** 2) | the gradient of the mean score is each row's
        divided by the part: sum the scores
    len(args[1]) / args[-1] ** 2 * accumulate()(*args) | k is the number of parts, not their size: chunk(k), not
        split(k)
    len(args[1]) / args[-1] * accumulate()(*args) | these are sums over a part, divided by k: divide them by the number
        of all rows, or take means
    accumulate()(*args) + gradient_of(args[0], args[0](args[3] * args[1] + (1 - args[3]) * args[2]).sum()) | backward()
        at x_hat leaves the scores' gradients in the critic: use torch.autograd.grad
    accumulate(places=lambda eps, k: ...):
    [eps.chunk(k)[0]] * k | every part took the first rows of eps: each needs its own
    [eps.mean()] * k | eps is one number for all, its mean: each row needs its own
    (1 - eps).chunk(k) | eps and 1 - eps are swapped: x_hat = eps * x_real + (1 - eps) * x_fake
    eps.chunk(k)[::-1] | the rows of eps are turned round: part i takes the i-th rows
    [e.mean() for e in eps.chunk(k)] | eps is one number in each part, its mean there: each row needs its own
    [eps[0]] * k | eps is one number for all, its first: each row needs its own
    [torch.ones(1)] * k | the penalty looks at the data alone: put the points between them and the fakes
    [torch.zeros(1)] * k | the penalty looks at the fakes alone: put the points between them and the data
    """,
)


scaled_lr = Exercise(
    "Notebook 13: rate at which k times the batch leaves w as spread out as before, on the parabola w^2 / 2.",
    cases=lambda rng: [(0.1, 4), (0.5, 2), (1.2, 8), (0.02, 16)],
    corners=lambda rng: {
        "a batch k times as small is asked too, k = 1/4": (0.8, 0.25),
        "k = 1 changes nothing": (0.3, 1),
    },
    right=lambda lr, k: 2 * k * lr / (2 - lr + k * lr),
    wrong="""lr, k:
    k * lr | the linear rule holds for small rates: the spread is lr s^2 / (B (2 - lr)), so solve for lr exactly
    lr * k**0.5 | the root rule is Adam's: here the spread is that of plain descent, lr s^2 / (B (2 - lr))
    lr | the same rate leaves k times less spread: a larger one is allowed
    lr / k | the rate falls: a larger batch has less noise, so it may rise
    lr / k**0.5 | the rate falls, by the root of k; a larger batch has less noise, so it may rise
    min(k * lr, 2) | the linear rule cut off at 2: the spread bends it long before
    2 * k * lr / (2 + k * lr) | keep the 2 - lr of the old rate: only the new one was solved for
    k * lr / (1 - lr + k * lr) | a 2 is missing: (1 - lr)^2 = 1 - lr (2 - lr), not 1 - lr (1 - lr)
    2 * lr / (2 * k - k * lr + lr) | k is on the wrong side: the batch grows, so the noise is divided by it
    2 * k * lr / (2 - lr - k * lr) | a sign is wrong in solving x / (2 - x) = k lr / (2 - lr)
    2 * k * lr / (2 + lr + k * lr) | a sign is wrong in 2 - lr, solving x / (2 - x) = k lr / (2 - lr)
    k * lr / (2 - lr) | this is the new x / (2 - x), not x: solve for x
    k * lr / (1 + k * lr) | this solves x / (1 - x) = k lr: the spread has 2 - lr below
    2 * k**2 * lr / (2 - lr + k**2 * lr) | the variance of a mean falls with k, not with k^2
    2 * k**0.5 * lr / (2 - lr + k**0.5 * lr) | the spread is a variance: it falls with k, not with its root
    k * lr / (2 - lr + k * lr) | a 2 is missing in the numerator: x / (2 - x) = a gives x = 2 a / (1 + a)
    1 - (1 - lr) ** k | k small steps of one size are another question: ask for equal spread
    """,
)
