"""A run on several processes is the run on one up to rounding: checked with real processes, over gloo on the CPU."""

import contextlib
import faulthandler
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.utils import parameters_to_vector

from wgan_utils import cli, processes, training
from wgan_utils.models import conv_critic, conv_generator, mlp_critic, mlp_image_generator
from wgan_utils.training import ALGORITHMS, TrainConfig, make_networks, train

IMAGES = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
# So slow and so loosely clipped that no rounding grows: at lr 1e-3 a nudge of 1e-7 moves a run by up to an eighth.
SETTINGS = {"n_steps": 6, "n_critic": 2, "batch_size": 8, "latent_dim": 4, "log_every": 2}
SETTINGS |= {"lr": 1e-4, "clip_limit": 1.0}


PATIENCE = 300  # seconds; a process that takes longer says where it stands, and ends


def work_and_save(work, rank, n, ports, folder, args):
    """In a new process: meet the others as torchrun lets them meet, work, and leave what was returned and printed."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(n), "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    training.tqdm = functools.partial(training.tqdm, disable=True)
    with (folder / f"{rank}.txt").open("w") as told, contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=told)
        os.environ["MASTER_PORT"] = str(ports.get())
        processes.join()
        torch.save(work(*args), folder / f"{rank}.pt")
        processes.leave()
        faulthandler.cancel_dump_traceback_later()


def on_processes(n, folder, work, *args):
    """What ``work`` returned on each of n processes, and all that they printed."""
    forked = hasattr(os, "fork") and not torch.cuda.is_available()  # a fork has everything imported
    context = multiprocessing.get_context("fork" if forked else "spawn")
    ports = context.SimpleQueue()
    started = [context.Process(target=work_and_save, args=(work, rank, n, ports, folder, args)) for rank in range(n)]
    for process in started:
        process.start()
    # Not before the forks: its thread takes locks of libc, and a child forked meanwhile would wait for one forever.
    board = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    for _ in started:
        ports.put(board.port)
    for process in started:
        process.join(PATIENCE + 30)
        process.kill()
    assert [process.exitcode for process in started] == [0] * n, printed(folder, n)
    return [torch.load(folder / f"{rank}.pt") for rank in range(n)], printed(folder, n)


def printed(folder, n):
    return "".join((folder / f"{rank}.txt").read_text() for rank in range(n))


def smooth_critic(shape):
    """Its penalty is differentiated twice, and one of its parameters has no gradient."""
    critic = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(256, 1))
    critic[0].bias.requires_grad_(False)
    return critic


def flat_critic(shape):
    return nn.Sequential(nn.Flatten(), *mlp_critic(64, width=16))


CASES = [(algorithm, critic) for algorithm in ALGORITHMS for critic in (conv_critic, smooth_critic, flat_critic)]
CASES += [("wgan-gp", conv_critic, "muon")]


def config_of(algorithm, **settings):
    return TrainConfig(algorithm=algorithm, **SETTINGS | settings)


def ends_of(result):
    return parameters_to_vector([*result.generator.parameters(), *result.critic.parameters()]).detach()


def run_case(algorithm, make_critic, optimizer=None, **how):
    """Where the run ends, its history and the state of its random numbers; batch norm is another matter."""
    config = config_of(algorithm, optimizer=optimizer, ema_decay=0.9)
    result = train(config, IMAGES, mlp_image_generator, make_critic, **how)
    return ends_of(result), result.history, result.rng.get_state()


def share_of_the_way(found, expected, algorithm, make_critic, optimizer=None):
    networks = make_networks(config_of(algorithm), IMAGES, mlp_image_generator, make_critic)
    start = parameters_to_vector([weight for network in networks for weight in network.parameters()])
    return (found - expected).norm() / (expected - start).norm()


def run_cases():
    return [run_case(*case) for case in CASES]


@pytest.mark.parametrize("n", [2, 4])
def test_a_run_on_several_processes_is_the_run_on_one(tmp_path, n):
    found, _ = on_processes(n, tmp_path, run_cases)
    for case, *ranks in zip(CASES, *found, strict=True):
        expected, history, numbers = run_case(*case)
        for end, logged, numbers_left in ranks:
            assert torch.equal(end, ranks[0][0]) and logged == ranks[0][1], "the processes differ"
            assert torch.equal(numbers_left, numbers)
        assert share_of_the_way(ranks[0][0], expected, *case) < 0.01, case
        for row, single in zip(ranks[0][1], history, strict=True):
            assert row == pytest.approx(single, rel=0.01), case


def run_and_keep(algorithm, make_critic):
    states = []
    run_case(algorithm, make_critic, on_log=lambda run: states.append(run.state()))
    return states


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checkpoint_of_two_goes_on_with_one_and_the_first_process_alone_hears_of_a_log(tmp_path, algorithm):
    (states, others), _ = on_processes(2, tmp_path, run_and_keep, algorithm, flat_critic)
    assert len(states) == 3 and others == []
    found, history, _ = run_case(algorithm, flat_critic, checkpoint=states[1])
    expected, whole, _ = run_case(algorithm, flat_critic)
    assert share_of_the_way(found, expected, algorithm, flat_critic) < 0.01
    assert [row["step"] for row in history] == [row["step"] for row in whole]


def run_to_the_end(algorithm, make_critic, checkpoint):
    return run_case(algorithm, make_critic, checkpoint=checkpoint)


def test_a_checkpoint_of_one_goes_on_with_two(tmp_path):
    case = ("wgan-gp", flat_critic)
    (found, _), _ = on_processes(2, tmp_path, run_to_the_end, *case, run_and_keep(*case)[0])
    assert share_of_the_way(found[0], run_case(*case)[0], *case) < 0.01


def stop_early():
    """The second process would go on: it is not asked."""
    stop = lambda run: processes.rank() == 0  # noqa: E731
    return run_case("wgan", flat_critic, on_log=stop)[1][-1]["step"]


def test_the_first_process_decides_when_to_stop(tmp_path):
    assert on_processes(2, tmp_path, stop_early)[0] == [2, 2]


def batch_norm_run():
    return ends_of(train(config_of("wgan"), IMAGES, conv_generator, conv_critic))


def test_batch_norm_sees_its_own_rows_and_yet_the_processes_agree(tmp_path):
    (found, other), _ = on_processes(2, tmp_path, batch_norm_run)
    expected = batch_norm_run()
    assert torch.equal(found, other)
    networks = make_networks(config_of("wgan"), IMAGES, conv_generator, conv_critic)
    start = parameters_to_vector([weight for network in networks for weight in network.parameters()])
    assert (found - expected).norm() > 0.05 * (expected - start).norm()


def refusals():
    said = []
    for settings in ({"batch_size": 9}, {"batch_size": 2}, {"cuda_graph": True}):
        try:
            train(config_of("wgan", **settings), IMAGES, conv_generator, conv_critic)
        except ValueError as error:
            said.append(str(error))
    return said


def test_a_batch_that_does_not_divide_and_a_graph_are_refused(tmp_path):
    expected = [
        "batch_size must be a multiple of 2, with 2 rows for each of 2 processes, found 9",
        "batch_size must be a multiple of 2, with 2 rows for each of 2 processes, found 2",
        "cuda_graph is for one process, found 2",
    ]
    assert on_processes(2, tmp_path, refusals)[0] == [expected, expected]


def test_synchronised_batch_norm_is_refused_without_cuda():
    with pytest.raises(ValueError, match="sync_batch_norm needs images on a CUDA device, found cpu"):
        train(config_of("wgan", sync_batch_norm=True), IMAGES, conv_generator, conv_critic)


COMMAND = ["--steps", "8", "--log-every", "2", "--n-critic", "1", "--device", "cpu"]


def bad_batch(folder):
    os.chdir(folder)
    return cli.main([*COMMAND, "--batch-size", "8"])


def test_bad_input_ends_every_process_and_is_told_once(tmp_path):
    answers, told = on_processes(3, tmp_path, bad_batch, str(tmp_path))
    assert answers == [2, 2, 2]
    assert told.count("\n") == 1 and "batch_size must be a multiple of 3" in told
    assert not (tmp_path / "checkpoints").exists()


def go_in_turn(folder, fails):
    with contextlib.suppress(OSError), processes.first_of_machine_goes_ahead():
        time.sleep(0 if processes.rank() else 0.3)
        with Path(folder, "order").open("a") as order:
            order.write(str(processes.rank()))
        if fails:
            raise OSError("nothing to download from")


@pytest.mark.parametrize("fails", [False, True])
def test_one_process_downloads_first_and_nobody_waits_for_one_that_fails(tmp_path, fails):
    on_processes(2, tmp_path, go_in_turn, str(tmp_path), fails)
    assert (tmp_path / "order").read_text() == "01"


def run_until_killed(step):
    """``wgan-train``, whose second process is killed before this step."""
    set_rate = training.Run.set_rate

    def or_die(run, number):
        if processes.rank() == 1 and number == step:
            os.kill(os.getpid(), signal.SIGKILL)
        set_rate(run, number)

    training.Run.set_rate = or_die
    return cli.main([*COMMAND, "--batch-size", "8"])


def test_killed_under_torchrun_the_run_ends_with_one_line_and_goes_on_with_one_process(tmp_path, monkeypatch, capsys):
    program = "import sys, test_processes\nsys.exit(test_processes.run_until_killed(5))\n"
    (tmp_path / "program.py").write_text(program)
    here = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "program.py"]
    environ = os.environ | {"PYTHONPATH": here, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    ended = subprocess.run(torchrun, capture_output=True, text=True, timeout=300, env=environ, cwd=tmp_path)
    told = [line for line in ended.stderr.splitlines() if line.startswith("wgan-train: error: ")]
    assert ended.returncode != 0 and len(told) == 1, ended.stderr
    assert "the last checkpoint stays" in told[0]
    assert "has ended" in told[0] or "torchrun ended the run" in told[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "tqdm", functools.partial(training.tqdm, disable=True))
    before = torch.load("checkpoints/checkpoint.pt")["history"]
    assert cli.main([*COMMAND, "--batch-size", "8", "--resume"]) == 0
    history = torch.load("checkpoints/checkpoint.pt")["history"]
    assert [row["step"] for row in history] == [2, 4, 6, 8] and history[:2] == before
    assert "trained 8 steps" in capsys.readouterr().out


def test_without_torchrun_there_is_one_process_and_nothing_changes():
    processes.join()
    x, rng = torch.arange(3.0), torch.Generator().manual_seed(0)
    with processes.drawing_my_rows(rng):
        drawn = torch.rand((3, 1), generator=rng)
    processes.average_([x])
    opt = torch.optim.SGD([nn.Parameter(x)])
    processes.average_gradients_before(opt)
    assert (processes.world(), processes.rank(), processes.speaks()) == (1, 0, True)
    assert [processes.first_decides(answer) for answer in (True, False)] == [True, False]
    assert processes.my_rows(x) is not None and torch.equal(processes.my_rows(x), x)
    assert x.tolist() == [0, 1, 2] and torch.equal(
        drawn, torch.rand((3, 1), generator=torch.Generator().manual_seed(0))
    )
    assert processes.own_device("cuda:1") == "cuda:1" and not opt._optimizer_step_pre_hooks
    processes.leave()
