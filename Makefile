# The two commands that matter are `make demo` and `make test`; both set up what they need first.

CARGO_FLAGS := --locked

# Where things are installed; meant to be set on the command line.
prefix = /usr/local
bindir = $(prefix)/bin
libdir = $(prefix)/lib
includedir = $(prefix)/include
docdir = $(prefix)/share/doc/bitsup
unitdir = $(prefix)/lib/systemd/system
# Where packages are left.
out = target/package

INSTALL := DESTDIR='$(DESTDIR)' prefix='$(prefix)' bindir='$(bindir)' libdir='$(libdir)' \
	includedir='$(includedir)' docdir='$(docdir)' unitdir='$(unitdir)' \
	tools/install

.PHONY: help setup demo test soak python csharp lint header abi docs deny release install uninstall deb tarball
.NOTPARALLEL:

help:
	@echo 'make demo    upload 256 MiB twice, with a server and a client killed on the way, and compare the sums'
	@echo 'make test    every check and every test; what continuous integration runs'
	@echo 'make python  check and test the Python package; runs with make test'
	@echo 'make csharp  build and test the C# library; runs with make test'
	@echo 'make soak    500 clients of mixed habits at a server under ceilings, for 10 minutes'
	@echo 'make lint    formatting and clippy, warnings denied'
	@echo 'make header  write include/bitsup.h and include/bitsup.symbols from the source'
	@echo 'make abi     compare the C interface with that of the last release (needs abidiff)'
	@echo 'make docs    write the reference of the C interface to target/doc/c (needs doxygen)'
	@echo 'make deny    licences and advisories of the dependencies (needs cargo-deny)'
	@echo
	@echo 'make release    build the library and the program; needs nothing but cargo and a C compiler'
	@echo 'make install    install them: DESTDIR, prefix, bindir, libdir, includedir, docdir, unitdir; uninstall undoes it'
	@echo 'make deb        Debian packages for this machine in target/package, or where out=... says'
	@echo 'make tarball    the same tree as a .tar.gz that works wherever it is unpacked'

setup:
	@tools/setup test

demo:
	@tools/setup demo
	@tools/demo

# The tests of the packages and the demo share the second profile.
test: setup lint release
	cargo check $(CARGO_FLAGS) --no-default-features
	cargo test $(CARGO_FLAGS) --features header
	RUSTDOCFLAGS='-D warnings' cargo doc $(CARGO_FLAGS) --no-deps
	tools/docs
	tools/abi-check
	tools/python-tests
	tools/csharp-tests
	tools/demo --discard
	@echo 'make test: all passed'

# Ten minutes; the short version is an ordinary test.
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

# Where cargo is out of reach, as it often is under sudo, what was built before is installed.
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
