"""One run on several processes: each takes its rows of every batch, and gradients are averaged before each step.

    torchrun --nproc-per-node=2 -m wgan_utils.cli --algorithm wgan-gp --steps 2000

All processes draw the random numbers of the whole batch from one seed and keep their own rows, so the run is that of
one process up to rounding, however many there are. Two things see the rows of their own process alone: batch norm, and
a layer that draws numbers of its own. torch's DistributedDataParallel is not used: it sends gradients while a backward
pass goes on, and a penalty with a backward pass of its own comes too late for it, without a word.

Where torchrun did not start the program there is one process, and nothing here does anything.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

_board: list[dist.Store] = []  # the store where the processes met; it outlives each of them


def join() -> None:
    """Meet the other processes, when torchrun started this one: over gloo on the CPU, over NCCL on CUDA."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or _joined():
        return
    store, rank_, world_ = next(dist.rendezvous("env://"))
    _board[:] = [store]
    backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backends, store=dist.PrefixStore("run", store), rank=rank_, world_size=world_)


def leave() -> None:
    """Part in peace; a process that ends without it looks to the others as if it had died."""
    if _board:
        _board.clear()
        dist.destroy_process_group()


def _joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def world() -> int:
    """How many processes the run has."""
    return dist.get_world_size() if _joined() else 1


def rank() -> int:
    """The number of this process, from 0 on."""
    return dist.get_rank() if _joined() else 0


def own_device(device: str) -> str:
    """The device of this process: of several processes on CUDA each has one of its machine's.

    Raises:
        ValueError: the device has a number, or the machine has fewer than processes.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda" or world() == 1:
        return device
    place, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number or place >= found:
        raise ValueError(
            f"each of {world()} processes takes a CUDA device of its own: expected cuda and at least {place + 1} "
            f"devices, found {device} and {found}"
        )
    return f"cuda:{place}"


def my_rows(batch: Tensor) -> Tensor:
    """The rows of this process, of a batch that all processes drew alike."""
    return batch.chunk(world())[rank()]


def drawing_my_rows(rng: torch.Generator) -> AbstractContextManager:
    """Inside, ``torch.rand`` from this generator draws for all processes and gives the rows of this one."""
    return _DrawsMyRows(rng) if world() > 1 else nullcontext()


class _DrawsMyRows(TorchFunctionMode):
    def __init__(self, rng: torch.Generator):
        super().__init__()
        self.rng = rng

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is not torch.rand or kwargs.get("generator") is not self.rng:
            return function(*args, **kwargs)
        ((rows, *others),) = args  # as points_between asks for them
        return my_rows(torch.rand((rows * world(), *others), **kwargs))


def average_(tensors: list[Tensor]) -> None:
    """In place, each tensor becomes the mean over all processes of what they hold in its place.

    Raises:
        RuntimeError: another process has ended.
    """
    if world() == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])  # one message for all
    _talk(dist.all_reduce, flat)
    for tensor, mean in zip(tensors, (flat / world()).split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def average_gradients_before(optimizer: Optimizer) -> None:
    """From now on each step of the optimiser takes the mean of the gradients over all processes.

    Each process has its part of the batch, all of one size, and its loss is a mean: so the mean of their gradients is
    the gradient of the mean. All of them must have gradients for the same parameters.
    """

    def average(*_) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        average_([weight.grad for weight in weights if weight.grad is not None])

    if world() > 1:
        optimizer.register_step_pre_hook(average)


def first_decides(answer: bool) -> bool:
    """What the first process answered."""
    if world() == 1:
        return answer
    said = torch.tensor(float(answer), device="cpu")
    _talk(dist.broadcast, said, 0)
    return bool(said)


@contextmanager
def first_of_machine_goes_ahead() -> Iterator[None]:
    """The block is run by one process of each machine, and then by the others."""
    first = world() == 1 or os.environ["LOCAL_RANK"] == "0"
    if not first:
        average_([torch.zeros(1, device="cpu")])  # wait until they all have come here
    try:
        yield
    finally:
        if first:
            average_([torch.zeros(1, device="cpu")])


def speaks() -> bool:
    """True for the first process that asks: of several that fail for one reason, it is the one to say so."""
    try:
        return not _board or _board[0].add("spoken", 1) == 1
    except RuntimeError:  # the place where they met is gone
        return True


def _talk(collective: Callable, *args) -> None:
    try:
        collective(*args)
    except RuntimeError as error:  # a closed connection, in the words of the library that noticed it
        raise RuntimeError(f"another of the {world()} processes has ended") from error
