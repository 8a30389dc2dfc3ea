"""Would another judge rank generators alike? Frechet distances in the features of a network unlike the judge.

    python benchmarks/second_judge.py [--steps 1300 300]

The second judge is fully connected where the first is convolutional, saw no nonsense, and never saw the 10,000 training
digits that give the floor. Measured are 10,000 images of each kind against the 10,000 test digits; for the first judge
by torchmetrics too. Also the mean distance to the nearest training digit, and the rarest and the commonest digit. Five
minutes on one core.
"""

import argparse

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics.image.fid import FrechetInceptionDistance
from tqdm import trange

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_coverage, digit_features, frechet_distance, nearest_neighbours
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import load_full_run
from wgan_utils.training import TrainConfig, train


class Features(nn.Module):
    """The judge's features, as torchmetrics asks for them."""

    num_features = 64

    def forward(self, images: Tensor) -> Tensor:
        return digit_features(images)


def second_judge(images: Tensor, labels: Tensor, n_steps: int = 4000) -> nn.Sequential:
    """A trained classifier of (n, 1, 28, 28) in [0, 1]; the layers before its last give 64 features."""
    torch.manual_seed(1)
    rng = torch.Generator().manual_seed(1)
    layers = [nn.Flatten(), nn.Dropout(0.2), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 64)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=n_steps)
    for _ in trange(n_steps):
        index = torch.randint(len(images), (128,), generator=rng)
        loss = cross_entropy(model(images[index] / 255), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval().requires_grad_(False)


def minutes_run(n_steps: int, images: Tensor) -> Tensor:
    """10,000 fakes of notebook 10's recipe after so many steps."""
    config = TrainConfig(
        algorithm="wgan-gp",
        optimizer="muon",
        n_steps=n_steps,
        n_critic=3,
        lr=6e-3,
        betas=(0.0, 0.9),
        lr_decay=True,
        ema_decay=0.99,
        log_every=n_steps,
    )
    return sample_images(train(config, images, conv_generator, conv_critic).generator, config.latent_dim, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[1300, 300])
    args = parser.parse_args()
    images, labels = load_mnist()
    test_images, test_labels = load_mnist(train=False)
    judge = second_judge(images[10_000:], labels[10_000:])
    right = (judge(test_images / 255).argmax(dim=1) == test_labels).float().mean()
    print(f"second judge: {100 * right:.2f} % of the test digits right\n")
    full_run = load_full_run()
    kinds = {"training digits": images[:10_000], "full run": sample_images(full_run, full_run[0].in_features, 10_000)}
    kinds |= {f"{n_steps} steps": minutes_run(n_steps, images) for n_steps in args.steps}
    print("| images | first judge | by torchmetrics | second judge | nearest training digit | rarest, commonest |")
    print("|---|---|---|---|---|---|")
    for name, found in kinds.items():
        distance = frechet_distance(digit_features(found), digit_features(test_images))
        theirs = FrechetInceptionDistance(feature=Features(), normalize=False).set_dtype(torch.float64)
        theirs.update(test_images, real=True)
        theirs.update(found, real=False)
        second = frechet_distance(*(judge[:-1](x / 255) for x in (found, test_images)))
        others = images[10_000:] if name == "training digits" else images
        nearest = nearest_neighbours(found[:1000], others)[0].mean()
        share = 100 * digit_coverage(found)[1]
        print(
            f"| {name} | {distance:.2f} | {theirs.compute().item():.2f} | {second:.2f} | {nearest:.2f} | "
            f"{share.min():.1f} %, {share.max():.1f} % |"
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
