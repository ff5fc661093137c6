.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
BENCH := .venv-bench
BENCH_INSTALLED := $(BENCH)/.installed
SWIFT := .venv-swift
SWIFT_INSTALLED := $(SWIFT)/.installed
LABEL_STUDIO := .venv-label-studio
LABEL_STUDIO_INSTALLED := $(LABEL_STUDIO)/.installed
AUDIT := .venv-audit
AUDIT_INSTALLED := $(AUDIT)/.installed

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(INSTALLED): requirements.lock pyproject.toml
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

install: $(INSTALLED)  ## Create .venv with the locked dependencies

DEMO ?= .demo
demo: $(INSTALLED)  ## Compare with random picks on handwritten digits, and run a campaign: DEMO= names the folder
	$(PYTHON) -m labelcycle.pipelines.demo "$(DEMO)"

check: $(INSTALLED) .typecheck  ## Lint, formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	MYPYPATH=.typecheck $(VENV)/bin/mypy --num-workers 2 -m labelcycle -p labelcycle.components -p labelcycle.pipelines

test test-long: export PYTHONDONTWRITEBYTECODE =  # a test run starts hundreds of processes, which would compile alike
test: check  ## Lint, types and the tests, but for what takes long
	$(VENV)/bin/pytest -q -n 2 --dist worksteal

test-long: check  ## Lint, types and every test, with each process begun anew and each figure drawn; an hour
	LABELCYCLE_TEST_COLD=1 $(VENV)/bin/pytest -q -n 2 --dist worksteal -m "long or not long"

$(SWIFT_INSTALLED): tests/services/swift/requirements.lock
	python3 -m venv $(SWIFT)
	echo '*' > $(SWIFT)/.gitignore
	$(SWIFT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

$(LABEL_STUDIO_INSTALLED): tests/services/label_studio/requirements.lock
	python3 -m venv $(LABEL_STUDIO)
	echo '*' > $(LABEL_STUDIO)/.gitignore
	$(LABEL_STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

test-services: $(INSTALLED) $(SWIFT_INSTALLED) $(LABEL_STUDIO_INSTALLED)  ## Test on real servers: OpenStack Swift, MLflow, Label Studio, and Chromium and Prometheus if there
	LABELCYCLE_TEST_SERVICES=1 $(VENV)/bin/pytest -q -rs tests/services

$(AUDIT_INSTALLED): tests/security/requirements.lock
	python3 -m venv $(AUDIT)
	echo '*' > $(AUDIT)/.gitignore
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

SEED ?= 0
KILLS ?= 200
EVERY_WRITE_OF ?= quick people
test-chaos: $(INSTALLED)  ## Kill, race, damage and cut off campaigns, and count what is lost: SEED=, KILLS=, EVERY_WRITE_OF=; over an hour
	$(PYTHON) -m tests.harness.protocol --most 600000
	$(PYTHON) -m tests.harness.chaos --kills $(KILLS) --seed $(SEED)
	$(PYTHON) -m tests.harness.races --races 20 --seed $(SEED)
	$(PYTHON) -m tests.harness.rot --trials 500 --seed $(SEED)
	$(PYTHON) -m tests.harness.faults --trials 60 --cycles 1 --processes 3 --seed $(SEED)
	$(PYTHON) -m tests.harness.chaos --every-write --campaigns $(EVERY_WRITE_OF) --seconds 5400

EXECUTIONS ?= 20000
fuzz: $(INSTALLED)  ## Feed every reader mutated and bad input, guided by coverage: EXECUTIONS= each
	$(PYTHON) -m tests.harness.fuzz --executions $(EXECUTIONS)
	$(PYTHON) -m tests.harness.fuzz.images --count 10000

test-reproducible: $(INSTALLED)  ## Run every recipe under other threads, shards, orders and stores, and compare; hours
	$(PYTHON) -m tests.harness.reproducible

test-security: $(INSTALLED) $(AUDIT_INSTALLED)  ## Look for planted secrets in all that a campaign leaves; every other test of security
	LABELCYCLE_TEST_SECURITY=1 $(VENV)/bin/pytest -q --timeout=1800 tests/security tests/system/test_no_secret_leaks.py

audit: $(AUDIT_INSTALLED)  ## Look up known vulnerabilities of the locked packages; error 4 where no answer came
	$(AUDIT)/bin/python tests/security/audit.py requirements.lock images/requirements.lock

SBOM ?= labelcycle.cdx.json
sbom: $(AUDIT_INSTALLED)  ## Write the CycloneDX bill of materials of the image; SBOM= names the file
	$(AUDIT)/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
		--of JSON --output-file $(SBOM) images/requirements.lock

bench-load: $(INSTALLED)  ## Measure a pool of a million, 100,000 labels and a history of 1,000 cycles, in a folder and S3
	$(PYTHON) -m tests.bench.load

bench-cycle: $(INSTALLED)  ## Measure embedding throughput, memory, imports and a cycle's overhead
	$(PYTHON) -m tests.bench.cycle

bench-ingest: $(INSTALLED)  ## Measure init on 100,000 images, as files, in Parquet and in shards, against a bare loop
	$(PYTHON) -m tests.bench.ingest

bench-pool: $(INSTALLED)  ## Measure every stage of a cycle on pools of 100,000 and a million samples
	$(PYTHON) -m tests.bench.pool

bench-select: $(BENCH_INSTALLED)  ## Measure the strategies against peers and at a million samples; about an hour
	$(BENCH)/bin/python -m tests.bench.select

bench-train: $(INSTALLED)  ## Measure LoRA training against a plain loop of peft and timm, and the heads
	$(PYTHON) -m tests.bench.train

ARCHIVE ?= eurosat.tar
WEIGHTS ?= vit_tiny_patch16_224.safetensors
FEATURES ?= eurosat.npz
SETS ?= digits
HOURS ?= 8
bench-methods: $(INSTALLED)  ## Measure the papers' methods: HOURS= for their tables, which a next run goes on with; ARCHIVE=, WEIGHTS=, FEATURES=, SETS= name the data
	$(PYTHON) -m tests.bench.methods.study --hours $(HOURS) --archive $(ARCHIVE) --weights $(WEIGHTS) --features $(FEATURES) --sets $(SETS)
	$(PYTHON) -m tests.bench.methods.probcover --features $(FEATURES) digits
	$(PYTHON) -m tests.bench.methods.dropquery --embeddings $(FEATURES)
	$(PYTHON) -m tests.bench.methods.heads --features $(FEATURES)
	$(PYTHON) -m tests.bench.long_tails $(FEATURES)
	$(PYTHON) -m tests.bench.rechecks

EUROSAT ?= eurosat.npz
TRASHNET ?= trashnet.npz
CALTECH101 ?= caltech101.npz
LABELS_OUT ?= bench-labels
bench-labels: FEATURES :=
bench-labels: $(BENCH_INSTALLED)  ## Measure which method needs the fewest labels: EUROSAT=, TRASHNET=, CALTECH101= name features (nothing: without), FEATURES= others; an hour
	$(BENCH)/bin/python -m tests.bench.labels --out $(LABELS_OUT) --plot tests/bench/labels.png --write tests/bench/RESULTS.md \
		--sets eurosat=$(EUROSAT) trashnet=$(TRASHNET) caltech101=$(CALTECH101) digits $(FEATURES)

$(BENCH_INSTALLED): $(INSTALLED)
	python3 -m venv --without-pip $(BENCH)
	$(PYTHON) -c "import site; print('import site; site.addsitedir(%r)' % site.getsitepackages()[0])" \
		> $$($(BENCH)/bin/python -c "import site; print(site.getsitepackages()[0])")/locked.pth
	$(PYTHON) -m pip freeze --disable-pip-version-check --exclude-editable > $(BENCH)/pins.txt
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--constraint $(BENCH)/pins.txt -e ".[bench]"
	touch $@

lock: $(INSTALLED)  ## Resolve the dependencies again
	$(PYTHON) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--extra dev pyproject.toml build-requirements.in --output-file requirements.lock
	$(VENV)/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--constraint requirements.lock pyproject.toml build-requirements.in --output-file images/requirements.lock

ENGINE ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
PASSED_ON := BASE_IMAGE LOCK PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST
BUILD = $(ENGINE) build --file images/Containerfile --build-arg REVISION=$$(git rev-parse HEAD) \
	$(foreach name,$(PASSED_ON),$(if $($(name)),--build-arg $(name))) $(BUILD_OPTIONS)

image-cpu:  ## Build the image for processors: BASE_IMAGE=, LOCK=, ENGINE= and BUILD_OPTIONS= change how
	$(BUILD) --target cpu --tag labelcycle-python:$(VERSION) .

image-cuda:  ## Build the image for NVIDIA GPUs, which has all of the other
	$(BUILD) --target cuda --tag labelcycle-python:$(VERSION)-cuda .

test-containers: $(INSTALLED)  ## Build the image and run stages in containers: as root, or with a container engine
	LABELCYCLE_TEST_CONTAINERS=1 $(VENV)/bin/pytest -q -rs --timeout=3600 tests/containers

KEEP ?=
test-cluster: $(INSTALLED)  ## Run campaigns on a real Kubernetes with Argo, built and started here: KEEP=1 leaves it up, FAULTS=, SEED= disturb it, UPGRADE_FROM= begins with a release, KUBEFLOW=1 runs Kubeflow Pipelines too; root on Debian; an hour, later less
	LABELCYCLE_TEST_CLUSTER=1 KEEP=$(KEEP) FAULTS=$(FAULTS) SEED=$(SEED) UPGRADE_FROM=$(UPGRADE_FROM) SHARDS=$(SHARDS) KUBEFLOW=$(KUBEFLOW) $(VENV)/bin/pytest -s -v -rs tests/cluster

.typecheck: Makefile
	mkdir -p .typecheck/labelcycle
	ln -sfn ../../components .typecheck/labelcycle/components
	ln -sfn ../../pipelines .typecheck/labelcycle/pipelines
	ln -sfn ../../src/labelcycle/__init__.py .typecheck/labelcycle/__init__.py
	touch .typecheck

.PHONY: help install demo check test test-long test-services test-chaos test-reproducible test-security fuzz audit sbom bench-load bench-cycle bench-pool bench-select bench-train bench-methods bench-labels lock image-cpu image-cuda \
	test-containers test-cluster
