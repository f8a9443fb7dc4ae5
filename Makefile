# The targets demo, test, lint, python and csharp first check that the programs they need are installed.

CARGO_FLAGS := --locked

# Where things are installed; set these on the command line.
prefix = /usr/local
bindir = $(prefix)/bin
libdir = $(prefix)/lib
includedir = $(prefix)/include
docdir = $(prefix)/share/doc/bitsup
unitdir = $(prefix)/lib/systemd/system
# Where packages are written.
out = target/package

INSTALL := DESTDIR='$(DESTDIR)' prefix='$(prefix)' bindir='$(bindir)' libdir='$(libdir)' \
	includedir='$(includedir)' docdir='$(docdir)' unitdir='$(unitdir)' \
	tools/install

.PHONY: help setup demo check test soak python csharp lint header abi docs deny release install uninstall deb tarball
.NOTPARALLEL:

help:
	@echo 'make demo    upload 256 MiB twice while the server and a client are killed, and compare the checksums'
	@echo 'make check   formatting, lints, unit tests and fast tests; about two minutes, for daily work'
	@echo 'make test    all checks and tests; what continuous integration runs'
	@echo 'make python  check and test the Python package; part of make test'
	@echo 'make csharp  build and test the C# library; part of make test'
	@echo 'make soak    10-minute load test: 500 clients with mixed behavior against a server with low limits'
	@echo 'make lint    formatting and clippy, with warnings denied'
	@echo 'make header  generate include/bitsup.h and include/bitsup.symbols'
	@echo 'make abi     compare the C API with that of the last release (requires abidiff)'
	@echo 'make docs    generate the reference of the C API in target/doc/c (requires doxygen)'
	@echo 'make deny    check licenses and advisories of the dependencies (requires cargo-deny)'
	@echo
	@echo 'make release    build the library and the program; requires only cargo and a C compiler'
	@echo 'make install    install them; set DESTDIR, prefix, bindir, libdir, includedir, docdir, unitdir as needed'
	@echo 'make uninstall  remove what make install installed'
	@echo 'make deb        build Debian packages in target/package, or in out=...'
	@echo 'make tarball    build a relocatable .tar.gz in target/package, or in out=...'

setup:
	@tools/setup test

demo:
	@tools/setup demo
	@tools/demo

check:
	@tools/test check

test:
	@tools/test all

# Takes ten minutes. A short version is one of the tests.
soak:
	cargo bench $(CARGO_FLAGS) --bench soak

python: setup release
	tools/python-tests

csharp: setup release
	tools/csharp-tests

lint: setup
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-features --all-targets -- -D warnings

header: setup
	tools/header

abi:
	tools/abi-check

deny:
	cargo deny check

docs:
	tools/docs

# Under sudo, cargo is often not on PATH; `make install` then installs the existing build.
release:
	@! command -v cargo >/dev/null || cargo build $(CARGO_FLAGS) --release

install: release
	$(INSTALL)

uninstall:
	$(INSTALL) --uninstall

deb: release
	tools/package deb '$(out)'

tarball: release
	tools/package tarball '$(out)'
