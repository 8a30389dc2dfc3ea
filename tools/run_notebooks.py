"""Execute notebooks in order, write them with their outputs into a folder, and print what each one found.

    python tools/run_notebooks.py --into build notebooks/*.ipynb

The headline is the text printed by cells tagged ``headline``. The exit status is 1 when a notebook fails;
a failed notebook is written to build/, error and all, and never over a committed one.
"""

import argparse
import base64
import io
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image, ImageChops


def headline(notebook: nbformat.NotebookNode) -> str:
    """The text outputs of the cells tagged ``headline``, one line each."""
    lines = []
    for cell in notebook.cells:
        if "headline" in cell.metadata.get("tags", []):
            lines += ["".join(output.get("text", "")) for output in cell.get("outputs", [])]
    return "".join(lines).strip()


def compact(png: str) -> str:
    """The same pixels in fewer bytes: as a palette where 256 colours suffice, and without transparency.

    A picture that moves is compact as it comes.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.is_animated:
        return png
    picture = picture.convert("RGB")
    palette = picture.quantize(256)
    same = ImageChops.difference(palette.convert("RGB"), picture).getbbox() is None
    packed = io.BytesIO()
    (palette if same else picture).save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def execute(path: Path) -> tuple[nbformat.NotebookNode, str]:
    """The notebook with the outputs of a fresh kernel, and the error that stopped it or an empty string."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=3600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,  # it holds versions
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only: the table below should stay readable
        resources={"metadata": {"path": str(path.parent)}},
    )
    error = ""
    try:
        client.execute()
    except CellExecutionError as failure:
        error = str(failure)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "image/png" in output.get("data", {}):
            output.data["image/png"] = compact(output.data["image/png"])
    notebook.metadata.get("language_info", {}).pop("version", None)  # what drifts must not look like a change
    return notebook, error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, help="folder to write to")
    parser.add_argument("notebooks", type=Path, nargs="+")
    args = parser.parse_args()
    args.into = args.into.expanduser()
    rows, failures = [], 0
    for number, path in enumerate(args.notebooks, 1):
        print(f"[{number}/{len(args.notebooks)}] {path.name} ...", end=" ", flush=True)
        start = time.perf_counter()
        notebook, error = execute(path)
        seconds = time.perf_counter() - start
        target = args.into / path.name
        if error:
            failures += 1
            target = Path("build") / path.name
            print(f"FAILED after {seconds:.0f} s, see {target}\n{error}")
        else:
            print(f"{seconds:.0f} s")
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
        rows.append((path.stem, seconds, "FAILED" if error else headline(notebook)))
    width = max(len(name) for name, _, _ in rows)
    print(f"\n{'notebook':{width}}  seconds  headline")
    for name, seconds, text in rows:
        first, *rest = text.splitlines() or [""]
        print(f"{name:{width}}  {seconds:7.0f}  {first}")
        for line in rest:
            print(" " * (width + 11) + line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
