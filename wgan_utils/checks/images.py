"""Notebooks 09 to 11: a walk in noise, rank correlation, pictures from a folder, and a critic for any image."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from wgan_utils.checks.answer import Exercise, Objection, slips
from wgan_utils.checks.critics import tensor


def walks(rng: np.random.Generator) -> list[tuple[Tensor, Tensor, int]]:
    return [(tensor(rng.normal(size=dim)), tensor(rng.normal(size=dim)), n) for dim, n in ((8, 5), (3, 7), (4, 4))]


def walk(a, b, n, share=None, sway=lambda s: s):
    """The walk with other shares; as it stands it is right."""
    share = torch.linspace(0, 1, n, dtype=a.dtype) if share is None else share
    return a + sway(share)[:, None] * (b - a)


def steps(share):
    return lambda a, b, n: walk(a, b, n, share(n).to(a.dtype))


def on_the_sphere(a, b, n):
    """Spherical interpolation."""
    angle = torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    s = torch.linspace(0, 1, n, dtype=a.dtype)[:, None]
    return (torch.sin((1 - s) * angle) * a + torch.sin(s * angle) * b) / torch.sin(angle)


latent_walk = Exercise(
    "Notebook 09: n evenly spaced points on the straight line from z_start to z_end, both ends included.",
    cases=walks,
    right=lambda z_start, z_end, n: walk(z_start, z_end, n),
    extra=lambda answer, a, b, n: (
        ""
        if isinstance(answer, Tensor)
        else f"the values are right: return one tensor (torch.stack), not a {type(answer).__name__}"
    ),
    corners=lambda rng: {"a walk of two points is z_start and z_end": (tensor([1.0, 2]), tensor([3.0, -1]), 2)},
    wrong="""a, b, n:
    walk(b, a, n) | the walk runs backwards: row 0 must be z_start
    steps(lambda n: torch.arange(n) / n) | the walk stops one step short: divide by n - 1, so that the last row is z_end
    steps(lambda n: (torch.arange(n) + 1) / n) | the walk leaves out z_start: the first share is 0
    steps(lambda n: (torch.arange(n) + 1) / (n + 1)) | both ends are left out: the shares run from 0 to 1
    steps(lambda n: (torch.arange(n) + 0.5) / n) | half a step is left out at both ends: the shares run from 0 to 1
    steps(lambda n: torch.arange(n).double()) | the walk goes too far: the shares run from 0 to 1
    steps(lambda n: torch.arange(n) / (n - 2)) | the walk goes too far, past z_end: the shares run from 0 to 1
    walk(a, b, n + 1) | there is one point too many: n points have n - 1 gaps
    walk(a, b, n - 1) | there is one point too few: both ends are included
    walk(a, b, n)[:-1] | there is one point too few, z_end: both ends are included
    walk(a, b, n + 1)[:-1][: n - 1] | the last point is missing: both ends are included
    walk(a, b, n + 2) | there are two points too many: the ends are among the n
    walk(a, b, n)[1:-1] | there are two points too few: the ends are among the n
    a + torch.linspace(0, 1, n, dtype=a.dtype)[:, None] * b | weight z_start by what is left, 1 - share
    walk(0 * a, b - a, n) | weight z_start by what is left, 1 - share: this is the change alone
    walk(0 * a, a + b, n) | both are weighted by the share: weight z_start by what is left, 1 - share
    walk(a, 2 * a + b, n) | the difference is z_end - z_start: here the two are added
    steps(lambda n: torch.arange(n) / n - 1) | n - 1 stands below, in brackets: arange(n) / (n - 1)
    steps(lambda n: torch.linspace(0, n, n)) | the shares run from 0 to 1, not to n
    torch.linspace(1, 0, n, dtype=a.dtype)[:, None] ** 0.5 * a + torch.linspace(0, 1, n, dtype=a.dtype)[:, None] ** 0.5
        * b | no roots: on a straight line the weights sum to 1
    walk(a, 2 * a - b, n) | the difference is z_end - z_start: this walks away from z_end
    walk(a, b, n, sway=lambda s: s**2) | evenly spaced: the shares are not squared
    walk(a, b, n, sway=lambda s: s**0.5) | evenly spaced: no root of the shares
    walk(a, b, n, sway=lambda s: (1 - torch.cos(s * torch.pi)) / 2) | evenly spaced: no cosine in the shares
    on_the_sphere | a straight line is asked, not an arc on the sphere
    walk(a, b, n).T | the rows are the points: this is the transpose, shape (latent_dim, n)
    walk(a, b, n).flatten() | the points stand in one row: shape (n, latent_dim)
    (a + b) / 2 | this is the middle alone: n points from end to end
    torch.stack([a, b]) | these are the two ends alone: n points
    a.expand(n, -1) | all points are z_start: move them
    b.expand(n, -1) | all points are z_end: start at z_start
    torch.nn.functional.normalize(walk(a, b, n), dim=1) | the points are scaled to length 1: leave the line
    (a + torch.linspace(0, 1, len(a), dtype=a.dtype) * (b - a)).expand(n, -1) | each coordinate got its own share: all
        coordinates of a point share one
    walk(b, 2 * b - a, n) | row 0 must be z_start: this begins at z_end
    walk(a, 2 * b - a, n) | the walk goes twice as far: the last row is z_end
    """,
    errors={"must match the size": "the shares must be a column, [:, None]: one for each row"},
)


def ranks(x):
    return x.argsort().argsort().double()


def correlation(a, b):
    return torch.corrcoef(torch.stack([a, b]))[0, 1]


def of_tensors(function):
    return lambda a, b: function(torch.tensor(a).double(), torch.tensor(b).double())


def of_ranks(function):
    return of_tensors(lambda a, b: function(ranks(a), ranks(b)))


def lists(rng: np.random.Generator) -> list[tuple[list, list]]:
    """Lists without ties, of 9, 7 and 12 values, some negative; the last pair runs against each other."""
    pairs = []
    for n, trend in ((9, 0.8), (7, 0.4), (12, -0.7)):
        a = rng.normal(size=n) ** 3
        pairs.append((a.tolist(), (trend * np.sign(a) * np.abs(a) ** 0.3 + 0.7 * rng.normal(size=n)).tolist()))
    return pairs


def centered(x):
    return x - x.mean()


rank_correlation = Exercise(
    "Notebook 10: Spearman's rank correlation of two lists without ties.",
    cases=lists,
    right=of_ranks(correlation),
    wrong="""*args:
    of_tensors(correlation) | this is the correlation of the values; replace them by their ranks first
    of_ranks(lambda a, b: ...):
    -correlation(a, b) | the sign is flipped: rank both lists in the same direction
    correlation(a, b) ** 2 | this is the square, the share explained: take the correlation with its sign
    correlation(a, b).abs() | no absolute value: against each other is a negative correlation
    (centered(a) * centered(b)).mean() | this is the covariance of the ranks: divide by both spreads
    (centered(a) * centered(b)).sum() / (len(a) - 1) | this is their covariance (with n - 1): divide by both spreads
    correlation(a, b) * (len(a) - 1) / len(a) | degrees of freedom are mixed: covariance over n, spreads over n - 1
    correlation(a, b) * len(a) / (len(a) - 1) | degrees of freedom are mixed: covariance over n - 1, spreads over n
    (a * b).sum() / (a.norm() * b.norm()) | subtract the means first: this is the cosine of the ranks
    ((a + 1) * (b + 1)).sum() / ((a + 1).norm() * (b + 1).norm()) | subtract the means first: this is the cosine of the
        ranks, counted from 1
    _kendall(a, b) | this is Kendall's tau, which counts pairs: take the correlation of the ranks
    _spread(a, b) | the 1 is missing: 1 - 6 sum d^2 / (n (n^2 - 1))
    1 - _spread(a, b) / 6 | the 6 is missing: 1 - 6 sum d^2 / (n (n^2 - 1))
    1 - 6 * (a - b).abs().sum() / (len(a) * (len(a) ** 2 - 1)) | the squares are missing: 1 - 6 sum d^2 / (n (n^2 - 1))
    1 - 6 * ((a - b) ** 2).sum() / (len(a) ** 2 - 1) | the denominator is n (n^2 - 1): here it is n^2 - 1
    1 - 6 * ((a - b) ** 2).sum() / (len(a) ** 3 - 1) | the denominator is n (n^2 - 1) = n^3 - n: here it is n^3 - 1
    (centered(a) * centered(b)).sum() / (len(a) - 1) / (a.var() * b.var()) | divide by both standard deviations: these
        are variances
    1 - 6 * ((a - b) ** 2).sum() / len(a) ** 3 | the denominator is n (n^2 - 1): here it is n^3
    1 - 6 * ((a - b) ** 2).sum() / (len(a) * (len(a) - 1)) | the denominator is n (n^2 - 1): here it is n (n - 1)
    (a == b).double().mean() | this is the share of equal ranks: take their correlation
    torch.corrcoef(torch.stack([a, b])) | this is the matrix of correlations: take the entry [0, 1]
    of_tensors(lambda a, b: ...):
    correlation(a.argsort().double(), b.argsort().double()) | one argsort gives the order, not the ranks; apply it twice
    correlation(*ranks(torch.cat([a, b])).chunk(2)) | rank each list by itself: these are ranks among both
    correlation(ranks(a), b) | only the first list was ranked
    correlation(a, ranks(b)) | only the second list was ranked
    correlation(a.argsort().double(), ranks(b)) | one argsort for the first list: apply it twice to both
    correlation(ranks(a), b.argsort().double()) | one argsort for the second list: apply it twice to both
    correlation(a.sort().values, b.sort().values) | the lists were sorted, each by itself: that undoes the pairs
    torch.ones(()) | this is always 1: ranks of sorted lists are equal, and entry [0, 0] compares a list with itself;
        keep the pairs, and take [0, 1]
    1 - _spread(a, b) | the formula 1 - 6 sum d^2 / (n (n^2 - 1)) takes ranks; these are the values
    correlation(ranks(a), b.sort().values) | the second list was sorted, which undoes the pairs
    correlation(a.sort().values, ranks(b)) | the first list was sorted, which undoes the pairs
    """,
    corners=lambda rng: {
        "two lists in one order have the correlation 1, however far apart the values lie": (
            [0.1, 5.0, 2.0],
            [-3.0, 900.0, 7.0],
        ),
        "two lists in opposite order have the correlation -1": ([1.0, 2.0, 3.0, 4.0], [9.0, 0.5, 0.1, -7.0]),
    },
)


def _kendall(a, b):
    signs = ((a[:, None] - a) * (b[:, None] - b)).sign()
    return signs.sum() / (len(a) * (len(a) - 1))


def _spread(a, b):
    return 6 * ((a - b) ** 2).sum() / (len(a) * (len(a) ** 2 - 1))


LEVELS = {"c": ((250, 250, 250), 60, 24), "a": ((60, 60, 60), 28, 28), "b": ((220, 60, 150), 64, 32)}


def read(folder, names=sorted, mode="L", cut=lambda picture: picture.resize((28, 28)), end=lambda pictures: pictures):
    """The pictures as bytes, with one thing changed; as it stands it is right."""
    pictures = [np.array(cut(Image.open(path).convert(mode))) for path in names(Path(folder).glob("*.png"))]
    return end(torch.from_numpy(np.stack(pictures))[:, None])


def blocks(pictures: Tensor) -> Tensor:
    """Mean brightness of the 16 blocks of 7 x 7 pixels: what every way to shrink agrees on."""
    return torch.nn.functional.avg_pool2d(pictures.double(), 7)


def read_and_look(function, task) -> tuple:
    """Make a folder of three pictures (right halves bright, lowest quarters black), and look at the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (colour, height, width) in LEVELS.items():
            picture = np.zeros((height, width, 3), np.uint8)
            picture[: 3 * height // 4, width // 2 :] = colour
            Image.fromarray(picture).save(f"{folder}/{name}.png")
        answer = function(folder)
        if answer is None:
            return None, None, ()
        _object_to_type(answer)
        if not ((answer > 8) & (answer < 247)).any() and answer.max() > 1:
            raise Objection('only black and white are left: read grey, convert("L"), not ("1"), without a threshold')
        seen = [blocks(reader(folder)).flatten() for reader in (read, *SLIPS.values())]
    return answer, blocks(answer).flatten(), tuple(seen)


def _object_to_type(answer):
    if isinstance(answer, list | tuple):
        raise Objection(f"expected one tensor, found a {type(answer).__name__} of {len(answer)}: use torch.stack")
    if not isinstance(answer, Tensor):
        raise Objection(f"expected a tensor, found {type(answer).__name__}")
    shape, colour = tuple(answer.shape), 'the pictures are still in colour: read them as grey, convert("L")'
    if answer.is_floating_point():
        raise Objection(f"expected bytes (torch.uint8), found {answer.dtype}: train scales them to [-1, 1] itself")
    if shape in [(3, 3, 28, 28), (3, 28, 28, 3), (9, 1, 28, 28), (3, 1, 28, 28, 3)]:
        raise Objection(colour)
    if shape == (3, 28, 28, 1):
        raise Objection(f"the channel comes second: expected (3, 1, 28, 28), found {shape}")
    if answer.dtype != torch.uint8 or shape != (3, 1, 28, 28):
        hints = dict.fromkeys([(1, 1, 28, 28), (1, 28, 28), (28, 28)], ": this is one picture; read them all")
        hints[3, 28, 28] = ": the axis of the channel is missing"
        hints[84, 28] = ": the pictures were joined end to end; use torch.stack, not cat"
        hints[1, 3, 28, 28] = ": two axes have changed places"
        raise Objection(f"expected torch.uint8 (3, 1, 28, 28), found {answer.dtype} {shape}{hints.get(shape, '')}")


def _middle(picture):
    left, top = (picture.width - 28) // 2, (picture.height - 28) // 2
    return picture.crop((left, top, left + 28, top + 28))


def _channel(folder, k):
    return read(folder, mode="RGB", end=lambda p: p[:, 0, ..., k][:, None])


def in_order(names):
    return lambda paths: sorted(paths, key=lambda path: names.index(path.stem))


SLIPS = slips(
    """folder:
    read(folder, end=lambda p: p.mT) | rows and columns are swapped: the order is (n, 1, height, width)
    read(folder, end=lambda p: 255 - p) | the brightness is inverted: 0 is black, 255 white
    read(folder, in_order("cba")) | sort the files by name, so that a run can be repeated; these are in reverse order
    read(folder, in_order("acb")) | sort the files by name, so that a run can be repeated; yours come as a, c, b
    read(folder, in_order("bac")) | sort the files by name, so that a run can be repeated; yours come as b, a, c
    read(folder, in_order("bca")) | sort the files by name, so that a run can be repeated; yours come as b, c, a
    read(folder, in_order("cab")) | sort the files by name, so that a run can be repeated; yours come as c, a, b
    read(folder, end=lambda p: p.flip(2)) | the pictures are upside down
    read(folder, end=lambda p: torch.rot90(p, 1, (2, 3))) | the pictures are turned by a quarter
    read(folder, end=lambda p: torch.rot90(p, -1, (2, 3))) | the pictures are turned by a quarter, the other way
    read(folder, end=lambda p: p.flip(3)) | left and right are swapped
    read(folder, cut=lambda p: p.crop((0, 0, 28, 28))) | the pictures were cut, not shrunk: resize them to 28 x 28
    read(folder, cut=_middle) | the middle was cut out: resize the whole picture to 28 x 28
    _channel(folder, 0) | one colour of three was taken, the red: convert("L") weighs all
    _channel(folder, 1) | one colour of three was taken, the green: convert("L") weighs all
    _channel(folder, 2) | one colour of three was taken, the blue: convert("L") weighs all
    read(folder, end=lambda p: p // 255) | bytes run from 0 to 255: these were divided by 255
    read(folder, end=lambda p: p // 2) | bytes run from 0 to 255: these are half as bright
    read(folder, end=lambda p: p > 127) | only black and white are left, as 0 and 1: convert("L"), not ("1")
    read(folder, end=lambda p: 0 * p) | all pictures are black: were they read before the tensor was filled?
    read(folder, end=lambda p: p[:1].expand(3, -1, -1, -1)) | all pictures are the first one
    read(folder, end=lambda p: p[-1:].expand(3, -1, -1, -1)) | all pictures are the last one
    """,
    globals(),
)


def nth(k):
    return lambda *seen: seen[k]


images_from_folder = Exercise(
    "Notebook 10: the PNG files of a folder as bytes (n, 1, 28, 28), grey, sorted by name.",
    cases=lambda rng: [("a folder of three pictures",)],
    right=nth(0),
    probe=read_and_look,
    wrong={sentence: nth(k) for k, sentence in enumerate(SLIPS, 1)},
    errors={
        "unsupported operand type(s) for /: 'str'": "folder is a text: Path(folder) / name",
        "has no attribute 'glob'": "folder is a text: Path(folder).glob(...)",
        "stack expects each tensor to be equal size": "resize every picture to 28 x 28 first",
        "all input arrays must have the same shape": "resize every picture to 28 x 28 first",
        "No such file or directory": "the names need the folder before them",
        "stack expects a non-empty": 'no picture was found: glob("*.png") in the folder that is given',
        "need at least one array": 'no picture was found: glob("*.png") in the folder that is given',
    },
    tolerance=0.08,
)


LAYERS = {
    "channels, but got": "; PixelUnshuffle(4) makes 16 channels of each: 16 * channels enter the convolution",
    "cannot be multiplied": "; the first linear layer takes all features of an image, flattened: the convolution's "
    "channels times height times width as they are there",
}


def build_and_try(critic_for, channels: int, height: int, width: int) -> tuple:
    """Make the critic, and try what a critic of images must do."""
    critic = critic_for(channels, height, width)
    if critic is None:
        return None, None, (channels, height, width)
    if not isinstance(critic, nn.Module):
        what = "the class of one: make it, with brackets" if isinstance(critic, type) else f"{type(critic).__name__}"
        raise Objection(f"return a network, an nn.Module; found {what}: {critic!s:.60}")
    critic.train()
    images = 1000 * torch.randn(8, channels, height, width)
    of = f"for images of shape {(channels, height, width)}: "
    try:
        scores = critic(images.clone())
    except Exception as error:
        advice = next((words for part, words in LAYERS.items() if part in str(error)), "")
        raise Objection(f"{of}your critic raised {type(error).__name__}: {error}{advice}") from None
    if isinstance(scores, Tensor) and scores.shape == (8, 1, 1, 1):
        raise Objection(f"{of}one score per image: expected shape (8, 1) for 8 images, found (8, 1, 1, 1): flatten it")
    found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
    if found not in [(8,), (8, 1)]:
        hint = ": one number for the whole batch; do not take the mean" if found in [(), (1,), (1, 1)] else ""
        hint = hint or (": patches are scored one by one; flatten them into one linear layer" if len(found) > 2 else "")
        raise Objection(f"{of}one score per image: expected shape (8, 1) for 8 images, found {found}{hint}")
    if not scores.requires_grad:
        raise Objection("the scores have no graph, so nothing can be trained: no detach() or no_grad() in a critic")
    if not torch.isfinite(scores).all():
        raise Objection("the scores are not finite: end with a linear layer, without logarithm or exponential")
    scale = scores.detach().abs().max()
    for _ in range(200):  # until the vectors of a spectral norm rest, which takes some long
        with torch.no_grad():
            before, scores = scores, critic(images.clone())
    if not torch.allclose(before, scores, rtol=0, atol=0.01 * scale):
        raise Objection("a score changes from call to call: no dropout or noise in a critic")
    mates = torch.cat([images[:1], 100 * torch.randn(7, channels, height, width) + 300])
    if not torch.allclose(critic(mates)[0], scores[0], rtol=0, atol=0.01 * scale):
        raise Objection("a score depends on the other images of its batch: no batch norm in a critic")
    _object_to_end(critic, images)
    for channel in range(channels):
        other = images.clone()
        other[:, channel] = 1000 * torch.randn(8, height, width)
        if torch.allclose(critic(other), scores, rtol=1e-6, atol=1e-6 * scale):
            raise Objection(f"{of}the scores do not depend on channel {channel}: all channels enter the first layer")
    bend = critic(images + images.flip(0)) + critic(0 * images) - critic(images) - critic(images.flip(0))
    if bend.abs().max() < 1e-4 * scale:
        raise Objection("the scores are linear in the image, of one slope: put a LeakyReLU between two layers")
    return critic, 1.0, (channels, height, width)


def _object_to_end(critic: nn.Module, images: Tensor) -> None:
    """Object to what follows the last layer with weights, unless it passes a thousand times and minus its output on."""
    ran: list[nn.Module] = []
    layers = [layer for layer in critic.modules() if next(layer.parameters(recurse=False), None) is not None]
    hooks = [layer.register_forward_hook(lambda layer, *_: ran.append(layer)) for layer in layers]
    scores = critic(images)
    for hook in hooks:
        hook.remove()
    if scores.max() == scores.min():
        score = scores.flatten()[0].item()
        raise Objection(f"every image gets the score {score:.3g}: no softmax or norm over a single number at the end")

    def with_output(factor: float) -> Tensor:
        hook = ran[-1].register_forward_hook(lambda layer, x, output: factor * output)
        scores = critic(images)
        hook.remove()
        return scores

    if ran and with_output(1000).abs().max() < 100 * scores.abs().max():
        raise Objection("the scores are bounded: a critic ends with a linear layer, without sigmoid or tanh")
    both = torch.cat([scores, with_output(-1)]) if ran else torch.tensor([-1.0, 1.0])
    for sign, side in ((1, "negative"), (-1, "positive")):
        if (sign * both).min() >= 0:
            raise Objection(f"no score is {side}: a critic ends with a linear layer, without ReLU or another cut")


critic_for = Exercise(
    "Notebook 11: a critic for images of any shape whose height and width are multiples of 4.",
    cases=lambda rng: [(1, 28, 28), (3, 32, 32), (2, 20, 24)],
    right=lambda channels, height, width: 1.0,
    probe=build_and_try,
    wrong={},
    errors={"got float": "a layer's size is a whole number: // in place of /"},
)
