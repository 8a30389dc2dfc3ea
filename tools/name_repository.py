"""Write the repository's name and the release tag wherever the course names them.

    python tools/name_repository.py owner/name     # without a name: that of the git remote "origin"
    python tools/name_repository.py OWNER/REPO     # back to a copy that names no repository

The tag is "v" and the version in pyproject.toml. The name goes into pyproject.toml, CITATION.cff, the Colab badges, the
README's links to the site and the notebooks' setup cells, so that a notebook installs the helper of its own release.
Nothing else changes.
"""

import re
import subprocess
import sys
from pathlib import Path

UNNAMED = "OWNER/REPO"
COLAB = "https://colab.research.google.com/github/"
PAGES = r"https://[^/\s]+\.github\.io/[^/\s]+/"


def source_line(name: str, tag: str) -> str:
    """The line of the setup cell that says what to install; a copy without a name says in its error what to set."""
    if name == UNNAMED:
        return '    source = os.environ["WGAN_UTILS_SOURCE"]  # set it to a clone or a wheel'
    return f'    source = os.environ.get("WGAN_UTILS_SOURCE", "git+https://github.com/{name}@{tag}")'


def replace(path: Path, pattern: str, new: str, required: bool = True) -> None:
    """Replace every match of the pattern in the file, which must hold one if that is required."""
    text = path.read_bytes().decode()  # not read_text: line ends stay as they are
    written, n_found = re.subn(pattern, lambda _: new, text, flags=re.MULTILINE)
    if required and not n_found:
        raise ValueError(f"{path} has no place for {new!r}")
    path.write_bytes(written.encode())


def write_links(root: Path, name: str) -> None:
    """Name the repository ("owner/name") in every file under ``root`` that links to it."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(f"expected the repository as owner/name, found {name!r}")
    project = root / "pyproject.toml"
    version = re.search(r'^version = "(.+)"$', project.read_text(encoding="utf-8"), flags=re.M)[1]
    tag = f"v{version}"
    replace(project, r'^Repository = ".*"$', f'Repository = "https://github.com/{name}"')
    replace(root / "CITATION.cff", r"^repository-code: .*$", f"repository-code: https://github.com/{name}")
    replace(root / "CITATION.cff", r"^version: .*$", f"version: {version}")
    badge, linked = rf"{re.escape(COLAB)}[^/\s]+/[^/\s]+/blob/[^/\s]+/", f"{COLAB}{name}/blob/{tag}/"
    replace(root / "README.md", badge, linked)
    owner, repository = name.split("/")
    replace(root / "README.md", PAGES, f"https://{owner}.github.io/{repository}/")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        replace(path, badge, linked)
        quoted = source_line(name, tag).replace('"', r"\"")
        replace(path, r'(?<=^    ")    source = os\.environ.*(?=\\n",\r?$)', quoted)


def remote_name(root: Path) -> str:
    """owner/name of the GitHub repository that the git remote "origin" points to."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    url = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    found = re.fullmatch(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?", url)
    if not found:
        raise ValueError(f"the git remote origin is {url or 'not set'}: say make links REPOSITORY=owner/name")
    return found[1]


if __name__ == "__main__":
    here = Path(__file__).parents[1]
    try:
        repository = next((word for word in sys.argv[1:] if word), None) or remote_name(here)
        write_links(here, repository)
    except ValueError as error:
        sys.exit(f"make links: {error}")
    print(f"the repository is {repository}")
