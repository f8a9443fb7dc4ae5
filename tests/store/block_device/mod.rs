//! Real file systems on a disk that this process serves.

pub mod client;
mod disk;
mod image;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fuser::{BackgroundSession, Config};
use tempfile::TempDir;
use test_support::{process, skip};

pub use self::disk::Disk;
pub use self::image::Image;

/// A kind of file system.
#[derive(Clone, Copy)]
pub struct FileSystem {
    /// The type, as `mount` names it.
    pub name: &'static str,
    /// The options of `mkfs`.
    make: &'static [&'static str],
    size: u64,
    /// The options of `mount`.
    pub options: &'static str,
}

pub const EXT4: FileSystem = FileSystem {
    name: "ext4",
    make: &["-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    size: 32 << 20,
    options: "loop",
};
/// Writes the names of files before their data, and has several blocks in a page.
pub const EXT4_WRITEBACK: FileSystem = FileSystem {
    make: &["-q", "-b", "1024", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    options: "loop,data=writeback",
    ..EXT4
};
/// The disk has the smallest size that `mkfs.xfs` accepts.
pub const XFS: FileSystem = FileSystem { name: "xfs", make: &["-q"], size: 300 << 20, options: "loop" };
/// Without copies of the metadata, which would only be written twice.
pub const BTRFS: FileSystem =
    FileSystem { name: "btrfs", make: &["-q", "-m", "single"], size: 128 << 20, options: "loop" };

impl FileSystem {
    /// Makes a new file system.
    fn make(self) -> Result<Image, String> {
        let folder = scratch();
        let path = folder.path().join("made.img");
        File::create(&path).and_then(|file| file.set_len(self.size)).map_err(|error| error.to_string())?;
        // PATH often has this directory for root's login shell only.
        let program = Path::new("/usr/sbin").join(format!("mkfs.{}", self.name));
        run(Command::new(program).args(self.make).arg(&path))?;
        Image::read_from(&path).map_err(|error| error.to_string())
    }

    /// Serves a disk with a new file system and mounts it. If this machine cannot do that, returns why.
    fn try_new(self) -> Result<Mount, String> {
        Device::serve(Disk::new(self.make()?))?.mount(self)
    }

    /// Mounts a disk with existing content.
    pub fn mount(self, content: Image) -> Result<Mount, String> {
        Device::serve(Disk::new(content))?.mount(self)
    }
}

/// Runs a test with a new file system, in a process with mounts of its own, which end with it. Reports a skip if this
/// machine does not allow that.
///
/// Must be called by the test function itself, because the name of the test comes from the type of the closure.
pub fn with_file_system<F: FnOnce(Mount)>(file_system: FileSystem, test: F) {
    let name = process::test_name::<F>();
    if !process::is_isolated() {
        let mut probe = Command::new("unshare");
        return match run(probe.args(["--mount", "true"])) {
            Ok(_) => process::isolated_by(Command::new("unshare").arg("--mount"), name),
            Err(reason) => skip(&format!("{name}: mounting requires root: {reason}")),
        };
    }
    match file_system.try_new() {
        Ok(mount) => test(mount),
        Err(reason) => {
            skip(&format!("{name}: {} on a loop device of a FUSE file: {reason}", file_system.name));
        }
    }
}

/// Memory, if possible.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_owned();
    let described = |reason: &dyn std::fmt::Display| format!("{}: {reason}", program.display());
    let Output { status, stderr, .. } = command.output().map_err(|error| described(&error))?;
    match status.success() {
        true => Ok(()),
        false => Err(described(&format!("{status}: {}", String::from_utf8_lossy(&stderr).trim()))),
    }
}

/// A disk and the mount that has it as a file.
struct Device {
    disk: Disk,
    path: PathBuf,
    _session: BackgroundSession,
    folder: TempDir,
}

impl Device {
    fn serve(disk: Disk) -> Result<Self, String> {
        let folder = scratch();
        let session = fuser::spawn_mount(disk.clone(), folder.path(), &Config::default())
            .map_err(|error| format!("FUSE: {error}"))?;
        Ok(Self { disk, path: folder.path().join(disk::NAME), _session: session, folder })
    }

    fn mount(self, file_system: FileSystem) -> Result<Mount, String> {
        let point = scratch();
        let mut mount = Command::new("mount");
        mount.args(["-t", file_system.name, "-o", file_system.options]).arg(&self.path).arg(point.path());
        run(&mut mount)?;
        Ok(Mount { file_system, point, device: self, is_mounted: true })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // The loop device may be in use for another moment. The session ends with its last use.
        let _ = run(Command::new("umount").arg("--lazy").arg(self.folder.path()));
    }
}

/// A mounted file system.
pub struct Mount {
    pub file_system: FileSystem,
    point: TempDir,
    device: Device,
    is_mounted: bool,
}

impl Mount {
    pub fn path(&self) -> &Path {
        self.point.path()
    }

    pub fn disk(&self) -> &Disk {
        &self.device.disk
    }

    /// Writes everything that the file system has in memory to the disk.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(self.path())?)?)
    }

    /// Unmounts the file system and mounts it again, so that nothing is read from memory.
    pub fn again(self) -> Self {
        let file_system = self.file_system;
        file_system.mount(self.unmount()).unwrap()
    }

    /// Unmounts the file system, and returns the content of the disk.
    pub fn unmount(mut self) -> Image {
        self.is_mounted = false;
        run(Command::new("umount").arg(self.path())).unwrap();
        self.disk().content()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = run(Command::new("umount").arg("--lazy").arg(self.path()));
        }
    }
}
