//! Sets the SONAME of the shared library and, with the feature `header`, generates the C header in OUT_DIR.
//!
//! The source tree is not modified; `tools/header` copies the result to `include/`.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| ["linux", "android", "freebsd"].contains(&&*os)) {
        set_soname();
    }
    #[cfg(feature = "header")]
    header::generate();
}

/// Sets the SONAME, which contains the ABI version, because Cargo sets none.
///
/// `nodelete` prevents `dlclose` from unmapping the library, which has threads and thread-local destructors. The
/// exported symbols need no list here: rustc exports only the `no_mangle` functions, and a test compares them with
/// `include/bitsup.symbols`.
fn set_soname() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libbitsup.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

#[cfg(feature = "header")]
mod header {
    use std::path::Path;
    use std::{env, fs};

    /// The source files of the C types, in the order of the header.
    const SOURCES: &[&str] = &[
        "version",
        "error",
        "text",
        "callback",
        "logger",
        "client_config",
        "client",
        "source",
        "observer",
        "job",
        "store",
        "store_ops",
        "upload",
        "verdict",
        "hooks",
        "engine_config",
        "engine",
        "exchange",
        "response",
        "server_config",
        "server",
    ];

    /// Writes `bitsup.h` and `bitsup.symbols` to OUT_DIR, and sets environment variables with their paths for the tests.
    pub fn generate() {
        let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
        let (header, symbols) = (Path::new(&out).join("bitsup.h"), Path::new(&out).join("bitsup.symbols"));
        println!("cargo:rerun-if-changed=cbindgen.toml");
        let config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml is readable");
        let mut builder = cbindgen::Builder::new().with_config(config);
        for name in SOURCES {
            let path = format!("src/ffi/{name}.rs");
            println!("cargo:rerun-if-changed={path}");
            builder = builder.with_src(path);
        }
        builder.generate().expect("src/ffi parses").write_to_file(&header);
        let text = fs::read_to_string(&header).expect("the header was just written");
        fs::write(&symbols, functions(&text)).expect("OUT_DIR is writable");
        println!("cargo:rustc-env=BITSUP_GENERATED_HEADER={}", header.display());
        println!("cargo:rustc-env=BITSUP_GENERATED_SYMBOLS={}", symbols.display());
    }

    /// Returns the names of all functions in the header, sorted, one per line.
    fn functions(header: &str) -> String {
        let code = header.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#', ' ']));
        let mut names: Vec<&str> = code
            .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
            .filter(|name| name.starts_with("bitsup_"))
            .collect();
        names.sort_unstable();
        names.iter().map(|name| format!("{name}\n")).collect()
    }
}
