.DEFAULT_GOAL := help
PORT ?= 3000
UI_PORT ?= 5000
PART ?=
STAGES_classifier := evaluate_classifier report_cleaning draw_examples
STAGES_generator := evaluate_generator
REVIEW_PORT ?= 3001
BIN := .venv/bin
BENCHMARKS := crawl embedding retraining names name_training cpu_kinds overhead

export PATH := $(CURDIR)/$(BIN):$(PATH):$(CURDIR)/.tools/bin
# Networks with their own certificate authority register it with the system only.
CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(CERTIFICATES),)
export UV_SYSTEM_CERTS ?= 1
export PIP_CERT ?= $(CERTIFICATES)
endif
# Telemetry of the libraries is off.
export BENTOML_DO_NOT_TRACK := True
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Without bytecode files every stage would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

ifneq ($(filter-out classifier generator,$(PART))$(word 2,$(PART)),)
$(error PART is "$(PART)"; use PART=classifier, PART=generator, or leave it out to run both)
endif

.PHONY: help setup run report refresh test review serve ui lint experiments bench pull prove promote rollback bento image image-test audit clean

help: ## list all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## install uv, the environment and Chromium, where missing
	@scripts/setup.sh

run: setup ## crawl, clean, split, train and evaluate; print a summary (PART=classifier or PART=generator for one half)
	@python -m herodex.preflight
	@python -m herodex.repro $(STAGES_$(PART))
	$(if $(PART),@python -m herodex.lineage.record $(PART))
	@python -m herodex.lineage.report_page
	@python -m herodex.summary $(PART)
	@python -m herodex.committed_lock $(STAGES_$(PART))

report: setup ## write all metrics, plots, model cards and times to one page, reports/index.html
	@python -m herodex.lineage.report_page

refresh: setup ## crawl again; keeps the snapshot until the next refresh
	@python -m herodex.preflight
	@scripts/refresh.sh

test: ## run all tests
	@scripts/setup.sh --for-tests
	pytest -n 2 --no-loadscope-reorder

lint: setup ## check format, style and types
	ruff format --check .
	ruff check .
	pyright

review: setup ## review excluded images on http://localhost:3001 (REVIEW_PORT=… for another port)
	@python -m herodex.review.server --port $(REVIEW_PORT)

serve: setup ## serve on http://localhost:3000 (PORT=… for another port)
	@python -m herodex.serving.start --port $(PORT)

ui: setup ## open MLflow on http://localhost:5000 (UI_PORT=… for another port)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri $(or $(MLFLOW_TRACKING_URI),sqlite:///mlflow.db) --port $(UI_PORT)

experiments: setup ## compare experiments: changed settings, and metrics that differ
	@dvc exp show --no-pager --md --only-changed --hide-workspace --drop '.*_(low|high)$$|.*\.json$$|Created|State|Executor'

bench: setup ## measure speed as ratios, into reports/bench.csv and bench.png
	@rm -f .cache/bench.jsonl
	@for part in $(BENCHMARKS); do python -m benchmarks.$$part || failed="$$failed $$part"; done; \
	python -m benchmarks.table; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

prove: setup ## run the pipeline in two clones and compare all outputs (PROVE=--small: a tiny configuration)
	@python scripts/prove.py $(PROVE)

pull: setup ## fetch trained models from shared storage, to serve or package them
	dvc pull models/backbone models/classifier models/generator models/lineage.json data/names/clean.csv reports/provenance

promote: setup ## make better models champions (MODEL="classifier=3" for one version)
	@herodex promote $(MODEL)

rollback: setup ## restore the previous champions (MODEL=classifier for one of them)
	@herodex rollback $(MODEL)

bento: setup ## package the champions and the service (MODEL="classifier=3" for another version)
	@herodex bento $(MODEL)

image: bento ## build the bento's container image with docker, podman or buildah
	@scripts/image.sh

image-test: setup ## start the container image, check each endpoint, stop it
	@python -m scripts.check_image

audit: setup ## look up known vulnerabilities of the locked packages at osv.dev
	uv audit --frozen --preview-features audit-command

clean: ## remove the environment and all outputs; keeps runs, DVC's cache and review.csv
	rm -rf .venv .tools data/images data/names models reports
