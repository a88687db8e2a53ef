.DEFAULT_GOAL := help
.PHONY: help setup
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

setup: ## make .venv from the lock (again only when the lock changed)
	@tools/setup.sh
