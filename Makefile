# make dev | test | test-s3 | faults | bench | check | fmt | clean.   NODES=2 make dev starts two nodes.
# make bench compares ratios with loadtest/bench/baseline.json; BASELINE=write writes it.
# make faults MINUTES=10 breaks what can break at random; SEED=7 does what it did before.

BIN := .venv/bin
PYTHON ?= python3
# Compiled modules are what makes a second start fast.
unexport PYTHONDONTWRITEBYTECODE
# Trust whom the machine trusts, as pip does: behind a proxy it may be somebody else.
export UV_SYSTEM_CERTS := 1

.PHONY: dev test test-s3 faults bench check fmt lock clean

dev: .venv/installed
	@exec $(BIN)/lumina dev

test: .venv/installed
	@$(BIN)/pytest $(ARGS)

faults: .venv/installed
	@exec $(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ACT),--act $(ACT))

# Against a real S3, which checks signatures: Ceph's gateway, from the packages of Debian. Not a part of `make test`.
S3_TESTS := tests/blobs tests/handlers/test_bucket_uploads.py tests/handlers/test_bucket_processing.py \
    tests/handlers/test_large_upload.py tests/cli/test_media_check.py

test-s3: .venv/installed
	@LUMINA_TEST_LARGE_MB=$(or $(MB),200) $(BIN)/python -m tests.blobs.ceph $(BIN)/pytest -n 0 -rs $(or $(ARGS),$(S3_TESTS))

bench: .venv/installed
	@exec $(BIN)/python -m loadtest bench $(if $(filter write,$(BASELINE)),--write --rounds 6)

check: .venv/installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_lock.py

fmt: .venv/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:
	uv lock
	uv export --quiet --all-extras --no-emit-project --format requirements-txt --no-header -o requirements.txt

clean:
	@if [ -L .lumina/engines ]; then rm -rf "$$(readlink .lumina/engines)"; fi
	rm -rf .venv .lumina .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# uv when it is there, venv and pip when not; both install exactly what uv.lock says.
.venv/installed: uv.lock requirements.txt pyproject.toml
	@if command -v uv >/dev/null; then \
	    echo "setting up .venv with uv"; \
	    uv sync --quiet --frozen --all-extras --compile-bytecode; \
	else \
	    echo "setting up .venv with pip (takes a minute the first time)"; \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lumina needs Python 3.11 or newer; set PYTHON=...")' && \
	    $(PYTHON) -m venv .venv && \
	    $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && \
	    $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
