"""Time per generator step: the loop of wgan_utils against a textbook loop, on the same networks.

    python benchmarks/loop_speed.py [--rounds 21] [--device cpu] [--networks mlp dcgan notebooks]
    python benchmarks/loop_speed.py --device cuda --threads 1 --networks notebooks --rounds 3 --steps 40

Contestants: the textbook loop (textbook.py); the same with the data on the device; ours in float32 and in bfloat16;
on CUDA also ours as one CUDA graph per step. Batch 64, n_critic 5, the same networks, seeds and optimisers. They take
turns within each round, so that a busy moment of the machine hits all; the ratio is taken within rounds. A turn runs
twice its steps and counts the second half, so no time of setting up is in it. First the critic's gradients of ours
are compared with the textbook's on the same data, fakes and points between. Let nothing else run: two threads then
wait for each other (threads.py measures that).
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import textbook
import torch
from torch import Tensor, nn

from wgan_utils import models
from wgan_utils.data import draw_batch, load_mnist
from wgan_utils.fast import gradient_penalty_piecewise_linear
from wgan_utils.losses import critic_loss
from wgan_utils.training import TrainConfig, make_networks, train

NETWORKS = {  # makers, length of z, steps per turn on a CPU
    "mlp": (textbook.mlp_generator, textbook.mlp_critic, 100, 2),
    "dcgan": (textbook.dcgan_generator, textbook.dcgan_critic, 100, 1),
    "notebooks": (models.conv_generator, models.conv_critic, 64, 2),
}
CASES = [("mlp", "wgan-gp"), ("mlp", "wgan"), ("dcgan", "wgan-gp"), ("notebooks", "wgan-gp"), ("notebooks", "wgan")]


def relative_error(found: list[Tensor], expected: list[Tensor]) -> float:
    """The largest over the parameters of |found - expected| / |expected|."""
    pairs = zip(found, expected, strict=True)
    return max(((a - b).norm() / b.norm().clamp(min=1e-300)).item() for a, b in pairs)


def gradients_of(loss: Tensor, critic: nn.Module) -> list[Tensor]:
    critic.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in critic.parameters()]


def gradient_errors(config: TrainConfig, images: Tensor, make_generator, make_critic) -> tuple[float, float]:
    """Relative error of our critic's gradients against the textbook's.

    Returns:
        In float64 of the formulas, and in float32 of what ``train`` leaves in the critic after one step.
    """
    config = replace(config, n_steps=1, n_critic=1, bf16=False, cuda_graph=False)
    images = images.cpu()
    generator, critic = make_networks(config, images, make_generator, make_critic)
    rng = torch.Generator().manual_seed(config.seed)  # draws what train draws
    x_real = draw_batch(images, config.batch_size, rng)
    x_fake = generator(torch.randn(config.batch_size, config.latent_dim, generator=rng)).detach()
    state = rng.get_state()

    torch.default_generator.set_state(state)  # the next draw is eps
    expected = gradients_of(textbook.textbook_critic_loss(critic, x_real, x_fake, config), critic)
    trained = train(config, images, make_generator, make_critic).critic
    single = relative_error([parameter.grad for parameter in trained.parameters()], expected)

    critic, x_real, x_fake = critic.double(), x_real.double(), x_fake.double()
    torch.default_generator.set_state(state)
    expected = gradients_of(textbook.textbook_critic_loss(critic, x_real, x_fake, config), critic)
    torch.default_generator.set_state(state)
    loss = critic_loss(*critic(torch.cat([x_real, x_fake])).chunk(2))
    if config.algorithm == "wgan-gp":
        loss = loss + config.lambda_gp * gradient_penalty_piecewise_linear(critic, x_real, x_fake)
    return relative_error(gradients_of(loss, critic), expected), single


def contestants(config: TrainConfig, images: Tensor, make_generator, make_critic) -> dict[str, Callable]:
    """Name to a function that trains for twice ``config.log_every`` steps and calls its argument after each half."""
    device = images.device.type

    def by_the_book(batches):
        def run(mark) -> None:
            generator, critic = make_networks(config, images, make_generator, make_critic)
            on_step = lambda step: mark() if step % config.log_every == 0 else None  # noqa: E731
            textbook.textbook_loop(config, batches, generator, critic, device, on_step)

        return run

    def ours(**settings):
        return lambda mark: train(
            replace(config, **settings), images, make_generator, make_critic, on_log=lambda *_: mark()
        )

    found = {
        "textbook": by_the_book(textbook.loaded_batches(images.cpu(), config.batch_size, device)),
        "data on device": by_the_book(textbook.resident_batches(images, config.batch_size)),
        "ours float32": ours(),
        "ours bfloat16": ours(bf16=True),
    }
    if device == "cuda":
        found |= {"ours graph": ours(cuda_graph=True), "ours graph bfloat16": ours(cuda_graph=True, bf16=True)}
    return found


def turn(run: Callable, steps: int, device: str) -> tuple[float, float]:
    """Seconds per step of the run's second half, on the clock and on the processor."""
    marks = []

    def mark() -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        marks.append((time.perf_counter(), time.process_time()))

    run(mark)
    return tuple((after - before) / steps for before, after in zip(*marks, strict=True))


def spread(values: list[float]) -> str:
    """Median with the 10th and the 90th percentile."""
    values = sorted(values)
    low, high = (values[round(share * (len(values) - 1))] for share in (0.1, 0.9))
    return f"{statistics.median(values):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, help="generator steps of a turn (default: 1 or 2, on CUDA 100)")
    args = parser.parse_args()
    images, _ = load_mnist(device=args.device)
    print(f"torch {torch.__version__}, {args.device}, batch 64, n_critic 5, {args.rounds} rounds\n")
    cases = [case for case in CASES if case[0] in args.networks]

    print("| networks | algorithm | error of the critic's gradients, float64 | float32 |\n|---|---|---|---|")
    configs = {}
    for network, algorithm in cases:
        make_generator, make_critic, latent_dim, steps = NETWORKS[network]
        steps = args.steps or (steps if args.device == "cpu" else 100)
        config = TrainConfig(algorithm=algorithm, n_steps=2 * steps, log_every=steps, latent_dim=latent_dim)
        configs[network, algorithm] = config
        double, single = gradient_errors(config, images, make_generator, make_critic)
        print(f"| {network} | {algorithm} | {double:.0e} | {single:.0e} |")
        assert double < 1e-12 and single < 1e-5, "the two loops differ by more than rounding"

    print("\n| networks | algorithm | threads | contestant | ms/step | CPU ms/step | ratio | ratio of CPU time |")
    print("|---|---|---|---|---|---|---|---|")
    for network, algorithm in cases:
        make_generator, make_critic, _, steps = NETWORKS[network]
        config = configs[network, algorithm]
        runs = contestants(config, images, make_generator, make_critic)
        for threads in args.threads:
            torch.set_num_threads(threads)
            for run in runs.values():  # warm up
                run(lambda: None)
            rounds = [[turn(run, config.log_every, args.device) for run in runs.values()] for _ in range(args.rounds)]
            for place, name in enumerate(runs):
                clock, processor = (1000 * statistics.median(row[place][kind] for row in rounds) for kind in (0, 1))
                ratios = [spread([row[0][kind] / row[place][kind] for row in rounds]) for kind in (0, 1)]
                print(
                    f"| {network} | {algorithm} | {threads} | {name} | {clock:.1f} | {processor:.1f} | "
                    f"{' | '.join(ratios)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
