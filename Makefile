# What a person types; all work is done by cargo. `make help` lists the targets.

BOARD ?= x86_64-qemu
KUBE ?= node
IMAGES ?=
# For make test: texts in the names of cases, with commas between.
ONLY ?=
# For make test: after so many minutes begin no case that tests/skips.toml lets go.
MINUTES ?=
# For make bench: node (whole nodes) or verbs (create, start, delete by OCI runtimes).
PART ?= node
# quick builds a larger binary in a fraction of the time.
PROFILE ?= release
export KUTTIES_PROFILE := $(PROFILE)

.DEFAULT_GOAL := help
.PHONY: help run image test callers bench fmt lint clean ready

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8
	@echo "BOARD=$(BOARD) KUBE=worker|node|none IMAGES=\"FILE...\" PROFILE=release|quick ONLY=kube,oci"

run: ready ## boot a diskless node in a virtual machine and join it to a cluster of its own
	@cargo run -q -p lab -- run --board $(BOARD)

image: ready ## build out/BOARD/ and print the sizes
	@cargo run -q -p firmware -- image --board $(BOARD) --kube $(KUBE) $(if $(IMAGES),--images $(IMAGES))

test: ready ## everything CI runs
	@cargo run -q -p system-tests -- $(if $(ONLY),--only $(ONLY)) $(if $(MINUTES),--minutes $(MINUTES))

callers: ready ## run podman and containerd of Debian over our oci (x86_64)
	@cargo run -q -p system-tests -- --long --only callers/

bench: ready ## measure against a hand-made appliance of busybox, containerd and runc; PART=verbs against runc and crun
	@cargo run -q -p bench -- --board $(BOARD) --part $(PART)

fmt: ## format the code
	@cargo fmt --all

lint: ready ## check the format and clippy's findings
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings

clean: ## remove what was built; the cache in ~/.cache/kutties stays
	@cargo clean -q
	@rm -rf out

# Rust is what a person brings; the linker that cargo needs for the builders is installed here, all else by them.
ready:
	@firmware/ready
