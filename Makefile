# The two commands that matter are `make demo` and `make test`; both set up what they need first.

CARGO_FLAGS := --locked

.PHONY: help setup demo test lint header deny
.NOTPARALLEL:

help:
	@echo 'make demo    upload 256 MiB twice, with a server and a client killed on the way, and compare the sums'
	@echo 'make test    every check and every test; what continuous integration runs'
	@echo 'make lint    formatting and clippy, warnings denied'
	@echo 'make header  write include/bitsup.h and include/bitsup.symbols from the source'
	@echo 'make deny    licences and advisories of the dependencies (needs cargo-deny)'

setup:
	@tools/setup

demo: setup
	@tools/demo

# The demo comes last, because it is the only part that builds a second profile.
test: setup lint
	cargo check $(CARGO_FLAGS) --no-default-features
	cargo test $(CARGO_FLAGS) --features header
	RUSTDOCFLAGS='-D warnings' cargo doc $(CARGO_FLAGS) --no-deps
	tools/demo --discard
	@echo 'make test: all passed'

lint: setup
	cargo fmt --check
	cargo clippy $(CARGO_FLAGS) --all-features --all-targets -- -D warnings

header: setup
	tools/header

deny:
	cargo deny check
