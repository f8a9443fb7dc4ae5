//! Uploads through Squid, which requires credentials: forwarded requests and a tunnel.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bitsup::Error;
use bitsup::client::{Client, ClientConfig, Credentials, Source};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore};
use test_support::certificates::Authority;
use test_support::tls_terminator::{TLS13, server_config, terminate_tls};

struct Squid {
    child: Child,
    address: SocketAddr,
}

impl Squid {
    /// Starts Squid on a free port. Squid cannot choose one itself, so if the port is taken meanwhile, another one is
    /// tried.
    fn start(directory: &Path) -> Self {
        (0..5).find_map(|_| Self::try_start(directory)).expect("squid did not start on any of five ports")
    }

    fn try_start(directory: &Path) -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (config, log) = (directory.join("squid.conf"), directory.join("squid.log"));
        fs::write(&config, CONFIG.replace("ADDRESS", &address.to_string())).unwrap();
        let sbin = "/usr/sbin/squid";
        let mut child = Command::new(if fs::exists(sbin).unwrap() { sbin } else { "squid" })
            .args(["-N", "-d", "1", "-f"])
            .arg(&config)
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start squid: {error}; on Debian: apt-get install squid"));
        loop {
            if TcpStream::connect(address).is_ok() {
                return Some(Self { child, address });
            }
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = "\
http_port ADDRESS
auth_param basic program /usr/lib/squid/basic_fake_auth
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
access_log none
cache_log /dev/null
pid_filename none
netdb_filename none
max_filedescriptors 256
shutdown_lifetime 0 seconds
";

fn upload(config: &ClientConfig, url: &str, content: &[u8]) -> Result<(), Error> {
    Client::new(config.clone()).unwrap().job(url, Source::from_bytes(content)).unwrap().run()
}

#[test]
fn uploads_go_through_squid_by_forwarding_and_by_tunnel() {
    let (directory, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let squid = Squid::start(directory.path());
    let store = Arc::new(DirStore::open(root.path(), DirOptions::default()).unwrap());
    let engine = Engine::new(EngineConfig::new(store)).unwrap();
    let server = Server::start(ServerConfig::default().mount("/", engine)).unwrap();
    let authority = Authority::new();
    let tls = server_config(&authority.issue(&["localhost"]), None, &[&TLS13]);
    let secured = terminate_tls(tls, server.local_addr());

    let anonymous = ClientConfig::default()
        .proxy(format!("http://{}", squid.address))
        .root_certificates(authority.pem)
        .fragment_size(100_000);
    let user = Credentials::new("Aladdin", "open sesame");
    let authenticated = anonymous.clone().proxy_credentials(user);
    let content = b"0123456789".repeat(40_000);
    for (url, name) in [
        (format!("http://127.0.0.1:{}/forwarded", server.local_addr().port()), "forwarded"),
        (format!("https://localhost:{secured}/tunnelled"), "tunnelled"),
    ] {
        assert_eq!(upload(&anonymous, &url, &content).unwrap_err().http_status(), Some(407), "{name}");
        upload(&authenticated, &url, &content).unwrap();
        assert!(fs::read(root.path().join(name)).unwrap() == content, "{name}");
    }
}
