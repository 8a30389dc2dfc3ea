"""How long do two runs agree that differ only by rounding, and how soon do two with another constant part?

    python benchmarks/agreement.py [--studies stress_test] [--steps 20] [--processors mkl-avx2 nudge1]

Starts every logged run of the studies on each processor that ``verdicts.py`` emulates, and on this one with one
constant changed. Printed is the distance of the estimates from those of this processor, up to a step, over the largest
of them.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from verdicts import PROCESSORS, nudge_first_weights

STUDIES = Path(__file__).parent / "studies"
sys.path.append(str(STUDIES))
SCRIPTS = sorted(path.stem for path in STUDIES.glob("*.py") if path.stem != "saving")
CHANGES = ("lr", "n_critic", "seed")


def logged_runs(names: list[str]) -> Iterator[tuple]:
    """A run of each kind in each study: its name, its row of the log, and the makers of its networks."""
    import recipe

    from wgan_utils.models import constant_width_generator, conv_critic, conv_generator, mlp_image_generator
    from wgan_utils.studies import load_study

    makers = {"constant_width": constant_width_generator, "mlp": mlp_image_generator, "mlp_paper": mlp_image_generator}
    makers["conv"] = conv_generator
    for name in names:
        log, _ = load_study(name)
        kinds = {}
        for row in log.get("rows", [log, log.get("too_fast", log)]):
            kind = [row[key] for key in ("change", "network", "algorithm", "n_kept") if key in row]
            kind += [row["config"][key] for key in ("algorithm", "optimizer", "lr_decay")]
            kinds.setdefault(" ".join(map(str, [name, *kind])), row)  # other seeds start by the same code
        for kind, row in kinds.items():
            networks = makers[row.get("network", "conv")], conv_critic
            yield kind, row, recipe.CHANGES[row["change"]][1:] if name == "recipe" else networks


def start(names: list[str], n_steps: int, change: str) -> dict[str, list[float]]:
    """What the process of one processor measures: the estimates of each run's first steps."""
    from wgan_utils.data import load_mnist
    from wgan_utils.studies import logged_config
    from wgan_utils.training import train

    if "NUDGE" in os.environ:
        nudge_first_weights(int(os.environ["NUDGE"]))
    images, found = load_mnist()[0], {}
    for name, row, networks in logged_runs(names):
        config = logged_config(row)
        other = {"lr": 1.1 * config.lr, "n_critic": config.n_critic + 1, "seed": config.seed + 1}
        config = replace(config, log_every=1, **({change: other[change]} if change else {}))
        some = images[: row.get("n_kept")]
        run = train(config, some, *networks, on_log=lambda run: len(run.history) == n_steps)
        found[name] = [entry["estimate"] for entry in run.history]
    return found


def measure(args: argparse.Namespace, processor: str, change: str = "") -> dict[str, list[float]]:
    """``start`` in a process of its own, whose libraries choose the processor's kernels."""
    environment = {"CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1", **os.environ, **PROCESSORS[processor]}
    command = [sys.executable, __file__, "--steps", str(args.steps), "--studies", *args.studies, "--one", change]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def apart(some: list[float], others: list[float], step: int) -> float:
    gap = max(abs(a - b) for a, b in zip(some[:step], others[:step], strict=True))
    return gap / max(map(abs, others[:step]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", nargs="+", default=SCRIPTS)
    parser.add_argument("--steps", type=int, default=20)
    others = [name for name in PROCESSORS if name != "plain"]
    parser.add_argument("--processors", nargs="+", choices=others, default=others, metavar="NAME")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(start(args.studies, args.steps, args.one)))
        return
    here = measure(args, "plain")
    rounded = [measure(args, processor) for processor in args.processors]
    changed = {change: measure(args, "plain", change) for change in CHANGES}
    steps = [step for step in (1, 2, 5, 10, 20, 50, 100) if step <= args.steps]
    header = [*(f"rounding, {step}" for step in steps), *(f"{change}, 2" for change in CHANGES)]
    print(f"| run | {' | '.join(header)} |\n|{'---|' * (1 + len(header))}")
    for run, estimates in here.items():
        cells = [f"{max(apart(other[run], estimates, step) for other in rounded):.0e}" for step in steps]
        cells += [f"{apart(other[run], estimates, 2):.2f}" for other in changed.values()]
        print(f"| {run} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
