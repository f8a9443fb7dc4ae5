//! Two real servers over one root, behind a real HAProxy that sends every request to the next of them, and one
//! of them killed in the middle of an upload.
#![cfg(unix)]

#[path = "cli/support.rs"]
#[allow(dead_code)] // Shared with the tests of the command line.
mod support;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use support::{Place, Running};

const SIZE: usize = 3 * 1024 * 1024;
/// Kills in one round; a round has 48 fragments.
const KILLS: usize = 2;

/// Twenty rounds, in parts that run side by side.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..2).for_each(|_| round()); })* };
}

rounds! {
    rounds_1_and_2 rounds_3_and_4 rounds_5_and_6 rounds_7_and_8 rounds_9_and_10
    rounds_11_and_12 rounds_13_and_14 rounds_15_and_16 rounds_17_and_18 rounds_19_and_20
}

fn round() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let farm = Farm::new();
    let Farm { place, mut nodes, proxy } = farm;
    let (source, content) = place.source("source", SIZE);
    let (url, state) = (format!("http://{}/file", proxy.address), place.text("state"));
    // So slow that it does not end while a node is down.
    let pace = ["--fragment-size", "64k", "--limit-rate", "8m", "--retry-delay", "20ms"];
    let upload = [&["upload", &source, &url, "--json", "--state-dir", &state], &pace[..]].concat();
    let mut client = Running::start(&upload);
    for _ in 0..KILLS {
        if !acked(&mut client, random.usize(3..20)) {
            break;
        }
        // Anywhere between this Ack and the next.
        (0..random.usize(0..20_000)).for_each(|_| std::hint::spin_loop());
        let victim = random.usize(0..nodes.len());
        let address = nodes[victim].kill();
        if !acked(&mut client, random.usize(0..5)) {
            break;
        }
        assert_exact_or_absent(&place, &content);
        nodes[victim] = Node::start(&place, &address.to_string());
    }
    let outcome = client.finish();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(fs::read(place.received("file")).unwrap() == content, "the file differs from its source");
    // A Create-Session whose answer was lost leaves a session that nobody knows of.
    assert!(place.sessions().len() <= KILLS, "{:?}", place.sessions());
    assert!(proxy.log_says_both_nodes_served(), "{}", proxy.log());
}

#[test]
fn a_root_is_not_shared_with_a_server_that_does_not_share_it() {
    let place = Place::new();
    let root = place.root();
    let _node = Node::start(&place, "127.0.0.1:0");
    let alone = ["serve", "--root", root.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    support::run(&alone).failed(1, &["in use by servers that share it: share it, too"]);
}

/// Reads events until so many Acks came; `false` when the upload ended before.
fn acked(client: &mut Running, acks: usize) -> bool {
    for _ in 0..acks {
        let line = client.line();
        if line.is_empty() || line.contains("\"done\"") {
            return false;
        }
    }
    true
}

fn assert_exact_or_absent(place: &Place, content: &[u8]) {
    if let Ok(file) = fs::read(place.received("file")) {
        assert!(file == content, "{} bytes instead of {}", file.len(), content.len());
    }
}

/// Two servers and the proxy in front of them.
struct Farm {
    place: Place,
    nodes: Vec<Node>,
    proxy: Proxy,
}

impl Farm {
    fn new() -> Self {
        let place = Place::new();
        let nodes: Vec<Node> = (0..2).map(|_| Node::start(&place, "127.0.0.1:0")).collect();
        let proxy = Proxy::start(&place, &nodes);
        Self { place, nodes, proxy }
    }
}

/// One server of a farm.
struct Node {
    process: Running,
    address: SocketAddr,
}

impl Node {
    fn start(place: &Place, listen: &str) -> Self {
        let root = place.root();
        let args = ["serve", "--shared", "--root", root.to_str().unwrap(), "--listen", listen];
        let mut process = Running::start(&args);
        let line = process.line();
        let address = line.strip_prefix("listening on http://").and_then(|url| url.strip_suffix('/'));
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line:?}, {:?}", process.finish()));
        Self { process, address }
    }

    /// Ends it by SIGKILL, and says where it was.
    fn kill(&mut self) -> SocketAddr {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.address
    }
}

/// HAProxy, killed when dropped.
struct Proxy {
    child: Child,
    address: SocketAddr,
    log: std::path::PathBuf,
}

impl Proxy {
    /// It inherits its listening socket, as its standard input: so nobody can take the port in between, and
    /// clients may connect before it is ready.
    fn start(place: &Place, nodes: &[Node]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let servers: String =
            (0..).zip(nodes).map(|(i, node)| format!("  server n{i} {}\n", node.address)).collect();
        let config = place.path("haproxy.cfg");
        fs::write(&config, CONFIG.replace("SERVERS", &servers)).unwrap();
        let log = place.path("haproxy.log");
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

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn log_says_both_nodes_served(&self) -> bool {
        ["farm/n0 ", "farm/n1 "].iter().all(|node| self.log().contains(node))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request whose server does not take the connection goes to the other one.
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
