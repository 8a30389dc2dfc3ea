"""A study is read as it was written, an altered one is refused, and the scripts that make them run."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from agreement import SCRIPTS, logged_runs
from saving import save_study

from wgan_utils import studies
from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features, frechet_distance
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import (
    agrees_with_log,
    load_full_run,
    load_study,
    logged_config,
    measured_run,
    read_checked,
)
from wgan_utils.training import TrainConfig, train

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(path.name for path in studies.STUDIES.iterdir() if (path / "log.json").is_file())


@pytest.fixture(scope="module")
def images():
    return load_mnist()[0]


def test_a_study_is_read_as_it_was_written(tmp_path, images):
    grid = images[:6].unflatten(0, (2, 3))
    save_study("one", {"rows": [{"value": 1 / 3, "many": (1, 2.5)}]}, {"some": grid}, into=tmp_path)
    log, grids = load_study("one", tmp_path)
    assert log == {"rows": [{"value": 0.333333, "many": [1, 2.5]}]}
    assert list(grids) == ["some"] and torch.equal(grids["some"], grid)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, images):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    save_study("one", {"value": 1}, {"some": images[:4].unflatten(0, (2, 2))}, into=Path("~/studies"))
    log, grids = load_study("one", Path("~/studies"))
    assert log == {"value": 1} and list(grids) == ["some"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_second_writing_leaves_nothing_of_the_first_and_keeps_other_studies(tmp_path, images):
    save_study("one", {}, {"old": images[:4].unflatten(0, (2, 2))}, into=tmp_path)
    save_study("two", {"a": 1}, {}, into=tmp_path)
    save_study("one", {}, {"new": images[:4].unflatten(0, (2, 2))}, into=tmp_path)
    assert list(load_study("one", tmp_path)[1]) == ["new"]
    assert load_study("two", tmp_path)[0] == {"a": 1}


def test_an_altered_file_and_an_unknown_study_are_refused(tmp_path):
    save_study("one", {"value": 1}, {}, into=tmp_path)
    (tmp_path / "one" / "log.json").write_text('{"value": 2}')
    with pytest.raises(ValueError, match=r"one/log.json is altered: sha256 \w+, expected \w+"):
        load_study("one", tmp_path)
    with pytest.raises(ValueError, match=r"no study has the file 'none/log\.json'; there are one/log\.json"):
        load_study("none", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_committed_study_is_whole(name):
    log, grids = load_study(name)
    assert log and all(grid.dtype == torch.uint8 and grid.shape[2:] == (1, 28, 28) for grid in grids.values())


def test_sums_name_every_file_and_the_package_stays_under_ten_megabytes():
    files = {p.relative_to(studies.STUDIES).as_posix() for name in NAMES for p in (studies.STUDIES / name).iterdir()}
    listed = {line.split("  ")[1] for line in (studies.STUDIES / "SHA256SUMS").read_text().splitlines()}
    assert listed == files
    data = [*studies.STUDIES.rglob("*"), *(studies.STUDIES.parent / "weights").iterdir()]
    assert sum(path.stat().st_size for path in data) < 10_000_000


def test_fakes_can_be_had_by_the_name_that_the_notebooks_import():
    assert studies.sample_images is sample_images


def test_the_full_run_measures_as_its_log_says():
    log, _ = load_study("full_run")
    fakes = sample_images(load_full_run(), log["config"]["latent_dim"], 10_000)
    reference = digit_features(load_mnist(train=False)[0])
    assert frechet_distance(digit_features(fakes), reference) == pytest.approx(log["frechet"], rel=0.01)


def test_altered_weights_of_the_full_run_are_refused(monkeypatch, tmp_path):
    for path in [studies.STUDIES / "SHA256SUMS", studies.STUDIES / "full_run" / "generator.safetensors"]:
        copy = tmp_path / path.relative_to(studies.STUDIES)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"generator\.safetensors is altered"):
        read_checked("full_run/generator.safetensors", tmp_path)


def test_measuring_does_not_disturb_the_run_and_the_last_measure_is_of_the_generator_returned(images):
    config = TrainConfig(algorithm="wgan-gp", n_steps=4, n_critic=1, batch_size=8, log_every=2, ema_decay=0.5)
    reference = digit_features(images[:500])
    result, row = measured_run(config, images, conv_generator, conv_critic, reference)
    plain = train(config, images, conv_generator, conv_critic)
    for a, b in zip(result.generator.parameters(), plain.generator.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [entry["step"] for entry in row["history"]] == [2, 4]
    expected = frechet_distance(digit_features(sample_images(plain.generator, 64, 2000)), reference)
    assert row["history"][-1]["frechet"] == pytest.approx(expected)
    assert sum(row["share"]) == pytest.approx(1)


RUNS = [pytest.param(row, networks, id=kind) for kind, row, networks in logged_runs(SCRIPTS)]
every_run = pytest.mark.parametrize(("row", "networks"), RUNS)


@every_run
def test_every_logged_run_starts_again_as_its_log_says(row, networks, images):
    assert agrees_with_log(row, images[: row.get("n_kept")], *networks)


@every_run
@pytest.mark.parametrize("changed", ["lr", "n_critic", "seed"])
def test_a_run_with_one_constant_changed_does_not_start_as_the_log_says(row, networks, changed, images):
    config = dict(row["config"])
    config[changed] = 1.1 * config["lr"] if changed == "lr" else config[changed] + 1
    assert not agrees_with_log(row | {"config": config}, images[: row.get("n_kept")], *networks)


def test_the_start_of_a_run_is_logged_without_disturbing_it(tmp_path, images):
    config = TrainConfig(algorithm="gan", n_steps=6, n_critic=1, batch_size=8, log_every=2, betas=(0.5, 0.999))
    _, row = measured_run(config, images, conv_generator, conv_critic, digit_features(images[:200]))
    assert sum(row["start"]) / 2 == pytest.approx(row["history"][0]["estimate"])
    save_study("one", row, {}, into=tmp_path)
    log, _ = load_study("one", tmp_path)
    assert logged_config(log) == config
    assert agrees_with_log(log, images, conv_generator, conv_critic)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_of_each_study_runs_and_leaves_a_study_of_its_name(name, tmp_path, monkeypatch, capsys):
    script = importlib.import_module(name)
    if name == "compare_algorithms":  # one contestant, one seed
        monkeypatch.setattr(script, "CONTESTANTS", script.CONTESTANTS[:1])
        monkeypatch.setattr(script, "THROWN_AWAY", (100,))
        monkeypatch.setattr(script, "FRESH", (0,))
    if name == "recipe":
        monkeypatch.setattr(script, "CHANGES", {"the recipe": script.CHANGES["the recipe"]})
    few = ["--paper-steps", "2"] if name == "stress_test" else []
    monkeypatch.setattr(sys, "argv", [name, "--steps", "2", "--into", str(tmp_path), *few])
    script.main()
    made, shipped = load_study(name, tmp_path), load_study(name)
    assert made[0].keys() == shipped[0].keys() and made[1].keys() <= shipped[1].keys()
    assert capsys.readouterr().out


def test_a_folder_of_studies_may_be_a_text_and_must_be_one(tmp_path):
    assert load_study("full_run", str(studies.STUDIES))[0] == load_study("full_run")[0]
    with pytest.raises(ValueError, match="expected a folder of studies"):
        load_study("full_run", tmp_path)


def test_the_full_runs_generator_moves_no_random_numbers():
    torch.manual_seed(0)
    load_full_run()
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))
