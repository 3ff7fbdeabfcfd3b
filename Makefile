.DEFAULT_GOAL := help
PORT ?= 3000
UI_PORT ?= 5000
REVIEW_PORT ?= 3001
BIN := .venv/bin
BENCHMARKS := crawl embedding retraining names name_training cpu_kinds overhead

export PATH := $(CURDIR)/$(BIN):$(PATH):$(CURDIR)/.tools/bin
# Behind a network with a certificate authority of its own, only the system knows it.
CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(CERTIFICATES),)
export UV_SYSTEM_CERTS ?= 1
export PIP_CERT ?= $(CERTIFICATES)
endif
# Nothing that Herodex is built from phones home.
export BENTOML_DO_NOT_TRACK := True
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Without bytecode every stage would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run report refresh test review serve ui lint experiments bench pull prove promote rollback bento image image-test audit clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## install uv, the environment and Chromium; quick when they are there
	@scripts/setup.sh

run: setup ## crawl, clean, split, train, evaluate; says what came out
	@python -m herodex.params
	dvc repro
	@python -m herodex.lineage.report_page
	@python -m herodex.summary

report: setup ## show all figures, plots, cards and times on one page, reports/index.html
	@python -m herodex.lineage.report_page

refresh: setup ## crawl anew; a snapshot of the live web is kept until the next refresh
	@python -m herodex.params
	@scripts/refresh.sh

test: setup ## run all tests
	@scripts/setup.sh --for-tests
	pytest -n 2 --no-loadscope-reorder

lint: setup ## check format, style and types
	ruff format --check .
	ruff check .
	pyright

review: setup ## overrule the cleaning on http://localhost:3001 (REVIEW_PORT=… moves it)
	@python -m herodex.review.server --port $(REVIEW_PORT)

serve: setup ## answer on http://localhost:3000 (PORT=… moves it)
	@python -m herodex.serving.start --port $(PORT)

ui: setup ## open MLflow's pages on http://localhost:5000 (UI_PORT=… moves it)
	mlflow ui --backend-store-uri $(or $(MLFLOW_TRACKING_URI),sqlite:///mlflow.db) --port $(UI_PORT)

experiments: setup ## compare experiments: what was changed, and the figures that differ
	@dvc exp show --no-pager --md --only-changed --hide-workspace --drop '.*\.(low|high|n)$$|Created|State|Executor'

bench: setup ## measure speeds, as ratios within one run; reports/bench.csv and bench.png hold all of them
	@rm -f .cache/bench.jsonl
	@for part in $(BENCHMARKS); do python -m benchmarks.$$part || failed="$$failed $$part"; done; \
	python -m benchmarks.table; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

prove: setup ## make all outputs twice, in two clones, and compare (PROVE=--small: of a tiny configuration)
	@python scripts/prove.py $(PROVE)

pull: setup ## fetch the models from shared storage, to serve or package them without training
	dvc pull models/backbone models/classifier models/generator models/lineage.json data/names/clean.csv

promote: setup ## make models champions that are better by more than chance (MODEL="classifier=3": that one)
	@herodex promote $(MODEL)

rollback: setup ## make the champions again that were it before (MODEL=classifier: that one alone)
	@herodex rollback $(MODEL)

bento: setup ## build the bento of the champions and the service (MODEL="classifier=3": of another version)
	@herodex bento $(MODEL)

image: bento ## build the bento's container image with docker, podman or buildah
	@scripts/image.sh

image-test: setup ## start the image, ask each endpoint once, stop it
	@python -m scripts.check_image

audit: setup ## look up known faults of the locked packages; needs osv.dev
	uv audit --frozen --preview-features audit-command

clean: ## remove the environment and all outputs; runs, DVC's cache and review.csv stay
	rm -rf .venv .tools data/images data/names models reports
