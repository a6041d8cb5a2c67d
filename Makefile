# klamm: `make lab` is the main job, `make test` needs nothing but Go.
# Everything that is installed goes into ignored folders of this checkout.

GO      ?= go
BIN     := bin/klamm
TOOLS   := .tools
STATICCHECK := $(TOOLS)/staticcheck
STATICCHECK_VERSION := v0.8.2

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help build lab test check interop bench soak fmt clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/klamm
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/klamm

lab: build ## start the lab; flags by ARGS="--check"
	@$(BIN) lab $(ARGS)

test: ## all tests that need nothing but Go
	CGO_ENABLED=0 $(GO) test ./...

check: $(STATICCHECK) ## formatting, vet, staticcheck, race detector, structure
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not formatted (run make fmt):"; echo "$$unformatted"; exit 1; fi
	$(GO) mod verify >/dev/null
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) test -count=1 -v -run 'TestBudgets|TestDependencyRule|TestRuleTable' ./internal/archtest | grep -v '^=== '
	$(GO) test -race ./...

$(STATICCHECK): Makefile
	@mkdir -p $(TOOLS)
	GOBIN=$(CURDIR)/$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@touch $@

interop: build ## real clients and a real Apache Kafka (Java, Maven, Python, Node)
	bash interop/run.sh

bench: ## benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... ./klammtest

FUZZTIME ?= 110s
soak: build ## two hours: clients for longer, an hour of fuzzing (each target for FUZZTIME), benchmarks
	@FUZZTIME=$(FUZZTIME) bash interop/soak.sh

fmt: ## format the Go files
	gofmt -w $$(git ls-files '*.go')

clean: ## remove what was built and installed
	rm -rf bin $(TOOLS) interop/.cache
