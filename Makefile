# What go itself does as well is not here. `make help` lists the targets.

LOCAL    := bin/tajdeed-local
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
COMMIT   := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
TEST_DATA = $${TMPDIR:-/tmp}/tajdeed-test-$$$$

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## a tenth of a year through Kafka, Postgres and ClickHouse on this machine, then its statistics
	$(LOCAL) up --once

.PHONY: up
up: build ## the same, without end, with a live summary; Ctrl-C stops it
	$(LOCAL) up

.PHONY: test
test: build ## every test, on real servers started for them
	@data=$(TEST_DATA); trap 'rm -rf "$$data"' EXIT; \
	  $(LOCAL) servers --data "$$data" -- go test $(ARGS) ./...

.PHONY: race
race: build ## every test under the race detector
	@$(MAKE) test ARGS="-race $(ARGS)"

.PHONY: bench
bench: build ## measure all of it on this machine; ARGS="--only whole --repeat 3 --report bench.md"
	@$(LOCAL) bench $(ARGS)

.PHONY: benchmarks
benchmarks: build ## the benchmarks beside the code; ARGS=-benchtime=1x for one iteration each
	@data=$(TEST_DATA); trap 'rm -rf "$$data"' EXIT; \
	  $(LOCAL) servers --data "$$data" -- go test -run '^$$' -bench . -benchmem $(ARGS) ./...

.PHONY: clients
clients: build ## the example channels in Java, JavaScript and Python, against both stages
	@bash deploy/local/prerequisites.sh clients
	@data=$(TEST_DATA); trap 'rm -rf "$$data"' EXIT; $(LOCAL) clients --data "$$data"

.PHONY: chaos
chaos: build ## break a running system in every way there is, and see that nothing is lost; ARGS="--minutes 5 --seed 2"
	@$(LOCAL) chaos $(ARGS)

.PHONY: lint
lint: ## what reads the code and complains
	go vet ./...
	go run $(LINTER) run

.PHONY: build
build: prerequisites ## both programs, in bin/
	go build -ldflags '-X tajdeed/cmd/command.commit=$(COMMIT)' -o bin/ ./cmd/tajdeed ./cmd/tajdeed-local

.PHONY: prerequisites
prerequisites: ## what the servers need and go does not bring: Java, Maven, npm, pip
	@bash deploy/local/prerequisites.sh

.PHONY: clean
clean: ## what a build leaves; not the servers' data, see `tajdeed-local servers --help`
	rm -rf bin
