//! The options of a directory store.

/// What survives a power failure. A crash of the process alone never loses acknowledged bytes.
///
/// Unless every fragment is synced, a power failure may remove an unfinished session or make it start over. A
/// session never resumes at an offset beyond the bytes on the disk. The exceptions are a
/// [shared](DirOptions::shared) root and systems other than Linux, where a power failure cannot be distinguished from the
/// crash of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing; the kernel decides when to write.
    None,
    /// A delivered file: it is synced before the last Ack. The default.
    #[default]
    File,
    /// Every acknowledged fragment: it is synced before its Ack.
    Fragment,
}

/// The options of a [`DirStore`](super::DirStore).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct DirOptions {
    /// What survives a power failure. Default: [`Durability::File`].
    pub durability: Durability,
    /// Whether several servers use the root at the same time, on one machine or on a network file system. All of
    /// them have to set it. A lock per session then orders their requests, at the cost of some system calls for
    /// every read of a request body. Default: false.
    pub shared: bool,
}

setters! {
    DirOptions {
        durability: Durability,
        shared: bool,
    }
}
