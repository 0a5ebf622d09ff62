# make demo · make test · make test-all · make bench · make lint
# Everything is installed into .venv, made from the first Python >= 3.11 on the path (or: make PYTHON=... demo).

NEWER = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c "$(NEWER)" 2>/dev/null && { command -v "$$p"; break; }; done)

# A second Python for `make test-all`: 3.12 or 3.13, from the path or from pyenv. It runs the tests of what a Python's
# version may touch: kernels and their bits, signals and exit codes, files; not what only draws or tells.
SECOND_TESTS := tests/model tests/cli/test_listings.py tests/cli/test_what_goes_wrong.py \
	tests/results/test_result_folders.py tests/results/test_plain_text.py
SECOND_OK = import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))
SECOND_PYTHON ?= $(shell for p in python3.13 python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[23]*/bin/python3; do \
	"$$p" -c "$(SECOND_OK)" 2>/dev/null && { command -v "$$p"; break; }; done)

VENV := .venv
SECOND := .venv-second
VIZ := .venv-viz
PEERS := .venv-peers
PIP = -m pip --quiet --disable-pip-version-check install -c constraints.txt
DECLARED := pyproject.toml constraints.txt hatch_build.py
DEMO := demo
PYTEST ?= -m pytest
# Two processes; a file is run by one of them, so that what its tests share is made once
TWO := -n 2 --dist loadfile --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help docs site demo wasm wasm-check page-bits page-speed engines kernels test test-all test-second bench bench-peers \
	facts sensitivity claims decisions calibration worlds misfit differences studies diagnosis mangled reports chaos lint \
	lint-javascript coverage mutation \
	environment browser-environment environments clean

help:
	@echo "make demo      install, compile, run the levels experiment: a table, a figure, the tables on disk"
	@echo "make test      the tests on the Python at hand, in two processes; says what it left out (the slow ones)"
	@echo "make test-all  all tests; kernels, commands and files on a second Python (3.12 or 3.13); a browser"
	@echo "make bench     speed, as ratios within one run"
	@echo "make bench-peers  beside Mesa, Starsim and ndlib on tasks they share, and EMA Workbench's optimiser (an hour)"
	@echo "make facts     the model at its defaults against the evidence; whether its world moves (minutes)"
	@echo "make sensitivity  which assumptions drive the outcomes of the shipped scenarios (minutes)"
	@echo "make worlds    the worlds that agree with published facts, what rules out what, known truths (an hour)"
	@echo "make calibration  the model fitted to Medical Innovation, and its rivals (minutes)"
	@echo "make diagnosis  does a diagnosis find what is true of made-up people (ten minutes)"
	@echo "make mangled   five hundred spoiled questionnaires, read (minutes)"
	@echo "make claims    the eighteen claims over worlds that agree with facts, plausible ones beside (15 minutes)"
	@echo "make decisions what three budgets should buy in two scenarios, and a check of the method (half an hour)"
	@echo "make reports   every number of small reports, all commands and scenarios, found again (minutes)"
	@echo "make chaos     a batch, a sensitivity study and a calibration killed a hundred times each (an hour)"
	@echo "make wasm      the kernels as WebAssembly, after a change of them (needs Debian's lld and binaryen; a minute or two)"
	@echo "make page-bits  machine code, WebAssembly in Python and in a browser: the same bits (a quarter of an hour)"
	@echo "make page-speed  how long one waits for the page in Chromium, and its memory (minutes)"
	@echo "make engines   WebAssembly beside machine code for the same vectors (minutes)"
	@echo "make docs      what is generated in docs/: tables of the ODD, parameters, command line, the figure"
	@echo "make site      docs/ as a site in site/ (warnings are errors)"
	@echo "make lint      style, types of the public modules, layers"
	@echo "make coverage  branch coverage by package, the kernels uncompiled too (half an hour)"
	@echo "make mutation  do the tests notice a changed operator or number (an hour)"

# --- environments -----------------------------------------------------------------------------------------------
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "valign needs Python 3.11 or newer on the path (or: make PYTHON=/path/to/python ...)" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(DECLARED) | $(VENV)/bin/python
	@echo "Installing valign and what it needs into .venv (once)"
	@$(VENV)/bin/python $(PIP) -e ".[calibration,survey]"
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing what the tests need into .venv (once)"
	@$(VENV)/bin/python $(PIP) -e ".[dev]"
	@touch $@

$(VENV)/.site: $(VENV)/.dev
	@echo "Installing what the site needs into .venv (once)"
	@$(VENV)/bin/python $(PIP) -e ".[dev,docs]"
	@touch $@

$(SECOND)/.dev: $(DECLARED)
	@echo "Making $(SECOND) with $$($(SECOND_PYTHON) --version)"
	@$(SECOND_PYTHON) -m venv $(SECOND)
	@$(SECOND)/bin/python $(PIP) --no-compile -e ".[dev]"
	@touch $@

$(VIZ)/.viz: $(DECLARED) | $(VENV)/bin/python
	@echo "Making $(VIZ) for Mesa's web view"
	@$(VENV)/bin/python -m venv $(VIZ)
	@$(VIZ)/bin/python $(PIP) --no-compile -e ".[mesa-viz,test]"
	@touch $@

$(VENV)/.browser: $(VENV)/.dev
	@echo "Installing what drives a browser into .venv (once)"
	@$(VENV)/bin/python $(PIP) -e ".[dev,browser]"
	@touch $@

# All of these at once; what is only tested with is compiled where it is imported
$(VENV)/.all: $(DECLARED) | $(VENV)/bin/python
	@echo "Installing valign and all that its tests need into .venv (once)"
	@$(VENV)/bin/python $(PIP) --no-compile -e ".[dev,docs,browser]"
	@touch $(VENV)/.core $(VENV)/.dev $(VENV)/.site $(VENV)/.browser $@

$(PEERS)/.peers: $(DECLARED) benchmarks/peers/requirements.txt | $(VENV)/bin/python
	@echo "Making $(PEERS) with valign and its peers"
	@$(VENV)/bin/python -m venv $(PEERS)
	@$(PEERS)/bin/python $(PIP) -r benchmarks/peers/requirements.txt -e .
	@touch $@

environment: $(VENV)/.dev
browser-environment: $(VIZ)/.viz $(VENV)/.browser
environments: $(VENV)/.all $(VIZ)/.viz $(if $(SECOND_PYTHON),$(SECOND)/.dev)

# --- what one asks for ------------------------------------------------------------------------------------------
demo: $(VENV)/.core
	@rm -rf $(DEMO)
	@$(VENV)/bin/valign levels housing-first --out $(DEMO) --show

# What the tests compile before they begin, for CI, which has something else to do meanwhile
kernels: $(VENV)/.dev
	VALIGN_CACHE="$(CURDIR)/.cache" $(VENV)/bin/python tests/warming.py

test: $(VENV)/.dev
	$(VENV)/bin/python $(PYTEST) $(TWO) -m "not slow and not browser"

test-all: $(VENV)/.all $(VIZ)/.viz
	$(VENV)/bin/python $(PYTEST) $(TWO) -m "not browser"
	$(VENV)/bin/python $(PYTEST) $(TWO) -m browser tests/page tests/machine
	$(VIZ)/bin/python $(PYTEST) -m browser tests/project/test_browser.py || test $$? -eq 5
	@$(MAKE) --no-print-directory test-second

test-second:
ifneq ($(SECOND_PYTHON),)
	@$(MAKE) --no-print-directory $(SECOND)/.dev
	$(SECOND)/bin/python $(PYTEST) $(TWO) -m "not slow and not browser" $(SECOND_TESTS)
else
	@echo "no second Python (3.12 or 3.13) found$(if $(CI),: CI requires one,; its tests are left out)"
	@test -z "$(CI)"
endif

# What is generated in docs/: after a change of parameters, mechanisms, outcomes, commands or of what the demo shows.
docs: $(VENV)/.core
	$(VENV)/bin/valign parameters --format md > docs/PARAMETERS.md
	$(VENV)/bin/python -m tools.generate_docs
	@rm -rf $(DEMO)
	$(VENV)/bin/valign levels housing-first --out $(DEMO)
	cp $(DEMO)/levels.png docs/figures/levels.png

# model/compiled/month.wasm: the same bytes with Python 3.11, Numba and llvmlite of constraints.txt and Debian's lld and binaryen
wasm: $(VENV)/.core
	$(VENV)/bin/python -m tools.build_wasm

wasm-check: $(VENV)/.core
	$(VENV)/bin/python -m tools.build_wasm --check

# 220 random scenarios and the shipped ones on three engines: a quarter of an hour; fails where they differ
page-bits: $(VENV)/.browser
	$(VENV)/bin/python -m tests.page.bits --cases 220 --out results/reference/page-bits.csv

# How long one waits for the page: writes benchmarks/PAGE.md
page-speed: $(VENV)/.browser
	$(VENV)/bin/python -m benchmarks.page

# WebAssembly beside machine code for the same vectors: writes benchmarks/ENGINES.md
engines: $(VENV)/.browser
	$(VENV)/bin/python -m benchmarks.engines

# The pages as a site, of which tests/project/test_site.py asks that it needs nothing from anywhere
site: $(VENV)/.site
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

# The model at its defaults against the published facts, and whether its world moves: a quarter of an hour;
# writes results/reference/facts.*, world.* and starts.csv
facts: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.patterns.study
	$(VENV)/bin/python -m valign.experiments.study_world

# Which assumptions drive the outcomes: minutes; writes results/reference/sensitivity
sensitivity: $(VENV)/.dev
	$(VENV)/bin/python -m valign.experiments.study_sensitivity

# Worlds matched with published facts: writes results/reference/worlds.parquet (where they are worth as many as they
# should be) and worlds/; a stopped one goes on
worlds: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.matching.study
	$(VENV)/bin/python -m valign.calibration.matching.known_truth

# Medical Innovation: exact check, recovery, posterior, rivals: minutes; writes results/reference/calibration/
# (the data: `valign data get medical-innovation`, once)
calibration: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.study

# Surveys of made-up people, diagnosed five hundred times; writes results/reference/diagnosis
diagnosis: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.diagnose.study

# Every number of small reports, found again in their tables; writes results/reference/reports/numbers.csv
reports: $(VENV)/.dev
	$(VENV)/bin/python -m tools.every_report

# Spoiled questionnaires: a message or a right result; writes results/reference/diagnosis/mangled.csv
mangled: $(VENV)/.dev
	$(VENV)/bin/python -m tests.faults.mangled

# How often the fit gate says "does not fit", of data with and without what the fit lacks: minutes; writes
# results/reference/misfit/
misfit: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.study_misfit

# Whether communities that differ and a baseline that moves are found again (minutes); with a data set, what allowing for
# them gains: `make differences DATA=medical-innovation`; writes results/reference/differences/
differences: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.study_differences $(if $(DATA),--data $(DATA))

# Whether chances of planned studies are those of fresh studies (minutes); writes results/reference/studies/
studies: $(VENV)/.dev
	$(VENV)/bin/python -m valign.calibration.study_planning

# The eighteen claims over worlds that agree with published facts, and over plausible ones: half an hour on 2 cores; a
# stopped one goes on; writes results/reference/claims/
claims: $(VENV)/.dev
	$(VENV)/bin/python -m valign.experiments.claims

# What £100,000, £300,000 and £1,000,000 should buy (a quarter of an hour on two quiet cores), and racing and greedy choice
# against running everything (ten minutes); a stopped one goes on; writes results/reference/decisions/
decisions: $(VENV)/.dev
	$(VENV)/bin/python -m valign.experiments.decide
	$(VENV)/bin/python -m valign.experiments.decide --check

# A batch, a sensitivity study and a calibration, killed a hundred times each; writes results/reference/chaos.csv
chaos: $(VENV)/.dev
	$(VENV)/bin/python -m tests.faults.kills --kills 100 --out results/reference

bench: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks

# Beside Mesa, Starsim, ndlib and EMA Workbench: writes benchmarks/peers/RESULTS.md (most of an hour; a stopped one goes on)
# `make bench-peers PEERS_OPTIONS="--seconds 30"`: see `python -m benchmarks.peers --help`
bench-peers: $(PEERS)/.peers
	$(PEERS)/bin/python -m benchmarks.peers.optimiser
	$(PEERS)/bin/python -m benchmarks.peers $(PEERS_OPTIONS)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m valign.model.compiled.kernel_sources
	$(VENV)/bin/pyright --project pyproject.toml --pythonpath $(VENV)/bin/python
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lint-javascript; \
	else echo "no Node: the types of the page's JavaScript are not checked$(if $(CI),; CI requires it)"; test -z "$(CI)"; fi

# Types in the comments of the page's JavaScript
JAVASCRIPT := tools/javascript
lint-javascript: $(JAVASCRIPT)/node_modules/.package-lock.json
	cd $(JAVASCRIPT) && npx --no-install tsc -p page.json && npx --no-install tsc -p worker.json

$(JAVASCRIPT)/node_modules/.package-lock.json: $(JAVASCRIPT)/package-lock.json
	@cd $(JAVASCRIPT) && npm ci --silent --no-fund --no-audit

# Compiled code cannot be traced: what is compiled is covered by a run without compilation, the compiler's own part by
# compiling anew, the rest by the tests as they are. Least allowed: 95 % of lines and branches of every package together.
COVERAGE := $(VENV)/bin/python -m coverage
coverage: $(VENV)/.dev
	@rm -f .coverage .coverage.*
	NUMBA_DISABLE_JIT=1 $(COVERAGE) run $(PYTEST) $(UNCOMPILED)
	folder=$$(mktemp -d); VALIGN_CACHE=$$folder $(COVERAGE) run -m valign.model.run.compile_all single; rm -r $$folder
	$(COVERAGE) run $(PYTEST) -m "not browser"
	$(COVERAGE) combine --quiet
	@status=0; for package in model experiments calibration results valign; do \
		echo "== $$package"; $(COVERAGE) report --show-missing --include="$$package/*" --fail-under=95 || status=1; \
	done; exit $$status
UNCOMPILED := tests/model/test_terms.py tests/model/test_agreement.py tests/calibration/test_calibration_problem.py \
	tests/calibration/test_fit_gate.py -k "terms or services_went or reference[0] or plain_count or speed_by_the_share"

# Writes results/reference/mutation; a stopped one goes on. `make mutation MUTATION_OPTIONS="--jobs 2 --each 100"`
mutation: $(VENV)/.dev
	@$(VENV)/bin/python $(PIP) -e ".[mutation]"
	$(VENV)/bin/python tests/mutation/run.py --out results/reference/mutation $(MUTATION_OPTIONS)

clean:
	rm -rf $(VENV) $(SECOND) $(VIZ) $(PEERS) $(DEMO) site .cache .pytest_cache .hypothesis .ruff_cache build dist
