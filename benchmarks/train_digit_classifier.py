"""Train the judge of digits and write its weights: python benchmarks/train_digit_classifier.py

A plain classifier is sure of nearly everything, of grey blobs too. So one image in five is nonsense, with the ten
digits equally likely as its label: the judge learns to be sure of digits alone. The script prints how sure it is
of test digits and of fresh nonsense, and the sum that wgan_utils/metrics.py must hold.
"""

import hashlib

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot
from tqdm import trange

from wgan_utils.data import load_mnist
from wgan_utils.metrics import WEIGHTS, digit_classifier

N_STEPS, BATCH_SIZE, N_NONSENSE, LR, SHIFT = 4000, 128, 32, 3e-3, 2


def shifted(images: Tensor, rng: torch.Generator) -> Tensor:
    """The batch moved together by up to SHIFT pixels each way; what leaves on one side enters on the other."""
    dy, dx = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=rng).tolist()
    return images.roll((dy, dx), dims=(2, 3))


def nonsense(images: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """n images in [0, 1] without a digit: speckled blobs, blobs, pixel noise, of any contrast down to blank paper."""
    index = torch.randint(len(images), (n, 8), generator=rng)
    blob = images[index].float().mean(dim=1) / 255  # eight digits on top of one another
    noise = torch.rand(blob.shape, generator=rng)
    kind = torch.randint(3, (n, 1, 1, 1), generator=rng)
    contrast = 3 * torch.rand(n, 1, 1, 1, generator=rng)
    picture = torch.where(kind == 0, 2 * blob * noise, torch.where(kind == 1, blob, noise))
    return (contrast * picture).clamp(0, 1)


def main() -> None:
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    images, labels = load_mnist(train=True)
    model = digit_classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=N_STEPS)
    evenly = torch.full((N_NONSENSE, 10), 0.1)
    for _ in trange(N_STEPS):
        index = torch.randint(len(images), (BATCH_SIZE,), generator=rng)
        inputs = torch.cat([shifted(images[index], rng) / 255, nonsense(images, N_NONSENSE, rng)])
        targets = torch.cat([one_hot(labels[index], 10).float(), evenly])
        loss = cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    model.eval()
    test_images, test_labels = load_mnist(train=False)
    with torch.no_grad():
        digits = model(test_images / 255).softmax(dim=1)
        others = model(nonsense(test_images, 10_000, rng)).softmax(dim=1)
    path = WEIGHTS / "digit_classifier.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    print(f"test accuracy {(digits.argmax(dim=1) == test_labels).float().mean():.4f}")
    for name, probabilities in {"test digits": digits, "nonsense": others}.items():
        print(f"more than 90 % sure of {(probabilities.amax(dim=1) > 0.9).float().mean():.1%} of {name}")
    print(f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
