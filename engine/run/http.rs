//! Response codes from the headers that curl hands over. Pure.

/// Longest beginning of a header line that is looked at.
const LONGEST: usize = 64;

/// Reads status lines out of a stream of headers.
#[derive(Debug, Default)]
pub(super) struct Headers {
    line: Vec<u8>,
}

impl Headers {
    /// The final response codes (200 and above) in `bytes`, in order.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u16> {
        let mut codes = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                codes.extend(code(&self.line));
                self.line.clear();
            } else if self.line.len() < LONGEST {
                self.line.push(byte);
            }
        }
        codes
    }
}

fn code(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("HTTP/")?.split_ascii_whitespace();
    let code = words.nth(1)?.parse().ok()?;
    (code >= 200).then_some(code)
}

/// Whether a response blames the request, so that the act behind it was not really tried.
pub(super) fn blames_the_request(code: u16) -> bool {
    matches!(code, 400 | 401 | 403 | 404 | 405 | 410 | 422)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_status_lines_in_any_pieces() {
        for (chunks, expected) in [
            (&["HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"][..], &[404][..]),
            (&["HTTP/2 20", "0 \r\n"], &[200]),
            (&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 E\r\n"], &[500]),
            (&["HTTP/1.1 302 Found\r\nLocation: x\r\n\r\nHTTP/1.1 200 OK\r\n"], &[302, 200]),
            (&["X: HTTP/1.1 404\r\nHTTP/1.1\r\nHTTP/1.1 abc\r\n"], &[]),
        ] {
            let mut headers = Headers::default();
            let codes: Vec<u16> = chunks.iter().flat_map(|chunk| headers.feed(chunk.as_bytes())).collect();
            assert_eq!(codes, expected, "{chunks:?}");
        }
    }
}
