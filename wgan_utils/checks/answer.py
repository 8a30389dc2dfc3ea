"""The core of the checks: it calls a student's function on cases, compares, and names the likely mistake.

An exercise is data: cases, the right function, and the usual slips, each a sentence with the function that makes it.
The core tries the slips, then what can go wrong with any formula: a sign, a factor, a swapped or forgotten argument.
It imports numpy alone; tensors are handled when the caller has imported torch already.
"""

import contextlib
import copy
import dis
import inspect
import io
import itertools
import math
import random
import reprlib
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NOT_YET, CORRECT = "not attempted yet", "correct"
STOPPED = (Exception, SystemExit, GeneratorExit)  # what may end a student's function; Ctrl-C still stops the check
STUB = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "COPY_FREE_VARS", "MAKE_CELL"}


class Objection(Exception):
    """A sentence about an answer that cannot be compared at all."""


def plain(function: Callable, *args) -> tuple:
    """Call the function; what it returns is the answer, the value to compare, and the arguments are as given."""
    answer = function(*args)
    return answer, answer, args


def slips(table: str, names: dict) -> dict[str, Callable]:
    """Functions by sentence, read from a table.

    Its first line names the arguments. Each slip is one line, "expression | sentence"; a deeper line goes on with it.
    An expression may be a function: it is called with the arguments then.
    """
    head, *lines = table.rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    rows: list[str] = []
    for line in lines:
        if line[margin] == " ":
            rows[-1] += " " + line.strip()
        else:
            rows.append(line.strip())
    functions = {}
    for expression, _, sentence in (row.partition(" |") for row in rows):
        value = eval(f"lambda {head}{expression}", names)

        def slip(*args, value=value):
            result = value(*args)
            return result(*args) if isinstance(result, types.FunctionType) else result

        functions[sentence.strip()] = slip
    return functions


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, on which cases, and which slips are known.

    ``cases`` draws lists of arguments; ``corners`` maps a sentence to arguments on which only that point is tested.
    ``wrong`` holds the slips, a table (see ``slips``) or a dictionary of sentences and functions.
    ``better`` maps a sentence to a function that does more than is asked.
    ``probe`` calls the student's function when that takes more than a call; ``right`` and ``wrong`` get what it saw.
    ``extra`` finds fault with an answer whose value is right; ``errors`` explains an error by a part of its text.
    """

    task: str
    cases: Callable[[np.random.Generator], list[tuple]]
    right: Callable
    wrong: str | dict[str, Callable]
    corners: Callable[[np.random.Generator], dict[str, tuple]] = lambda rng: {}
    better: dict[str, Callable] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    extra: Callable[..., str] = lambda answer, *args: ""
    probe: Callable[..., tuple] = plain
    tolerance: float = 1e-4
    in_place: bool = False

    def slips(self) -> dict[str, Callable]:
        """The slips as functions; a table may use whatever its theme has defined."""
        return self.wrong if isinstance(self.wrong, dict) else slips(self.wrong, self.right.__globals__)


@dataclass
class Outcome:
    """What one call of a student's function gave."""

    args: tuple
    answer: Any = None
    value: np.ndarray | type | None = None  # numbers, the class of an error, or None: nothing to compare
    about: tuple = ()
    passed: tuple = ()
    error: BaseException | None = None
    printed: str = ""
    changed: tuple[str, ...] = ()


# --- Values -------------------------------------------------------------------------------------------------------


def is_tensor(value: object) -> bool:
    """Whether this is a torch tensor, asked without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_module(value: object) -> bool:
    """Whether this is a torch network, asked without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def numbers(value: object) -> np.ndarray | None:
    """The value as an array of float64, a single number as one without axes; None if these are no real numbers."""
    try:
        if is_tensor(value):
            value = value.detach().cpu().double().numpy() if not value.is_complex() else None
        elif isinstance(value, list | tuple):
            value = [numbers(entry) for entry in value]
        if value is None or isinstance(value, str | bytes | dict | set | complex):
            return None
        array = np.array(value)
        return None if array.dtype.kind in "USMmVc" else array.astype(float)
    except STOPPED:  # ragged lists, objects that are no numbers
        return None


def same(found: object, expected: object, tolerance: float) -> bool:
    """Whether two values agree: numbers of one shape up to the tolerance, or two errors of one class."""
    if isinstance(found, type) or isinstance(expected, type) or found is None or expected is None:
        return found is expected and found is not None
    found, expected = np.asarray(found), np.asarray(expected)
    if found.size == expected.size == 1:
        found, expected = found.reshape(()), expected.reshape(())
    if found.shape != expected.shape:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size else 0.0
    return np.allclose(found, expected, rtol=tolerance, atol=tolerance * scale + 1e-6, equal_nan=True)


def agree(found: list, expected: list, tolerance: float) -> bool:
    """Whether two lists of values agree, case by case."""
    return all(same(f, e, tolerance) for f, e in zip(found, expected, strict=True))


def values_of(function: Callable, abouts: list[tuple]) -> list:
    """What the function gives on each of these arguments: numbers, or the class of the error it raises."""
    values = []
    for about in abouts:
        try:
            values.append(numbers(function(*map(fresh, about))))
        except STOPPED as error:
            values.append(type(error))
    return values


def fresh(value: object) -> object:
    """A copy that a student's function may overwrite."""
    if is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value) if isinstance(value, np.ndarray | list) or is_module(value) else value


def is_unchanged(before: object, after: object) -> bool:
    """Whether an argument holds the same numbers as before the call."""
    if is_module(before):
        pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
        frozen = [[p.requires_grad for p in critic.parameters()] for critic in (before, after)]
        return frozen[0] == frozen[1] and all(is_unchanged(*pair) for pair in pairs)
    if is_tensor(before) or isinstance(before, np.ndarray | list):
        return same(numbers(after), numbers(before), 0.0)
    return True


def show(value: object) -> str:
    """The value in a few words: numbers with few digits, short lists in full, large ones by their shape."""
    array = numbers(value)
    if array is None or isinstance(value, bool):
        return reprlib.repr(value)
    if array.size == 1:
        return f"{array.item():.6g}"
    if array.ndim == 1 and array.size <= 6:
        return "[" + ", ".join(f"{entry:.4g}" for entry in array) + "]"
    return f"{'tensor' if is_tensor(value) else 'array'} of shape {array.shape}"


def kind(value: object) -> str:
    """What sort of thing a student returned in place of numbers."""
    if isinstance(value, str | bytes):
        return f"the text {reprlib.repr(value)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return f"the function {getattr(value, '__name__', '')}: call it, with brackets"
    if isinstance(value, complex):
        return "a complex number: the root of a negative one?"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} that is not all numbers of one shape: {reprlib.repr(value)}"
    return f"an object of type {type(value).__name__}"


# --- Calling ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def sandbox() -> Iterator[None]:
    """Same random numbers at each check, on the CPU, with gradients; afterwards everything global is as it was."""
    torch, python, old = sys.modules.get("torch"), random.getstate(), np.random.get_state()  # noqa: NPY002
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(np.errstate(all="ignore"))
        if torch is not None:
            devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
            for setting in (
                torch.random.fork_rng(devices=devices),
                torch.device("cpu"),
                torch.inference_mode(False),
                torch.enable_grad(),
            ):
                stack.enter_context(setting)
        try:
            reseed(0)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(old)  # noqa: NPY002


def reseed(seed: int) -> None:
    """Start the global sources of random numbers anew; only inside the sandbox."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def call(exercise: Exercise, function: Callable, args: tuple) -> Outcome:
    """Call the student's function on copies of the arguments; whatever it does, there is an outcome."""
    passed, outcome, printed = tuple(map(fresh, args)), Outcome(args), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            outcome.answer, value, outcome.about = exercise.probe(function, *passed)
        outcome.value = None if value is None else numbers(value)
    except Objection:
        raise
    except STOPPED as error:
        outcome.error, outcome.value, outcome.about = error, type(error), args
    outcome.printed, outcome.passed = printed.getvalue(), outcome.about
    if not exercise.in_place:
        pairs = zip(names_of(exercise), args, passed, strict=False)
        outcome.changed = tuple(name for name, before, after in pairs if not is_unchanged(before, after))
    if exercise.probe is plain:
        outcome.about = args  # as they were before the call
    return outcome


def names_of(exercise: Exercise) -> list[str]:
    """The names of the arguments, as the exercise calls them."""
    return list(inspect.signature(exercise.right).parameters)


def is_stub(function: Callable) -> bool:
    """Whether nothing but `return None` (or nothing at all) stands in the function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is None or {step.opname for step in dis.get_instructions(code)} <= STUB


def on(exercise: Exercise, args: tuple) -> str:
    """The arguments of a call, for a sentence."""
    if exercise.probe is not plain:
        return "on " + ", ".join(map(show, args))
    return "on " + ", ".join(f"{name} = {show(value)}" for name, value in zip(names_of(exercise), args, strict=False))


# --- Judging ------------------------------------------------------------------------------------------------------


def judge(exercise: Exercise, function: Callable) -> str:
    """The verdict: "not attempted yet", "correct", or a sentence that names the likely mistake; it never raises."""
    if not callable(function):
        what = "None" if function is None else kind(function) if numbers(function) is None else show(function)
        return f"give the check your function itself, its name without brackets; found {what}"
    with sandbox():
        try:
            return _judge(exercise, function)
        except Objection as objection:
            return str(objection)
        except STOPPED as error:
            return f"this answer cannot be compared: {type(error).__name__}: {error}"


def _judge(exercise: Exercise, function: Callable) -> str:
    cases, corners = (draw(np.random.default_rng(2026)) for draw in (exercise.cases, exercise.corners))
    seen = [call(exercise, function, args) for args in (*cases, *corners.values())]
    if seen[0].printed:
        print(seen[0].printed, end="")  # a student's own print is help, once
    if sentence := _without_answer(exercise, function, seen):
        return sentence
    right, found = values_of(exercise.right, [o.about for o in seen]), [o.value for o in seen]
    failed = [k for k, (f, r) in enumerate(zip(found, right, strict=True)) if not same(f, r, exercise.tolerance)]
    changed = next((o.changed for o in seen if o.changed), ())
    overwrites = f"your function overwrites its input `{changed[0]}`: work on a copy" if changed else ""
    if not failed:
        return overwrites or next(filter(None, (exercise.extra(o.answer, *o.passed) for o in seen)), CORRECT)
    for sentence, better in exercise.better.items():
        if agree(found, values_of(better, [o.about for o in seen]), exercise.tolerance):
            return f"{CORRECT}: {sentence}"
    also = f"; besides, {overwrites}" if overwrites else ""
    n = len(cases)
    if sentence := _slip(exercise, found, seen, n if failed[0] < n else len(seen)):
        return sentence + also
    if n and (sentence := _general(exercise, found, right, seen, n if failed[0] < n else len(seen))):
        return sentence + also
    first = seen[failed[0]]
    if first.error is not None:
        return _about_error(exercise, first) + also
    if first.value is None:
        return _about_kind(exercise, first) + also
    if failed[0] >= n:  # all is well but in a corner
        corner = list(corners)[failed[0] - n]
        return corner.replace("{found}", show(first.answer)) + also
    if overwrites:
        return overwrites
    return _by_shape(found[:n], right[:n]) or _unused(exercise, function, seen[:n], right) or _plainly(exercise, first)


def _without_answer(exercise: Exercise, function: Callable, seen: list[Outcome]) -> str:
    """The sentence when there is nothing to judge, or an empty one."""
    errors = [o.error for o in seen if o.error is not None]
    if len(errors) == len(seen) and isinstance(errors[0], TypeError):
        try:
            inspect.signature(function).bind(*seen[0].args)
        except ValueError:  # a builtin without a signature
            pass
        except TypeError:
            if exercise.probe is plain:
                names = ", ".join(names_of(exercise))
                return f"your function is called with {len(seen[0].args)} arguments, ({names}), and cannot take them"
            return f"your function cannot be called as the exercise does: {errors[0]}"
    if errors or any(o.answer is not None or o.value is not None for o in seen):
        return ""
    if any(o.printed for o in seen):
        return "your function prints and returns None: write `return` in place of `print`"
    if any(o.changed for o in seen):
        return "your function changes its input and returns None: leave the input alone and return the answer"
    return NOT_YET if is_stub(function) else "your function computes something and returns None: a `return` is missing"


def _about_error(exercise: Exercise, outcome: Outcome) -> str:
    error, text = outcome.error, str(outcome.error)
    usual = {
        "is not defined": "import or define it in the same cell",
        "a leaf Variable that requires grad": "work under torch.no_grad()",
        "does not require grad": "the result has lost its graph",
        "unbacked symbolic": "",
    }
    advice = next(
        (a for part, a in {**exercise.errors, **usual}.items() if part in f"{type(error).__name__}: {text}"), ""
    )
    if isinstance(error, SystemExit):
        advice = "exit() would end the notebook; return the answer"
    return f"your function raised {type(error).__name__}: {text} ({on(exercise, outcome.args)})" + (
        f"; {advice}" if advice else ""
    )


def _about_kind(exercise: Exercise, outcome: Outcome) -> str:
    if outcome.answer is None:
        return f"your function returns None {on(exercise, outcome.args)}: every branch needs its `return`"
    return f"expected numbers, found {kind(outcome.answer)}"


# --- What may go wrong with any formula -----------------------------------------------------------------------------

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


def _slip(exercise: Exercise, found: list, seen: list[Outcome], n: int) -> str:
    """The known slip that gives just these values: on all cases, else on the first n."""
    abouts, known = [o.about for o in seen], {}
    for sentence, slip in exercise.slips().items():
        known[sentence] = values_of(slip, abouts)
        if agree(found, known[sentence], exercise.tolerance):
            return sentence
    return next((s for s, values in known.items() if agree(found[:n], values[:n], exercise.tolerance)), "")


def _general(exercise: Exercise, found: list, right: list, seen: list[Outcome], n: int) -> str:
    """What went wrong after the right formula, before it, or after a known slip, on the first n cases."""
    found, right, abouts, tolerance = found[:n], right[:n], [o.about for o in seen[:n]], exercise.tolerance
    if not all(isinstance(value, np.ndarray) for value in found):
        return ""
    quantities = _quantities(exercise, abouts)
    if sentence := _transformed(found, right, quantities, tolerance):
        return sentence
    inputs = list(_with_changed_inputs(exercise, abouts))
    if sentence := next((sentence for sentence, values in inputs if agree(found, values, tolerance)), ""):
        return sentence
    slips = [(sentence, values_of(slip, abouts)) for sentence, slip in exercise.slips().items()]
    for bases, factors in ((slips, quantities), (inputs, {})):
        for base, values in bases:
            if sentence := _transformed(found, values, factors, tolerance, exact=True):
                return f"{base}; besides, {sentence}"
    return ""


def _quantities(exercise: Exercise, abouts: list[tuple]) -> dict[str, list[float]]:
    """Numbers that a formula may hold once too often: the arguments that are numbers, and the sizes of the others."""
    table: dict[str, list[float]] = {}
    if exercise.probe is not plain:
        return table
    for k, name in enumerate(names_of(exercise)):
        arrays = [numbers(about[k]) for about in abouts]
        if any(array is None for array in arrays) or len({array.ndim for array in arrays}) > 1:
            continue
        axes = {1: ["entries"], 2: ["rows", "columns"]}.get(arrays[0].ndim, [])
        if arrays[0].ndim == 0:
            table[f"`{name}`"] = [array.item() for array in arrays]
        for axis, what in enumerate(axes):
            table[f"the number of {what} of `{name}`"] = [array.shape[axis] for array in arrays]
            table[f"the number of {what} of `{name}`, less 1,"] = [array.shape[axis] - 1 for array in arrays]
        if arrays[0].ndim > 1:
            table[f"the number of entries of `{name}`"] = [array.size for array in arrays]
    return table


def _transformed(found: list, base: list, quantities: dict, tolerance: float, exact: bool = False) -> str:
    """How the values found follow from those of the base by one step after it: a factor, a function, a summand."""
    if not all(isinstance(value, np.ndarray) for value in base):
        return ""
    ratios = [_ratio(f, b, tolerance) for f, b in zip(found, base, strict=True)]
    if all(ratio is not None for ratio in ratios) and not np.isnan(ratios).all():
        ratio = np.array(ratios)
        known = ~np.isnan(ratio)

        def is_ratio(guess) -> bool:
            return known.sum() > 1 and np.allclose(ratio[known], np.broadcast_to(guess, known.shape)[known], rtol=1e-3)

        for sentence, factor in FACTORS.items():
            if is_ratio(factor):
                return sentence
        for name, values in quantities.items():
            size = np.abs(np.array(values, float))
            words = [("times {}", size), ("divided by {}", 1 / size), ("times the square of {}", size**2)]
            words += [("divided by the square of {}", size**-2), ("times the root of {}", size**0.5)]
            words += [("divided by the root of {}", size**-0.5)]
            if name.startswith("the") and "less 1" not in name:
                words += [(f"divided by {{}} less 1, instead of {name}: degrees of freedom", size / (size - 1))]
            for (phrase, guess), (sign, factor) in itertools.product(
                words, [("", 1), (", the sign is flipped", -1), (", and doubled", 2), (", and halved", 0.5)]
            ):
                if is_ratio(factor * guess):
                    return f"this is the right answer {phrase.format(name)}{sign}" + (
                        ": mean and sum are confused" if "number of" in name and "root" not in phrase else ""
                    )
    for sentence, function in FUNCTIONS.items():
        if agree(found, [numbers(function(value)) for value in base], tolerance):
            return sentence
    if exact:
        return ""
    for name, values in quantities.items():
        for word, sign in (("plus", 1), ("minus", -1), ("plus twice", 2), ("minus twice", -2)):
            if agree(found, [value + sign * extra for value, extra in zip(base, values, strict=True)], tolerance):
                return f"this is the right answer {word} {name}: add nothing to it"
    if all(f.shape == b.shape for f, b in zip(found, base, strict=True)):
        gaps = [np.ravel(f - b) for f, b in zip(found, base, strict=True)]
        if np.isfinite(gaps[0][:1]).all() and all(np.allclose(g, gaps[0][0], rtol=1e-3, atol=1e-6) for g in gaps):
            return f"this is always the right answer {'plus' if gaps[0][0] > 0 else 'minus'} {abs(gaps[0][0]):.4g}"
    if all(r is not None for r in ratios) and np.allclose(ratios, ratios[0], rtol=1e-3):
        return f"this is always {ratios[0]:.4g} times the right answer: a factor is wrong"
    return ""


def _ratio(found: np.ndarray, base: np.ndarray, tolerance: float) -> float | None:
    """The one factor between two arrays; NaN where both are 0 everywhere, None where there is no such factor."""
    if found.size == base.size == 1:
        found, base = found.reshape(()), base.reshape(())
    if found.shape != base.shape or not (np.isfinite(found).all() and np.isfinite(base).all()):
        return None
    big = np.abs(base) > 1e-3 * np.abs(base).max() if base.size else base
    if not big.any():
        return math.nan if np.allclose(found, 0, atol=1e-6) else None
    ratio = float(np.median(found[big] / base[big]))
    return ratio if same(found, ratio * base, tolerance) else None


def _with_changed_inputs(exercise: Exercise, abouts: list[tuple]) -> Iterator[tuple[str, list]]:
    """The right formula with one argument changed, or two exchanged: a sentence and its values."""
    if exercise.probe is not plain:
        return
    names = names_of(exercise)
    for i, j in itertools.combinations(range(len(names)), 2):
        order = [{i: j, j: i}.get(k, k) for k in range(len(names))]
        swapped = [tuple(about[k] for k in order) for about in abouts]
        yield f"`{names[i]}` and `{names[j]}` are swapped", values_of(exercise.right, swapped)
    for (k, name), (what, change) in itertools.product(enumerate(names), CHANGES.items()):

        def changed(*about, k=k, change=change):
            return exercise.right(*about[:k], change(about[k]), *about[k + 1 :])

        yield f"the right formula, but for `{name}`: {what}", values_of(changed, abouts)


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "largest": np.max, "smallest": np.min, "product": np.prod}


def _by_shape(found: list[np.ndarray], right: list[np.ndarray]) -> str:
    """The sentence when the right numbers are there in another form, or when the form alone is wrong."""
    pairs = list(zip(found, right, strict=True))

    def all_same(change_found=lambda v: v, change_right=lambda v: v) -> bool:
        try:
            return all(same(change_found(f), np.asarray(change_right(r)), 1e-4) for f, r in pairs)
        except STOPPED:  # this change cannot be made of these shapes
            return False

    shapes = f"expected shape {right[0].shape}, found {found[0].shape}"
    if right[0].size == 1:
        shapes = f"expected one number, found shape {found[0].shape}"
    if right[0].ndim == 2 and all_same(np.transpose):
        return f"rows and columns are swapped: this is the transpose of the right answer; {shapes}"
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
    if found[0].ndim == 1 and right[0].size == 1 and all_same(lambda v: v[0]):
        return f"the first entry is right: return this number alone; {shapes}"
    if found[0].ndim == 1 and right[0].size == 1 and all_same(lambda v: v[-1]):
        return f"the last entry is right: return this number alone; {shapes}"
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
        edges = {"first": 0, "last": -1} if all(len(o) > 2 for o in ok) else {}
        for word, index in edges.items():
            if all(o.sum() == o.size - o[index].size and not o[index].all() for o in ok):
                return f"all is right but the {word} entry"
        if any(o.any() for o in ok) and not all(o.all() for o in ok):
            f, r, o = next((f, r, o) for (f, r), o in zip(pairs, ok, strict=True) if not o.all())
            where = tuple(map(int, np.argwhere(~o)[0]))
            at = where[0] if len(where) == 1 else where
            return f"{o.mean():.0%} of the entries are right; entry {at} is {f[where]:.4g}, expected {r[where]:.4g}"
    return ""


def _unused(exercise: Exercise, function: Callable, seen: list[Outcome], right: list) -> str:
    """The sentence when the answer does not change with an argument that matters."""
    if exercise.probe is not plain:
        return ""
    if len(seen) > 2 and all(same(o.value, seen[0].value, 1e-6) for o in seen):
        return f"your answer is always {show(seen[0].answer)}, whatever the arguments: use them"
    unused = []
    for k, name in enumerate(names_of(exercise)):
        moved = []
        for outcome, value in zip(seen, right, strict=False):
            args = list(outcome.args)
            if numbers(args[k]) is None or isinstance(args[k], list):
                break
            args[k] = 2 * args[k] + 1 if isinstance(args[k], int) else 1.3 * fresh(args[k])
            moved.append(
                same(call(exercise, function, tuple(args)).value, outcome.value, 1e-6)
                and not same(values_of(exercise.right, [tuple(args)])[0], value, 1e-6)
            )
        if moved and all(moved):
            unused.append(f"`{name}`")
    return f"your answer does not change with {' and '.join(unused)}: use it" if unused else ""


def _plainly(exercise: Exercise, outcome: Outcome) -> str:
    """The last resort: one case, what was expected, and what was found."""
    expected = values_of(exercise.right, [outcome.about])[0]
    if expected.ndim == 0 or expected.size <= 6:
        return f"expected {show(expected)}, found {show(outcome.answer)} {on(exercise, outcome.args)}"
    worst = tuple(map(int, np.unravel_index(np.nanargmax(np.abs(outcome.value - expected)), expected.shape)))
    return f"these values are not right: entry {worst} is {outcome.value[worst]:.4g}, expected {expected[worst]:.4g}"
