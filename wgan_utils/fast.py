"""Two ways to go faster that change no number beyond rounding: one CUDA graph per generator step, and bfloat16.

A small network on a GPU waits for Python: each of the some thousand kernels of a generator step is launched by its own
call. Captured once as a CUDA graph, the whole step is one launch. The captured step is the plain one of
``training.py``, called while the device only listens, so there is no second version of the algorithm to keep in step.

Not used: ``torch.compile``. The penalty differentiates a gradient, and compiled code has no second derivative: with
torch 2.11, 2.13 and 2.15, ``gradient_penalty`` of a critic compiled by aot_autograd raises "torch.compile with
aot_autograd does not currently support double backward". Versions before 2.11 were not tested.

The capture itself has not been run on a GPU yet: ``make test-cuda`` compares it with the plain loop there. The way back
to the plain loop is tested on the CPU.

This file imports only torch.
"""

import statistics
import time
import warnings
from collections.abc import Callable

import torch

WARM_UP = 3  # steps run plainly first: they make the optimisers' state and choose the libraries' kernels


def as_cuda_graph(step: Callable[[], None], rng: torch.Generator) -> Callable[[], None]:
    """The same step, replayed as one CUDA graph from its fourth call on.

    Args:
        step: does its work on tensors that stay in place, never reads a value back to Python, and draws random
            numbers only from ``rng``. Optimisers in it are capturable, and their learning rates are tensors.
        rng: on the device of the step; it goes on in a replay where it would have gone on in a call.

    Returns:
        A function whose n-th call does what the n-th call of ``step`` would have done. When the step cannot be
        captured, it warns once with the reason and goes on with plain calls.

    Source: PyTorch's notes on CUDA semantics, section CUDA graphs.
    """
    calls, replay = 0, None

    def next_step() -> None:
        nonlocal calls, replay
        calls += 1
        if replay is None and calls <= WARM_UP:
            warm_up(step, rng.device)
            return
        if replay is None:
            state = rng.get_state()
            try:
                replay = capture(step, rng)
            except (RuntimeError, AssertionError) as error:
                reason = str(error).splitlines()[0]
                warnings.warn(f"no CUDA graph, the plain loop goes on: {reason}", stacklevel=3)
                if rng.device.type == "cuda":  # a capture that broke off leaves its own state in rng
                    rng.graphsafe_set_state(torch.Generator(rng.device))
                rng.set_state(state)
                replay = step
        replay()

    return next_step


def warm_up(step: Callable[[], None], device: torch.device) -> None:
    """Call the step on a stream of its own, as a capture needs it; plainly where there is no CUDA."""
    if device.type != "cuda":
        return step()
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*capturable=True.*")  # as capturable as they are, not yet captured
        step()
    torch.cuda.current_stream(device).wait_stream(stream)


def capture(step: Callable[[], None], rng: torch.Generator) -> Callable[[], None]:
    """A function that replays the step; the call that is captured computes nothing.

    Raises:
        RuntimeError: there is no CUDA, or the step does something that cannot be captured.
    """
    if rng.device.type != "cuda":
        raise RuntimeError(f"the data are on {rng.device}, and CUDA graphs need a CUDA device")
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(rng)
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def bf16_pays(run: Callable[[bool], object], rounds: int = 5) -> bool:
    """Measure whether bfloat16 is faster here: flags tell what a processor can do, not what it does well.

    Args:
        run: does some training steps and waits for their end, with bfloat16 when its argument is true; for one
            ``lambda bf16: train(replace(config, n_steps=3, bf16=bf16), images, make_generator, make_critic)``.
        rounds: how often the two take turns, after one turn each that does not count.

    Returns:
        True when the median ratio of the paired times is at least 1.1: less is within the noise, and float32 is
        more precise.
    """
    run(False), run(True)
    ratios = []
    for _ in range(rounds):
        start = time.perf_counter()
        run(False)
        middle = time.perf_counter()
        run(True)
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios) >= 1.1
