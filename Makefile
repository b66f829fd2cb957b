# What a person types; all work is done by cargo. `make help` lists the targets.

BOARD ?= x86_64-qemu
KUBE ?= node
# For make bench: node (whole nodes), pods (by the CRI), verbs (create, start, delete by OCI runtimes) or cluster (one machine).
PART ?= node
# release builds the binary that is shipped; quick a larger one in half the time. Unset, make run is quick, and make test as CI is.
PROFILE ?=
# For make cluster: the number of machines; any text in CHECK ends it after the checks.
NODES ?= 2
# Empty unless given: IMAGES for make image, archives of container images to take along;
# SIGN for make image and release: the key that signs manifest.json (`cargo run -p firmware -- key FILE` makes one).
# ONLY for make test and conformance: texts in the names of cases or specs, with commas between.
# CRITEST for make critest: the program, which a person brings. WRITE for make docs: any text writes the pages that are generated.
export KUTTIES_PROFILE := $(PROFILE)

.DEFAULT_GOAL := help
.PHONY: help run cluster image kernel sizes release check docs test oracle callers soak boot-matrix bench conformance critest fmt clean ready

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo "BOARD=$(BOARD) KUBE=worker|node|control-plane|none IMAGES=\"FILE...\" PROFILE=release|quick ONLY=kube,oci"

run: ready ## boot a diskless node in a virtual machine and join it to a cluster of its own
	@echo "==> the builders (usually 3 minutes the first time)" && cargo build -p lab
	@cargo run -q -p lab -- run --board $(BOARD)

cluster: ready ## boot NODES=2 diskless machines, make a cluster of them and check it; CHECK=1 ends then
	@echo "==> the builders (usually 3 minutes the first time)" && cargo build -p lab
	@cargo run -q -p lab -- cluster --board $(BOARD) --nodes $(NODES) $(if $(CHECK),--check)

image: ready ## build out/BOARD/ and print the sizes
	@cargo run -q -p firmware -- image --board $(BOARD) --kube $(KUBE) $(if $(IMAGES),--images $(IMAGES)) $(if $(SIGN),--sign $(SIGN))
sizes: ready ## draw what takes the room, out/BOARD/sizes.svg
	@cargo run -q -p firmware -- sizes --board $(BOARD) --kube $(KUBE)
kernel: ready ## build the kernel of BOARD=x86_64-linuxboot alone (a quarter of an hour and more, once)
	@cargo run -q -p firmware -- kernel --board $(BOARD)
release: ready ## build all boards, or BOARD="NAME...", and write out/release/, signed by SIGN=FILE, with sums and notes
	@cargo run -q -p firmware -- release --kube $(KUBE) $(if $(filter-out file,$(origin BOARD)),$(BOARD:%=--board %)) --sign $(or $(SIGN),$(error SIGN=FILE names the key that signs))

check: ready ## format, clippy, units and the cases that need no machine: before each commit
	@cargo run -q -p system-tests -- --check

docs: ready ## check the documentation: links, commands, generated pages; WRITE=1 writes those
	@cargo run -q -p docs -- $(if $(WRITE),--write)

test: ready ## everything CI runs
	@cargo run -q -p system-tests -- $(if $(ONLY),--only $(ONLY))

oracle: ready ## run the long suites of BusyBox, bash, dash and Debian against our shell, natively (x86_64)
	@cargo run -q -p firmware -- image --board x86_64-qemu --kube none && tests/oracle/run out/x86_64-qemu/kutties

callers: ready ## run podman and containerd of Debian over our oci (x86_64)
	@cargo run -q -p system-tests -- --long --only callers/

soak: ready ## what takes too long for every test: kills at every step, a thousand pods
	@cargo run -q -p system-tests -- --long $(if $(ONLY),--only $(ONLY))

boot-matrix: ready ## boot every image in every way, by QEMU's firmware
	@cargo run -q -p system-tests -- --every --only media/,netboot/

bench: ready ## measure against a hand-made appliance of busybox, containerd and runc; PART=pods|verbs|cluster
	@cargo run -q -p bench -- --board $(BOARD) --part $(PART)

conformance: ready ## upstream's specs of nodes and storage; goes on where the last run stopped
	@cargo run -q -p conformance -- --board $(BOARD) $(if $(ONLY),--only "$(ONLY)")

critest: ready ## run a critest that you bring (CRITEST=FILE) against the runtime
	@cargo run -q -p conformance --bin critest -- --board $(BOARD) $(CRITEST)

fmt: ## format the code
	@cargo fmt --all

clean: ## remove what was built; the cache in ~/.cache/kutties stays
	@cargo clean -q && rm -rf out

# Rust is what a person brings; the linker that cargo needs for the builders is installed here, all else by them.
ready:
	@firmware/ready
