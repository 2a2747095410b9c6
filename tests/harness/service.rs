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

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Header lines without their ends.
    pub(crate) headers: Vec<String>,
    /// The body.
    pub(crate) body: String,
}

impl Request {
    /// The value of a header, whose name is written in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().filter_map(|line| line.split_once(':'));
        headers.find(|(found, _)| found.to_lowercase() == name).map(|(_, value)| value.trim())
    }
}

/// A service on a free port of the loopback interface.
pub(crate) struct Service {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(String, Request)>>>,
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
        let requests = self.requests.lock().expect("no test thread panics with it");
        requests.iter().map(|(request, _)| request.clone()).collect()
    }

    /// Headers and body of every request so far, in order.
    pub(crate) fn received(&self) -> Vec<Request> {
        let requests = self.requests.lock().expect("no test thread panics with it");
        requests.iter().map(|(_, request)| request.clone()).collect()
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
    record: &Mutex<Vec<(String, Request)>>,
    reply: &(dyn Fn(&str) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let request = first.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut length = 0;
    let mut headers = Vec::new();
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
        headers.push(header.trim_end().to_owned());
    }
    let mut body = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    record.lock().expect("no test thread panics with it").push((request.clone(), Request { headers, body }));
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
