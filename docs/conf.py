"""Sphinx over build/docs, which docs/pages.py writes: the committed notebooks, outputs and all; nothing is executed."""

import re
from pathlib import Path

pyproject = next(p / "pyproject.toml" for p in Path(__file__).resolve().parents if (p / "pyproject.toml").is_file())
repository = re.search(r'^Repository = "(.+)"', pyproject.read_text(encoding="utf-8"), flags=re.M)[1]
release = re.search(r'^version = "(.+)"', pyproject.read_text(encoding="utf-8"), flags=re.M)[1]

project = "Wasserstein GANs, hands on"
author = "the authors of this course"
copyright = "2026 the authors of this course; text CC BY 4.0, code MIT"
extensions = ["myst_nb", "sphinx_copybutton", "sphinx-mathjax-offline"]

nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "text/plain", 90)]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
copybutton_selector = "div.cell_input div.highlight pre, div.highlight-python pre, div.highlight-default pre"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "repository_url": repository,
    "repository_branch": f"v{release}",
    "path_to_docs": "",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_repository_button": True,
    "use_download_button": False,
    "show_toc_level": 2,
}
