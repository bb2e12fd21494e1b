# The plugin where it is there: docker-compose 1.29 gets no more fixes.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
# More arguments for `run`, `logs`, `test` and `rows`: make run ARGS=-d
ARGS =

.DEFAULT_GOAL := help
.PHONY: help run start local rows logs stop down build test check format clean

help: ## list all this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Always with --build: when nothing has changed it takes a second, and Docker knows best what has changed.
run: ## start everything with Docker (ARGS=-d: in the background), or as `make local` where there is no Docker
	@if docker version >/dev/null 2>&1 && $(COMPOSE) version >/dev/null 2>&1; then \
		exec $(COMPOSE) up --build $(ARGS); \
	else \
		echo 'No Docker engine with compose answers here, so this is "make local":'; \
		exec $(MAKE) --no-print-directory local; \
	fi

start: run ## the same

local: node_modules/.package-lock.json ## start everything without Docker: Kafka, PostgreSQL, both services
	@exec node_modules/.bin/tsx local/main.ts

rows: ## print the newest check entries
	@if $(COMPOSE) exec -T postgres true >/dev/null 2>&1; then \
		exec $(COMPOSE) exec -T postgres psql -U webmon -d webmon -P pager=off -c "$$NEWEST_ROWS"; \
	else \
		$(MAKE) -s node_modules/.package-lock.json && exec node_modules/.bin/tsx local/rows.ts; \
	fi

logs: ## follow what the services in Docker say
	@exec $(COMPOSE) logs -f --tail=100 $(ARGS)

stop: ## end everything in Docker; `make run` goes on with the same data
	@exec $(COMPOSE) stop

down: ## end everything in Docker and remove the containers; the data stays
	@exec $(COMPOSE) down

build: ## run the tests, then build the image webmon:1.0
	@exec ./build.sh

test: ## run all tests
	@exec ./test.sh $(ARGS)

check: node_modules/.package-lock.json ## formatter, linter and compiler alone
	@npm run --silent check

format: node_modules/.package-lock.json ## format the code, and mend what the linter can mend
	@npm run --silent format

clean: ## delete what can be made again: dist, node_modules
	rm -rf dist node_modules

# npm writes this file last.
node_modules/.package-lock.json: package-lock.json
	npm ci

# As local/rows.ts asks.
define NEWEST_ROWS
SELECT date_trunc('second', entry."timestamp") AS "timestamp", name, http_status, response_time, regex_match, error, detail
  FROM website
 CROSS JOIN LATERAL (
       SELECT * FROM check_entry
        WHERE check_entry.website_id = website.website_id
        ORDER BY "timestamp" DESC
        LIMIT 20) AS entry
 ORDER BY entry."timestamp" DESC
 LIMIT 20
endef
export NEWEST_ROWS
