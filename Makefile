# Groupwriteback. `make help` lists what can be made.

MAKEFLAGS += --no-print-directory
FUZZTIME  ?= 10s
BENCH     ?= .
# For make azure and make lambda: a rules file to put in, and Lambda's processor (arm64 or amd64).
RULES     ?=
ARCH      ?= arm64
# For make run: the folder of handler.env, agent.yaml and rules.yaml; and what it passes on, such as RUNFLAGS='-every 10s'.
CONFIG    ?=
RUNFLAGS  ?=
# What `make test` passes on, such as TESTFLAGS='-short' or TESTFLAGS='-run TestStory -v'.
TESTFLAGS ?=
# Which mutants `make mutate` plays: all, so many of them, or those with this text in their package or name.
MUTANTS   ?=

GOBUILD = CGO_ENABLED=0 go build -trimpath -ldflags="-s -w"
FUZZERS = grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's|/[^/]*:func | |' | sort

.DEFAULT_GOAL = help
.PHONY: help build cli test lint demo run mutate weather fuzz bench azure lambda needs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Play an invented company into a fresh Active Directory (ONCE=1: without pauses, exit code 0 or 1)
	@go run ./infra/demo

run: build ## Run both halves on this machine, with the files of a folder (CONFIG=folder; docs/install.md)
	@$(GOBUILD) -o bin/run ./infra/run
	@exec bin/run $(RUNFLAGS) "$(CONFIG)"

test: needs ## Run all tests with the race detector, on a real domain controller
	go test -race -timeout 20m $(TESTFLAGS) ./... ./.ci

lint: ## Check format, go vet and staticcheck; known vulnerabilities where govulncheck can
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not formatted: run gofmt -w" $$files; exit 1; }
	go vet ./... ./.ci
	for system in windows darwin; do CGO_ENABLED=0 GOOS=$$system go vet ./cli || exit 1; done
	go tool staticcheck ./... ./.ci
	@.ci/vulnerabilities

mutate: needs ## Break safety rules one at a time and see the tests notice (MUTANTS=10, MUTANTS=shared/ad: some)
	@go run ./infra/mutate "$(MUTANTS)"

weather: ## Play the planner against bad weather (GROUPWRITEBACK_TEST_STEPS, GROUPWRITEBACK_TEST_SEED)
	go test -count=1 -timeout 30m -run TestRandomWeather -v ./shared/cycle

fuzz: ## Run each fuzz target for FUZZTIME (10s), two at a time
	@$(FUZZERS) | xargs -P 2 -L 1 .ci/fuzz $(FUZZTIME)

bench: needs ## Run the benchmarks (BENCH=Decode: those whose name matches)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

build: ## Build bin/handler, bin/agent and bin/pilot, static and stripped
	$(GOBUILD) -o bin/handler ./functions/azure
	$(GOBUILD) -o bin/agent ./agent
	$(GOBUILD) -o bin/pilot ./pilot

cli: ## Build bin/groupwriteback, the operators' command, for this machine (GOOS, GOARCH: for another), and dist/man
	$(GOBUILD) -o bin/groupwriteback ./cli
	@GOOS= GOARCH= go run ./cli man dist/man

azure: ## Make dist/azure.zip, the function app (RULES=file: with these rules)
	GOOS=linux GOARCH=amd64 $(GOBUILD) -o bin/linux-amd64/handler ./functions/azure
	@go run ./infra/bundle/mkbundle azure bin/linux-amd64/handler dist/azure $(RULES)

lambda: ## Make dist/lambda-arm64.zip, the Lambda function (ARCH=amd64, RULES=file)
	GOOS=linux GOARCH=$(ARCH) $(GOBUILD) -tags lambda.norpc -o bin/linux-$(ARCH)/bootstrap ./functions/lambda
	@go run ./infra/bundle/mkbundle lambda bin/linux-$(ARCH)/bootstrap dist/lambda-$(ARCH) $(RULES)

needs: ## Install what the tests need, where it is missing (Debian, Ubuntu)
	@infra/needs.sh

clean: ## Remove what was built (not the cached domains: ~/.cache/groupwriteback)
	rm -rf bin dist
