# `make run` and `make test` are all the set-up there is; see CONTRIBUTING.md for the rest.
.DEFAULT_GOAL := help
JOBS ?= 2
# More than there are cores: tests wait for processes and clients more than they compute.
TEST_JOBS ?= 4
PROFILE ?= release
export AQUATIC_JOBS := $(JOBS)
export AQUATIC_TEST_JOBS := $(TEST_JOBS)

.PHONY: help run test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## start the tracker, with every protocol, in the foreground; ARGS="-c FILE" for a configuration
	@tools/setup run
	@exec .venv/bin/aquatic serve $(ARGS)

test: ## the whole test suite; ARGS="tests/unit -k NAME" for a part of it
	@tools/setup test
	@exec .venv/bin/python -m pytest -n $(TEST_JOBS) --dist worksteal $(ARGS)

.PHONY: build test-asan test-tsan
build: ## build PROFILE (release, release-debug, asan, tsan) into build/PROFILE/venv; OPTIONS="-Db_lto=true"
	@tools/setup run
	@tools/build $(PROFILE) $(OPTIONS)

test-asan: ## the data plane's tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/sanitized asan $(ARGS)

test-tsan: ## the data plane's tests with ThreadSanitizer
	@tools/sanitized tsan $(ARGS)

.PHONY: fuzz fuzz-long
fuzz: ## replay the corpora and fuzz each harness for SECONDS (13); ARGS="NAME..." for some
	@tools/setup fuzz
	@.venv/bin/python -m tools.fuzz --seconds $(or $(SECONDS),13) $(ARGS)

fuzz-long: ## the same for an hour each
	@$(MAKE) --no-print-directory fuzz SECONDS=$(or $(SECONDS),3600)

.PHONY: soak
soak: ## an hour of load on the tracker, the verdict in docs/soak.md; ARGS="--minutes 5" for less
	@tools/setup test
	@.venv/bin/python -m benchmarks.soak --markdown docs/soak.md --json build $(ARGS)

.PHONY: bench
bench: ## measure trackers side by side: ARGS="list", ARGS="run NAME --html FILE"
	@tools/setup run
	@.venv/bin/aquatic bench $(or $(ARGS),list)

.PHONY: docs
docs: ## write docs/configuration.md anew from the code
	@tools/setup run
	@.venv/bin/python -m aquatic.control.reference >docs/configuration.md

.PHONY: dist lint format
dist: ## build the source distribution, the wheel from it, and install that into an environment of its own
	@tools/setup test
	@.venv/bin/python -m tools.dist

lint: ## formatting, lint, types and tidiness
	@tools/setup test
	@.venv/bin/ruff format --check && .venv/bin/ruff check && .venv/bin/mypy && .venv/bin/python -m tools.tidy

format: ## format and mend what ruff can
	@tools/setup test
	@.venv/bin/ruff format && .venv/bin/ruff check --fix

.PHONY: lock
lock: ## write constraints.txt anew from what is installed in .venv
	@sed -i '1!d' constraints.txt
	@.venv/bin/python -m pip freeze --exclude-editable >>constraints.txt
