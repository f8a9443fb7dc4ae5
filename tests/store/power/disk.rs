//! A simulated file system with only the guarantees of POSIX: written data is durable after the file was synced, and a
//! name after its directory was synced. All other changes may be lost, in any combination.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::trace::Call;

const ROOT: usize = 0;

/// The disk below a root directory, and the descriptors of the process that writes to it.
#[derive(Clone)]
pub struct Disk {
    root: String,
    nodes: Vec<Node>,
    descriptors: HashMap<i64, Descriptor>,
}

#[derive(Clone, Copy)]
struct Descriptor {
    node: usize,
    at: usize,
}

/// The durable content, and the changes since, in order.
#[derive(Clone)]
enum Node {
    File { durable: Vec<u8>, changes: Vec<Change> },
    Folder { durable: Names, changes: Vec<(String, Option<usize>)> },
}

type Names = BTreeMap<String, usize>;

#[derive(Clone)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Truncate,
}

/// What happens to a change at a power loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Kept,
    Lost,
    /// Only the first half of a write is kept.
    Torn,
    /// Only the new length of a write is kept; the bytes are zeros.
    Zeros,
}

/// The content of the disk after a power loss.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    folders: Vec<PathBuf>,
    /// Names of the same file have the same number.
    files: Vec<(PathBuf, usize)>,
    contents: BTreeMap<usize, Vec<u8>>,
}

impl Disk {
    /// Reads the current content of a directory.
    pub fn of(root: &Path) -> Self {
        let mut disk =
            Self { root: root.to_str().unwrap().into(), nodes: vec![folder()], descriptors: HashMap::new() };
        disk.read(root, ROOT);
        disk
    }

    fn read(&mut self, directory: &Path, into: usize) {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let node = if path.is_dir() {
                folder()
            } else {
                Node::File { durable: fs::read(&path).unwrap(), changes: Vec::new() }
            };
            let node = self.add(node);
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Node::Folder { durable, .. } = &mut self.nodes[into] else { unreachable!() };
            durable.insert(name, node);
            if path.is_dir() {
                self.read(&path, node);
            }
        }
    }

    /// Applies a call. Returns whether it changed anything that a power loss could undo.
    pub fn apply(&mut self, call: &Call) -> bool {
        match call.name.as_str() {
            "openat" => return self.open(call),
            "close" => {
                self.descriptors.remove(&call.number(0));
            }
            "fcntl" if call.word(1).starts_with("F_DUPFD") => self.duplicate(call),
            "fcntl" => {}
            "mkdirat" => return self.make_folder(call),
            "unlinkat" => return self.set(call, 0, None),
            "linkat" => {
                let node = self.named(call, 0);
                return node.is_some() && self.set(call, 2, node);
            }
            "renameat" | "renameat2" => {
                let node = self.named(call, 0);
                // rename(2) does nothing if both names refer to the same file.
                let same = node == self.named(call, 2);
                return node.is_some() && !same && self.set(call, 2, node) | self.set(call, 0, None);
            }
            "rename" | "unlink" | "rmdir" | "mkdir" | "link" => {
                assert!(!call.text(0).starts_with(&self.root), "not relative to a descriptor: {call:?}");
            }
            "write" => return self.write(call, None),
            "pwrite64" => return self.write(call, Some(usize::try_from(call.number(3)).unwrap())),
            "fsync" | "fdatasync" => return self.sync(call),
            _ => {
                let has_descriptor = call.arguments.len() > 1 && self.descriptors.contains_key(&call.result);
                assert!(!has_descriptor, "unknown call {call:?}");
            }
        }
        false
    }

    fn open(&mut self, call: &Call) -> bool {
        self.descriptors.remove(&call.result);
        let Some((folder, name)) = self.parent_and_name(call, 0) else { return false };
        let created = match self.lookup(folder, &name) {
            Some(_) => false,
            None => {
                assert!(call.word(2).contains("O_CREAT"), "{call:?}");
                let node = self.add(Node::File { durable: Vec::new(), changes: Vec::new() });
                self.change_folder(folder, name.clone(), Some(node));
                true
            }
        };
        let node = self.lookup(folder, &name).unwrap();
        self.descriptors.insert(call.result, Descriptor { node, at: 0 });
        if let Node::File { changes, .. } = &mut self.nodes[node]
            && call.word(2).contains("O_TRUNC")
            && !created
        {
            changes.push(Change::Truncate);
            return true;
        }
        created
    }

    fn duplicate(&mut self, call: &Call) {
        if let Some(descriptor) = self.descriptors.get(&call.number(0)).copied() {
            self.descriptors.insert(call.result, descriptor);
        }
    }

    fn make_folder(&mut self, call: &Call) -> bool {
        let Some((parent, name)) = self.parent_and_name(call, 0) else { return false };
        let node = self.add(folder());
        self.change_folder(parent, name, Some(node));
        true
    }

    fn write(&mut self, call: &Call, at: Option<usize>) -> bool {
        let Some(descriptor) = self.descriptors.get_mut(&call.number(0)) else { return false };
        let data = call.bytes(1)[..usize::try_from(call.result).unwrap()].to_vec();
        let at = at.unwrap_or_else(|| {
            descriptor.at += data.len();
            descriptor.at - data.len()
        });
        match &mut self.nodes[descriptor.node] {
            Node::File { changes, .. } => changes.push(Change::Write { at, data }),
            Node::Folder { .. } => panic!("{call:?}"),
        }
        true
    }

    fn sync(&mut self, call: &Call) -> bool {
        let Some(descriptor) = self.descriptors.get(&call.number(0)) else { return false };
        match &mut self.nodes[descriptor.node] {
            Node::File { durable, changes } => {
                *durable = content(durable, changes, &mut |_| Fate::Kept);
                changes.clear();
            }
            Node::Folder { durable, changes } => {
                *durable = names(durable, changes, &mut |_| Fate::Kept);
                changes.clear();
            }
        }
        true
    }

    fn set(&mut self, call: &Call, at: usize, node: Option<usize>) -> bool {
        let Some((folder, name)) = self.parent_and_name(call, at) else { return false };
        self.change_folder(folder, name, node);
        true
    }

    fn named(&self, call: &Call, at: usize) -> Option<usize> {
        let (folder, name) = self.parent_and_name(call, at)?;
        self.lookup(folder, &name)
    }

    /// Resolves a descriptor and a path to a folder and a name, if they are below the root.
    fn parent_and_name(&self, call: &Call, at: usize) -> Option<(usize, String)> {
        let path = call.text(at + 1);
        let (mut folder, below) = match path.strip_prefix(&self.root) {
            Some(below) => (ROOT, below),
            None if path.starts_with('/') => return None,
            None => (self.descriptors.get(&call.word(at).parse().ok()?)?.node, path),
        };
        let mut parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        let name = parts.pop().unwrap_or(".");
        for part in parts {
            folder = self.lookup(folder, part)?;
        }
        Some((folder, name.to_owned()))
    }

    fn lookup(&self, folder: usize, name: &str) -> Option<usize> {
        let Node::Folder { durable, changes } = &self.nodes[folder] else { panic!("{name} below a file") };
        match name {
            "." => Some(folder),
            _ => names(durable, changes, &mut |_| Fate::Kept).get(name).copied(),
        }
    }

    fn change_folder(&mut self, folder: usize, name: String, node: Option<usize>) {
        match &mut self.nodes[folder] {
            Node::Folder { changes, .. } => changes.push((name, node)),
            Node::File { .. } => panic!("{name} below a file"),
        }
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Returns the number of changes that a power loss could undo.
    pub fn pending(&self) -> usize {
        let changes = |node: &Node| match node {
            Node::File { changes, .. } => changes.len(),
            Node::Folder { changes, .. } => changes.len(),
        };
        self.nodes.iter().map(changes).sum()
    }

    /// Returns the content of the disk after a power loss now. `fate` decides about each change; its arguments are the
    /// number of the change and whether it belongs to a file.
    pub fn lose_power(&self, fate: &mut dyn FnMut(usize, bool) -> Fate) -> State {
        let mut number = 0;
        let mut numbered = |is_file: bool| {
            number += 1;
            fate(number - 1, is_file)
        };
        let mut folders: HashMap<usize, Names> = HashMap::new();
        let mut state = State::default();
        for (id, node) in self.nodes.iter().enumerate() {
            match node {
                Node::File { durable, changes } => {
                    state.contents.insert(id, content(durable, changes, &mut |_| numbered(true)));
                }
                Node::Folder { durable, changes } => {
                    folders.insert(id, names(durable, changes, &mut |_| numbered(false)));
                }
            }
        }
        state.gather(&folders, ROOT, Path::new(""));
        state.contents.retain(|id, _| state.files.iter().any(|(_, file)| file == id));
        state
    }
}

impl fmt::Debug for State {
    /// Shows each file with its length and the number of bytes that are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = |node| &self.contents[node];
        let written = |node| content(node).iter().filter(|byte| **byte != 0).count();
        let files = self.files.iter().map(|(path, node)| (path, (node, content(node).len(), written(node))));
        f.debug_map().entries(files).finish()
    }
}

impl State {
    fn gather(&mut self, folders: &HashMap<usize, Names>, folder: usize, path: &Path) {
        for (name, node) in &folders[&folder] {
            let path = path.join(name);
            if folders.contains_key(node) {
                self.folders.push(path.clone());
                self.gather(folders, *node, &path);
            } else {
                self.files.push((path, *node));
            }
        }
    }

    /// Replaces all occurrences of a byte string with another one of the same length.
    pub fn replace(&mut self, old: &[u8], new: &[u8]) {
        for content in self.contents.values_mut().filter(|content| content.len() >= old.len()) {
            for at in 0..=content.len() - old.len() {
                if content[at..].starts_with(old) {
                    content[at..at + old.len()].copy_from_slice(new);
                }
            }
        }
    }

    /// Writes the state to an empty directory.
    pub fn write_to(&self, directory: &Path) {
        self.folders.iter().for_each(|folder| fs::create_dir(directory.join(folder)).unwrap());
        let mut written: HashMap<usize, PathBuf> = HashMap::new();
        for (path, node) in &self.files {
            let path = directory.join(path);
            match written.get(node) {
                Some(first) => fs::hard_link(first, path).unwrap(),
                None => {
                    fs::write(&path, &self.contents[node]).unwrap();
                    written.insert(*node, path);
                }
            }
        }
    }
}

fn folder() -> Node {
    Node::Folder { durable: Names::new(), changes: Vec::new() }
}

fn content(durable: &[u8], changes: &[Change], fate: &mut dyn FnMut(usize) -> Fate) -> Vec<u8> {
    let mut content = durable.to_vec();
    for (number, change) in changes.iter().enumerate() {
        match (change, fate(number)) {
            (_, Fate::Lost) => {}
            (Change::Truncate, _) => content.clear(),
            (Change::Write { at, data }, fate) => {
                let kept = match fate {
                    Fate::Torn => data.len() / 2,
                    _ => data.len(),
                };
                content.resize(content.len().max(at + kept), 0);
                if fate != Fate::Zeros {
                    content[*at..at + kept].copy_from_slice(&data[..kept]);
                }
            }
        }
    }
    content
}

/// Applies the changes that are kept. Changes of one name are independent of each other.
fn names(durable: &Names, changes: &[(String, Option<usize>)], fate: &mut dyn FnMut(usize) -> Fate) -> Names {
    let mut names = durable.clone();
    for (number, (name, node)) in changes.iter().enumerate() {
        match (fate(number), node) {
            (Fate::Lost, _) => {}
            (_, Some(node)) => {
                names.insert(name.clone(), *node);
            }
            (_, None) => {
                names.remove(name);
            }
        }
    }
    names
}
