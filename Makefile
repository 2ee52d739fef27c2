# TLIMB: `make demo` and `make test` set up what they need in .venv; nothing outside the checkout is changed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Extra options: make test PYTEST_ARGS="tests/setup -x"
PYTEST_ARGS ?=
# How long `make fuzz` looks
FUZZ_SECONDS ?= 600
# Image build: the base image, the program, and options of its `build` (a proxy, a host network)
BASE ?= python:3.11-slim
DOCKER ?= docker
DOCKER_BUILD_ARGS ?=

# Images for -profile singularity or apptainer: the program, its options (--fakeroot, --build-arg), and where they go
APPTAINER ?= apptainer
SIF_BUILD_ARGS ?=
SIF_FOLDER ?= containers/images

.PHONY: help setup demo test every faults fuzz check lint format lock image sif clean distclean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## Make .venv with the pinned packages, tlpy and Nextflow (done once; a second call does nothing)
	@bash setup/setup.sh

demo: setup ## Simulate brains, run a TLIMB search on them, show the ranking
	@bash setup/demo.sh

test: setup lint ## Linters, then all tests
	@bash setup/test.sh $(PYTEST_ARGS)

every: setup ## Every registered name through the pipeline, in each dimension it claims (20 minutes or so)
	@bash setup/test.sh tests/nextflow/test_every_name.py -m every $(PYTEST_ARGS)

faults: setup ## Every fault of docs/reliability.md, brought about: full disks, killed tasks, lost memory
	@bash setup/test.sh tests/faults -m "faults or not faults" $(PYTEST_ARGS)

fuzz: setup ## Params and files that nobody should give, each half for FUZZ_SECONDS (600), others each time
	@TLIMB_FUZZ_SECONDS=$(FUZZ_SECONDS) bash setup/test.sh tests/fuzz $(PYTEST_ARGS)

lint: setup ## ruff, mypy, nextflow lint, shell syntax
	@bash setup/lint.sh

format: setup ## Format the Python code
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

lock: setup ## Resolve requirements/*.in and setup/jgo.toml anew (UPGRADE=1: to the newest versions)
	@bash setup/lock.sh $(if $(UPGRADE),--upgrade)

image: ## Build the images tlimb/train and tlimb/report (BASE=, DOCKER=, DOCKER_BUILD_ARGS=)
	@for role in report train; do \
	    $(DOCKER) build $(DOCKER_BUILD_ARGS) --build-arg BASE=$(BASE) -f containers/$$role/Dockerfile -t tlimb/$$role:$(VERSION) .; \
	done

sif: ## Build the same for Singularity and Apptainer, in containers/images (APPTAINER=, SIF_BUILD_ARGS=, SIF_FOLDER=)
	@mkdir -p $(SIF_FOLDER)
	@for role in report train; do \
	    $(APPTAINER) build $(SIF_BUILD_ARGS) $(SIF_FOLDER)/tlimb-$$role-$(VERSION).img containers/$$role/$$role.def; \
	done

clean: ## Remove the demo's data and results, work/, caches and logs (your own results/ and data/ stay)
	@rm -rf work results/demo data/demo .nextflow .nextflow.log* .nf-test* .lineage .mypy_cache .ruff_cache .pytest_cache build *.egg-info
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and .venv too
	@rm -rf .venv
