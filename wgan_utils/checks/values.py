"""Values: a student's answer as numbers, compared with what a formula gives, and told in a few words."""

import math
import reprlib
import sys
import types
from collections.abc import Callable, Iterable

import numpy as np


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
            if any(entry is None for entry in value):
                return None
        if value is None or isinstance(value, str | bytes | dict | set | complex):
            return None
        array = np.array(value)
        return None if array.dtype.kind in "USMmVc" else array.astype(float)
    except Exception:  # ragged lists, objects that are no numbers
        return None


def same(found: object, expected: object, tolerance: float) -> bool:
    """Whether two values agree: numbers of one shape up to the tolerance, or two errors of one class."""
    if not isinstance(found, np.ndarray | np.generic) or not isinstance(expected, np.ndarray | np.generic):
        return found is expected and found is not None
    if found.size == expected.size == 1:
        f, e = found.item(), expected.item()
        return f == e or (f != f and e != e) or abs(f - e) <= 2 * tolerance * abs(e) + 1e-6 < math.inf
    if found.shape != expected.shape:
        return False
    size = np.abs(expected)
    near = tolerance * (size + size[np.isfinite(size)].max(initial=0)) + 1e-6
    return bool(
        (
            (np.abs(found - expected) <= near) & np.isfinite(size) | (found == expected) | _both_nan(found, expected)
        ).all()
    )


def _both_nan(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.isnan(found) & np.isnan(expected)


class Values:
    """What a function gives on each case: numbers, or the class of the error it raises. Computed when asked for."""

    def __init__(self, function: Callable, abouts: list[tuple]):
        self.function, self.abouts, self.known = function, abouts, {}

    def __getitem__(self, k: int):
        if k not in self.known:
            try:
                self.known[k] = numbers(self.function(*self.abouts[k]))
            except Exception as error:
                self.known[k] = type(error)
        return self.known[k]


def agree(found: list, values: Values, cases: Iterable[int], tolerance: float) -> bool:
    """Whether the values are those found, on all of these cases."""
    return all(same(found[k], values[k], tolerance) for k in cases)


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
