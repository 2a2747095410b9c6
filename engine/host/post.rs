//! One POST over HTTP, with or without TLS: a status comes back, or why there is none.
//!
//! It blocks for at most the time it is given. It follows no redirect, reads no body, tries nothing twice, and no
//! message of it shows the address, which may be a secret.

use rustls_native_certs::load_native_certs;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use ureq::config::Config;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// What is posted, and where to.
#[derive(Clone, Debug)]
pub struct Post {
    /// An http or https address.
    pub address: String,
    /// Headers besides those every request has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoStatus {
    /// The time was over.
    TooSlow,
    /// It may go better another time: why not now.
    Now(String),
    /// It will never go: why.
    Never(String),
}

impl Post {
    /// Sends it and waits for the status, both within `limit`.
    ///
    /// # Errors
    /// Why there is no status.
    pub fn send(&self, limit: Duration) -> Result<u16, NoStatus> {
        let mut config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(limit))
            .user_agent(concat!("runbook/", env!("CARGO_PKG_VERSION")));
        if self.address.starts_with("https:") {
            let trusted = load_native_certs().certs;
            if trusted.is_empty() {
                let why = "this host trusts no certificate authority: install `ca-certificates`";
                return Err(NoStatus::Never(why.to_owned()));
            }
            let trusted: Vec<_> = trusted.iter().map(|it| Certificate::from_der(it).to_owned()).collect();
            let roots = RootCerts::Specific(Arc::new(trusted));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let mut request = config.build().new_agent().post(&self.address);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match request.send(&self.body[..]) {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(why(&error)),
        }
    }
}

fn why(error: &ureq::Error) -> NoStatus {
    match error {
        ureq::Error::Timeout(_) => NoStatus::TooSlow,
        ureq::Error::HostNotFound => NoStatus::Now("its host is not known".to_owned()),
        ureq::Error::Io(error) => NoStatus::Now(why_io(error)),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            NoStatus::Never("its address is not valid".to_owned())
        }
        ureq::Error::InvalidProxyUrl => NoStatus::Never("the proxy's address is not valid".to_owned()),
        other => NoStatus::Now(format!("the request failed: {other}")),
    }
}

fn why_io(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            "the connection broke off".to_owned()
        }
        // What the system says has its number behind it; its kind reads better.
        kind if error.raw_os_error().is_some() => kind.to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    /// Sends a small body to a receiver that does `answer` with the one connection it gets; gives the result,
    /// and what the receiver read before it answered.
    fn sent(answer: impl FnOnce(TcpStream) + Send + 'static) -> (Result<u16, NoStatus>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let (mut got, mut buffer) = (Vec::new(), [0; 1024]);
            while !got.ends_with(b"body") {
                let count = connection.read(&mut buffer).unwrap();
                got.extend_from_slice(&buffer[..count]);
            }
            answer(connection);
            String::from_utf8(got).unwrap()
        });
        let headers = vec![("X-Test", "yes".to_owned())];
        let post = Post { address, headers, body: b"body".to_vec() };
        let result = post.send(Duration::from_secs(20));
        (result, receiver.join().unwrap())
    }

    fn answers(text: &'static str) -> impl FnOnce(TcpStream) + Send {
        move |mut connection| connection.write_all(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_status_comes_back_whatever_it_is() {
        let (status, got) = sent(answers("HTTP/1.1 202 ok\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(status, Ok(202));
        assert!(got.starts_with("POST /hook HTTP/1.1\r\n"), "{got}");
        let got = got.to_lowercase();
        assert!(got.contains("\r\nx-test: yes\r\n") && got.contains("\r\ncontent-length: 4\r\n"), "{got}");
        for (text, status) in [
            ("HTTP/1.1 503 no\r\ncontent-length: 100\r\n\r\n", 503),
            ("HTTP/1.1 307 there\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 307),
            ("HTTP/1.1 302 there\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", 302),
        ] {
            assert_eq!(sent(answers(text)).0, Ok(status), "{text}");
        }
    }

    #[test]
    fn why_there_is_none_is_said() {
        assert_eq!(sent(drop).0, Err(NoStatus::Now("the connection broke off".into())));
        let (garbage, _) = sent(answers("220 mail ESMTP\r\n\r\n"));
        assert!(matches!(&garbage, Err(NoStatus::Now(why)) if !why.is_empty()), "{garbage:?}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let post = |address: String| Post { address, headers: Vec::new(), body: Vec::new() };
        let silent = post(format!("http://{address}/")).send(Duration::from_millis(50));
        assert_eq!(silent, Err(NoStatus::TooSlow));
        drop(listener);
        // A fork of a neighbouring test may hold it for a moment.
        let refused = Err(NoStatus::Now("connection refused".into()));
        while post(format!("http://{address}/")).send(Duration::from_secs(20)) != refused {
            std::thread::yield_now();
        }
        let wrong = post("http://a b/".into()).send(Duration::from_secs(20));
        assert_eq!(wrong, Err(NoStatus::Never("its address is not valid".into())));
    }
}
