"""environment.yml, constraints.txt and the documents say what pyproject.toml says."""

import json
import re
import subprocess
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "POT": "pot"}


def required():
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + extras["notebook"] + extras["test"]
    return {Requirement(line).name: str(Requirement(line).specifier) for line in lines}


def test_conda_environment_has_the_same_packages_and_floors():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    found = dict(re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in environment["dependencies"])
    expected = {CONDA_NAMES.get(name, name): floor for name, floor in required().items()}
    expected |= {"python": PROJECT["requires-python"], "pip": ""}
    assert found == expected


def test_what_needs_a_newer_python_than_the_package_is_left_out_on_the_oldest():
    """Sphinx 9 needs Python 3.11. Without a marker nothing has a solution on 3.10, whichever extra is asked for."""
    lines = [Requirement(line) for line in PROJECT["optional-dependencies"]["docs"]]
    assert PROJECT["requires-python"] == ">=3.10" and any(line.name == "sphinx" for line in lines)
    for line in lines:
        assert not line.marker.evaluate({"python_version": "3.10"}), line
        assert line.marker.evaluate({"python_version": "3.11"}), line


def test_constraints_pin_every_package_within_its_floor():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split("\n") if "==" in line)
    for name, floor in required().items():
        pinned = pins[name.lower()]
        assert Requirement(f"{name}{floor}").specifier.contains(pinned), f"{name} {floor}, pinned {pinned}"


def test_torch_and_torchvision_are_a_matching_pair_here_and_in_the_constraints():
    """torchvision names the one torch it was compiled for; with another its operators are missing."""
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split("\n") if "==" in line)
    wanted = next(Requirement(line) for line in requires("torchvision") if Requirement(line).name == "torch")
    assert wanted.specifier.contains(version("torch").split("+")[0])
    if version("torchvision").split("+")[0] == pins["torchvision"]:
        assert wanted.specifier.contains(pins["torch"])


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/instructors.md",
        "benchmarks/README.md",
        "benchmarks/LOG.md",
        "data/README.md",
    ],
)
def test_files_and_targets_that_a_document_names_exist(name):
    text = (ROOT / name).read_text()
    targets = set(re.findall(r"`make ([\w-]+)", text))
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert targets <= rules
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert all(((ROOT / name).parent / link).exists() for link in links), links


def test_the_workflows_are_well_formed_and_call_what_exists():
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    steps = []
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            steps += [step["run"] for step in job["steps"] if "run" in step]
    commands = "\n".join(steps) + (ROOT / ".ci" / "run").read_text()
    targets = set(re.findall(r"^\s*make ([\w-]+)", commands, flags=re.M))
    assert {"test", "test-browser", "test-colab", "site"} <= targets <= rules
    assert "bash .ci/run" in commands and all((ROOT / name).exists() for name in re.findall(r"tests/\w+\.py", commands))


def test_every_action_runs_on_a_node_that_the_runners_still_have():
    """The first major version of each action that runs on Node 24, or calls one that does."""
    first = {"checkout": 5, "setup-python": 6, "upload-artifact": 6, "upload-pages-artifact": 5, "deploy-pages": 5}
    first = {f"actions/{name}": version for name, version in first.items()} | {"mamba-org/setup-micromamba": 3}
    text = "\n".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    used = re.findall(r"uses: (\S+)@v(\d+)$", text, flags=re.M)
    assert len(used) == text.count("uses:") and {name for name, _ in used} == set(first)
    assert all(int(version) >= first[name] for name, version in used), used


def test_the_container_of_an_editor_makes_what_the_makefile_makes_and_opens_notebook_00():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    target, index = re.fullmatch(r"make (\S+) TORCH_INDEX=(\S+)", container["postCreateCommand"]).groups()
    makefile = (ROOT / "Makefile").read_text()
    assert f"\n{target}:" in makefile and index in makefile
    for name in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / name).is_file()


def test_what_colab_ships_is_within_the_floors():
    pins = dict(line.split("==") for line in (ROOT / "tools" / "colab.txt").read_text().split("\n") if "==" in line)
    floors = required()
    assert {"numpy", "matplotlib", "scipy", "ipykernel", "ipywidgets", "torch", "torchvision"} <= set(pins)
    for name, pinned in pins.items():
        assert Requirement(f"{name}{floors.get(name, '')}").specifier.contains(pinned), f"{name} {pinned}"


def test_no_file_names_a_package_registry_or_a_place_on_one_machine():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = "|".join(
        ["py" + r"pi\.org", "python" + r"hosted\.org", "/" + r"home/\w", "/" + r"root/\w", "/" + r"work/\w"]
    )
    for file in files:
        if not file.endswith((".gz", ".safetensors", ".png", ".webp")):
            assert not re.search(hosts, (ROOT / file).read_text()), file
