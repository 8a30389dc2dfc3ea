"""The run around an algorithm: its settings, log, samples and checkpoints. What trains is in ``algorithms.py``."""

import math
import operator
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from numbers import Real

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm import tqdm

from wgan_utils.algorithms import gan_step, wgan_gp_step, wgan_step
from wgan_utils.data import describe, draw_batch, evaluating, first_line, keeping_modes
from wgan_utils.fast import as_cuda_graph, gradient_penalty_piecewise_linear, is_piecewise_linear
from wgan_utils.losses import gradient_penalty
from wgan_utils.muon import Muon
from wgan_utils.processes import (
    average_,
    average_gradients_before,
    drawing_my_rows,
    first_decides,
    my_rows,
    rank,
    world,
)

# The papers' constants. "gan" has those of DCGAN (Radford et al. 2015); "wgan" goes by RMSProp, without betas.
PAPERS = {
    "gan": {"lr": 2e-4, "n_critic": 1, "betas": (0.5, 0.999)},
    "wgan": {"lr": 5e-5, "n_critic": 5, "clip_limit": 0.01},
    "wgan-gp": {"lr": 1e-4, "n_critic": 5, "betas": (0.0, 0.9), "lambda_gp": 10.0},
}
ALGORITHMS = tuple(PAPERS)
OPTIMIZERS = ("rmsprop", "adam", "muon")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of one run, checked when they are made.

    Args:
        algorithm: "gan" (2014, non-saturating), "wgan" (weights clipped) or "wgan-gp" (gradient penalty).
        n_steps: generator steps.
        n_critic: critic steps per generator step.
        batch_size: samples per step, at least 2 (the generator may hold batch norm).
        latent_dim: length of the noise vector z.
        lr: learning rate of both networks.
        optimizer: "rmsprop", "adam" or "muon": the critic's matrices by Muon (``wgan_utils.muon``), its other
            parameters and the generator by Adam. Of the papers if ``None``: "rmsprop" for "wgan", because momentum
            unsettles a clipped critic, "adam" for the others; ``dataclasses.replace`` keeps what was chosen.
        betas: Adam's two averages.
        clip_limit: bound on each parameter of the critic, for "wgan".
        lambda_gp: weight of the penalty, for "wgan-gp".
        lr_decay: lower lr on a straight line to 2 % at the end of the run.
        ema_decay: the generator that is returned averages its weights over about 1 / (1 - ema_decay) steps.
        log_every: steps between two rows of the history.
        seed: of the networks' first weights and of every draw in the loop; not of those a network makes, as dropout.
        bf16: run the networks under bfloat16 autocast; on a processor without its instructions this is slow.
        cuda_graph: replay one captured generator step instead of launching its kernels one by one
            (``wgan_utils.fast``); where that is impossible a warning says so and the run is the plain one.
        sync_batch_norm: of several processes on CUDA, let batch norm see the rows of all.

    Raises:
        ValueError: naming the setting, the value found and the values accepted.
    """

    algorithm: str
    n_steps: int
    n_critic: int = 5
    batch_size: int = 64
    latent_dim: int = 64
    lr: float = 1e-4
    optimizer: str | None = None
    betas: tuple[float, float] = (0.0, 0.9)
    clip_limit: float = 0.01
    lambda_gp: float = 10.0
    lr_decay: bool = False
    ema_decay: float = 0.0
    log_every: int = 50
    seed: int = 0
    bf16: bool = False
    cuda_graph: bool = False
    sync_batch_norm: bool = False

    def __post_init__(self):
        def keep(name, value):  # as plain Python values, whatever library they came from
            object.__setattr__(self, name, value)

        if not isinstance(self.algorithm, str) or self.algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, found {self.algorithm!r}")
        if self.optimizer is None:
            keep("optimizer", "rmsprop" if self.algorithm == "wgan" else "adam")
        if not isinstance(self.optimizer, str) or self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, found {self.optimizer!r}")
        least = {"n_steps": 1, "n_critic": 1, "batch_size": 2, "latent_dim": 1, "log_every": 1, "seed": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            whole = hasattr(value, "__index__") and not isinstance(value, bool)
            if not whole or not lowest <= operator.index(value) < 2**63:
                raise ValueError(f"{name} must be a whole number of at least {lowest} and below 2^63, found {value!r}")
            keep(name, operator.index(value))
        keep("algorithm", str(self.algorithm))
        keep("optimizer", str(self.optimizer))
        for name in ("lr", "clip_limit", "lambda_gp"):
            value = getattr(self, name)
            if not 0 < as_float(value) < math.inf:
                raise ValueError(f"{name} must be more than 0 and finite, found {value!r}")
            keep(name, float(value))
        if not (isinstance(self.betas, tuple | list) and len(self.betas) == 2):
            raise ValueError(f"betas must be two numbers, found {self.betas!r}")
        for name, value in [("betas", self.betas[0]), ("betas", self.betas[1]), ("ema_decay", self.ema_decay)]:
            if not 0 <= as_float(value) < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1, found {value!r}")
        keep("betas", tuple(map(float, self.betas)))
        keep("ema_decay", float(self.ema_decay))
        for name in ("lr_decay", "bf16", "cuda_graph", "sync_batch_norm"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, found {getattr(self, name)!r}")


def as_float(value: object) -> float:
    """The number as a float, and what is no number, or one that no float holds, as NaN."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


class Run:
    """A run of ``train``: what it hands to ``on_log`` on the way, and returns at the end.

    Attributes:
        config: the settings.
        generator: the averaged generator, in evaluation mode, as it is at the last log; copy it to keep it.
        critic: the critic; it goes on learning until the run ends.
        history: one row per log, each value the mean since the row before: ``step``, ``estimate`` (of W1 up to
            the critic's slope; for "gan" of the Jensen-Shannon divergence in nats), ``critic_loss`` (with the
            penalty) and ``generator_loss``.
        samples: the images of ``z_watch``, (n, channels, height, width) on the CPU, one tensor per row of the
            history; empty without ``z_watch``.
    """

    def __init__(self, config: TrainConfig, generator: nn.Module, critic: nn.Module, device: torch.device):
        self.config, self.critic, self.history, self.samples = config, critic, [], []
        self.learner = generator  # the generator that learns; the other one follows it
        self.generator = deepcopy(generator).eval().requires_grad_(False)
        self.z_watch, self.step, self.about_images = None, 0, []
        self.rng = torch.Generator(device).manual_seed(config.seed)
        # A CUDA graph replays what it saw, so it reads the rate from the device.
        graph = config.cuda_graph and device.type == "cuda"
        self.lr = torch.tensor(config.lr, device=device) if graph else config.lr
        self.critic_opt, self.generator_opt = (self.make_optimizer(net, graph) for net in (critic, generator))

    def make_optimizer(self, network: nn.Module, capturable: bool) -> Optimizer:
        """RMSProp, Adam in one kernel, or for a critic Muon, as the settings say."""
        name, betas = self.config.optimizer, self.config.betas
        if name == "rmsprop":
            return torch.optim.RMSprop(network.parameters(), lr=self.lr, capturable=capturable)
        if name == "muon" and network is self.critic:
            return Muon(network.parameters(), lr=self.lr, betas=betas)
        return torch.optim.Adam(network.parameters(), lr=self.lr, betas=betas, fused=True, capturable=capturable)

    def set_rate(self, step: int) -> None:
        """The learning rate of this step, counted from 0."""
        rate = self.config.lr * lr_factor(self.config, step)
        if isinstance(self.lr, Tensor):
            rate = self.lr.fill_(rate)
        for group in [*self.critic_opt.param_groups, *self.generator_opt.param_groups]:
            group["lr"] = rate

    @torch.no_grad()
    def follow(self, n: int) -> None:
        """Move the averaged generator after the n-th step; its memory grows with n, so that the first steps fade."""
        decay = min(self.config.ema_decay, n / (9 + n)) if n > 1 else 0.0  # the first step is copied
        follower, learner = ([*net.named_parameters(), *net.named_buffers()] for net in (self.generator, self.learner))
        pairs = []
        for (name, old), (_, new) in zip(follower, learner, strict=True):
            if new.requires_grad or name.endswith(("running_mean", "running_var")):
                pairs.append((old, new))
            else:
                old.copy_(new)  # what is frozen, a count of batches, the singular vectors of a spectral norm
        get_ema_multi_avg_fn(decay)(*zip(*pairs, strict=True), None)

    def log(self, step: int, values: list[float]) -> None:
        """Add a row to the history, and the images that belong to it."""
        trained = [p for net in (self.learner, self.critic) for p in net.parameters() if p.requires_grad]
        fault = ""
        if not all(map(math.isfinite, values)):
            fault = f"the losses are {values[1]} (critic) and {values[2]} (generator)"
        elif not all(weight.isfinite().all() for weight in trained):  # those of the last step are in no loss yet
            fault = "weights are infinite or NaN"
        if fault:
            raise FloatingPointError(f"by step {step} {fault}; they must be finite: lower lr, now {self.config.lr}")
        names = ("estimate", "critic_loss", "generator_loss")
        self.history.append({"step": step} | dict(zip(names, values, strict=True)))
        if not self.config.ema_decay:
            self.generator.load_state_dict(self.learner.state_dict())
            for old, new in zip(self.generator.buffers(), self.learner.buffers(), strict=True):
                old.copy_(new)  # those too that no state holds
        if self.z_watch is not None:
            with torch.no_grad():
                self.samples.append(self.generator(self.z_watch).cpu())

    def parts(self) -> dict:
        return {
            "generator": self.learner,
            "critic": self.critic,
            "averaged": self.generator,
            "critic_opt": self.critic_opt,
            "generator_opt": self.generator_opt,
        }

    def names(self) -> list[str]:
        """Of the parameters, in the order in which the optimisers hold them."""
        return [name for network in (self.learner, self.critic) for name, _ in network.named_parameters()]

    def state(self) -> dict:
        """A checkpoint: a copy of all that the run needs to go on, as tensors and plain values for ``torch.save``.

        Raises:
            RuntimeError: the run broke off between two logs.
        """
        logged = self.history[-1]["step"] if self.history else 0
        if self.step != logged:
            raise RuntimeError(
                f"a checkpoint can be made at a log alone: the run is at step {self.step}, after {logged}"
            )
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state["names"], state["images"] = self.names(), self.about_images
        state["buffers"] = [[*network.buffers()] for network in (self.learner, self.critic, self.generator)]
        state |= {"config": asdict(self.config), "device": self.rng.device.type, "rng": self.rng.get_state()}
        return deepcopy(state | {"history": self.history, "samples": self.samples, "z_watch": self.z_watch})

    def restore(self, checkpoint: dict) -> None:
        """Go on where a checkpoint was made, which is left as it is.

        Raises:
            ValueError: it comes from other settings, another kind of device or other networks.
        """
        try:
            earlier = TrainConfig(**checkpoint["config"])
            differing = [
                f"{name} was {value!r}, now {getattr(self.config, name)!r}"
                for name, value in asdict(earlier).items()
                if name != "n_steps" and value != getattr(self.config, name)
            ]
            z_then, z_now = (() if z is None else z.tolist() for z in (checkpoint["z_watch"], self.z_watch))
            if z_then != z_now:
                differing.append("z_watch was another")
            if checkpoint["images"] != self.about_images:
                differing.append("the images were others")
            if differing:
                raise ValueError(f"the checkpoint comes from other settings: {'; '.join(differing)}")
            done = checkpoint["history"][-1]["step"]
            if self.config.n_steps < done:
                raise ValueError(f"the checkpoint has {done} steps behind it, more than n_steps, {self.config.n_steps}")
            if checkpoint["device"] != self.rng.device.type:
                raise ValueError(
                    f"the checkpoint was made on {checkpoint['device']} and the images are on {self.rng.device.type}: "
                    "its random numbers go on only there"
                )
            if checkpoint["names"] != self.names():
                raise RuntimeError("its parameters have other names or another order")
            for name, part in self.parts().items():
                part.load_state_dict(deepcopy(checkpoint[name]))
            for network, kept in zip((self.learner, self.critic, self.generator), checkpoint["buffers"], strict=True):
                for buffer, value in zip(network.buffers(), kept, strict=True):
                    buffer.copy_(value)  # those too that no state holds
            for opt in (self.critic_opt, self.generator_opt):
                for weight, kept in opt.state.items():
                    if any(value.ndim and value.shape != weight.shape for value in kept.values()):
                        raise RuntimeError("an optimiser holds a tensor of another shape than its weight")
            self.rng.set_state(checkpoint["rng"].cpu())
            self.history, self.samples = deepcopy(checkpoint["history"]), deepcopy(checkpoint["samples"])
            self.step = int(done)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"this is no checkpoint of train: {type(error).__name__}: {error}") from error
        except RuntimeError as error:
            raise ValueError(f"the checkpoint does not fit these networks: {first_line(error)}") from error


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    config: TrainConfig,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
    z_watch: Tensor | None = None,
    checkpoint: dict | None = None,
    on_log: Callable[[Run], bool | None] | None = None,
) -> Run:
    """Train a generator and a critic on images, on the device where the images are.

    Of several processes (``wgan_utils.processes``) each calls this with the same arguments, and all end with the same
    weights: those of one process up to rounding, where no layer mixes rows (``sync_batch_norm``) or draws numbers.

    Args:
        config: the settings.
        images: uint8 (n, channels, height, width).
        make_generator: called with ``latent_dim`` and (channels, height, width), ``conv_generator`` for one;
            its network ends in tanh.
        make_critic: called with (channels, height, width), ``conv_critic`` for one. Parameters that either maker
            has frozen stay as they are.
        z_watch: (m, latent_dim), noise whose images are kept at every log.
        checkpoint: ``state()`` of an earlier run of the same settings; the run goes on after its step and ends, on a
            CPU with a fixed number of threads, with the weights of a run that never stopped. Only ``n_steps`` may be
            larger than it was; with ``lr_decay`` the rate then goes on as in the longer run, so it jumps up.
        on_log: called at every log with the run, by the first process alone; the answer True ends it. The rate is
            set anew at every step, and the networks' modes are what they were.

    Returns:
        The run, with the two networks and what was logged. On a CPU with a fixed number of threads the
        same config, images and makers give the same weights, bit for bit; a network that draws numbers of its own, as
        dropout does, takes them from torch's global generator.

    Raises:
        ValueError: before the first step, when config, images, networks, noise and checkpoint do not fit each other.
        FloatingPointError: a loss or a weight is no longer finite.
    """
    if not isinstance(config, TrainConfig):
        raise ValueError(f"config must be a TrainConfig, found {type(config).__name__}")
    if on_log is not None and not callable(on_log):
        raise ValueError(f"on_log must be a function of the run, found {type(on_log).__name__}")
    check_processes(config)
    generator, critic = make_networks(config, images, make_generator, make_critic)
    run = Run(config, generator, critic, images.device)
    run.about_images = [*images.shape, images.sum(dtype=torch.int64).item()]
    if z_watch is not None:
        run.z_watch = checked_noise(z_watch, config.latent_dim).to(images.device, copy=True)
    if checkpoint is not None:
        run.restore(checkpoint)
    step = make_step(run, images)
    if config.cuda_graph:
        step = as_cuda_graph(step, run.rng)
    totals, last_log = torch.zeros(3, device=images.device, dtype=torch.float32), run.step
    hidden = {"disable": True} if rank() else {}
    for number in (progress := tqdm(range(run.step + 1, config.n_steps + 1), desc=config.algorithm, **hidden)):
        run.set_rate(number - 1)
        totals += step()
        run.step = number
        if config.ema_decay:
            run.follow(number)
        if number % config.log_every == 0 or number == config.n_steps:  # the only place where values are read back
            average_([totals])
            run.log(number, (totals / (number - last_log)).tolist())
            totals.zero_()
            last_log = number
            progress.set_postfix(estimate=f"{run.history[-1]['estimate']:.3g}")
            if on_log is not None and first_decides(rank() == 0 and asks_to_end(on_log, run)):
                break
    return run


def asks_to_end(on_log: Callable[[Run], bool | None], run: Run) -> bool:
    """What ``on_log`` answers; the networks keep their modes, training or evaluation, whatever it does."""
    with keeping_modes(run.learner, run.critic):
        answer = on_log(run)
    if answer is not None and not str(getattr(answer, "dtype", type(answer).__name__)).endswith("bool"):
        raise ValueError(f"on_log must return True to end the run, or nothing, found {type(answer).__name__}")
    return bool(answer)


def make_step(run: Run, images: Tensor) -> Callable[[], Tensor]:
    """One turn of the run's algorithm, as a function that returns estimate, critic loss and generator loss, (3,)."""
    config, rng = run.config, run.rng

    def draw_z() -> Tensor:
        size = (config.batch_size, config.latent_dim)
        return my_rows(torch.randn(size, device=rng.device, dtype=torch.float32, generator=rng))

    def draw_real() -> Tensor:
        return my_rows(draw_batch(images, config.batch_size, rng))

    def penalty(_, *args) -> Tensor:  # looked at anew each time: a hook may have come
        one_backward = is_piecewise_linear(run.critic)
        value = gradient_penalty_piecewise_linear if one_backward else gradient_penalty  # the same
        with drawing_my_rows(rng), torch.autocast(rng.device.type, torch.bfloat16, enabled=config.bf16):
            return value(run.critic, *args)

    networks = run.learner, run.critic
    if config.bf16:
        networks = InBfloat16(run.learner), InBfloat16(run.critic)
    own = {"gan": {}, "wgan": {"clip_limit": config.clip_limit}}
    own["wgan-gp"] = {"lambda_gp": config.lambda_gp, "penalty": penalty, "rng": rng}
    turn = {"gan": gan_step, "wgan": wgan_step, "wgan-gp": wgan_gp_step}[config.algorithm]
    optimizers = run.generator_opt, run.critic_opt
    for optimizer in optimizers:
        average_gradients_before(optimizer)

    def step() -> Tensor:
        with torch.autocast(rng.device.type, enabled=False):  # whatever the caller has set
            return torch.stack(
                turn(draw_real, draw_z, *networks, *optimizers, n_critic=config.n_critic, **own[config.algorithm])
            )

    return step


class InBfloat16(nn.Module):
    """A network whose products are rounded to bfloat16; its output is float32."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.network(x).float()


def check_processes(config: TrainConfig) -> None:
    """A ValueError when the run cannot be shared by the processes that there are."""
    n, size = world(), config.batch_size
    if n > 1 and (size % n or size < 2 * n):
        raise ValueError(f"batch_size must be a multiple of {n}, with 2 rows for each of {n} processes, found {size}")
    if n > 1 and config.cuda_graph:
        raise ValueError(f"cuda_graph is for one process, found {n}")


def lr_factor(config: TrainConfig, step: int) -> float:
    """Factor on lr: 1, or with ``lr_decay`` a straight line from 1 to 0.02."""
    return 0.02 + 0.98 * (1 - step / config.n_steps) if config.lr_decay else 1.0


def checked_noise(z: Tensor, latent_dim: int) -> Tensor:
    """The noise as float32, or a ValueError that says what is wrong."""
    if not (isinstance(z, Tensor) and z.is_floating_point() and z.ndim == 2 and len(z) and z.shape[1] == latent_dim):
        raise ValueError(f"z_watch must be floats (m, latent_dim) with latent_dim {latent_dim}, found {describe(z)}")
    return z.detach().float()


def make_networks(config: TrainConfig, images: Tensor, make_generator, make_critic) -> tuple[nn.Module, nn.Module]:
    """Generator and critic from the config's seed, on the images' device, checked to fit the images."""
    if not (isinstance(images, Tensor) and images.ndim == 4 and images.dtype == torch.uint8 and images.numel()):
        raise ValueError(f"images must be uint8 (n, channels, height, width), found {describe(images)}")
    image_shape = tuple(images.shape[1:])
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # leave the caller's random numbers alone
        torch.default_generator.manual_seed(config.seed)  # the networks are made on the CPU
        generator, critic = make_generator(config.latent_dim, image_shape), make_critic(image_shape)
        made = output_shape("generator", generator, torch.zeros(2, config.latent_dim, dtype=torch.float32))
        scored = output_shape("critic", critic, torch.zeros(2, *image_shape, dtype=torch.float32))
    if made != (2, *image_shape):
        raise ValueError(f"images are {image_shape}, but the generator makes {made[1:]}")
    if scored not in [(2,), (2, 1)]:
        raise ValueError(f"the critic must give one score per image, found shape {scored} for 2 images")
    for name, network in [("generator", generator), ("critic", critic)]:
        if not any(weight.requires_grad for weight in network.parameters()):
            raise ValueError(f"the {name} has no parameter to train")
        if not network.training:
            raise ValueError(f"the {name} must be in training mode, found it in evaluation mode: call train() on it")
    if config.algorithm == "wgan-gp" and any(isinstance(m, _BatchNorm) and m.training for m in critic.modules()):
        warnings.warn(
            "the critic holds batch norm, so a score depends on the batch: the penalty is wrong", stacklevel=3
        )
    if config.algorithm == "wgan":
        for name, weight in critic.named_parameters():
            if not weight.requires_grad and weight.abs().max() > config.clip_limit:
                found = f"found {weight.abs().max():.3g}"
                raise ValueError(f"the critic's frozen {name} must lie within clip_limit {config.clip_limit}, {found}")
    if config.sync_batch_norm:
        if images.device.type != "cuda":
            raise ValueError(f"sync_batch_norm needs images on a CUDA device, found {images.device}")
        generator, critic = map(nn.SyncBatchNorm.convert_sync_batchnorm, (generator, critic))
    return generator.to(device=images.device), critic.to(device=images.device)


@torch.no_grad()
def output_shape(name: str, network: nn.Module, x: Tensor) -> tuple[int, ...]:
    """Shape of what the network, in evaluation mode, makes of x; a ValueError when it does not take it."""
    if not isinstance(network, nn.Module):
        raise ValueError(f"the maker of the {name} must return a network, found {type(network).__name__}")
    try:
        with evaluating(network):
            made = network(x)
    except (RuntimeError, ValueError, IndexError) as error:
        dtypes = ", ".join(sorted({str(weight.dtype) for weight in network.parameters()}))
        reason = f"{first_line(error)} (its weights are {dtypes})"
        raise ValueError(f"the {name} does not take a batch of {tuple(x.shape)} in float32: {reason}") from error
    if not isinstance(made, Tensor):
        raise ValueError(f"the {name} must return a tensor, found {type(made).__name__}")
    if x._version:  # torch counts here what was done to it in place
        raise ValueError(
            f"the {name} must leave its batch as it was, found it changed: a first layer with inplace=True?"
        )
    return tuple(made.shape)
