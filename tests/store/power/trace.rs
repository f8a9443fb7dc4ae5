//! The system calls of a process, recorded by strace.

use std::process::Command;

/// A system call that succeeded.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    /// The arguments as strace prints them, with strings decoded.
    pub arguments: Vec<Argument>,
    pub result: i64,
}

#[derive(Debug)]
pub enum Argument {
    Text(Vec<u8>),
    Other(String),
}

impl Call {
    pub fn bytes(&self, at: usize) -> &[u8] {
        match &self.arguments[at] {
            Argument::Text(bytes) => bytes,
            Argument::Other(_) => panic!("argument {at} is not a string: {self:?}"),
        }
    }

    pub fn text(&self, at: usize) -> &str {
        std::str::from_utf8(self.bytes(at)).unwrap()
    }

    pub fn word(&self, at: usize) -> &str {
        match &self.arguments[at] {
            Argument::Other(word) => word,
            Argument::Text(_) => panic!("argument {at} is a string: {self:?}"),
        }
    }

    pub fn number(&self, at: usize) -> i64 {
        self.word(at).parse().unwrap_or_else(|_| panic!("argument {at} is not a number: {self:?}"))
    }
}

/// All calls that can change or sync a file or a directory, and those that change descriptors.
const CALLS: &str = "open,openat,openat2,creat,close,dup,dup2,dup3,fcntl,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,\
    rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,write,writev,pwrite64,pwritev,pwritev2,splice,\
    sendfile,copy_file_range,truncate,ftruncate,fallocate,fsync,fdatasync,sync,syncfs,sync_file_range";

/// Runs a command and returns its calls.
pub fn calls(program: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Vec<Call> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-xx", "-s", "1000000", "-e", "signal=none", "-e"]);
    strace.arg(format!("trace={CALLS}")).arg("-o").arg(log.path()).arg(program).args(arguments);
    let output = strace.envs(environment.iter().copied()).output().expect("strace can be run: tools/setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = std::fs::read_to_string(log.path()).unwrap();
    // Only one thread does I/O, so no call is split over two lines.
    text.lines().filter_map(call).collect()
}

/// Parses `PID name(arguments) = result`. Returns `None` for a failed call.
fn call(line: &str) -> Option<Call> {
    let (_, line) = line.split_once(' ').unwrap();
    let (name, rest) = line.trim_start().split_once('(').unwrap_or_else(|| panic!("{line}"));
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or_else(|| panic!("{line}"));
    let result = result.split(' ').next().unwrap();
    let result = match result.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).unwrap(),
        None => result.parse().ok()?,
    };
    let arguments = arguments.trim_end().strip_suffix(')').unwrap_or_else(|| panic!("{line}"));
    (result >= 0).then(|| Call {
        name: name.into(),
        arguments: arguments.split(", ").map(argument).collect(),
        result,
    })
}

fn argument(text: &str) -> Argument {
    match text.strip_prefix('"') {
        None => Argument::Other(text.into()),
        Some(text) => {
            // A truncated string would end in dots instead of a quote.
            let hexadecimal = text.strip_suffix('"').unwrap_or_else(|| panic!("{text}"));
            let bytes = hexadecimal.split("\\x").skip(1);
            Argument::Text(bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect())
        }
    }
}
