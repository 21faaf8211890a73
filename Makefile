# Every task builds .venv by itself from requirements.txt (pinned and hashed).
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Spark is tested where Java is; it lives apart, since pandera loads it wherever it finds it.
SPARK := $(if $(shell command -v java),.venv/spark/.ready)

.DEFAULT_GOAL := help
.PHONY: help demo test check fix soak baselines bench benchsync lab docs notebooks lock clean

help:  ## list the tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "custlens needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/spark/.ready: requirements-spark.txt $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
		--upgrade --target .venv/spark -r requirements-spark.txt
	@touch $@

demo: $(READY)  ## fetch the embedded demo store and write its report
	$(BIN)/custlens demo --output custlens-demo.html

test: check $(SPARK)  ## check, then run every test and notebook
	$(BIN)/python -m pytest -n auto --dist loadfile
	PYTHONWARNINGS=error::UserWarning,error::RuntimeWarning $(BIN)/python -m pytest -n auto --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=60 --override-ini addopts= notebooks

check: $(READY)  ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(READY)  ## thirty simulated days of a shop with faults and kills, and the tests that take minutes (25 minutes)
	$(BIN)/python tests/soak
	$(BIN)/python -m pytest -m soak

baselines: $(READY)  ## draw the pictures anew that the image tests compare with; look at each that changes
	$(BIN)/python -m pytest tests/plot/test_pictures.py --mpl-generate-path=tests/plot/baseline -W "ignore:Ignoring --mpl-baseline-path"

fix: $(READY)  ## format and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## print speed and memory as ratios against named peers
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.frames
	$(BIN)/python -m bench.store
	$(BIN)/python -m bench.analysis
	$(BIN)/python -m bench.plot
	$(BIN)/python -m bench.lookup
	$(BIN)/python -m bench.explorer

# make benchsync BENCH='20000,100000 0,50,200 5' runs the long form; see bench/sync.py.
benchsync: $(READY)  ## the same for syncs, against tools that it installs first (20 minutes)
	$(BIN)/python -m bench.sync limit
	$(BIN)/python -m bench.sync $(BENCH)

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

docs: $(READY)  ## write the data dictionary and the API reference into docs/
	$(BIN)/python -m docs.build

notebooks: $(READY)  ## run the notebooks again and save their outputs
	$(BIN)/python -m notebooks.save

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(READY)  ## pin requirements.txt and requirements-spark.txt anew from pyproject.toml (needs uv)
	$(LOCK) --extra dev pyproject.toml -o requirements.txt
	echo 'pyspark>=4.0' | $(LOCK) - -o requirements-spark.txt

clean:  ## remove what the tasks made
	rm -rf .venv docs/api .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache custlens-demo.html dist
