//! A tiny HTTP service in the test itself: canned replies, and a record of what was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the service answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// This status and body.
    Status(u16, &'static str),
    /// Nothing: the connection stays open until the caller gives up.
    Hang,
}

/// A service on a free port of the loopback interface.
pub(crate) struct Service {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    closing: Arc<AtomicBool>,
}

impl Service {
    /// Answers each request with what `reply` returns for its method and path, such as
    /// `POST /engines/3/start`.
    pub(crate) fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("is bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let closing = Arc::new(AtomicBool::new(false));
        let (record, stop, reply) = (Arc::clone(&requests), Arc::clone(&closing), Arc::new(reply));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (record, reply) = (Arc::clone(&record), Arc::clone(&reply));
                thread::spawn(move || drop(serve(connection, &record, reply.as_ref())));
            }
        });
        Self { address, requests, closing }
    }

    /// Where it listens, such as `127.0.0.1:40123`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Method and path of every request so far, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test thread panics with it").clone()
    }

    /// An address on which nothing listens.
    pub(crate) fn nowhere() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.local_addr().expect("is bound").to_string()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    mut connection: TcpStream,
    record: &Mutex<Vec<String>>,
    reply: &(dyn Fn(&str) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let request = first.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    reader.by_ref().take(length).read_to_end(&mut Vec::new())?;
    record.lock().expect("no test thread panics with it").push(request.clone());
    match reply(&request) {
        Reply::Status(code, body) => {
            let length = body.len();
            write!(
                connection,
                "HTTP/1.1 {code} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
        // Returns when the caller closes its end.
        Reply::Hang => reader.read(&mut [0]).map(drop),
    }
}
