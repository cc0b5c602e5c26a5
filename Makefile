# `make help` lists the targets. What they need from the system is installed by tools/setup.sh.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
KERNEL ?= uml
LONG_KERNELS ?= 6.1 6.12
# Live counters take BPF, which user-mode Linux has not.
LIVE_KERNEL ?= $(if $(filter uml,$(KERNEL)),6.12,$(KERNEL))
OTHER_RELEASE ?= $(if $(shell grep -s '^VERSION_CODENAME=trixie$$' /etc/os-release),bookworm,trixie)
PYTEST_ARGS ?=
BENCH_ARGS ?=
BENCH_SECONDS ?= 3000
FUZZ_SECONDS ?= 60
RELEASES ?=
WHAT ?= demo
AS ?=
VM := $(BIN)/python -m tests.vm
# Its wheel and that of node bring all that it needs; without the variable it would ask for a newer release.
# It finds the installed package by the Python in PATH.
PYRIGHT := PATH="$(abspath $(BIN)):$$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1 pyright

SOURCES := pyproject.toml setup.py MANIFEST.in $(wildcard scripts/* man/* completions/*/*) \
	$(shell find csrc ipvsfast -name '*.[ch]' -o -name '*.py' -o -name '*.pyi' -o -name py.typed)
C_FILES = $(shell find csrc tests bench -name '*.[ch]' -not -path '*/uapi/*' -not -path '*/.cache/*')
# Else a shell script takes the native command's place where that cannot be built.
export IPVSFAST_REQUIRE_NATIVE := 1
BUILD_REQUIRES = $(shell sed -n 's/^requires = \[\(.*\)\]/\1/p' pyproject.toml | tr -d ,)
HOST_TESTS := $(wildcard tests/unit tests/native tests/install tests/harness)
# Those of packages that need no other root than this machine's.
BUILT_TESTS := tests/packages/test_built.py $(wildcard tests/packages/test_rpm*.py) tests/packages/test_alpine.py
# These need the kernel beside what packages are built with.
OPENRC_TESTS := $(wildcard tests/packages/test_openrc*.py)
KERNEL_TESTS := $(wildcard tests/kernel tests/plans tests/stats tests/exporter tests/parity)
# A process, and a kernel, for each folder: user-mode Linux cannot give much memory to one process. With `make -j2`
# two of them run at a time.
IN_KERNEL := $(KERNEL_TESTS:tests/%=test-kernel-%)

.PHONY: help deps deps-test deps-long deps-bench deps-fuzz venv demo watch-demo test test-unit test-harness \
	test-kernel deb deps-deb test-deb rpm deps-rpm test-built $(IN_KERNEL) test-long test-other-release test-big-endian campaigns bench \
	fuzz lint format generated site clean

help:
	@echo 'make demo         51,000 rules into a real kernel and out again (DEMO_HOST=1: into this machine'"'"'s)'
	@echo 'make watch-demo   ipvsfast top, the exporter and a Prometheus beside real traffic; q ends it'
	@echo 'make test         every test, those that need a kernel in one that is booted for them; make -j2 test:'
	@echo '                  two groups of them at a time'
	@echo 'make test-unit    those that need no kernel'
	@echo 'make test-kernel  those that need one; KERNEL=6.1 chooses it (see $(VM) --list)'
	@echo 'make test-long    the same on the stock kernels $(LONG_KERNELS)'
	@echo 'make test-live    those of live counters, on a stock kernel: $(LIVE_KERNEL)'
	@echo 'make test-other-release  make test on Debian $(OTHER_RELEASE), in a folder that is its root (root)'
	@echo 'make test-big-endian  what reads and packs numbers, as an s390x runs it (root; slow, the first time above all)'
	@echo 'make test-packages  make test-built; wheels, the source archive and Debian'"'"'s packages, over ipvsadm and beside'
	@echo '                  it, in roots of Debian and Ubuntu (root)'
	@echo 'make first-run    make demo on empty Debians and Ubuntus, as root and as an ordinary user, with its log in'
	@echo '                  build/first-run; RELEASES=noble, WHAT='"'"'demo test'"'"', AS=ordinary (root)'
	@echo 'make campaigns    faults at every place in turn, for minutes; KERNEL=6.1 as above (tests/campaigns)'
	@echo 'make deb          packages for this release of Debian or Ubuntu, into dist/deb'
	@echo 'make test-deb     builds them, and looks at them, with lintian too'
	@echo 'make rpm          RPM packages by the rpmbuild of this machine, into dist/rpm'
	@echo 'make test-built   make test-deb, the same for RPM packages, with rpmlint, and Alpine'"'"'s recipe and init scripts'
	@echo 'make bench        ours beside the others, in one kernel; BENCH_ARGS=--quick for a short run'
	@echo 'make fuzz         made-up input for the readers in C, FUZZ_SECONDS=60 for each'
	@echo 'make lint         ruff, mypy, pyright, clang-format'
	@echo 'make format       bring the sources into the form that make lint wants'
	@echo 'make generated    write manual pages, completions and the dashboard anew from their tables'
	@echo 'make site         the documentation as a site, in build/site; a dead link is an error'
	@echo 'make venv         build the wheel and install it into $(VENV)'
	@echo 'make deps         install what building and testing needs (as root), or say how'
	@echo 'make clean        remove what was built'

deps:
	@tools/setup.sh build

deps-test:
	@tools/setup.sh build test

deps-long:
	@tools/setup.sh build test long

deps-packages:
	@tools/setup.sh build packages

deps-bench:
	@tools/setup.sh build test bench

deps-deb:
	@tools/setup.sh deb

deps-rpm:
	@tools/setup.sh rpm

deps-alpine:
	@tools/setup.sh alpine

deps-fuzz:
	@tools/setup.sh build fuzz

# The order-only prerequisite runs every time, but makes nothing be built again.
$(VENV)/.created: pyproject.toml | deps
	@echo 'making $(VENV)'
	@$(BIN)/python -c 'import pip' 2> /dev/null || "$$(tools/python.sh)" -m venv --clear $(VENV)
	@$(PIP) install $(BUILD_REQUIRES)
	@touch $@

# Without isolation, so that a changed source can be built again with no network.
build/wheel/.built: $(VENV)/.created $(SOURCES)
	@echo 'building the wheel'
	@rm -rf build/wheel build/lib* build/bdist*
	@$(PIP) wheel --no-deps --no-build-isolation -w build/wheel .
	@touch $@

$(VENV)/.installed: build/wheel/.built
	@echo 'installing the wheel into $(VENV)'
	@wheel=$$(echo build/wheel/*.whl); $(PIP) install --force-reinstall --no-deps "$$wheel" \
	&& $(PIP) install "$$wheel[dev]"
	@touch $@

venv: deps $(VENV)/.installed

demo: deps-test venv
	@tools/demo.sh

watch-demo: deps-test venv
	@$(BIN)/python tools/watch_demo.py

# All of them, whatever fails before.
test: deps-test
	@$(MAKE) --no-print-directory --keep-going test-unit test-harness test-kernel

test-unit: venv
	$(BIN)/pytest $(filter-out tests/harness,$(HOST_TESTS)) $(PYTEST_ARGS)

test-harness: deps-test venv
	IPVSFAST_KERNEL=$(KERNEL) $(BIN)/pytest $(filter tests/harness,$(HOST_TESTS)) $(PYTEST_ARGS)

# All of them, whatever fails before.
test-kernel: deps-test venv
	@$(MAKE) --no-print-directory --keep-going $(IN_KERNEL)

# That a folder has none of the tests that were chosen (status 5) is no failure.
$(IN_KERNEL): test-kernel-%: deps-test venv
	@echo 'tests/$* on kernel $(KERNEL)'
	@$(VM) -k $(KERNEL) --timeout 5400 -- $(BIN)/pytest tests/$* $(PYTEST_ARGS) || [ $$? = $(if $(PYTEST_ARGS),5,0) ]

.PHONY: deps-live test-live
deps-live:
	@tools/setup.sh build test live

test-live: deps-live venv
	$(VM) -k $(LIVE_KERNEL) --timeout 5400 -- $(BIN)/pytest tests/live $(PYTEST_ARGS)

test-long: deps-long venv
	for kernel in $(LONG_KERNELS); do \
		IPVSFAST_HAMMER=300 $(MAKE) --no-print-directory test-kernel KERNEL=$$kernel || exit; \
		$(MAKE) --no-print-directory campaigns KERNEL=$$kernel || exit; \
		IPVSFAST_KERNEL=$$kernel $(BIN)/pytest tests/harness/test_lockdown.py $(PYTEST_ARGS) || exit; \
		$(MAKE) --no-print-directory test-live KERNEL=$$kernel || exit; \
	done
	@$(MAKE) --no-print-directory test-live KERNEL=testing
	IPVSFAST_HAMMER=300 $(VM) --timeout 5400 -- $(BIN)/pytest tests/kernel/test_hammer.py $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory campaigns test-other-release test-big-endian test-packages
	@$(MAKE) --no-print-directory first-run WHAT='demo watch-demo test'

test-other-release: deps-test venv
	$(BIN)/python -m tests.vm.debian_root $(OTHER_RELEASE) -- make test

test-big-endian: deps-long venv
	$(BIN)/python -m tests.vm.debian_root --arch s390x bookworm -- tools/test_emulated.sh $(PYTEST_ARGS)

.PHONY: deps-packages test-packages first-run
first-run: deps-packages venv
	$(BIN)/python -m tests.vm.first_run --what '$(WHAT)' $(AS:%=--user %) $(RELEASES)

test-packages: deps-packages deps-deb deps-rpm deps-alpine venv test-openrc
	$(BIN)/pytest tests/packages --ignore-glob='*/test_roots*.py' $(OPENRC_TESTS:%=--ignore=%) $(PYTEST_ARGS)
	PYTEST_ARGS='$(PYTEST_ARGS)' $(BIN)/python -m tests.packages.roots

# All of them, whatever fails before.
campaigns: deps-test venv
	@for script in tests/campaigns/[a-z]*.py; do \
		$(VM) -k $(KERNEL) --timeout 3600 -- $(BIN)/python $$script || failed=1; \
	done; [ -z "$$failed" ]

deb: deps-deb
	@tools/deb.sh

test-deb: deps-deb venv
	$(BIN)/pytest tests/packages/test_built.py $(PYTEST_ARGS)

rpm: deps-rpm
	@tools/rpm.sh

.PHONY: deps-alpine test-built-here test-openrc
test-built: test-built-here test-openrc

test-built-here: deps-deb deps-rpm deps-alpine venv
	$(BIN)/pytest $(BUILT_TESTS) $(PYTEST_ARGS)

test-openrc: deps-test deps-alpine venv
	$(VM) -k $(KERNEL) -- $(BIN)/pytest $(OPENRC_TESTS) $(PYTEST_ARGS)

bench: deps-bench venv
	$(BIN)/python -m bench --prepare
	$(VM) -k $(KERNEL) --timeout $(BENCH_SECONDS) --memory 4096 -- $(BIN)/python -m bench $(BENCH_ARGS)

fuzz: deps-fuzz
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)
	$(BIN)/mypy
	cd tests/typing && $(PYRIGHT)
	@mkdir -p build && cd tests/typing && $(PYRIGHT) --verifytypes ipvsfast --ignoreexternal \
		> ../../build/types || { cat ../../build/types; exit 1; }
	@grep '^Type completeness' build/types

format: venv
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

# Sphinx reads the docstrings of the installed package. Nothing of it is fetched while it builds.
$(VENV)/.docs: $(VENV)/.installed
	@wheel=$$(echo build/wheel/*.whl); $(PIP) install "$$wheel[docs]"
	@touch $@

site: venv $(VENV)/.docs
	@$(BIN)/python tools/site/build.py

# The tools read the tables of the installed package. Unit tests fail while a file in the tree is stale.
generated: venv
	$(BIN)/python tools/manpages.py
	$(BIN)/python tools/completions.py
	$(BIN)/python tools/metrics.py
	$(BIN)/python tools/dashboard.py
	$(BIN)/python tools/alert_list.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
