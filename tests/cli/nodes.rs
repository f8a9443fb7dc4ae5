//! Servers that share a root, and HAProxy in front of them, which sends each request to the next server.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use crate::program::{Outcome, Process, Workspace};

/// One server of a server farm.
pub struct Node {
    process: Process,
    pub address: SocketAddr,
}

impl Node {
    pub fn start(workspace: &Workspace, listen: &str, options: &[&str]) -> Self {
        let root = workspace.root();
        let args = ["serve", "--shared", "--root", root.to_str().unwrap(), "--listen", listen];
        let mut process = Process::start(&[&args, options].concat());
        let line = process.line();
        let address = line.strip_prefix("listening on http://").and_then(|url| url.strip_suffix('/'));
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line:?}, {:?}", process.finish()));
        Self { process, address }
    }

    /// Suspends the server with SIGSTOP, and waits until all its threads have stopped.
    pub fn suspend(&self) {
        self.process.signal(Signal::STOP);
        let pid = Pid::from_child(&self.process.child);
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// Lets a suspended server continue.
    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Stops the server with SIGTERM, and returns its outcome. Panics if it does not exit within `time`.
    pub fn stop(mut self, time: Duration) -> Outcome {
        self.process.signal(Signal::TERM);
        let pid = Pid::from_child(&self.process.child);
        let (send, exited) = channel();
        thread::spawn(move || send.send(self.process.finish()));
        exited.recv_timeout(time).unwrap_or_else(|_| {
            // The thread above waits for it.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            panic!("the server did not exit within {time:?}")
        })
    }

    /// Kills the server with SIGKILL. Returns its address.
    pub fn kill(&mut self) -> SocketAddr {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.address
    }
}

/// HAProxy, killed when dropped.
pub struct Proxy {
    child: Child,
    pub address: SocketAddr,
    log: std::path::PathBuf,
}

impl Proxy {
    /// Starts HAProxy. It inherits its listening socket as standard input, so that no other process can take the
    /// port, and clients can connect before it is ready.
    pub fn start(workspace: &Workspace, nodes: &[Node]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let servers: String =
            (0..).zip(nodes).map(|(i, node)| format!("  server n{i} {}\n", node.address)).collect();
        let config = workspace.path("haproxy.cfg");
        fs::write(&config, CONFIG.replace("SERVERS", &servers)).unwrap();
        let log = workspace.path("haproxy.log");
        let sbin = "/usr/sbin/haproxy";
        let program = if fs::exists(sbin).unwrap() { sbin } else { "haproxy" };
        let child = Command::new(program)
            .args(["-db", "-f"])
            .arg(&config)
            .stdin(OwnedFd::from(listener))
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start haproxy: {error}; on Debian: apt-get install haproxy")
            });
        Self { child, address, log }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn log_says_both_nodes_served(&self) -> bool {
        ["farm/n0 ", "farm/n1 "].iter().all(|node| self.log().contains(node))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request goes to the other server if its own refuses the connection.
const CONFIG: &str = "\
defaults
  mode http
  log stdout format raw local0
  option httplog
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  retries 3
  option redispatch 1

frontend entrance
  bind fd@0
  default_backend farm

backend farm
  balance roundrobin
SERVERS";
