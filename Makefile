# make demo   sets up an environment and runs the main job on data that every installation has
# make test   sets up an environment and passes the tests
# make lint / make slow / make bench   style and types / the long tests / the measurements
# make docs   writes docs/reference again, from the code
PYTHON ?= python3
DEMO_OUT ?= runs/demo
.PHONY: demo test lint slow bench docs clean version

demo: .venv-demo/ready
	.venv-demo/bin/isocortex run full-study --out $(DEMO_OUT)

test: .venv-test/ready
	.venv-test/bin/python -m pytest

lint: .venv-test/ready
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/mypy

slow: .venv-test/ready
	.venv-test/bin/python -m pytest -m slow --timeout 1200

bench: .venv-test/ready
	.venv-test/bin/python tests/benchmarks/framework_cost.py
	.venv-test/bin/python tests/benchmarks/start_time.py

docs: .venv-test/ready
	.venv-test/bin/python -m isocortex.reference --only isocortex --out docs/reference

version:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"isocortex needs Python 3.11 to 3.13, and $(PYTHON) is {v[0]}.{v[1]}: run make PYTHON=python3.11, say")'

.venv-demo/ready: pyproject.toml | version
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m pip install --quiet --disable-pip-version-check -e '.[hed]'
	touch $@

.venv-test/ready: pyproject.toml | version
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

clean:
	rm -rf .venv-demo .venv-test runs build dist
