"""A single notebook in an empty folder, with a kernel that lacks the package, installs it and runs to its end."""

import json
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
OURS = re.compile(r"_*(wgan_utils|editable_).*", flags=re.I)  # the package, and the files of an editable install


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package, built from this tree without a network."""
    folder = tmp_path_factory.mktemp("a folder with spaces")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True)
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def lone_kernel(wheel, tmp_path, monkeypatch):
    """Name of a kernel in a fresh environment that has everything but the package, and knows where to find it."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environment, packages = tmp_path / "environment", tmp_path / "packages"
    venv.create(environment)  # pip is among the other packages
    packages.mkdir()
    for entry in (entry for folder in site.getsitepackages() for entry in Path(folder).iterdir()):
        if not OURS.fullmatch(entry.name) and not (packages / entry.name).exists():
            (packages / entry.name).symlink_to(entry)
    (own,) = environment.glob("lib/python*/site-packages")
    (own / "others.pth").write_text(f"{packages}\n")
    python = str(environment / "bin" / "python")
    lacks = subprocess.run([python, "-c", "import torch, wgan_utils"], capture_output=True, text=True, cwd=tmp_path)
    assert "No module named 'wgan_utils'" in lacks.stderr, lacks.stderr
    for name, flags in {"alone": [], "alone-without-asserts": ["-O"]}.items():
        argv = [python, *flags, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("WGAN_UTILS_SOURCE", str(wheel))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return "alone"


def run_alone(notebook, kernel, folder):
    """Execute the notebook in an empty folder; an error in a cell is raised. What the last cell printed."""
    folder.mkdir()
    NotebookClient(notebook, kernel_name=kernel, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    assert not list(folder.iterdir()), "a notebook leaves nothing behind, downloaded data included"
    return notebook.cells[-1].outputs[0].text


def read(number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    tell = (
        "import wgan_utils\nfrom wgan_utils.data import load_mnist\nprint(wgan_utils.__file__, load_mnist()[0].shape)"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(tell))
    return notebook


def test_a_theory_notebook_runs_alone(lone_kernel, tmp_path):
    told = run_alone(read("01"), lone_kernel, tmp_path / "empty")
    assert str(tmp_path / "environment") in told and "torch.Size([60000, 1, 28, 28])" in told


def test_an_mnist_notebook_runs_alone_and_finds_the_digits(lone_kernel, tmp_path):
    """With so few steps the verdicts need not hold: this kernel runs with -O, which leaves out asserts."""
    notebook, n_shortened = read("09"), 0
    for cell in notebook.cells:
        cell.source, n = re.subn(r"(?m)^    n_steps=\d.*,$", "    n_steps=20,", cell.source)
        n_shortened += n
    assert n_shortened
    told = run_alone(notebook, f"{lone_kernel}-without-asserts", tmp_path / "empty")
    assert str(tmp_path / "environment") in told and "torch.Size([60000, 1, 28, 28])" in told


@pytest.mark.parametrize("source", ["no such wheel.whl", "~/no such clone"])
def test_an_installation_that_fails_stops_the_setup_cell(lone_kernel, tmp_path, monkeypatch, source):
    monkeypatch.setenv("WGAN_UTILS_SOURCE", source)
    with pytest.raises(CellExecutionError, match="not installed: see pip's message"):
        run_alone(read("00"), lone_kernel, tmp_path / "empty")


def test_a_tilde_in_the_source_is_the_home_folder(wheel, lone_kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(wheel.parents[1]))
    monkeypatch.setenv("WGAN_UTILS_SOURCE", f"~/{wheel.parent.name}/{wheel.name}")
    notebook = read("00")
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [setup, notebook.cells[-1]]
    assert str(tmp_path / "environment") in run_alone(notebook, lone_kernel, tmp_path / "empty")


def test_without_a_source_the_setup_cell_says_what_to_set(lone_kernel, tmp_path, monkeypatch):
    monkeypatch.delenv("WGAN_UTILS_SOURCE")
    notebook = read("00")
    source = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    if "git+https" in source:
        pytest.skip("this copy names its repository")
    with pytest.raises(Exception, match="set it to a clone or a wheel"):
        run_alone(notebook, lone_kernel, tmp_path / "empty")
