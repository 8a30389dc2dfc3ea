"""What may go wrong with any formula: a step too many after it, an argument changed before it, a shape, a size."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from wgan_utils.checks.values import Values, agree, numbers, same

FACTORS = {
    "the sign is flipped": -1,
    "this is twice the right answer: a half is missing": 2,
    "this is half of the right answer: a factor of 2 is missing": 1 / 2,
    "this is minus twice the right answer: the sign is flipped and a half is missing": -2,
    "this is minus half of the right answer: the sign is flipped and a factor of 2 is missing": -1 / 2,
    "this is four times the right answer: a factor of 2 stands on the wrong side": 4,
    "this is a quarter of the right answer: a factor of 2 stands on the wrong side": 1 / 4,
    "this is in per cent: the right answer, times 100": 100,
    "this is a hundredth of the right answer": 1 / 100,
    "this is in bits: take the natural logarithm, not log2": 1 / math.log(2),
    "this is the right answer times ln 2: it was in nats already": math.log(2),
    "take the natural logarithm, not log10": 1 / math.log(10),
}
FUNCTIONS = {
    "this is the absolute value of the right answer: keep the sign": np.abs,
    "this is minus the absolute value of the right answer": lambda v: -np.abs(v),
    "this is the square of the right answer: a square root is missing": np.square,
    "this is the square root of the right answer": np.sqrt,
    "this is the right answer upside down: 1 over it": lambda v: 1 / v,
    "this is minus the right answer upside down": lambda v: -1 / v,
    "this is 1 minus the right answer": lambda v: 1 - v,
    "this is the right answer minus 1": lambda v: v - 1,
    "this is the right answer plus 1": lambda v: v + 1,
    "this is 1 minus twice the right answer": lambda v: 1 - 2 * v,
    "this is the logarithm of the right answer": np.log,
    "this is the exponential of the right answer": np.exp,
    "this is the exponential of minus the right answer": lambda v: np.exp(-v),
    "a sigmoid is too much: this is the right answer put through one": lambda v: 1 / (1 + np.exp(-v)),
    "a tanh is too much: this is the right answer put through one": np.tanh,
    "a ReLU is too much: values below 0 are cut off": lambda v: np.maximum(v, 0),
    "values above 0 are cut off": lambda v: np.minimum(v, 0),
    "you rounded the answer to whole numbers": np.round,
    "you rounded the answer down": np.floor,
    "you rounded the answer up": np.ceil,
    "you rounded the answer to one digit": lambda v: np.round(v, 1),
    "you rounded the answer to two digits": lambda v: np.round(v, 2),
    "you rounded the answer to three digits": lambda v: np.round(v, 3),
    "you cut the answer to [0, 1]": lambda v: np.clip(v, 0, 1),
    "this is the square of the right answer, with the sign flipped": lambda v: -np.square(v),
    "this is always 0": lambda v: 0 * np.nan_to_num(v),
    "this is always 1": lambda v: 0 * np.nan_to_num(v) + 1,
}
CHANGES = {  # of one argument, before the right formula sees it
    "its sign is flipped": lambda v: -v,
    "it is squared": lambda v: v**2,
    "its square root is taken": lambda v: v**0.5,
    "it is doubled": lambda v: 2 * v,
    "it is halved": lambda v: v / 2,
    "it stands on the wrong side of the fraction (1 over it)": lambda v: 1 / v,
    "it is 1 too large": lambda v: v + 1,
    "it is 1 too small": lambda v: v - 1,
    "it is left out (as if it were 1)": lambda v: 0 * v + 1,
    "it is left out (as if it were 0)": lambda v: 0 * v,
    "its absolute value is taken": abs,
    "it is replaced by 1 minus it": lambda v: 1 - v,
    "its logarithm is taken": np.log,
    "its exponential is taken": np.exp,
    "it is transposed": lambda v: v.T,
    "it is read backwards": lambda v: v[::-1].copy() if isinstance(v, np.ndarray | list) else v.flip(0),
    "it is sorted": lambda v: np.sort(v) if isinstance(v, np.ndarray) else sorted(v) if isinstance(v, list) else v,
    "it is replaced by its mean": lambda v: 0 * v + v.mean(),
    "its last entry is left out": lambda v: v[:-1],
    "its first entry is left out": lambda v: v[1:],
    "it is made to sum to 1": lambda v: v / v.sum(),
}


def any_formula(found, right: Values, slips: dict, inputs: dict, sizes: dict, cases: range, tolerance: float) -> str:
    """What gives just the values found: the right formula and one step, changed inputs, or a known slip and a step."""
    if not all(isinstance(found[k], np.ndarray) for k in cases) or not any(np.isfinite(found[k]).any() for k in cases):
        return ""  # NaN agrees with every formula that is NaN too
    guesses = _guesses(sizes)
    if sentence := _after(found, right, guesses, cases, tolerance) or _added(found, right, sizes, cases, tolerance):
        return sentence
    for sentence, values in inputs.items():
        if agree(found, values, cases, tolerance):
            return sentence
    for bases, factors in ((slips, guesses), (inputs, _guesses({}))):
        for base, values in bases.items():
            if sentence := _after(found, values, factors, cases, tolerance):
                return f"{base}; besides, {sentence}"
    return ""


def quantities(names: list[str], abouts: list[tuple]) -> dict[str, list[float]]:
    """Numbers that a formula may hold once too often: the arguments that are numbers, and the sizes of the others."""
    table: dict[str, list[float]] = {}
    for name, values in zip(names, zip(*abouts, strict=True), strict=True):
        arrays = [numbers(value) for value in values]
        if any(array is None for array in arrays) or len({array.ndim for array in arrays}) > 1:
            continue
        if arrays[0].ndim == 0:
            table[f"`{name}`"] = [array.item() for array in arrays]
        for axis, what in enumerate({1: ["entries"], 2: ["rows", "columns"]}.get(arrays[0].ndim, [])):
            table[f"the number of {what} of `{name}`"] = [array.shape[axis] for array in arrays]
        if arrays[0].ndim > 1:
            table[f"the number of entries of `{name}`"] = [array.size for array in arrays]
    return table


def _guesses(sizes: dict) -> tuple[list[str], np.ndarray | None]:
    """Sentences, and for each the factor on every case."""
    n = max(map(len, sizes.values()), default=1)
    rows = [(sentence, np.full(n, float(factor))) for sentence, factor in FACTORS.items()]
    for name, values in sizes.items():
        size = np.abs(np.array(values, float))
        words = {f"times {name}": size, f"divided by {name}": 1 / size}
        words |= {f"times the square of {name}": size**2, f"divided by the square of {name}": size**-2}
        words |= {f"times the root of {name}": size**0.5, f"divided by the root of {name}": size**-0.5}
        if name.startswith("the"):
            hint = ": mean and sum are confused"
            words = {w + hint * ("root" not in w): v for w, v in words.items()}
            words[f"divided by {name} less 1, instead of {name}: degrees of freedom"] = size / (size - 1)
        turns = {"": 1, ", the sign is flipped": -1, ", and doubled": 2, ", and halved": 0.5}
        for (word, guess), (turn, factor) in itertools.product(words.items(), turns.items()):
            rows.append((f"this is the right answer {word}{turn}", factor * guess))
    return [sentence for sentence, _ in rows], np.array([guess for _, guess in rows])


def _after(found, base: Values, guesses: tuple, cases: range, tolerance: float) -> str:
    """The one step that leads from the base to the values found: a factor, or a function."""
    if not isinstance(base[0], np.ndarray):
        return ""
    if (ratio := _ratios(found, base, cases, tolerance)) is not None and (known := ~np.isnan(ratio)).sum() > 1:
        sentences, factors = guesses
        factors = np.broadcast_to(factors, (len(factors), len(ratio)))
        fits = (np.isfinite(factors) & (np.abs(ratio - factors) <= 1e-3 * np.abs(factors)))[:, known].all(axis=1)
        if fits.any():
            return sentences[int(fits.argmax())]
    for sentence, function in FUNCTIONS.items():
        if all(isinstance(base[k], np.ndarray) and same(found[k], function(base[k]), tolerance) for k in cases):
            return sentence
    return ""


def _added(found, base: Values, sizes: dict, cases: range, tolerance: float) -> str:
    """What was added to the right answer, or the factor that is always the same."""
    for name, values in sizes.items():
        for word, sign in (("plus", 1), ("minus", -1), ("plus twice", 2), ("minus twice", -2)):
            if all(same(found[k], base[k] + sign * values[k], tolerance) for k in cases if k < len(values)):
                return f"this is the right answer {word} {name}: add nothing to it"
    if all(found[k].shape == base[k].shape for k in cases):
        gaps = np.concatenate([np.ravel(found[k] - base[k]) for k in cases])
        if np.isfinite(gaps).all() and np.allclose(gaps, gaps[0], rtol=1e-3, atol=1e-6):
            return f"this is always the right answer {'plus' if gaps[0] > 0 else 'minus'} {abs(gaps[0]):.4g}"
    ratio = _ratios(found, base, cases, tolerance)
    if (
        ratio is not None
        and (~np.isnan(ratio)).sum() > 1
        and np.nanmax(ratio) - np.nanmin(ratio) <= 1e-3 * abs(np.nanmax(ratio))
    ):
        return f"this is always {np.nanmax(ratio):.4g} times the right answer: a factor is wrong"
    return ""


def _ratios(found, base: Values, cases: range, tolerance: float) -> np.ndarray | None:
    """The one factor on each case; NaN where both are 0, None if there is a case without a factor."""
    ratios = []
    for k in cases:
        f, b = found[k], base[k]
        if not isinstance(b, np.ndarray) or (f.shape != b.shape and not f.size == b.size == 1) or not b.size:
            return None
        f, b = np.ravel(f), np.ravel(b)
        most = np.abs(b).argmax()
        if not (np.isfinite(f).all() and np.isfinite(b).all()) or (b[most] == 0 and f.any()):
            return None
        ratios.append(f[most] / b[most] if b[most] else math.nan)
        if b[most] and not same(f, ratios[-1] * b, tolerance):
            return None
    return np.array(ratios)


def changed_inputs(names: list[str], right: Callable, abouts: list[tuple]) -> dict[str, Values]:
    """The right formula with two arguments exchanged, or with one of them changed."""
    changed = {}
    for i, j in itertools.combinations(range(len(names)), 2):
        order = [{i: j, j: i}.get(k, k) for k in range(len(names))]
        swapped = [tuple(about[k] for k in order) for about in abouts]
        changed[f"`{names[i]}` and `{names[j]}` are swapped"] = Values(right, swapped)
    for (k, name), (what, change) in itertools.product(enumerate(names), CHANGES.items()):

        def formula(*about, k=k, change=change):
            return right(*about[:k], change(about[k]), *about[k + 1 :])

        changed[f"the right formula, but for `{name}`: {what}"] = Values(formula, abouts)
    return changed


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "largest": np.max, "smallest": np.min, "product": np.prod}


def by_shape(found: list[np.ndarray], right: list[np.ndarray]) -> str:
    """The sentence when the right numbers are there in another form, or when the form alone is wrong."""
    pairs = list(zip(found, right, strict=True))

    def all_same(change_found=lambda v: v, change_right=lambda v: v) -> bool:
        try:
            return all(same(change_found(f), np.asarray(change_right(r)), 1e-4) for f, r in pairs)
        except Exception:  # this change cannot be made of these shapes
            return False

    f, r = next(((f, r) for f, r in pairs if f.shape != r.shape), pairs[0])
    shapes = f"expected shape {r.shape}, found {f.shape}"
    if r.ndim == f.ndim == 1:
        shapes = f"expected {len(r)} numbers, found {len(f)}"
    if r.size == 1:
        shapes = f"expected one number, found shape {f.shape}"
    if right[0].ndim == 2 and all_same(np.transpose):
        swapped = "rows and columns are swapped: this is the transpose of the right answer"
        return f"{swapped}; {shapes}" if found[0].shape != right[0].shape else swapped
    for word, reduce in REDUCTIONS.items():
        axes = [None, *range(found[0].ndim)]
        if found[0].size > right[0].size and any(all_same(lambda v, a=a, r=reduce: r(v, axis=a)) for a in axes):
            return f"one step is left: take the {word} of these values; {shapes}"
        axes = [None, *range(right[0].ndim)]
        if found[0].size < right[0].size and any(
            all_same(change_right=lambda v, a=a, r=reduce: r(v, axis=a)) for a in axes
        ):
            return f"this is the {word} of the right values: one step too many; {shapes}"
    if found[0].shape != right[0].shape and all_same(np.ravel, np.ravel):
        return f"the values are right, in another shape: {shapes}"
    edges = {"first": 0, "last": -1}
    for word, index in edges.items():
        if found[0].ndim == 1 and right[0].size == 1 and all_same(lambda v, k=index: v[k]):
            return f"the {word} entry is right: return this number alone; {shapes}"
    if found[0].ndim and right[0].ndim:
        forms = {
            "the order is reversed": lambda v: v[::-1],
            "all values are one place too late": lambda v: np.roll(v, 1, 0),
            "all values are one place too early": lambda v: np.roll(v, -1, 0),
            "these are running totals of the right values": lambda v: np.cumsum(v, 0),
            "these are the differences of the right values": lambda v: np.diff(v, axis=0),
            "the last entry is missing": lambda v: v[:-1],
            "the first entry is missing": lambda v: v[1:],
            "the right values, divided by their sum": lambda v: v / v.sum(),
            "the right values, less their mean": lambda v: v - v.mean(),
            "the right values, less their smallest": lambda v: v - v.min(),
            "the right values in increasing order: keep their places": lambda v: np.sort(v, axis=0),
        }
        for sentence, form in forms.items():
            if all_same(change_right=form):
                return f"{sentence}; {shapes}" if found[0].shape != right[0].shape else sentence
        if len(found[0]) > len(right[0]) and (all_same(lambda v: v[: len(right[0])]) or all_same(lambda v: v[:-1])):
            return f"there are entries too many at the end; {shapes}"
    if any(f.shape != r.shape and not f.size == r.size == 1 for f, r in pairs):
        return shapes
    if any(np.isnan(f).any() and not np.isnan(r).any() for f, r in pairs):
        return "nan is 0/0, inf - inf, 0 times inf, or the logarithm or root of a negative number: where does it arise?"
    if any(np.isinf(f).any() and not np.isinf(r).any() for f, r in pairs):
        return "your answer is infinite where it should be finite: a division by 0, or the logarithm of 0"
    if found[0].ndim:
        ok = [np.isclose(f, r, rtol=1e-4, atol=1e-6) for f, r in pairs]
        for word, index in edges.items():
            if all(len(o) > 2 and o.sum() == o.size - o[index].size and not o[index].all() for o in ok):
                return f"all is right but the {word} entry"
        if any(o.any() for o in ok) and not all(o.all() for o in ok):
            f, r, o = next((f, r, o) for (f, r), o in zip(pairs, ok, strict=True) if not o.all())
            where = tuple(map(int, np.argwhere(~o)[0]))
            at = where[0] if len(where) == 1 else where
            return f"{o.mean():.0%} of the entries are right; entry {at} is {f[where]:.4g}, expected {r[where]:.4g}"
    return ""
