//! What is recorded of one output stream: its beginning and its end, secrets masked, as UTF-8. Pure.
//!
//! Memory is bounded by the limit, whatever the stream's length. Beyond the head, bytes are only
//! copied until the end is known.

use super::mask::Mask;
use super::setup::OutputLimit;
use std::collections::VecDeque;
use std::sync::Arc;

/// One stream of a step.
#[derive(Debug)]
pub(super) struct Capture {
    mask: Arc<Mask>,
    head_left: usize,
    tail: usize,
    /// Bytes of the head that may be the beginning of a secret or of a character.
    held: Vec<u8>,
    /// How many bytes beyond the border of the head were taken to complete what lies on it.
    over: usize,
    /// The last bytes beyond the head: the tail, and before it as many as a secret is long.
    ring: VecDeque<u8>,
    beyond: u64,
    total: u64,
}

impl Capture {
    pub(super) fn new(mask: Arc<Mask>, limit: OutputLimit) -> Self {
        Self {
            mask,
            head_left: limit.head,
            tail: limit.tail,
            held: Vec::new(),
            over: 0,
            ring: VecDeque::new(),
            beyond: 0,
            total: 0,
        }
    }

    /// Bytes of the stream so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that are not recorded, once the stream is over.
    pub(super) fn dropped(&self) -> u64 {
        self.beyond.saturating_sub(self.tail as u64)
    }

    /// Takes bytes in; appends to `out` what may be recorded by now.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut String) {
        self.total += bytes.len() as u64;
        let (head, mut rest) = bytes.split_at(bytes.len().min(self.head_left));
        if !head.is_empty() {
            self.head_left -= head.len();
            self.held.extend_from_slice(head);
            self.release(out);
        }
        // A secret or a character on the border belongs to the head, one behind it does not.
        while !self.held.is_empty() && self.head_left == 0 {
            if self.held.len() <= self.over {
                let held = std::mem::take(&mut self.held);
                self.keep(&held);
                break;
            }
            let Some((&byte, behind)) = rest.split_first() else { return };
            self.over += 1;
            self.held.push(byte);
            self.release(out);
            rest = behind;
        }
        self.keep(rest);
    }

    fn release(&mut self, out: &mut String) {
        let settled = self.mask.settled(&self.held);
        let whole = settled - unfinished_character(&self.held[..settled]);
        self.mask.append(&self.held[..whole], 0, out);
        self.held.drain(..whole);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.beyond += bytes.len() as u64;
        let room = self.tail + self.mask.longest();
        let bytes = &bytes[bytes.len().saturating_sub(room)..];
        let too_many = (self.ring.len() + bytes.len()).saturating_sub(room);
        self.ring.drain(..too_many);
        self.ring.extend(bytes);
    }

    /// The stream is over: what was held back of its head.
    pub(super) fn finish_head(&mut self, out: &mut String) {
        let held = std::mem::take(&mut self.held);
        self.mask.append(&held, 0, out);
    }

    /// And its end, where it went beyond the head.
    pub(super) fn finish_tail(&mut self, out: &mut String) {
        let ring = std::mem::take(&mut self.ring);
        let (context, kept) = (ring.len().saturating_sub(self.tail), Vec::from(ring));
        self.mask.append(&kept, context, out);
    }
}

/// Number of bytes at the end that are the beginning of a character.
pub(super) fn unfinished_character(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    match std::str::from_utf8(&bytes[from..]) {
        Ok(_) => 0,
        Err(_) => {
            let last = bytes[from..].utf8_chunks().last();
            let Some(invalid) = last.map(|chunk| chunk.invalid()) else { return 0 };
            let begins = match invalid.first() {
                Some(0xC2..=0xDF) => 2,
                Some(0xE0..=0xEF) => 3,
                Some(0xF0..=0xF4) => 4,
                _ => 0,
            };
            if invalid.len() < begins { invalid.len() } else { 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(secrets: &[&str], head: usize, tail: usize, chunks: &[&[u8]]) -> (String, u64, u64) {
        let mask = Mask::new(secrets.iter().map(|secret| (*secret).to_owned()));
        let mut capture = Capture::new(Arc::new(mask), OutputLimit { head, tail });
        let mut out = String::new();
        for chunk in chunks {
            capture.feed(chunk, &mut out);
        }
        capture.finish_head(&mut out);
        if capture.dropped() > 0 {
            out.push('|');
        }
        capture.finish_tail(&mut out);
        (out, capture.total(), capture.dropped())
    }

    #[test]
    fn text_comes_whole_across_borders() {
        for (chunks, expected) in [
            (&[&b"abc"[..]][..], "abc"),
            (&[b"a", b"", b"b"], "ab"),
            (&["é".as_bytes(), &"€".as_bytes()[..1], &"€".as_bytes()[1..]], "é€"),
            (&[&"😀".as_bytes()[..3], &"😀".as_bytes()[3..]], "😀"),
            (&[b"\xff", b"\xe2\x82", b"x"], "\u{fffd}\u{fffd}x"),
            (&[b"a\xe2"], "a\u{fffd}"),
        ] {
            assert_eq!(run(&[], 100, 100, chunks).0, expected, "{chunks:?}");
        }
    }

    #[test]
    fn secrets_are_masked_across_borders() {
        for (secrets, chunks, expected) in [
            (&["hunter2"][..], &[&b"x hunter2 y"[..]][..], "x ****** y"),
            (&["hunter2"], &[b"hun", b"t", b"er2hunter"], "******hunter"),
            (&["aab"], &[b"aa", b"aab"], "aa******"),
            (&["ab", "abcd"], &[b"abc", b"dab"], "************"),
            (&["ab", "abcd"], &[b"abc"], "******c"),
            (&[""], &[b"ab"], "ab"),
        ] {
            assert_eq!(run(secrets, 100, 100, chunks).0, expected, "{secrets:?} {chunks:?}");
        }
    }

    #[test]
    fn beyond_the_limit_only_the_end_is_kept() {
        for (secrets, head, tail, chunks, expected) in [
            (&[][..], 3, 2, &[&b"abc"[..]][..], ("abc", 3, 0)),
            (&[], 3, 2, &[b"abcde"], ("abcde", 5, 0)),
            (&[], 3, 2, &[b"abcdef"], ("abc|ef", 6, 1)),
            (&[], 3, 2, &[b"ab", b"cd", b"ef", b"g"], ("abc|fg", 7, 2)),
            (&[], 0, 2, &[b"abc"], ("|bc", 3, 1)),
            // A secret on the border belongs to the head, one cut by the tail's beginning shows nothing.
            (&["bcde"], 2, 1, &[b"abc", b"defg"], ("a******|g", 7, 1)),
            (&["cdefg"], 1, 2, &[b"abcdefg"], ("a|******", 7, 4)),
            (&["cdefg"], 1, 1, &[b"abcdefgh"], ("a|h", 8, 6)),
        ] {
            let (text, total, dropped) = run(secrets, head, tail, chunks);
            assert_eq!((text.as_str(), total, dropped), expected, "{secrets:?} {chunks:?}");
        }
    }

    #[test]
    fn memory_is_bounded_by_the_limit() {
        let mask = Mask::new(["secret".to_owned()]);
        let mut capture = Capture::new(Arc::new(mask), OutputLimit { head: 10, tail: 10 });
        let mut out = String::new();
        for _ in 0..1000 {
            capture.feed(&[b's'; 1000], &mut out);
        }
        assert!(capture.ring.len() <= 16 && capture.held.is_empty() && out.len() <= 11);
        assert_eq!(capture.total(), 1_000_000);
    }
}
