//! A proxy that forwards requests, opens tunnels and may require credentials. Every host name leads to this machine.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy.
pub struct Proxy {
    pub address: SocketAddr,
    /// The heads of all requests, in order.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy. With `required`, every request must have this `Proxy-Authorization`.
    pub fn start(required: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let recorded = Arc::clone(&heads);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let heads = Arc::clone(&recorded);
                // Connection errors are not failures of the test.
                thread::spawn(move || serve(client, required, &heads));
            }
        });
        Self { address, heads }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, required: Option<&str>, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    loop {
        let head = read_head(&mut client)?;
        heads.lock().unwrap().push(head.clone());
        let body = read_body(&mut client, &head)?;
        if required.is_some_and(|required| field(&head, "Proxy-Authorization") != Some(required)) {
            client.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n\
                  Proxy-Authenticate: Basic realm=\"the proxy\"\r\nContent-Length: 0\r\n\r\n",
            )?;
            continue;
        }
        let target = head.split(' ').nth(1).unwrap();
        if head.starts_with("CONNECT ") {
            return tunnel(client, target);
        }
        let rest = target.strip_prefix("http://").expect("an absolute URL in the request line");
        let (authority, path) = rest.split_at(rest.find('/').unwrap());
        let mut server = local(authority)?;
        let lines = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
        let forwarded = lines.collect::<Vec<_>>().join("\r\n").replacen(target, path, 1);
        server.write_all(forwarded.as_bytes())?;
        server.write_all(&body)?;
        let response = read_head(&mut server)?;
        let content = read_body(&mut server, &response)?;
        client.write_all(&[response.as_bytes(), &content].concat())?;
    }
}

/// Connects to the port on this machine, whatever the host name.
fn local(authority: &str) -> io::Result<TcpStream> {
    let port: u16 = authority.rsplit_once(':').unwrap().1.parse().unwrap();
    TcpStream::connect(("127.0.0.1", port))
}

fn tunnel(mut client: TcpStream, authority: &str) -> io::Result<()> {
    let Ok(mut server) = local(authority) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Both)
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8(head).unwrap())
}

fn read_body(stream: &mut TcpStream, head: &str) -> io::Result<Vec<u8>> {
    let mut body = vec![0; field(head, "Content-Length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Returns the value of a header field.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
