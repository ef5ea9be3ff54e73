# Everything is a target. Needs git, make and root on Debian 12; `setup` brings the rest.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sonic-system-service
# An environment has its checkout in it: another one that is at work meanwhile has its own.
VENVS := $(CACHE)/checkout-$(firstword $(shell echo '$(CURDIR)' | cksum))
BIN := $(VENVS)/venv/bin
NEWEST := $(VENVS)/venv-newest-click/bin

.PHONY: demo demo-shell test check fuzz chaos fleet bench docs pictures dist setup clean

demo: setup  ## bring the sandbox switch up and tell the story
	$(BIN)/python -m sandbox.demo

demo-shell: setup  ## a shell on the sandbox switch
	$(BIN)/python -m sandbox.demo --shell

test: setup  ## all tests; then those of the command line under the newest click
	$(BIN)/python -m pytest -n 4 --dist loadgroup --no-loadscope-reorder
	$(NEWEST)/python -m pytest -n 2 tests/cli tests/terminal

check: setup  ## fast: lint, types, and what of the tests takes a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 -m "not slow"

fuzz: setup  ## an hour of inputs of any shape, led by what they reach (not part of test)
	$(BIN)/pip -q install --disable-pip-version-check atheris
	$(BIN)/python -m tests.fuzz

bench: setup  ## whole-process medians, memory of wait, growth with the number of features
	$(BIN)/python -m tests.bench

fleet: setup  ## a thousand simulated switches and a real API server that was away: who asks how often (ten minutes)
	$(BIN)/python -m tests.fleet

chaos: setup  ## an hour in which everything happens to a joined switch; CHAOS="--seed N --seconds N" for another
	$(BIN)/python -m tests.chaos $(CHAOS)

docs: setup  ## the command reference and the manual pages, made from the commands' own help
	$(BIN)/python -m tests.docs.generate

pictures: setup  ## the drawings of README and docs/bench.md, from what a sandbox switch does meanwhile
	$(BIN)/python -m tests.bench.pictures

dist: setup  ## wheel and source package of the last commit, reproducible
	$(BIN)/python -m sandbox.dist

setup:
	@sandbox/setup.sh "$(VENVS)"

clean:  ## remove the cache folder and what tools left in the tree
	rm -rf "$(CACHE)" build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
