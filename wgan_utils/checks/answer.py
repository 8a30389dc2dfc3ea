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
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wgan_utils.checks.general import any_formula, by_shape, changed_inputs, quantities
from wgan_utils.checks.values import Values, agree, is_module, is_tensor, kind, numbers, same, show

NOT_YET, CORRECT = "not attempted yet", "correct"
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
    An expression may be a function: it is called with the arguments then. A line that ends with a colon is a frame:
    the expressions below it stand in the place of its dots.
    """
    head, *lines = table.rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    rows: list[str] = []
    for line in lines:
        if line[margin] == " ":
            rows[-1] += " " + line.strip()
        else:
            rows.append(line.strip())
    functions, frame = {}, "..."
    for expression, bar, sentence in (row.partition(" |") for row in rows):
        if not bar:
            frame = expression.removesuffix(":")
            continue
        value = eval(f"lambda {head}{frame.replace('...', f'({expression})')}", names)

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
    changed: str = ""


def fresh(value: object) -> object:
    """A copy that a student's function may overwrite."""
    if is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if is_module(value):
        copied = copy.deepcopy(value)
        for weight, its_copy in zip(value.parameters(), copied.parameters(), strict=True):
            its_copy.grad = None if weight.grad is None else weight.grad.clone()
        return copied
    return copy.deepcopy(value) if isinstance(value, np.ndarray | list) else value


def is_unchanged(before: object, after: object) -> bool:
    """Whether an argument holds the same numbers as before the call."""
    if is_module(before):
        pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
        frozen = [[p.requires_grad for p in critic.parameters()] for critic in (before, after)]
        return (
            before.training == after.training and frozen[0] == frozen[1] and all(is_unchanged(*pair) for pair in pairs)
        )
    if is_tensor(before) or isinstance(before, np.ndarray | list):
        return np.array_equal(numbers(after), numbers(before), equal_nan=True)
    return True


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
    except (Objection, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() too: a check must answer
        outcome.error, outcome.value, outcome.about = error, type(error), args
    outcome.printed, outcome.passed = printed.getvalue(), outcome.about
    if not exercise.in_place:
        pairs = zip(names_of(exercise), args, passed, strict=False)
        outcome.changed = next((name for name, before, after in pairs if not is_unchanged(before, after)), "")
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
    if not callable(function) or (isinstance(function, type) and exercise.probe is plain):
        what = "None" if function is None else kind(function) if numbers(function) is None else show(function)
        return f"give the check your function itself, its name without brackets; found {what}"
    with sandbox():
        try:
            return _judge(exercise, function)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = str(error)
            return text if isinstance(error, Objection) else f"this answer cannot be compared: {kind(error)} {text}"


def _judge(exercise: Exercise, function: Callable) -> str:
    cases, corners = (draw(np.random.default_rng(2026)) for draw in (exercise.cases, exercise.corners))
    seen = [call(exercise, function, args) for args in (*cases, *corners.values())]
    if seen[0].printed:
        print(seen[0].printed[:2000], end="")  # a student's own print is help, once
    if sentence := _without_answer(exercise, function, seen):
        return sentence
    found, abouts, n = [o.value for o in seen], [o.about for o in seen], len(cases)
    right, every = Values(exercise.right, abouts), range(len(seen))
    failed = [k for k in every if not same(found[k], right[k], exercise.tolerance)]
    changed = next((o.changed for o in seen if o.changed), "")
    overwrites = f"your function overwrites its input `{changed}`: work on a copy" if changed else ""
    if not failed:
        return overwrites or next(filter(None, (exercise.extra(o.answer, *o.passed) for o in seen)), CORRECT)
    for sentence, better in exercise.better.items():
        if agree(found, Values(better, abouts), every, exercise.tolerance):
            return f"{CORRECT}: {sentence}"
    slips = {sentence: Values(slip, abouts) for sentence, slip in exercise.slips().items()}
    most = range(n) if failed[0] < n else every
    first = next((seen[k] for k in failed if not isinstance(found[k], np.ndarray)), seen[failed[0]])
    for chosen in (every, most, [k for k in most if isinstance(found[k], np.ndarray)]):
        for sentence, values in slips.items():
            if set(chosen) & set(failed) and agree(found, values, chosen, exercise.tolerance):
                return sentence + (f"; besides, {overwrites}" if overwrites else "")
    inputs = changed_inputs(names_of(exercise), exercise.right, abouts) if exercise.probe is plain else {}
    sizes = quantities(names_of(exercise), abouts[: len(most)]) if exercise.probe is plain else {}
    return (
        overwrites
        or (any_formula(found, right, slips, inputs, sizes, most, exercise.tolerance) if n else "")
        or (first.error is not None and _about_error(exercise, first))
        or (first.value is None and _about_kind(exercise, first))
        or (failed[0] >= n and list(corners)[failed[0] - n].replace("{found}", show(first.answer)))
        or (exercise.probe is plain and _from_call_to_call(exercise, function, first))
        or by_shape(found[:n], [right[k] for k in range(n)])
        or (exercise.probe is plain and _unused(exercise, function, seen[:n]))
        or _plainly(exercise, first)
    ) + (f"; besides, {overwrites}" if overwrites and failed[0] >= n else "")


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
    if is_stub(function):
        return NOT_YET
    return "your function computes something and returns None: a `return` is missing, or not reached"


def _about_error(exercise: Exercise, outcome: Outcome) -> str:
    error, text = outcome.error, str(outcome.error)
    usual = {
        "is not defined": "import or define it in the same cell",
        "a leaf Variable that requires grad": "work under torch.no_grad()",
        "does not require grad": "the result has lost its graph",
    }
    advice = next((words for part, words in (*exercise.errors.items(), *usual.items()) if part in text), "")
    if isinstance(error, SystemExit):
        advice = "exit() would end the notebook; return the answer"
    return f"your function raised {type(error).__name__}: {text} ({on(exercise, outcome.args)})" + (
        f"; {advice}" if advice else ""
    )


def _about_kind(exercise: Exercise, outcome: Outcome) -> str:
    if outcome.answer is None:
        where = on(exercise, outcome.args)
        return f"your function returns None {where}: no branch was taken, or one lacks its `return`"
    return f"expected numbers, found {kind(outcome.answer)}"


def _from_call_to_call(exercise: Exercise, function: Callable, outcome: Outcome) -> str:
    """The sentence when the answer depends on random numbers."""
    reseed(1)
    again = call(exercise, function, outcome.args).value
    return "" if same(again, outcome.value, 1e-3) else "your answer changes from call to call: draw no random numbers"


def _unused(exercise: Exercise, function: Callable, seen: list[Outcome]) -> str:
    """The sentence when the answer does not change with an argument that matters."""
    if len(seen) > 2 and all(same(o.value, seen[0].value, 1e-6) for o in seen):
        return f"your answer is always {show(seen[0].answer)}, whatever the arguments: use them"
    unused = []
    for k, name in enumerate(names_of(exercise)):
        if numbers(seen[0].args[k]) is None or isinstance(seen[0].args[k], list):
            continue

        def moved(*args, k=k):
            move = 2 * args[k] + 1 if isinstance(args[k], int) else 1.3 * fresh(args[k])
            return (*args[:k], move, *args[k + 1 :])

        if all(
            same(call(exercise, function, moved(*o.args)).value, o.value, 1e-6)
            and not same(numbers(exercise.right(*moved(*o.args))), numbers(exercise.right(*o.args)), 1e-6)
            for o in seen
        ):
            unused.append(f"`{name}`")
    return f"your answer does not change with {' and '.join(unused)}: use it" if unused else ""


def _plainly(exercise: Exercise, outcome: Outcome) -> str:
    """The last resort: one case, what was expected, and what was found."""
    expected = numbers(exercise.right(*outcome.about))
    if expected.ndim == 0 or expected.size <= 6:
        return f"expected {show(expected)}, found {show(outcome.answer)} {on(exercise, outcome.args)}"
    worst = tuple(map(int, np.unravel_index(np.nanargmax(np.abs(outcome.value - expected)), expected.shape)))
    return f"these values are not right: entry {worst} is {outcome.value[worst]:.4g}, expected {expected[worst]:.4g}"
