"""One plain loop for three algorithms, to be read beside Algorithm 1 of the papers."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from wgan_utils.data import draw_batch
from wgan_utils.fast import as_cuda_graph, critic_gradients_, is_fully_connected
from wgan_utils.losses import (
    clip_weights_,
    critic_loss,
    gan_discriminator_loss,
    gan_generator_loss,
    generator_loss,
    gradient_penalty,
    gradient_penalty_piecewise_linear,
    is_piecewise_linear,
)

ALGORITHMS = ("gan", "wgan", "wgan-gp")


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
        betas: Adam's two averages, for "gan" and "wgan-gp"; "wgan" uses RMSProp.
        clip_limit: bound on each weight of the critic, for "wgan".
        lambda_gp: weight of the penalty, for "wgan-gp".
        lr_decay: hold lr for half the run, then lower it on a straight line to 2 %.
        ema_decay: the generator that is returned averages its weights over about 1 / (1 - ema_decay) steps.
        log_every: steps between two rows of the history.
        seed: of the networks' first weights and of every draw in the loop.
        bf16: run the networks under bfloat16 autocast; on a processor without its instructions this is slow
            (``wgan_utils.fast.bf16_pays`` measures it).
        cuda_graph: replay one captured generator step instead of launching its kernels one by one
            (``wgan_utils.fast``); where that is impossible a warning says so and the run is the plain one.

    Raises:
        ValueError: naming the setting, the value found and the values accepted.
    """

    algorithm: str
    n_steps: int
    n_critic: int = 5
    batch_size: int = 64
    latent_dim: int = 64
    lr: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.9)
    clip_limit: float = 0.01
    lambda_gp: float = 10.0
    lr_decay: bool = False
    ema_decay: float = 0.0
    log_every: int = 50
    seed: int = 0
    bf16: bool = False
    cuda_graph: bool = False

    def __post_init__(self):
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, found {self.algorithm!r}")
        least = {"n_steps": 1, "n_critic": 1, "batch_size": 2, "latent_dim": 1, "log_every": 1, "seed": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise ValueError(f"{name} must be a whole number of at least {lowest}, found {value!r}")
        for name in ("lr", "clip_limit", "lambda_gp"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be more than 0 and finite, found {value!r}")
        for name, value in [("betas", self.betas[0]), ("betas", self.betas[1]), ("ema_decay", self.ema_decay)]:
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1, found {value!r}")


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind.

    Args:
        generator: the averaged generator, in evaluation mode.
        critic: the critic after the last step.
        history: one row per log, each value the mean since the row before: ``step``, ``estimate`` (of W1 up to
            the critic's slope; for "gan" of the Jensen-Shannon divergence in nats), ``critic_loss`` (with the
            penalty) and ``generator_loss``.
        samples: the images of ``z_watch`` at each log, each (n, channels, height, width); empty without it.
    """

    generator: nn.Module
    critic: nn.Module
    history: list[dict[str, float]]
    samples: list[Tensor]


def train(
    config: TrainConfig,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
    z_watch: Tensor | None = None,
    checkpoint: dict | None = None,
    on_log: Callable[[dict, Tensor | None], bool | None] | None = None,
) -> TrainResult:
    """Train a generator and a critic on images, on the device where the images are.

    Args:
        config: the settings.
        images: uint8 (n, channels, height, width).
        make_generator: called with ``latent_dim`` and (channels, height, width), ``conv_generator`` for one;
            its network ends in tanh.
        make_critic: called with (channels, height, width), ``conv_critic`` for one.
        z_watch: (m, latent_dim), noise whose images are kept at every log.
        checkpoint: what ``on_log`` was given in an earlier run of the same config; the run goes on after its step
            and ends, on a CPU with a fixed number of threads, with the weights of a run that never stopped.
        on_log: called at every log with a checkpoint of tensors and plain values, which ``torch.save`` can write,
            and the images of ``z_watch``; a true answer ends the run.

    Returns:
        The two networks and what was logged. On a CPU with a fixed number of threads the
        same config, images and makers give the same weights, bit for bit.

    Raises:
        ValueError: images and networks, or checkpoint and networks, do not fit each other.
        FloatingPointError: a loss is no longer finite.

    Source: Arjovsky et al. 2017, Algorithm 1 (arXiv:1701.07875); Gulrajani et al. 2017, Algorithm 1
    (arXiv:1704.00028). The line numbers in the comments are the former's.
    """
    device = images.device
    generator, critic = make_networks(config, images, make_generator, make_critic)
    averaged = AveragedModel(generator, device)
    averaged.module.eval()
    critic_opt, generator_opt = make_optimizer(config, critic), make_optimizer(config, generator)
    schedules = [LambdaLR(opt, lr_schedule(config)) for opt in (critic_opt, generator_opt)]
    rng = torch.Generator(device).manual_seed(config.seed)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=config.bf16)
    adversarial = config.algorithm == "gan"
    penalty = gradient_penalty_piecewise_linear if is_piecewise_linear(critic) else gradient_penalty  # same value
    without_autograd = config.algorithm == "wgan-gp" and is_fully_connected(critic)  # same gradients, and faster there
    parts = {"generator": generator, "critic": critic, "averaged": averaged}
    parts |= {"critic_opt": critic_opt, "generator_opt": generator_opt}
    parts |= {"critic_schedule": schedules[0], "generator_schedule": schedules[1]}
    history, samples = [], []
    if checkpoint is not None:
        history = restore(parts, rng, checkpoint)
    last_log = history[-1]["step"] if history else 0
    totals = torch.zeros(3, device=device)

    def critic_gradients(x_real: Tensor, x_fake: Tensor) -> tuple[Tensor, Tensor]:
        if without_autograd:
            dtype = torch.bfloat16 if config.bf16 else None
            return critic_gradients_(critic, x_real, x_fake, config.lambda_gp, rng, dtype)
        with autocast:
            scores_real, scores_fake = critic(torch.cat([x_real, x_fake])).float().chunk(2)
            if adversarial:
                loss = gan_discriminator_loss(scores_real, scores_fake)
                estimate = math.log(2) - loss.detach() / 2
            else:
                loss = critic_loss(scores_real, scores_fake)  # line 5
                estimate = -loss.detach()
            if config.algorithm == "wgan-gp":
                loss = loss + config.lambda_gp * penalty(critic, x_real, x_fake, rng)
        critic_opt.zero_grad()
        loss.backward()
        return estimate, loss.detach()

    def generator_step() -> None:
        for _ in range(config.n_critic):  # line 2
            x_real = draw_batch(images, config.batch_size, rng)  # line 3
            z = torch.randn(config.batch_size, config.latent_dim, device=device, generator=rng)  # line 4
            with autocast, torch.no_grad():  # the generator rests while the critic learns
                x_fake = generator(z).float()
            estimate, loss = critic_gradients(x_real, x_fake)
            critic_opt.step()  # line 6
            if config.algorithm == "wgan":
                clip_weights_(critic, config.clip_limit)  # line 7
            totals[:2].add_(torch.stack([estimate, loss]) / config.n_critic)

        z = torch.randn(config.batch_size, config.latent_dim, device=device, generator=rng)  # line 9
        with frozen(critic):  # the critic rests while the generator learns
            with autocast:
                scores_fake = critic(generator(z)).float()
            loss = gan_generator_loss(scores_fake) if adversarial else generator_loss(scores_fake)  # line 10
            generator_opt.zero_grad()
            loss.backward()
            generator_opt.step()  # line 11
        if config.ema_decay:
            update_average_(averaged, generator, config.ema_decay)
        totals[2].add_(loss.detach())

    if config.cuda_graph:
        generator_step = as_cuda_graph(generator_step, rng)
    progress = tqdm(range(last_log + 1, config.n_steps + 1), desc=config.algorithm)
    for step in progress:
        generator_step()
        for schedule in schedules:
            schedule.step()
        if step % config.log_every == 0 or step == config.n_steps:  # the only place where values are read back
            estimate, critic_value, generator_value = (totals / (step - last_log)).tolist()
            totals.zero_()
            last_log = step
            if not all(map(math.isfinite, (estimate, critic_value, generator_value))):
                raise FloatingPointError(
                    f"by step {step} the losses are {critic_value} (critic) and {generator_value} (generator); "
                    f"they must be finite: lower lr, now {config.lr}"
                )
            progress.set_postfix(estimate=f"{estimate:.3g}")
            history.append(
                {
                    "step": step,
                    "estimate": estimate,
                    "critic_loss": critic_value,
                    "generator_loss": generator_value,
                }
            )
            if not config.ema_decay:
                averaged.module.load_state_dict(generator.state_dict())
            if z_watch is not None:
                with torch.no_grad():
                    samples.append(averaged.module(z_watch).cpu())
            if on_log is not None:
                state = {name: part.state_dict() for name, part in parts.items()}
                state |= {"rng": rng.get_state(), "history": history}
                if on_log(state, samples[-1] if samples else None):
                    break
    return TrainResult(averaged.module, critic, history, samples)


def restore(parts: dict, rng: torch.Generator, checkpoint: dict) -> list[dict[str, float]]:
    """Put a checkpoint's state into the parts of a run and return its history."""
    try:
        for name, part in parts.items():
            part.load_state_dict(checkpoint[name])
        rng.set_state(checkpoint["rng"].cpu())
        for group in [*parts["critic_opt"].param_groups, *parts["generator_opt"].param_groups]:
            if isinstance(group["lr"], Tensor):  # load_state_dict leaves it where the checkpoint was loaded
                group["lr"] = group["lr"].to(rng.device)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"the checkpoint does not fit these networks: {str(error).splitlines()[0]}") from error
    return list(checkpoint["history"])


def make_networks(config: TrainConfig, images: Tensor, make_generator, make_critic) -> tuple[nn.Module, nn.Module]:
    """Generator and critic from the config's seed, on the images' device, checked to fit the images."""
    if images.ndim != 4 or images.dtype != torch.uint8:
        raise ValueError(
            f"images must be uint8 (n, channels, height, width), found {images.dtype} {tuple(images.shape)}"
        )
    image_shape = tuple(images.shape[1:])
    with torch.random.fork_rng(devices=[]):  # leave the caller's random numbers alone
        torch.default_generator.manual_seed(config.seed)  # the networks are made on the CPU
        generator, critic = make_generator(config.latent_dim, image_shape), make_critic(image_shape)
    with torch.no_grad():
        made = tuple(generator.eval()(torch.zeros(1, config.latent_dim)).shape[1:])
        if made != image_shape:
            raise ValueError(f"images are {image_shape}, but the generator makes {made}")
        try:
            scored = tuple(critic(torch.zeros(2, *image_shape)).shape)
        except RuntimeError as error:
            raise ValueError(f"images are {image_shape}, but the critic does not take them: {error}") from error
        if scored not in [(2,), (2, 1)]:
            raise ValueError(f"the critic must give one score per image, found shape {scored} for 2 images")
    return generator.train().to(device=images.device), critic.to(device=images.device)


def make_optimizer(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """RMSProp for "wgan", because momentum unsettles a clipped critic; Adam in one kernel for the others."""
    device = next(network.parameters()).device
    settings = {"lr": config.lr}
    if config.cuda_graph and device.type == "cuda":  # a graph replays what it saw: lr must live on the device
        settings = {"lr": torch.tensor(config.lr, device=device), "capturable": True}
    if config.algorithm == "wgan":
        return torch.optim.RMSprop(network.parameters(), **settings)
    return torch.optim.Adam(network.parameters(), betas=config.betas, fused=True, **settings)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Inside, no parameter of the network asks for a gradient, which saves the time of computing it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def lr_schedule(config: TrainConfig) -> Callable[[int], float]:
    """Factor on lr by step: 1, or with ``lr_decay`` 1 for half the run and then a straight line to 0.02."""

    def factor(step: int) -> float:
        return min(1.0, 0.02 + 0.98 * 2 * (1 - step / config.n_steps)) if config.lr_decay else 1.0

    return factor


@torch.no_grad()
def update_average_(averaged: AveragedModel, current: nn.Module, ema_decay: float) -> None:
    """Exponential moving average, in place, whose memory grows with the number n of steps: the first ones fade.

    What torch's ``update_parameters`` does, without its question to the device whether n is 0, on which a captured
    step cannot wait.
    """
    n = averaged.n_averaged
    decay = torch.clamp((1 + n) / (10 + n), max=ema_decay) * (n > 0)  # at first a copy
    pairs = zip(averaged.module.state_dict().values(), current.state_dict().values(), strict=True)
    for old, new in pairs:
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:  # batch norm's count of batches
            old.copy_(new)
    n += 1
