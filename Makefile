# The front door: `make publish DIR=...` and `make test` do all of their own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LISTEN ?= 127.0.0.1:6969
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

RUST := Cargo.toml Cargo.lock \
	$(shell find crates -name fuzz -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)

# Whoever builds says so in the same environment, else cargo takes it for another build.
IN_VENV := VIRTUAL_ENV='$(CURDIR)/$(VENV)' PATH='$(CURDIR)/$(BIN)':"$$PATH"
MATURIN := $(IN_VENV) $(BIN)/maturin
# Tests wait for real programs most of the time, so more of them run than there are cores;
# `.venv/bin/python -m pytest tests/test_x.py` is quicker for a few.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 4)))
PYTEST_OPTIONS := --numprocesses $(WORKERS) --dist worksteal --durations 10
# They start a thousand commands, each of which would be compiled anew where bytecode is not kept.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PYTEST_OPTIONS)
STEP := @.ci/step

.DEFAULT_GOAL := help
.PHONY: help build publish test check checks lint dependencies types python-test rust-check check-targets \
	rust-test wheel-check versions-test docs docs-check coverage bench bench-tracker bench-create bench-create-url \
	bench-download bench-engine bench-page bench-cluster lock fuzz fuzz-check simulate simulate-check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'error: `$(PYTHON)`: outpour needs Python 3.10 or newer'; \
		  echo 'hint: name one, as in `make PYTHON=python3.12 build`'; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt requirements/build.txt | $(VENV)/pyvenv.cfg
	@echo 'Installing the locked dependencies into $(VENV)'
	@$(PIP) -r requirements/run.txt
	@$(PIP) -r requirements/build.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo 'Installing the locked tools for development into $(VENV)'
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/.built: $(RUST) pyproject.toml $(VENV)/.run
	@command -v cargo >/dev/null || \
		{ echo 'error: `cargo`: not found; the core of outpour is built with Rust 1.89 or newer'; \
		  echo 'hint: install Rust (rustup, or your distribution) and run this again'; exit 1; }
	@echo 'Building outpour into $(VENV): a first build compiles for a minute or more'
	@$(MATURIN) develop --release --locked --skip-install
	@$(IN_VENV) $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/outpour
	@touch $@

build: $(VENV)/.built ## build outpour into .venv

publish: $(VENV)/.built ## publish a folder: make publish DIR=~/releases [LISTEN=HOST:PORT] [ARGS=...]
	@test -n '$(DIR)' || { echo 'error: `DIR`: not given'; \
		echo 'hint: make publish DIR=~/releases'; exit 2; }
	@exec $(BIN)/outpour publish '$(DIR)' --listen '$(LISTEN)' $(ARGS)

test: $(VENV)/.built $(VENV)/.dev ## run the tests; those whose real peer is missing are skipped
	$(STEP) rust-test $(MAKE) --no-print-directory rust-test
	$(STEP) python-test $(MAKE) --no-print-directory python-test

# Builds show what they compile; the tests themselves are a dot each.
rust-test:
	cargo test --workspace --locked --no-run
	cargo test --workspace --locked --quiet

python-test: $(VENV)/.built $(VENV)/.dev
	$(PYTEST)

# What fails soonest comes first.
CHECKS := lint dependencies types docs-check rust-check rust-test simulate-check fuzz-check wheel-check python-test
check: $(VENV)/.built $(VENV)/.dev ## everything that continuous integration runs
	$(STEP) check $(MAKE) --no-print-directory checks

checks:
	@for name in $(CHECKS); do .ci/step $$name $(MAKE) --no-print-directory $$name || exit; done

lint: $(VENV)/.built $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

dependencies: $(VENV)/.dev
	$(BIN)/deptry src

types: $(VENV)/.built $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/python tests/stubtest.py

rust-check:
	cargo fmt --all --check
	cargo fmt --manifest-path crates/tracker/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p outpour-tracker --features fuzzing --locked -- -D warnings

LINUX_TARGETS := x86_64-unknown-linux-musl aarch64-unknown-linux-gnu aarch64-unknown-linux-musl
check-targets: ## compile for other systems (needs `rustup target add`, see docs/platforms.md)
	cargo check --locked $(LINUX_TARGETS:%=--target %) -p outpour-tracker
	cargo check --locked $(LINUX_TARGETS:%=--target %) --target aarch64-apple-darwin \
		--target x86_64-pc-windows-msvc -p outpour-hasher -p outpour-core

# What `build` compiled is not compiled again: same profile, same environment.
wheel-check: $(VENV)/.built $(VENV)/.dev ## build the wheel, install it without development tools, start it
	@rm -rf $(VENV)/wheel && mkdir -p $(VENV)/wheel
	$(MATURIN) build --release --locked --out $(VENV)/wheel/dist
	$(PYTHON) -m venv $(VENV)/wheel/env
	$(VENV)/wheel/env/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/run.txt
	$(VENV)/wheel/env/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		$(VENV)/wheel/dist/*.whl
	cd / && '$(CURDIR)/$(VENV)/wheel/env/bin/outpour' --help >/dev/null
	cd / && '$(CURDIR)/$(VENV)/wheel/env/bin/python' -c 'import outpour.cli, outpour._core'

RESOLUTION ?= lowest-direct
versions-test: wheel-check ## run the tests with the oldest dependencies (RESOLUTION=highest: the newest; needs uv)
	uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --python $(PYTHON) \
		--resolution $(RESOLUTION) pyproject.toml -o $(VENV)/versions.txt
	$(PYTHON) -m venv --clear $(VENV)/versions
	uv pip install --quiet --python $(VENV)/versions/bin/python -r $(VENV)/versions.txt --group dev
	uv pip install --quiet --python $(VENV)/versions/bin/python --no-deps $(VENV)/wheel/dist/*.whl
	PYTHONDONTWRITEBYTECODE= $(VENV)/versions/bin/python -m pytest $(PYTEST_OPTIONS)

docs: $(VENV)/.built $(VENV)/.dev ## write the generated pages of docs/ anew
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.built $(VENV)/.dev
	$(BIN)/python docs/generate.py --check

bench: bench-tracker bench-create bench-create-url bench-download bench-page bench-cluster ## measure everything, shortly (QUICK=--quick)

QUICK ?= --quick
bench-tracker: $(VENV)/.built $(VENV)/.dev ## answers a CPU-second, against the peers
	cargo build --release --locked --quiet -p outpour-loadgen
	cargo build --release --locked --quiet -p outpour-tracker --example memory --example cluster
	$(BIN)/python bench/tracker.py $(QUICK)

bench-create: $(VENV)/.built $(VENV)/.dev ## bytes a second when making torrents, against the peers
	$(BIN)/python bench/create.py $(QUICK)

bench-create-url: $(VENV)/.built $(VENV)/.dev ## bytes a second of `create URL`, against curl from the same nginx
	$(BIN)/python bench/create_url.py $(QUICK)

bench-download: $(VENV)/.built $(VENV)/.dev ## a large download on loopback, against the peers
	$(BIN)/python bench/download.py $(QUICK)
	$(BIN)/python bench/seeding.py $(QUICK)
	$(BIN)/python bench/swarm.py $(QUICK)

bench-engine: $(VENV)/.built $(VENV)/.dev ## libtorrent's settings one by one
	$(BIN)/python bench/engine.py $(QUICK)

bench-page: $(VENV)/.built $(VENV)/.dev ## what visitors cost, and whether others wait for them
	$(BIN)/python bench/page.py $(QUICK)

bench-cluster: $(VENV)/.built $(VENV)/.dev ## what it costs to be one of several trackers
	cargo build --release --locked -q -p outpour-loadgen
	$(BIN)/python bench/cluster.py $(QUICK)

COMPILE := uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url
lock: ## resolve the dependencies anew (needs uv)
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	cargo update

coverage: $(VENV)/.built $(VENV)/.dev ## run the tests and tell which lines of Python and Rust they reach
	$(STEP) coverage .ci/coverage

SECONDS ?= 600
simulate: ## several trackers in virtual time with all that goes wrong, for SECONDS=600
	SIMULATE_S=$(SECONDS) cargo test --workspace --locked --lib --quiet simulation::nodes -- --nocapture

# What `rust-test` has built is not built again.
simulate-check:
	SIMULATE_S=12 cargo test --workspace --locked --lib --quiet simulation::nodes -- --nocapture

FUZZ_S ?= 600
fuzz: $(VENV)/.built $(VENV)/.dev ## search for input that breaks something, FUZZ_S=600 seconds a target
	SANITIZER=address crates/tracker/fuzz/run.sh $(FUZZ_S)
	$(BIN)/python fuzz/metainfo.py --seconds $(FUZZ_S)

# In five seconds a target comes to nine tenths of what it comes to in fifteen; the tests in Python
# give the readers of torrents a number of inputs.
fuzz-check:
	crates/tracker/fuzz/run.sh 5

clean: ## remove what was built
	rm -rf $(VENV) target dist
