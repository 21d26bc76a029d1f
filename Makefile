# Every command of the project. `make help` lists them; each first calls `make setup`, which costs nothing when nothing changed.

PYTHON ?= python3
PORT ?= 8000
CUSTOMERS ?= 7000
DATA ?=
ARGS ?=

PY := .venv/bin/python
PYTEST := $(PY) -m pytest -q
# The browser's plugin costs seconds at every start: only its own suite loads it.
# A process a core, each with a database of its own; a module's tests stay together, for they share what they set up.
QUICK := $(PYTEST) -p no:playwright -p no:base_url -m "not browser and not faults and not slow" -n auto --maxprocesses 4 --dist loadscope
# Few tests, each of them long: whoever is done takes one that the other has not begun. More than two would starve what they watch.
BY_TWO := -n auto --maxprocesses 2 --dist worksteal
BESIDE_VALKEY := $(PY) -m core.embedded run --valkey --
BESIDE_SERVERS := $(PY) -m core.embedded run --valkey --postgres --

export PORT CUSTOMERS DATA

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-slow test-postgres test-browser test-faults test-faults-slow prod-check coverage format lock clean
.PHONY: check check-imports check-format check-lint check-templates check-django check-api

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | column -t -s '|'

setup:  ## .venv with the pinned packages, and the built front end
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "$(PYTHON) is not installed: ChurnGuard needs Python 3.11 or newer (PYTHON=/path/to/it)."; exit 1; }
	@$(PYTHON) bin/setup.py runtime

setup-dev:  ## The same, with what tests and checks need
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "$(PYTHON) is not installed: ChurnGuard needs Python 3.11 or newer (PYTHON=/path/to/it)."; exit 1; }
	@$(PYTHON) bin/setup.py dev

demo: setup  ## The whole platform on 127.0.0.1 (PORT=8000 CUSTOMERS=7000 DATA=your-file.csv)
	@exec $(PY) -m churnguard.demo --port "$$PORT" --customers "$$CUSTOMERS" $${DATA:+--data "$$DATA"}

test: setup-dev  ## The quick suite, beside a Valkey of its own (ARGS=tests/customers)
	@$(BESIDE_VALKEY) $(QUICK) $(ARGS)

test-slow: setup-dev  ## What the quick suite leaves out for its length
	@$(BESIDE_VALKEY) $(PYTEST) -p no:playwright -p no:base_url -m "slow and not browser and not faults" $(BY_TWO) $(ARGS)

test-postgres: setup-dev  ## What of the quick suite asks a database, on PostgreSQL and Valkey (or DATABASE_URL and REDIS_URL)
	@$(BESIDE_SERVERS) $(QUICK) $(ARGS)

test-browser: setup-dev  ## The pages in a real Chromium
	@DJANGO_ALLOW_ASYNC_UNSAFE=1 $(BESIDE_VALKEY) $(PYTEST) -m browser $(ARGS)

test-faults: setup-dev  ## Killed workers, lost brokers
	@$(BESIDE_VALKEY) $(PYTEST) -p no:playwright -p no:base_url -m "faults and not slow and not alone" $(BY_TWO) $(ARGS); two=$$?; \
	$(BESIDE_VALKEY) $(PYTEST) -p no:playwright -p no:base_url -m "faults and not slow and alone" $(ARGS); one=$$?; \
	[ $$two = 0 -a $$one = 0 ] || [ $$two = 5 -a $$one = 0 ] || [ $$two = 0 -a $$one = 5 ]  # 5: none of these was asked for

test-faults-slow: setup-dev  ## The longest of them, which .ci/run leaves out
	@$(BESIDE_VALKEY) $(PYTEST) -p no:playwright -p no:base_url -m "faults and slow" $(BY_TWO) $(ARGS)

prod-check: setup-dev  ## The files of deploy/ on this machine: started, used, disturbed, stopped (four to eight minutes)
	@$(PY) -m deploy.check $(ARGS)

coverage: setup-dev  ## The quick suite, and what it did not reach
	@$(BESIDE_VALKEY) $(QUICK) --cov --cov-report=term-missing:skip-covered $(ARGS)

check: check-imports check-format check-lint check-templates check-django check-api  ## All of what follows (make -k check: whatever fails)

check-imports: setup-dev  ## Who may import whom
	@$(PY) -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'

check-format: setup-dev  ## Whether ruff would write it the same
	@$(PY) -m ruff format --check --quiet .

check-lint: setup-dev  ## Ruff's rules
	@$(PY) -m ruff check --output-format concise .

check-templates: setup-dev  ## Djlint's rules
	@$(PY) -m djlint --lint --quiet templates

check-django: setup-dev  ## Migrations that are missing, and Django's own checks
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check --fail-level WARNING

check-api: setup-dev  ## Whether the API's description is valid and leaves nothing unsaid
	@$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

format: setup-dev  ## Let ruff write what it can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

lock: setup-dev  ## Pin again what the direct requirements bring along
	@{ sed -n '1p' requirements.lock; .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header requirements-dev.txt; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:  ## Remove what was built and kept: environment, styles, the demo's data
	rm -rf .venv static/built staticfiles var .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
