//! Files do not import each other in a circle, and neither do the files and subfolders of a folder.

use std::collections::{BTreeMap, BTreeSet};

use crate::layering::{paths, sources};
use crate::sources::code;

/// Folders with a circle between their files and subfolders. ARCHITECTURE.md gives the reasons.
const EXCEPTIONS: [(&str, &str); 2] =
    [("crate::engine", "address callbacks config context"), ("crate::server", "context http1")];

/// Pairs of a module and one that it imports.
type Imports = BTreeSet<(String, String)>;

/// What the code of a module names.
#[derive(Default)]
struct Module {
    paths: BTreeSet<String>,
    reexports: BTreeSet<String>,
}

#[test]
fn no_imports_form_a_circle_without_a_reason() {
    let mut found = Vec::new();
    for imports in [imports(""), imports("bin/bitsup/")] {
        assert!(imports.len() > 20, "the reader found only {imports:?}");
        assert_eq!(circles(imports.clone()), Imports::new(), "between files");
        let ends = imports.iter().flat_map(|(from, _)| from.match_indices("::").map(|(at, _)| &from[..at]));
        for folder in ends.collect::<BTreeSet<_>>() {
            // The file or subfolder that a module belongs to; the folder's own file is "".
            let entry = |module: &str| match module.strip_prefix(folder)?.strip_prefix("::") {
                Some(inside) => inside.split("::").next().map(str::to_owned),
                None => (module == folder).then(String::new),
            };
            let inside = imports.iter().filter_map(|(from, to)| Some((entry(from)?, entry(to)?)));
            let circles = circles(inside.filter(|(from, to)| from != to).collect());
            let entries = circles.into_iter().map(|(from, _)| from).collect::<BTreeSet<_>>();
            found.extend(
                (!entries.is_empty()).then(|| (folder.to_owned(), Vec::from_iter(entries).join(" "))),
            );
        }
    }
    assert_eq!(found, EXCEPTIONS.map(|(folder, entries)| (folder.to_owned(), entries.to_owned())));
}

/// Leaves the imports that belong to circles, or connect two of them.
fn circles(mut imports: Imports) -> Imports {
    loop {
        let (from, to): (BTreeSet<_>, BTreeSet<_>) = imports.iter().cloned().unzip();
        let count = imports.len();
        imports.retain(|import| to.contains(&import.0) && from.contains(&import.1));
        if imports.len() == count {
            return imports;
        }
    }
}

/// The imports between the files of one crate: the library's if `root` is empty, or the program's.
fn imports(root: &str) -> Imports {
    let files = sources().filter(|(path, _)| path.starts_with("bin/") != root.is_empty());
    let modules = files.map(|(path, source)| read(&path[root.len()..], &source)).collect::<BTreeMap<_, _>>();
    let mut imports = Imports::new();
    for (name, module) in &modules {
        let targets = module.paths.iter().filter_map(|path| target(&modules, name, path));
        imports.extend(targets.filter(|target| target != name).map(|target| (name.clone(), target)));
    }
    imports
}

/// Reads the module of a file.
fn read(file: &str, source: &str) -> (String, Module) {
    let parts = file.trim_end_matches(".rs").split('/').filter(|part| !["mod", "lib", "main"].contains(part));
    let name = ["crate"].into_iter().chain(parts).collect::<Vec<_>>().join("::");
    let mut module = Module::default();
    // A visibility is not an import.
    for statement in code(source).replace("(in crate", "(in ").split(';') {
        let (visibility, _) = statement.split_once(" use ").unwrap_or_default();
        let is_reexport =
            visibility.trim_start().rsplit('\n').next().unwrap().trim_start().starts_with("pub");
        let paths = paths(file, statement).into_iter().filter(|path| path.contains("::"));
        if is_reexport { module.reexports.extend(paths) } else { module.paths.extend(paths) }
    }
    (name, module)
}

/// The module with the item that module `from` calls `path`. Re-exports are followed to the file of the item.
fn target(modules: &BTreeMap<String, Module>, from: &str, path: &str) -> Option<String> {
    let local = path.strip_prefix("self::").unwrap_or(path);
    let absolute = if path.starts_with("crate::") { path.into() } else { format!("{from}::{local}") };
    let ends = absolute.match_indices("::").map(|(at, _)| at).chain([absolute.len()]);
    let known = ends.map(|at| &absolute[..at]).filter(|name| modules.contains_key(*name)).last();
    let module = known.filter(|name| *name != from)?;
    let item = absolute[module.len()..].split("::").nth(1);
    let is_item = |reexport: &&String| reexport.rsplit("::").next() == item;
    match modules[module].reexports.iter().find(is_item) {
        Some(reexport) => target(modules, module, reexport).or_else(|| Some(module.to_owned())),
        None => Some(module.to_owned()),
    }
}
