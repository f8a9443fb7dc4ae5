//! A file system that promises no more than POSIX does: what was written is on the disk once the file is
//! synchronised, and a name once its directory is. Everything else may have got there or not, in any order.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::trace::Call;

const ROOT: usize = 0;

/// The disk below one directory, and the descriptors of the process that writes to it.
#[derive(Clone)]
pub struct Disk {
    place: String,
    nodes: Vec<Node>,
    descriptors: HashMap<i64, Descriptor>,
}

#[derive(Clone, Copy)]
struct Descriptor {
    node: usize,
    at: usize,
}

/// What is surely on the disk, and the changes since, in their order.
#[derive(Clone)]
enum Node {
    File { durable: Vec<u8>, changes: Vec<Change> },
    Folder { durable: Names, changes: Vec<(String, Option<usize>)> },
}

type Names = BTreeMap<String, usize>;

#[derive(Clone)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Empty,
}

/// What became of a change when the power went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Kept,
    Lost,
    /// Of a write, the first half.
    Torn,
    /// Of a write, the length that the file got by it.
    Zeros,
}

/// What lies on the disk after a cut.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    folders: Vec<PathBuf>,
    /// Files with several names have the same number.
    files: Vec<(PathBuf, usize)>,
    contents: BTreeMap<usize, Vec<u8>>,
}

impl Disk {
    /// A disk with what lies in that directory now.
    pub fn of(place: &Path) -> Self {
        let mut disk = Self {
            place: place.to_str().unwrap().into(),
            nodes: vec![folder()],
            descriptors: HashMap::new(),
        };
        disk.read(place, ROOT);
        disk
    }

    fn read(&mut self, place: &Path, into: usize) {
        for path in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
            let node = match path.is_dir() {
                true => folder(),
                false => Node::File { durable: fs::read(&path).unwrap(), changes: Vec::new() },
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

    /// Does what the call did; whether that changed anything that a cut could undo.
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
                // Two names of one file: nothing is done.
                let same = node == self.named(call, 2);
                return node.is_some() && !same && self.set(call, 2, node) | self.set(call, 0, None);
            }
            "rename" | "unlink" | "rmdir" | "mkdir" | "link" => {
                assert!(!call.text(0).starts_with(&self.place), "not through a descriptor: {call:?}");
            }
            "write" => return self.write(call, None),
            "pwrite64" => return self.write(call, Some(usize::try_from(call.number(3)).unwrap())),
            "fsync" | "fdatasync" => return self.sync(call),
            _ => {
                let known = call.arguments.len() > 1 && self.descriptors.contains_key(&call.result);
                assert!(!known, "the simulation knows no {call:?}");
            }
        }
        false
    }

    fn open(&mut self, call: &Call) -> bool {
        self.descriptors.remove(&call.result);
        let Some((folder, name)) = self.place_of(call, 0) else { return false };
        let made = match self.look(folder, &name) {
            Some(_) => false,
            None => {
                assert!(call.word(2).contains("O_CREAT"), "{call:?}");
                let node = self.add(Node::File { durable: Vec::new(), changes: Vec::new() });
                self.change_folder(folder, name.clone(), Some(node));
                true
            }
        };
        let node = self.look(folder, &name).unwrap();
        self.descriptors.insert(call.result, Descriptor { node, at: 0 });
        if let Node::File { changes, .. } = &mut self.nodes[node]
            && call.word(2).contains("O_TRUNC")
            && !made
        {
            changes.push(Change::Empty);
            return true;
        }
        made
    }

    fn duplicate(&mut self, call: &Call) {
        if let Some(descriptor) = self.descriptors.get(&call.number(0)).copied() {
            self.descriptors.insert(call.result, descriptor);
        }
    }

    fn make_folder(&mut self, call: &Call) -> bool {
        let Some((parent, name)) = self.place_of(call, 0) else { return false };
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
        let Some((folder, name)) = self.place_of(call, at) else { return false };
        self.change_folder(folder, name, node);
        true
    }

    fn named(&self, call: &Call, at: usize) -> Option<usize> {
        let (folder, name) = self.place_of(call, at)?;
        self.look(folder, &name)
    }

    /// Folder and name that a descriptor and a path mean, if they are below the root.
    fn place_of(&self, call: &Call, at: usize) -> Option<(usize, String)> {
        let path = call.text(at + 1);
        let (mut folder, below) = match path.strip_prefix(&self.place) {
            Some(below) => (ROOT, below),
            None if path.starts_with('/') => return None,
            None => (self.descriptors.get(&call.word(at).parse().ok()?)?.node, path),
        };
        let mut parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        let name = parts.pop().unwrap_or(".");
        for part in parts {
            folder = self.look(folder, part)?;
        }
        Some((folder, name.to_owned()))
    }

    fn look(&self, folder: usize, name: &str) -> Option<usize> {
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

    /// How many changes a cut could undo.
    pub fn pending(&self) -> usize {
        let changes = |node: &Node| match node {
            Node::File { changes, .. } => changes.len(),
            Node::Folder { changes, .. } => changes.len(),
        };
        self.nodes.iter().map(changes).sum()
    }

    /// What lies on the disk when the power goes now; `fate` is asked for each change by its number, and told
    /// whether it is one of a file.
    pub fn cut(&self, fate: &mut dyn FnMut(usize, bool) -> Fate) -> State {
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
    /// Which files there are, and how many bytes of them are not zeros.
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

    /// Puts a text in the place of another one of the same length, wherever it is.
    pub fn replace(&mut self, old: &[u8], new: &[u8]) {
        for content in self.contents.values_mut().filter(|content| content.len() >= old.len()) {
            for at in 0..=content.len() - old.len() {
                if content[at..].starts_with(old) {
                    content[at..at + old.len()].copy_from_slice(new);
                }
            }
        }
    }

    /// Makes it so in an empty directory.
    pub fn lay_out(&self, place: &Path) {
        self.folders.iter().for_each(|folder| fs::create_dir(place.join(folder)).unwrap());
        let mut made: HashMap<usize, PathBuf> = HashMap::new();
        for (path, node) in &self.files {
            let path = place.join(path);
            match made.get(node) {
                Some(first) => fs::hard_link(first, path).unwrap(),
                None => {
                    fs::write(&path, &self.contents[node]).unwrap();
                    made.insert(*node, path);
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
            (Change::Empty, _) => content.clear(),
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

/// The later of two changes of one name may be there without the earlier, and the earlier without the later.
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
