#!/usr/bin/env bash
# Install the course and its tools into the environment of $PYTHON, with uv when it can be had, else with pip.
# EXTRAS names the optional dependencies of pyproject.toml, separated by commas; CONSTRAINTS the file with the pins.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PYTHON:=.venv/bin/python}" "${TORCH_INDEX:=}" "${EXTRAS:=notebook,test}" "${CONSTRAINTS:=constraints.txt}"

constraint=()
if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  constraint=(--constraint "$CONSTRAINTS")
fi
install() { # the command that installs, as arguments
  if [ -n "$TORCH_INDEX" ]; then
    "$@" ${constraint[@]+"${constraint[@]}"} --index-url "$TORCH_INDEX" torch torchvision || return 1
  fi
  "$@" ${constraint[@]+"${constraint[@]}"} --editable ".[$EXTRAS]"
}

if "$PYTHON" -m pip install --quiet --disable-pip-version-check uv 2>/dev/null && "$PYTHON" -m uv --version; then
  if install "$PYTHON" -m uv pip install --quiet --python "$PYTHON"; then exit 0; fi
  echo "uv could not install them; trying pip"
fi
echo "pip takes a few minutes more than uv"
install "$PYTHON" -m pip install --quiet --disable-pip-version-check
