# What people type. `make` alone lists it. Everything needed is installed on the way: JavaScript
# packages (Bun among them) by npm, Debian packages for the tests by apt.

BUN := node_modules/.bin/bun
TOPIC ?= demo
PAYLOAD ?= {"hello":"world"}
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help run listen publish cluster test check format docs build bench bench-compare benchmarks benchmarks-page
.PHONY: profile fuzz chaos soak screenshots clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
		awk -F'\t' '{ printf "  make %-15s %s\n", $$1, $$2 }'

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# A fresh configuration with a secret of its own, readable by nobody else.
config.yaml: | node_modules/.package-lock.json
	@umask 077 && sed "s/^worker_secret: .*/worker_secret: \"$$($(BUN) src/main.ts secret)\"/" \
		config.sample.yaml > $@
	@echo "wrote config.yaml with a new secret"

run: node_modules/.package-lock.json config.yaml ## start a worker here; Ctrl-C stops it
	@printf '%s\n' \
		'' \
		'  A first event, from two more terminals in this folder:' \
		'    make listen TOPIC=demo                             shows what arrives' \
		"    make publish TOPIC=demo PAYLOAD='{\"hello\":\"world\"}'  sends it" \
		''
	@exec $(BUN) src/main.ts serve --config config.yaml

listen: node_modules/.package-lock.json ## print the events of TOPIC, as a browser gets them
	@exec $(BUN) src/main.ts listen --config config.yaml --topic '$(TOPIC)'

publish: node_modules/.package-lock.json ## publish PAYLOAD (JSON) to TOPIC, as PHP does
	@exec $(BUN) src/main.ts publish --config config.yaml --topic '$(TOPIC)' --payload '$(PAYLOAD)'

cluster: node_modules/.package-lock.json ## start Redis, three workers and nginx; show what arrives
	@test/install-packages.sh redis-server nginx openssl
	@exec $(BUN) tools/cluster/main.ts

test: node_modules/.package-lock.json ## check types, lint, docs, and run all tests
	@test/install-packages.sh php-cli php-curl chromium redis-server nginx openssl haproxy caddy apache2 systemd prometheus
	@$(BUN) test/run.ts

fuzz: node_modules/.package-lock.json ## try millions of random inputs (SEED=, CASES= to choose)
	@command -v redis-server >/dev/null || test/install-packages.sh redis-server
	@exec $(BUN) tools/fuzz/main.ts

check: node_modules/.package-lock.json ## check types and lint alone
	node_modules/.bin/tsc --noEmit
	node_modules/.bin/tsc --noEmit -p src/console/page
	node_modules/.bin/biome check .

format: node_modules/.package-lock.json ## format the source
	node_modules/.bin/biome check --write .

docs: node_modules/.package-lock.json ## write the generated parts of the docs
	$(BUN) src/config/reference.ts --write

# With its bytecode in it, so that nothing is parsed at the start.
build: node_modules/.package-lock.json ## make dist/wavelog_worker, one file that needs nothing else
	@mkdir -p dist
	$(BUN) build --compile --bytecode --format=esm \
		--define BUILD_COMMIT="\"$$(git rev-parse --short HEAD 2>/dev/null)\"" \
		src/main.ts src/gateway/thread.ts --outfile dist/wavelog_worker

# What the worker is measured against: nchan and Pushpin from Debian, the others from npm.
bench/peers/node_modules/.package-lock.json: bench/peers/package-lock.json
	npm ci --prefix bench/peers --no-audit --no-fund
	@touch $@

.PHONY: bench-tools
bench-tools: build bench/peers/node_modules/.package-lock.json
	@test/install-packages.sh gcc libc6-dev redis-server nginx libnginx-mod-nchan pushpin

bench: bench-tools ## measure beside others (QUICK=1, ONLY=burst,…, CONTENDERS=worker,…)
	@$(BUN) bench/main.ts

bench-compare: bench-tools ## measure, and compare with the last kept run (QUICK=1, ONLY=, BASE=)
	@$(BUN) bench/compare-main.ts $(if $(BASE),--base '$(BASE)') $(if $(WITH),--with '$(WITH)')

benchmarks: bench-tools ## measure everything (40 minutes), keep it, write docs/benchmarks.md
	@$(BUN) bench/main.ts --keep

benchmarks-page: node_modules/.package-lock.json ## write docs/benchmarks.md anew from the last kept run
	@$(BUN) bench/report/main.ts $(if $(RESULT),'$(RESULT)')

profile: build ## show where processor time goes (ONLY=burst,paced,storm SVG=file to choose)
	@command -v cc >/dev/null || test/install-packages.sh gcc libc6-dev
	@command -v perf >/dev/null || test/install-packages.sh linux-perf
	@$(BUN) tools/profile/main.ts $(if $(ONLY),--only '$(ONLY)') $(if $(SVG),--svg '$(SVG)')

chaos: MINUTES = 5
chaos: build ## break everything but the promises (SEED=… repeats a run, MINUTES=… its length)
	@test/install-packages.sh php-cli php-curl redis-server nginx openssl
	@exec $(BUN) tools/chaos/main.ts --seed '$(SEED)' --minutes '$(MINUTES)'

soak: build ## steady load for MINUTES=…; nothing may grow (PI=1: as on a Raspberry Pi alone)
	@test/install-packages.sh util-linux
	@exec $(BUN) tools/soak/main.ts --minutes '$(MINUTES)' --pi '$(PI)'

screenshots: node_modules/.package-lock.json ## take the pictures of docs/console.md (4 minutes)
	@test/install-packages.sh chromium redis-server
	@$(BUN) tools/screenshots/main.ts

clean: ## remove what was built or installed here
	rm -rf dist node_modules bench/.build bench/peers/node_modules
