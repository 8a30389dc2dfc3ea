"""Generator steps per second: the loop of wgan_utils against a textbook loop on the same networks.

    python benchmarks/loop_speed.py [--rounds 21] [--steps 8] [--device cpu]

The textbook loop is written in the idiom of public scripts: images decoded one by one through PIL by a
DataLoader, fakes not detached (neither in the loss nor in the penalty), real, fake and points between in
separate passes, Adam's default kernel, ``.item()`` at every step. Both train the networks of the notebooks in
float32 with batch 64 and n_critic 5. Contestants take turns within each round, so that a busy moment of the
machine hits both; the ratio is taken within rounds. Let nothing else run: two threads then wait for each other
(threads.py measures that).
"""

import argparse
import statistics
import time

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from wgan_utils.data import load_mnist
from wgan_utils.losses import critic_loss, generator_loss
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.training import TrainConfig, train

LATENT_DIM, BATCH_SIZE, N_CRITIC, LR, LAMBDA_GP, CLIP_LIMIT = 64, 64, 5, 1e-4, 10.0, 0.01


class DigitsThroughPil(datasets.MNIST):
    """torchvision's MNIST over images already in memory: each item still becomes a PIL image, then a tensor."""

    def __init__(self, images: Tensor, labels: Tensor):
        self.data, self.targets, self.target_transform = images[:, 0], labels, None
        steps = [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        self.transform = transforms.Compose(steps)


def textbook_penalty(critic, x_real: Tensor, x_fake: Tensor) -> Tensor:
    eps = torch.rand(len(x_real), 1, 1, 1, device=x_real.device)
    x_hat = (eps * x_real + (1 - eps) * x_fake).requires_grad_(True)
    scores = critic(x_hat)
    ones = torch.ones_like(scores)
    (grad,) = torch.autograd.grad(scores, x_hat, grad_outputs=ones, create_graph=True, retain_graph=True)
    return ((grad.view(len(grad), -1).norm(2, dim=1) - 1) ** 2).mean()


def textbook_loop(algorithm: str, n_steps: int, loader: DataLoader, device: str) -> None:
    generator, critic = conv_generator(LATENT_DIM).to(device), conv_critic().to(device)
    if algorithm == "wgan":
        optimizers = [torch.optim.RMSprop(net.parameters(), lr=LR) for net in (generator, critic)]
    else:
        optimizers = [torch.optim.Adam(net.parameters(), lr=LR, betas=(0.0, 0.9)) for net in (generator, critic)]
    generator_opt, critic_opt = optimizers
    batches = iter(loader)
    for _ in range(n_steps):
        for _ in range(N_CRITIC):
            x_real = next(batches)[0].to(device)
            x_fake = generator(torch.randn(BATCH_SIZE, LATENT_DIM).to(device))
            loss = critic_loss(critic(x_real), critic(x_fake))
            if algorithm == "wgan-gp":
                loss = loss + LAMBDA_GP * textbook_penalty(critic, x_real, x_fake)
            critic_opt.zero_grad()
            loss.backward()
            critic_opt.step()
            if algorithm == "wgan":
                for parameter in critic.parameters():
                    parameter.data.clamp_(-CLIP_LIMIT, CLIP_LIMIT)
            loss.item()
        x_fake = generator(torch.randn(BATCH_SIZE, LATENT_DIM).to(device))
        loss = generator_loss(critic(x_fake))
        generator_opt.zero_grad()
        loss.backward()
        generator_opt.step()
        loss.item()


def seconds_per_step(run, n_steps: int, device: str) -> float:
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / n_steps


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--steps", type=int, default=8, help="generator steps per turn")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    args = parser.parse_args()
    images, labels = load_mnist()
    loader = DataLoader(DigitsThroughPil(images, labels), batch_size=BATCH_SIZE, shuffle=True, drop_last=True)
    images = images.to(args.device)

    print(f"torch {torch.__version__}, {args.device}, float32, batch {BATCH_SIZE}, n_critic {N_CRITIC}")
    print("algorithm  threads  textbook ms/step  ours ms/step  ratio: median (p10 to p90)")
    for algorithm in ("wgan", "wgan-gp"):
        settings = {"n_critic": N_CRITIC, "batch_size": BATCH_SIZE, "lr": LR}
        config = TrainConfig(algorithm=algorithm, n_steps=args.steps, **settings)
        contestants = [
            lambda a=algorithm: textbook_loop(a, args.steps, loader, args.device),
            lambda c=config: train(c, images, conv_generator, conv_critic),
        ]
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for run in contestants:  # warm up
                run()
            times = [
                [seconds_per_step(run, args.steps, args.device) for run in contestants] for _ in range(args.rounds)
            ]
            ratios = [textbook / ours for textbook, ours in times]
            textbook, ours = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            low, high = percentile(ratios, 0.1), percentile(ratios, 0.9)
            print(
                f"{algorithm:9}  {threads:7}  {textbook:16.0f}  {ours:12.0f}  "
                f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
