//! Real proxies in front of a server: nginx, HAProxy, Apache httpd and Caddy. Each runs as one process in the
//! foreground, as user `nobody` if the tests run as root.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use test_support::certificates::Authority;

/// Id of user and group `nobody` on Debian.
const NOBODY: u32 = 65534;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    HaProxy,
    Apache,
    Caddy,
}

pub const KINDS: [Kind; 4] = [Kind::Nginx, Kind::HaProxy, Kind::Apache, Kind::Caddy];

impl Kind {
    /// The name of the executable.
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Apache => "apache2",
            Self::Caddy => "caddy",
        }
    }

    /// The language of the code block in docs/operations/proxies.md.
    pub fn language(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Apache => "apache",
            Self::Caddy => "caddyfile",
        }
    }

    /// The name in docs/operations/proxies.md.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
            Self::Apache => "Apache httpd",
            Self::Caddy => "Caddy",
        }
    }

    fn arguments(self, config: &Path) -> Vec<String> {
        let config = config.to_str().unwrap().to_owned();
        let words: &[&str] = match self {
            Self::Nginx => &["-e", "stderr", "-c"],
            Self::HaProxy => &["-db", "-f"],
            Self::Apache => &["-X", "-f"],
            Self::Caddy => &["run", "--adapter", "caddyfile", "--config"],
        };
        words.iter().map(|word| (*word).to_owned()).chain([config]).collect()
    }

    /// The main configuration around a site: the part of Debian's that is needed to run in `DIR`.
    fn frame(self) -> &'static str {
        match self {
            Self::Nginx => NGINX,
            Self::HaProxy => "SITE",
            Self::Apache => APACHE,
            Self::Caddy => CADDY,
        }
    }

    /// A minimal proxy site without TLS, with the default behavior of the proxy.
    pub fn plain(self) -> &'static str {
        match self {
            Self::Nginx => "server { listen ADDRESS; location / { proxy_pass http://127.0.0.1:8080; } }",
            Self::HaProxy => {
                "defaults\n mode http\n timeout connect 5s\n timeout client 50s\n timeout server 50s\n\
                 listen uploads\n bind ADDRESS\n server one 127.0.0.1:8080\n"
            }
            Self::Apache => "<VirtualHost *>\nProxyPass / http://127.0.0.1:8080/\n</VirtualHost>",
            Self::Caddy => "http://127.0.0.1:PORT {\nreverse_proxy 127.0.0.1:8080\n}",
        }
    }
}

/// A running proxy, killed when dropped.
pub struct ReverseProxy {
    kind: Kind,
    child: Child,
    config: PathBuf,
    pub port: u16,
    /// Configuration, certificates, log and temporary files.
    directory: TempDir,
}

/// Returns a port that is free now. None of these programs can report the port that the kernel chose.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl ReverseProxy {
    /// Starts a proxy with this site, after inserting port, server and certificate. Returns `None` if another process
    /// has taken the port.
    pub fn try_start(
        kind: Kind,
        site: &str,
        port: u16,
        server: SocketAddr,
        authority: &Authority,
    ) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let issued = authority.issue(&["localhost"]);
        fs::write(path("cert.pem"), &issued.certificate).unwrap();
        fs::write(path("key.pem"), &issued.key).unwrap();
        fs::write(path("both.pem"), issued.both()).unwrap();
        fs::create_dir(path("tmp")).unwrap();
        let config = directory.path().join("config");
        let site = site
            .replace("/etc/haproxy/up.example.com.pem", &path("both.pem"))
            .replace("/etc/ssl/certs/up.example.com.pem", &path("cert.pem"))
            .replace("/etc/ssl/private/up.example.com.key", &path("key.pem"));
        let text = kind.frame().replace("SITE", &on_port(kind, &site));
        let text = text
            .replace("127.0.0.1:8080", &server.to_string())
            .replace("ADDRESS", &format!("127.0.0.1:{port}"))
            .replace("PORT", &port.to_string())
            .replace("DIR", &path(""));
        fs::write(&config, text).unwrap();
        let child = launch(kind, directory.path(), &config);
        let mut proxy = Self { kind, child, config, port, directory };
        proxy.is_up().then_some(proxy)
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the proxy again on the same port.
    pub fn restart(&mut self) {
        let start = std::time::Instant::now();
        loop {
            self.child = launch(self.kind, self.directory.path(), &self.config);
            if self.is_up() {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}: {}", self.kind, self.log());
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Waits until the proxy accepts connections. Returns `false` if it exited because the port is taken.
    fn is_up(&mut self) -> bool {
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(
                    self.log().contains("in use") || self.log().contains("cannot bind"),
                    "{:?}: {status}: {}",
                    self.kind,
                    self.log()
                );
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Moves a site of the document from port 443 to the test port.
fn on_port(kind: Kind, site: &str) -> String {
    match kind {
        Kind::Nginx => site.replace("listen 443", "listen ADDRESS").replace("up.example.com", "localhost"),
        Kind::HaProxy => site.replace("bind :443", "bind ADDRESS"),
        Kind::Apache => site.replace("*:443", "*").replace("up.example.com", "localhost"),
        Kind::Caddy => site.replace("up.example.com", "https://localhost:PORT"),
    }
}

fn launch(kind: Kind, directory: &Path, config: &Path) -> Child {
    let name = kind.program();
    let sbin = format!("/usr/sbin/{name}");
    let mut command = Command::new(if fs::exists(&sbin).unwrap() { &sbin } else { name });
    let log = File::create(directory.join("log")).unwrap();
    command
        .args(kind.arguments(config))
        .env("HOME", directory)
        .env("XDG_CONFIG_HOME", directory)
        .current_dir(directory);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    if rustix::process::geteuid().is_root() {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries
            .chain([directory.to_owned()])
            .for_each(|path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().unwrap_or_else(|error| {
        panic!("cannot start {name}: {error}; on Debian: apt-get install nginx haproxy apache2-bin caddy")
    })
}

const NGINX: &str = "\
daemon off;
master_process off;
pid DIR/pid;
events {}
http {
    access_log off;
    client_body_temp_path DIR/tmp/body;
    proxy_temp_path DIR/tmp/proxy;
    fastcgi_temp_path DIR/tmp/fastcgi;
    uwsgi_temp_path DIR/tmp/uwsgi;
    scgi_temp_path DIR/tmp/scgi;
    SITE
}
";

const APACHE: &str = "\
ServerRoot DIR
ServerName localhost
PidFile DIR/pid
DefaultRuntimeDir DIR/tmp
ErrorLog DIR/log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
Listen ADDRESS
SITE
";

const CADDY: &str = "\
{
    admin off
    auto_https disable_redirects
    storage file_system DIR/tmp
}
SITE
";
