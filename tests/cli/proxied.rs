//! `bitsup serve` behind a real proxy.

use std::fs;
use std::path::Path;

use test_support::certificates::Authority;

use crate::program::{TestServer, Workspace};
use crate::reverse_proxy::{Kind, ReverseProxy, free_port};

pub struct Proxied {
    pub server: TestServer,
    pub proxy: ReverseProxy,
    /// URL of the proxy, ending with a slash.
    pub url: String,
}

impl Proxied {
    /// Starts a proxy that is configured as in docs/operations/proxies.md. `options` are added to those of the server.
    pub fn documented(kind: Kind, options: &[&str]) -> Self {
        let extra: &[&str] = if kind == Kind::Caddy { &["--method-override"] } else { &[] };
        Self::start(kind, &snippet(kind), "https://localhost", &[extra, options].concat())
    }

    /// Starts a proxy with this site configuration, without TLS.
    pub fn plain(kind: Kind, site: &str, options: &[&str]) -> Self {
        Self::start(kind, site, "http://127.0.0.1", options)
    }

    /// Tries several ports, as another process can take one before the proxy does.
    fn start(kind: Kind, site: &str, origin: &str, options: &[&str]) -> Self {
        let authority = Authority::new();
        let proxied = (0..5).find_map(|_| {
            let port = free_port();
            let url = format!("{origin}:{port}/");
            let server = TestServer::new(&[&["--public-url", &url], options].concat());
            let proxy = ReverseProxy::try_start(kind, site, port, server.address(), &authority)?;
            Some(Self { server, proxy, url })
        });
        let proxied = proxied.expect("five ports in a row were taken by other processes");
        fs::write(proxied.workspace().path("ca.pem"), &authority.pem).unwrap();
        proxied
    }

    pub fn workspace(&self) -> &Workspace {
        &self.server.workspace
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    /// Adds the options to trust the proxy, and for uploads those to keep the state in the workspace.
    pub fn args(&self, args: &[&str]) -> Vec<String> {
        let extra = ["--cacert".to_owned(), self.workspace().path_str("ca.pem")];
        let state = ["--state-dir".to_owned(), self.workspace().path_str("state")];
        let state = (args[0] == "upload").then_some(state).into_iter().flatten();
        args.iter().map(|word| (*word).to_owned()).chain(extra).chain(state).collect()
    }

    /// Runs a client command until it exits.
    pub fn run(&self, args: &[&str]) -> crate::program::Outcome {
        let args = self.args(args);
        crate::program::run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The configuration snippet of the document for this proxy.
pub fn snippet(kind: Kind) -> String {
    let opening = format!("```{}\n", kind.language());
    let text = document();
    let mut snippets = text.split(&opening).skip(1);
    let snippet = snippets.next().unwrap().split_once("```").unwrap().0.to_owned();
    assert!(snippets.next().is_none(), "{kind:?} has more than one snippet");
    snippet
}

/// A site that rejects the verb BITS_POST by the rule that the document shows for this proxy.
pub fn rejecting_site(kind: Kind) -> String {
    let start = format!("| {} | `", kind.name());
    let text = document();
    let mut rules = text.split(&start).skip(1).filter_map(|rest| rest.split('`').next());
    let rule = rules.next().unwrap_or_else(|| panic!("no rule for {kind:?}"));
    let (site, version) = (kind.plain(), "proxy_http_version 1.1;");
    match kind {
        Kind::Nginx => site.replace("location / {", &format!("location / {{ {version} {rule}")),
        Kind::HaProxy => format!("{site} {rule}\n"),
        Kind::Apache => format!("{rule}\n{site}"),
        Kind::Caddy => {
            let (matcher, response) = rule.split_once("; ").unwrap();
            site.replace("{\n", &format!("{{\n{matcher}\n{response}\n"))
        }
    }
}

/// The text of docs/operations/proxies.md.
pub fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations/proxies.md")).unwrap()
}
