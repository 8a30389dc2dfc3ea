# Every target sets up .venv by itself; it takes make and Python 3.10 or later, nothing more.
# CPU-only PyTorch:      make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Another Python:        make test PYTHON=python3.12
# The notebooks on CUDA: make run CUDA_VISIBLE_DEVICES=0

PYTHON ?= python3
TORCH_INDEX ?=
COLAB_PYTHON ?= python3.13

# One thread: the networks are so small that on a busy machine a second one costs more than it brings
# (benchmarks/README.md). PASSIVE: should you ask for more threads, let them sleep while they wait.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE
# The committed outputs come from a CPU; a plain assignment, so that only the command line turns CUDA on.
export CUDA_VISIBLE_DEVICES =
export TQDM_DISABLE ?= 1
export MPLBACKEND =

BIN := .venv/bin
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
IN_BROWSER := $(wildcard notebooks/0[1-3]*.ipynb)
THEORY := $(wildcard notebooks/0[0-8]*.ipynb)

# Other processors, emulated by the kernels they would choose; settings of one joined by commas.
PROCESSORS ?= \
	MKL_CBWR=COMPATIBLE,ONEDNN_MAX_CPU_ISA=SSE41,ATEN_CPU_CAPABILITY=default \
	MKL_CBWR=AVX2,ONEDNN_MAX_CPU_ISA=AVX2,ATEN_CPU_CAPABILITY=avx2 \
	ONEDNN_MAX_CPU_ISA=AVX512_CORE,ATEN_CPU_CAPABILITY=avx2
TRAINED ?= $(filter-out $(wildcard notebooks/0[0-3]*.ipynb),$(NOTEBOOKS))
SURVIVE ?= tests/test_survive.py

.PHONY: help run test test-fast test-processors test-browser test-colab test-cuda lab bench studies refresh site student links clean

help:
	@echo "make run           execute all notebooks in order into build/ and print a table of what they found"
	@echo "make test          ruff, unit tests, and every notebook compared with its committed output"
	@echo "make test-fast     the same without executing notebooks"
	@echo "make test-processors  the training notebooks on three emulated processors; every cell twice, by papermill"
	@echo "make test-browser  JupyterLab and the site in a headless Chromium, screenshots into build/"
	@echo "make test-colab    the theory notebooks with the versions that Colab ships (needs Python 3.13)"
	@echo "make test-cuda     unit tests and notebooks on a CUDA device"
	@echo "make lab           open JupyterLab at notebook 00"
	@echo "make bench         speed side by side, time to quality, cost of a step, threads, verdicts over seeds"
	@echo "make studies       the longer runs whose logs the notebooks plot, anew: hours"
	@echo "make refresh       execute the notebooks in place, to commit their outputs"
	@echo "make site          the notebooks as a site, into build/site"
	@echo "make student       copies without solutions and outputs, and an instructor key, into build/"
	@echo "make links         name the repository everywhere: make links REPOSITORY=owner/name (default: the git remote)"
	@echo "make clean         delete the environments and build/"

run: .venv/.ready
	$(BIN)/python tools/run_notebooks.py --into build $(NOTEBOOKS)

test: test-fast
	$(BIN)/python -m pytest -q tests/test_alone.py
	PYTHONPATH=$(CURDIR)/tests/without_torch$${PYTHONPATH:+:$$PYTHONPATH} \
		$(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=1200 $(IN_BROWSER)
	$(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=1200 \
		$(filter-out $(IN_BROWSER),$(NOTEBOOKS))

test-fast: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q -n auto --ignore=tests/test_alone.py --ignore=tests/test_survive.py

test-processors: .venv/.ready
	for processor in $(PROCESSORS); do echo "$$processor"; settings=$$(echo $$processor | tr , ' '); \
		env $$settings $(BIN)/python -m pytest -q tests/test_studies.py -k starts_again || exit 1; \
		env $$settings $(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=3600 $(TRAINED) \
		|| exit 1; done
	$(if $(SURVIVE),$(BIN)/python -m pytest -q $(SURVIVE))

test-browser: .venv/.browser site
	$(BIN)/python -m pytest -q tests/browser

test-colab: .venv-colab/.ready
	.venv-colab/bin/python tools/run_notebooks.py --into build/colab $(THEORY)

test-cuda: .venv/.ready
	CUDA_VISIBLE_DEVICES=0 $(BIN)/python -c 'import torch; assert torch.cuda.is_available(), "no CUDA device found"'
	$(MAKE) run CUDA_VISIBLE_DEVICES=0
	CUDA_VISIBLE_DEVICES=0 $(BIN)/python -m pytest -q tests --ignore=tests/test_survive.py

lab: .venv/.ready
	env -u CUDA_VISIBLE_DEVICES -u OMP_NUM_THREADS -u TQDM_DISABLE $(BIN)/jupyter lab notebooks/00_start_here.ipynb

bench: .venv/.ready
	env -u OMP_WAIT_POLICY $(BIN)/python benchmarks/loop_speed.py
	env -u OMP_WAIT_POLICY $(BIN)/python benchmarks/time_to_quality.py
	$(BIN)/python benchmarks/cost_of_work.py
	$(BIN)/python benchmarks/threads.py
	$(BIN)/python benchmarks/verdicts.py --processors plain

studies: .venv/.ready
	for study in recipe compare_algorithms stress_test paper_constants overfitting full_run; do \
		$(BIN)/python benchmarks/studies/$$study.py || exit 1; done

refresh: .venv/.ready
	$(BIN)/python tools/run_notebooks.py --into notebooks $(NOTEBOOKS)
	$(BIN)/python docs/pages.py --picture
	$(BIN)/python tools/draw_moving_picture.py

site: .venv/.site
	$(BIN)/python docs/pages.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html build/docs build/site
	$(BIN)/python docs/lite.py
	cd build/lite && "$(CURDIR)/$(BIN)/jupyter" lite build --contents contents --piplite-wheels wheels \
		--output-dir ../site/lite --apps lab --apps notebooks --no-sourcemaps --no-unused-shared-packages --no-libarchive \
		> log || { cat log; exit 1; }

student: .venv/.ready
	$(BIN)/python tools/write_student_copies.py --into build

links:
	$(PYTHON) tools/name_repository.py $(REPOSITORY)

clean:
	rm -rf .venv .venv-colab build

# The exact set of CI (constraints.txt) needs Python 3.11; on 3.10 the floors of pyproject.toml decide.
.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or later is needed, found " + sys.version)'
	@echo "Installing PyTorch, JupyterLab and the test tools into .venv:"
	@echo "about 6 GB with CUDA libraries, 2 GB with TORCH_INDEX=https://download.pytorch.org/whl/cpu"
	$(PYTHON) -m venv .venv
	@PYTHON="$(BIN)/python" TORCH_INDEX="$(TORCH_INDEX)" bash tools/install.sh
	@touch $@

.venv/.site: .venv/.ready
	@$(BIN)/python -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The site needs Python 3.11 or later, found " + sys.version)'
	@PYTHON="$(BIN)/python" EXTRAS=docs bash tools/install.sh
	@touch $@

.venv/.browser: .venv/.ready
	@PYTHON="$(BIN)/python" EXTRAS=browser bash tools/install.sh
	@touch $@

.venv-colab/.ready: pyproject.toml tools/colab.txt
	@echo "Installing what Colab ships into .venv-colab, about 6 GB with CUDA libraries"
	$(COLAB_PYTHON) -m venv .venv-colab
	@PYTHON=.venv-colab/bin/python TORCH_INDEX="$(TORCH_INDEX)" EXTRAS=notebook CONSTRAINTS=tools/colab.txt bash tools/install.sh
	@touch $@
