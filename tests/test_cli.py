"""wgan-train does what its words say, survives being killed, and answers bad input in one line."""

import functools
import gzip
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from wgan_utils import cli, training

SMALL = ["--steps", "8", "--log-every", "2", "--batch-size", "8", "--n-critic", "1", "--device", "cpu"]
FOLDERS = ["--samples-dir", "samples", "--checkpoint-dir", "checkpoints"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "tqdm", functools.partial(training.tqdm, disable=True))  # stderr holds errors alone
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def steps_logged(folder="checkpoints"):
    return [json.loads(line)["step"] for line in (Path(folder) / "log.jsonl").read_text().splitlines()]


def weights(folder="checkpoints"):
    state = torch.load(Path(folder) / "checkpoint.pt", weights_only=True)
    return [tensor for name in ("generator", "critic", "averaged") for tensor in state[name].values()]


def fail(capsys, *arguments):
    """The one line that a call with bad input prints."""
    assert cli.main([*arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("wgan-train: error: ")
    return line


@pytest.mark.parametrize("algorithm", ["gan", "wgan", "wgan-gp"])
def test_a_run_leaves_samples_curves_a_log_and_a_checkpoint(algorithm, capsys):
    assert cli.main([*SMALL, *FOLDERS, "--algorithm", algorithm]) == 0
    assert "trained 8 steps" in capsys.readouterr().out
    assert steps_logged() == [2, 4, 6, 8]
    names = {path.name for folder in ("samples", "checkpoints") for path in Path(folder).iterdir()}
    assert names == {"curves.png", "log.jsonl", "checkpoint.pt", *(f"step_{step:07d}.png" for step in (2, 4, 6, 8))}


def test_an_epoch_is_one_pass_of_the_critic_over_the_data(capsys):
    fashion(Path("data"), n=160)
    data = ["--dataset", "fashion-mnist", "--epochs", "2", "--batch-size", "16", "--n-critic", "5", "--log-every", "1"]
    assert cli.main([*data, *FOLDERS, "--device", "cpu"]) == 0
    assert steps_logged() == [1, 2, 3, 4]  # 2 * 160 / (16 * 5)


LONG = [*SMALL, "--steps", "16", "--seed", "3"]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """The weights of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert cli.main([*LONG, "--samples-dir", str(folder / "samples"), "--checkpoint-dir", str(folder)]) == 0
    torch.set_num_threads(threads)
    return weights(folder)


@pytest.mark.parametrize("logs_before", [1, 3, 6])
def test_killed_at_any_moment_and_resumed_it_ends_with_the_same_weights(logs_before, whole_run):
    command = [sys.executable, "-m", "wgan_utils.cli", *LONG, *FOLDERS]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    log = Path("checkpoints/log.jsonl")
    while process.poll() is None and not (log.exists() and len(log.read_text().splitlines()) >= logs_before):
        time.sleep(0.002)
    time.sleep(0.037 * logs_before)  # somewhere between two logs, or within one
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert cli.main([*LONG, *FOLDERS, "--resume"]) == 0
    assert steps_logged() == [2, 4, 6, 8, 10, 12, 14, 16]
    assert all(map(torch.equal, whole_run, weights()))


def test_ctrl_c_saves_and_says_so():
    command = [sys.executable, "-m", "wgan_utils.cli", *SMALL, "--steps", "2000", *FOLDERS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not Path("checkpoints/log.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 0 and "stopping at the next log" in err
    assert f"stopped at step {steps_logged()[-1]} of 2000" in out and "--resume" in out


def test_a_finished_run_goes_on_to_more_steps_and_ends_as_one_run_of_that_length(whole_run, capsys):
    assert cli.main([*LONG, *FOLDERS, "--steps", "7"]) == 0  # steps 6 and 7 are logged
    assert cli.main([*LONG, *FOLDERS, "--resume"]) == 0
    assert "trained 16 steps" in capsys.readouterr().out
    assert all(map(torch.equal, whole_run, weights()))
    assert steps_logged() == [2, 4, 6, 7, 8, 10, 12, 14, 16]
    assert "has 16 steps behind it, more than n_steps, 12" in fail(capsys, *LONG, *FOLDERS, "--steps", "12", "--resume")


def test_a_finished_run_resumed_stays_as_it_is():
    assert cli.main([*SMALL, *FOLDERS]) == 0
    before = weights()
    assert cli.main([*SMALL, *FOLDERS, "--resume"]) == 0
    assert all(map(torch.equal, before, weights()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--algorithm", "wgangp"], "invalid choice: 'wgangp'"),
        (["--dataset", "svhn"], "invalid choice: 'svhn'"),
        (["--batch-size", "0"], "batch_size must be a whole number of at least 2 and below 2^63, found 0"),
        (["--lr", "-1"], "lr must be more than 0 and finite, found -1.0"),
        (["--lr", "nan"], "lr must be more than 0 and finite, found nan"),
        (["--n-critic", "0"], "n_critic must be a whole number of at least 1 and below 2^63, found 0"),
        (["--epochs", "0"], "--epochs must be at least 1, found 0"),
        (["--steps", "many"], "expected a whole number below 2^63, found 'many'"),
        (["--steps", str(10**30)], "expected a whole number below 2^63, found '10000"),
        (["--seed", "1.5"], "expected a whole number below 2^63, found '1.5'"),
        (["--clip-limit", ".01"], "--clip-limit belongs to --algorithm wgan, found --algorithm wgan-gp"),
        (["--algorithm", "wgan", "--lambda-gp", "10"], "--lambda-gp belongs to --algorithm wgan-gp"),
        (["--algorithm", "wgan", "--clip-limit", "0"], "clip_limit must be more than 0 and finite, found 0.0"),
        (["--device", "abacus"], "--device abacus cannot be used"),
        (["--steps", "5", "--epochs", "5"], "not allowed with argument"),
        (["--device", "meta"], "--device meta cannot be used"),
        (["--device", ""], "--device  cannot be used"),
        (["--steps", "0"], "n_steps must be a whole number of at least 1 and below 2^63, found 0"),
        (
            ["--epochs", "2", "--batch-size", "-3"],
            "batch_size must be a whole number of at least 2 and below 2^63, found -3",
        ),
        (["--latent-dim", "0"], "latent_dim must be"),
        (["--log-every", "0"], "log_every must be"),
        (["--seed", "-1"], "seed must be"),
        (["--lr", "1e-4x"], "invalid float value: '1e-4x'"),
        (["--checkpoint-dir", "x" * 300], "cannot be a folder: "),
        (["--samples-dir", "~nobody-of-this-name/samples"], "no home folder for '~nobody-of-this-name/samples'"),
        (["--resume"], "found no checkpoint"),
        (["--cuda-graph", "--device", "cpu"], "--cuda-graph needs --device cuda, found --device cpu"),
        (["--sync-batch-norm", "--device", "cpu"], "--sync-batch-norm needs --device cuda, found --device cpu"),
    ],
)
def test_bad_input_ends_in_one_line_before_the_data_are_loaded_and_leaves_no_file(
    arguments, message, capsys, monkeypatch
):
    monkeypatch.setattr(cli, "load_images", lambda *args: pytest.fail("the data were loaded first"))
    assert message in fail(capsys, *arguments)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("option", ["--latent-dim", "--batch-size"])
def test_a_number_that_no_memory_holds_ends_in_one_line(option, capsys):
    assert "the run stopped" in fail(capsys, *SMALL, *FOLDERS, option, str(10**13))


def test_a_tilde_is_the_home_folder_in_every_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    fashion(tmp_path / "home" / "data", n=20)
    folders = ["--data-dir", "~/data", "--samples-dir", "~/samples", "--checkpoint-dir", "~/checkpoints"]
    assert cli.main([*SMALL, *folders, "--dataset", "fashion-mnist"]) == 0
    assert steps_logged(tmp_path / "home" / "checkpoints") == [2, 4, 6, 8]
    assert {path.name for path in Path().iterdir()} == {"home"}
    assert {path.name for path in Path("home").iterdir()} == {"data", "samples", "checkpoints"}


def test_a_run_that_can_write_no_more_says_so_and_keeps_the_last_checkpoint(capsys, monkeypatch):
    saved = cli.save_curves

    def save_until_the_disk_is_full(history, path):
        if history[-1]["step"] == 4:
            raise OSError(28, "No space left on device")
        saved(history, path)

    monkeypatch.setattr(cli, "save_curves", save_until_the_disk_is_full)
    assert "the last checkpoint stays: [Errno 28] No space left on device" in fail(capsys, *SMALL, *FOLDERS)
    assert steps_logged() == [2, 4]
    monkeypatch.setattr(cli, "save_curves", saved)
    assert cli.main([*SMALL, *FOLDERS, "--resume"]) == 0 and steps_logged() == [2, 4, 6, 8]


@pytest.mark.parametrize("option", ["--samples-dir", "--checkpoint-dir"])
def test_a_folder_that_cannot_be_written_is_named_before_the_data_are_loaded(option, capsys, monkeypatch):
    monkeypatch.setattr(cli, "load_images", lambda *args: pytest.fail("the data were loaded first"))
    Path("file").write_text("not a folder")
    assert f"{option} file" in fail(capsys, *SMALL, *FOLDERS, option, "file/folder")
    assert {path.name for path in Path().iterdir()} == {"file"}


def test_the_samples_of_another_run_are_not_overwritten(capsys):
    assert cli.main([*SMALL, *FOLDERS]) == 0
    before = {path: path.read_bytes() for path in Path("samples").iterdir()}
    assert "samples holds the samples of another run" in fail(capsys, *SMALL, *FOLDERS, "--checkpoint-dir", "others")
    assert before == {path: path.read_bytes() for path in Path("samples").iterdir()}


def test_a_checkpoint_of_other_settings_is_refused_by_their_names(capsys):
    assert cli.main([*SMALL, *FOLDERS]) == 0
    line = fail(capsys, *SMALL, *FOLDERS, "--latent-dim", "32", "--lr", "1e-3", "--resume")
    assert "latent_dim was 64, now 32" in line and "lr was 0.0001, now 0.001" in line
    assert "add --resume" in fail(capsys, *SMALL, *FOLDERS)


def test_a_checkpoint_of_another_architecture_is_refused(capsys):
    assert cli.main([*SMALL, *FOLDERS]) == 0
    path = Path("checkpoints/checkpoint.pt")
    state = torch.load(path, weights_only=True)
    torch.save({**state, "critic": {"0.weight": torch.zeros(1, 1)}}, path)
    assert "does not fit these networks" in fail(capsys, *SMALL, *FOLDERS, "--resume")


BROKEN = {"empty": b"", "truncated": None, "folder": None, "text": b"hello\n"}
BROKEN |= {"no dictionary": [1], "no dataset": {}, "no settings": {"dataset": "mnist"}}
BROKEN |= {"odd settings": {"dataset": "mnist", "config": 3}}


@pytest.mark.parametrize("harm", BROKEN)
def test_a_broken_checkpoint_is_named_in_one_line_before_the_data_are_loaded(harm, capsys, monkeypatch):
    assert cli.main([*SMALL, *FOLDERS, "--steps", "2"]) == 0
    path = Path("checkpoints/checkpoint.pt")
    content = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm in ("empty", "truncated", "text"):
        path.write_bytes(content[:1000] if harm == "truncated" else BROKEN[harm])
    else:
        torch.save(BROKEN[harm], path)
    monkeypatch.setattr(cli, "load_images", lambda *args: pytest.fail("the data were loaded first"))
    line = fail(capsys, *SMALL, *FOLDERS, "--resume")
    assert f"the checkpoint {path} cannot be read: " in line and not line.endswith(": ")


def test_losses_that_are_no_longer_finite_end_the_run_and_keep_the_last_checkpoint(capsys):
    line = fail(capsys, *SMALL, *FOLDERS, "--lr", "1e30")
    assert "they must be finite: lower lr" in line
    assert not list(Path().iterdir())


def test_a_missing_or_damaged_data_file_is_named(capsys, monkeypatch):
    fashion(Path("data"), n=20)
    raw = Path("data/FashionMNIST/raw")
    (raw / "train-images-idx3-ubyte").write_bytes(b"short")
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    assert "--dataset fashion-mnist cannot be read in data" in fail(capsys, *SMALL, "--dataset", "fashion-mnist")
    mnist = Path("mnist/MNIST/raw")
    mnist.mkdir(parents=True)
    for path in (cli.Path(cli.__file__).parents[1] / "data/MNIST/raw").glob("*.gz"):
        (mnist / path.name).write_bytes(path.read_bytes()[:-5])
    assert ".gz" in fail(capsys, *SMALL, "--data-dir", "mnist")
    assert not Path("samples").exists()


def idx(array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def fashion(root, n):
    """A small Fashion-MNIST in the official format, already unpacked, as torchvision leaves it."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, size in [("train", n), ("t10k", 10)]:
        for kind, array in [("images-idx3", rng.integers(0, 256, (size, 28, 28))), ("labels-idx1", np.zeros(size))]:
            (raw / f"{split}-{kind}-ubyte").write_bytes(idx(array))
            with gzip.open(raw / f"{split}-{kind}-ubyte.gz", "wb") as packed:
                packed.write(idx(array))


def cifar(root, n, monkeypatch):
    """A small CIFAR-10 in the official format: batches of pickled dictionaries, and the sums torchvision checks."""
    folder = root / datasets.CIFAR10.base_folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, _ in datasets.CIFAR10.train_list + datasets.CIFAR10.test_list:
        batch = {"data": rng.integers(0, 256, (n, 3072), dtype=np.uint8), "labels": [0] * n}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(k) for k in range(10)]}))
    with tarfile.open(root / datasets.CIFAR10.filename, "w:gz") as archive:
        archive.add(folder, datasets.CIFAR10.base_folder)
    sums = [(name, None) for name, _ in datasets.CIFAR10.train_list], [("test_batch", None)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", sums[0])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", sums[1])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": None})
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", None)


@pytest.mark.parametrize("algorithm", ["wgan", "wgan-gp"])
def test_colour_images_of_32_by_32_and_other_grey_ones_train_too(algorithm, monkeypatch):
    cifar(Path("data"), 20, monkeypatch)
    fashion(Path("data"), 40)
    for dataset, shape in [("cifar10", (100, 3, 32, 32)), ("cifar-10", None), ("fashion-mnist", (40, 1, 28, 28))]:
        if shape:
            images = cli.load_images(dataset, Path("data"), "cpu")
            assert images.shape == shape and images.dtype == torch.uint8
        folders = ["--samples-dir", f"{dataset}-samples", "--checkpoint-dir", f"{dataset}-checkpoints"]
        assert cli.main([*SMALL, *folders, "--dataset", dataset, "--algorithm", algorithm]) == 0
        assert steps_logged(f"{dataset}-checkpoints") == [2, 4, 6, 8]
