//! The program as a server, and a real proxy in front of it.

use std::fs;
use std::path::Path;

use test_support::certificates::Authority;

use crate::program::{Served, Workspace};
use crate::reverse_proxy::{Kind, ReverseProxy, free_port};

pub struct Proxied {
    pub served: Served,
    pub proxy: ReverseProxy,
    /// Of the proxy, with a slash at the end.
    pub url: String,
}

impl Proxied {
    /// A proxy configured as docs/operations/proxies.md says. The server has those options, too.
    pub fn documented(kind: Kind, options: &[&str]) -> Self {
        let own: &[&str] = if kind == Kind::Caddy { &["--method-override"] } else { &[] };
        Self::start(kind, &snippet(kind), "https://localhost", &[own, options].concat())
    }

    /// A proxy with that site, without TLS.
    pub fn plain(kind: Kind, site: &str, options: &[&str]) -> Self {
        Self::start(kind, site, "http://127.0.0.1", options)
    }

    /// Where somebody takes the port in between, another one is tried.
    fn start(kind: Kind, site: &str, origin: &str, options: &[&str]) -> Self {
        let authority = Authority::new();
        let proxied = (0..5).find_map(|_| {
            let port = free_port();
            let url = format!("{origin}:{port}/");
            let served = Served::new(&[&["--public-url", &url], options].concat());
            let proxy = ReverseProxy::try_start(kind, site, port, served.address(), &authority)?;
            Some(Self { served, proxy, url })
        });
        let proxied = proxied.expect("one of five ports stays free for a moment");
        fs::write(proxied.place().path("ca.pem"), &authority.pem).unwrap();
        proxied
    }

    pub fn place(&self) -> &Workspace {
        &self.served.place
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    /// A command line of the client that trusts the proxy, and keeps its state here.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        let own = ["--cacert".to_owned(), self.place().text("ca.pem")];
        let state = ["--state-dir".to_owned(), self.place().text("state")];
        let state = (words[0] == "upload").then_some(state).into_iter().flatten();
        words.iter().map(|word| (*word).to_owned()).chain(own).chain(state).collect()
    }

    /// Runs the client to its end.
    pub fn run(&self, words: &[&str]) -> crate::program::Outcome {
        let words = self.words(words);
        crate::program::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The one snippet for that proxy.
pub fn snippet(kind: Kind) -> String {
    let opening = format!("```{}\n", kind.language());
    let text = document();
    let mut snippets = text.split(&opening).skip(1);
    let snippet = snippets.next().unwrap().split_once("```").unwrap().0.to_owned();
    assert!(snippets.next().is_none(), "{kind:?} has one snippet");
    snippet
}

/// A site that passes what the document's line for that proxy lets pass.
pub fn strict(kind: Kind) -> String {
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
            let (matcher, answer) = rule.split_once("; ").unwrap();
            site.replace("{\n", &format!("{{\n{matcher}\n{answer}\n"))
        }
    }
}

/// docs/operations/proxies.md.
pub fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations/proxies.md")).unwrap()
}
