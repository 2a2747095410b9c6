//! Which quoting every byte of a bash text stands in, by one linear pass.
//!
//! Placeholders have to be found before the grammar can read a text (`<pod>` is two redirections to
//! it), so this pass knows quotes, comments, substitutions and heredocs, and nothing else. It is also
//! the second opinion on the grammar: where the two disagree, no value is put.

use super::Quoting;
use crate::source::Span;

/// The quoting of every byte.
pub(super) struct Scan {
    quoting: Vec<Quoting>,
    holes: Vec<Option<&'static str>>,
    /// Heredocs in order of their bodies.
    pub(super) heredocs: Vec<Heredoc>,
    /// Offsets at which a command may begin: the text's start, and behind each unquoted separator.
    pub(super) commands: Vec<usize>,
    /// Every quote, substitution and heredoc was closed.
    pub(super) complete: bool,
}

/// One heredoc.
#[derive(Clone, Debug)]
pub(super) struct Heredoc {
    /// Offset of `<<`.
    pub(super) opener: usize,
    /// The body, from its first byte up to the delimiter's line.
    pub(super) body: Span,
    /// One past the delimiter, without the newline.
    pub(super) end: usize,
    /// The delimiter, quotes removed.
    pub(super) delimiter: String,
    /// The delimiter was quoted: nothing in the body is special.
    pub(super) literal: bool,
    /// `<<-`: leading tabs are dropped.
    pub(super) strip: bool,
}

impl Scan {
    /// The quoting of the byte at `at`, and why nothing may be put there, if so.
    pub(super) fn at(&self, at: usize) -> (Quoting, Option<&'static str>) {
        let quoting = self.quoting.get(at).copied().unwrap_or(Quoting::Bare);
        (quoting, self.holes.get(at).copied().flatten())
    }

    /// The heredoc whose body holds the byte at `at`.
    pub(super) fn heredoc(&self, at: usize) -> Option<&Heredoc> {
        let index = self.heredocs.partition_point(|heredoc| heredoc.end <= at);
        self.heredocs.get(index).filter(|heredoc| heredoc.body.start <= at && at < heredoc.body.end)
    }

    /// Where the command that holds the byte at `at` begins.
    pub(super) fn command_start(&self, at: usize) -> usize {
        let index = self.commands.partition_point(|&start| start <= at);
        index.checked_sub(1).map_or(0, |index| self.commands[index])
    }
}

const BACKTICKS: &str = "it stands between backticks";
const EXPANSION: &str = "it stands inside `${…}`";
const ARITHMETIC: &str = "it stands in arithmetic";
const DELIMITER: &str = "it stands in a heredoc's delimiter";
const NESTED: &str = "it stands in a substitution inside a heredoc";

/// Deeper nesting than this is given up on.
const MAX_DEPTH: usize = 200;

/// A longer chain of `|`, `&&` and `||` is given up on: the grammar's time grows with its square.
const MAX_CHAIN: usize = 500;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Paren,
    Double,
    Brace { quoted: bool },
    Arithmetic { open: usize },
    Body { end: usize },
}

#[derive(Clone, Copy)]
struct Frame {
    kind: Kind,
    hole: Option<&'static str>,
}

struct Pending {
    opener: usize,
    delimiter: String,
    literal: bool,
    strip: bool,
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    stack: Vec<Frame>,
    pending: Vec<Pending>,
    word_start: bool,
    /// Commands of the present chain, and whether another must follow.
    chain: usize,
    joined: bool,
    out: Scan,
}

/// Finds the quoting of every byte of `text`.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = scanner(text);
    while scanner.at < scanner.text.len() {
        scanner.step();
    }
    scanner.out.complete &= scanner.stack.len() == 1 && scanner.pending.is_empty();
    scanner.out
}

/// The end of the first line after which no quote, substitution, heredoc or chain is open, its newline
/// included; none if there is no such line.
pub(super) fn first_end(text: &str) -> Option<usize> {
    let mut scanner = scanner(text);
    while scanner.at < scanner.text.len() {
        let from = scanner.at;
        scanner.step();
        let open = scanner.stack.len() > 1 || !scanner.pending.is_empty() || scanner.joined;
        // `\` with its newline is taken in one step and continues the line.
        let continues = scanner.text[from] == b'\\' && scanner.at == from + 2;
        if !open && !continues && scanner.at > from && scanner.text[scanner.at - 1] == b'\n' {
            return Some(scanner.at);
        }
    }
    let closed = scanner.out.complete && scanner.stack.len() == 1 && scanner.pending.is_empty();
    closed.then_some(text.len())
}

fn scanner(text: &str) -> Scanner<'_> {
    Scanner {
        text: text.as_bytes(),
        at: 0,
        stack: vec![Frame { kind: Kind::Code, hole: None }],
        pending: Vec::new(),
        word_start: true,
        chain: 0,
        joined: false,
        out: Scan {
            quoting: vec![Quoting::Bare; text.len()],
            holes: vec![None; text.len()],
            heredocs: Vec::new(),
            commands: vec![0],
            complete: true,
        },
    }
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn top(&self) -> Frame {
        self.stack.last().copied().unwrap_or(Frame { kind: Kind::Code, hole: None })
    }

    /// Takes `count` bytes in the given quoting.
    fn take(&mut self, count: usize, quoting: Quoting, hole: Option<&'static str>) {
        let end = (self.at + count).min(self.text.len());
        self.out.quoting[self.at..end].fill(quoting);
        self.out.holes[self.at..end].fill(hole);
        self.at = end;
    }

    fn push(&mut self, kind: Kind, hole: Option<&'static str>) {
        if self.stack.len() > MAX_DEPTH {
            self.out.complete = false;
            let rest = self.text.len() - self.at;
            self.take(rest, Quoting::Bare, Some("it is nested too deeply"));
        } else {
            self.stack.push(Frame { kind, hole });
        }
    }

    fn pop(&mut self) {
        if self.stack.len() > 1 {
            self.stack.pop();
        }
    }

    fn step(&mut self) {
        // A heredoc's body ends where it ends, whatever was left open in it.
        let mut finished = false;
        while let Some(index) =
            self.stack.iter().rposition(|frame| matches!(frame.kind, Kind::Body { end } if self.at >= end))
        {
            if index + 1 < self.stack.len() {
                self.out.complete = false;
            }
            self.stack.truncate(index.max(1));
            self.finish_body();
            finished = true;
        }
        if finished {
            return;
        }
        let Frame { kind, hole } = self.top();
        match kind {
            Kind::Code | Kind::Paren => self.code(kind, hole),
            Kind::Double => {
                if self.peek(0) == b'"' {
                    self.take(1, Quoting::Double, hole);
                    self.pop();
                } else if !self.expansion(Quoting::Double, hole, true) {
                    self.take(1, Quoting::Double, hole);
                }
            }
            Kind::Body { .. } => {
                if !self.expansion(Quoting::Heredoc, hole.or(Some(NESTED)), true) {
                    self.take(1, Quoting::Heredoc, hole);
                }
            }
            Kind::Brace { quoted } => self.brace(quoted, hole),
            Kind::Arithmetic { open } => self.arithmetic(open, hole),
        }
    }

    /// Takes an escape or the beginning of a substitution; false when there is none.
    fn expansion(&mut self, quoting: Quoting, hole: Option<&'static str>, quoted: bool) -> bool {
        let own = self.top().hole;
        match (self.peek(0), self.peek(1), self.peek(2)) {
            (b'\\', _, _) => self.take(2, quoting, own),
            (b'`', _, _) => self.backticks(),
            (b'$', b'(', b'(') => {
                self.take(3, quoting, Some(ARITHMETIC));
                self.push(Kind::Arithmetic { open: 0 }, Some(ARITHMETIC));
            }
            (b'$', b'(', _) => {
                self.take(2, quoting, hole);
                self.out.commands.push(self.at);
                self.word_start = true;
                self.push(Kind::Paren, hole);
            }
            (b'$', b'{', _) => {
                self.take(2, quoting, Some(EXPANSION));
                self.push(Kind::Brace { quoted }, Some(EXPANSION));
            }
            _ => return false,
        }
        true
    }

    fn code(&mut self, kind: Kind, hole: Option<&'static str>) {
        let (byte, next) = (self.peek(0), self.peek(1));
        let word_start = std::mem::replace(&mut self.word_start, false);
        self.follow_chain(byte);
        match byte {
            b'#' if word_start => {
                let count = self.until_newline();
                self.take(count, Quoting::Comment, hole);
            }
            b'\'' => self.quoted(1, Quoting::Single, hole),
            b'$' if next == b'\'' => self.quoted(2, Quoting::AnsiC, hole),
            b'"' => self.open_double(1, hole),
            b'$' if next == b'"' => self.open_double(2, hole),
            b'(' if next == b'(' && word_start => {
                self.take(2, Quoting::Bare, Some(ARITHMETIC));
                self.push(Kind::Arithmetic { open: 0 }, Some(ARITHMETIC));
            }
            b'(' => {
                self.take(1, Quoting::Bare, hole);
                self.separator();
                self.push(Kind::Paren, hole);
            }
            b')' => {
                self.take(1, Quoting::Bare, hole);
                if kind == Kind::Paren {
                    self.pop();
                }
                self.separator();
                // What follows `"$(…)` is still the same word.
                self.word_start = kind != Kind::Paren;
            }
            b'<' if next == b'<' && self.peek(2) == b'<' => {
                self.take(3, Quoting::Bare, hole);
                self.word_start = true;
            }
            b'<' if next == b'<' => self.heredoc(hole),
            b'\n' => {
                self.take(1, Quoting::Bare, hole);
                self.separator();
                self.begin_body();
            }
            b';' | b'|' | b'&' => {
                self.take(1, Quoting::Bare, hole);
                // `>&2` and `&>file` separate nothing.
                let redirects = byte == b'&'
                    && (self.peek(0) == b'>'
                        || self.at >= 2 && matches!(self.text[self.at - 2], b'>' | b'<'));
                if !redirects {
                    self.separator();
                }
                self.word_start = true;
            }
            b' ' | b'\t' | b'<' | b'>' => {
                self.take(1, Quoting::Bare, hole);
                self.word_start = true;
            }
            b'\\' if next == b'\n' => {
                self.take(2, Quoting::Bare, hole);
                self.word_start = word_start;
            }
            _ => {
                if !self.expansion(Quoting::Bare, hole, false) {
                    self.take(1, Quoting::Bare, hole);
                }
            }
        }
    }

    fn follow_chain(&mut self, byte: u8) {
        match byte {
            b'|' | b'&' => {
                self.chain += usize::from(!self.joined);
                self.joined = true;
                self.out.complete &= self.chain <= MAX_CHAIN;
            }
            b'\n' | b';' if !self.joined => self.chain = 0,
            b' ' | b'\t' | b'\n' | b';' => {}
            _ => self.joined = false,
        }
    }

    fn separator(&mut self) {
        self.word_start = true;
        self.out.commands.push(self.at);
    }

    fn until_newline(&self) -> usize {
        let rest = &self.text[self.at..];
        rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
    }

    /// Takes `'…'` or `$'…'`, quotes included; `open` is the opening's length.
    fn quoted(&mut self, open: usize, quoting: Quoting, hole: Option<&'static str>) {
        let mut end = self.at + open;
        loop {
            match self.text.get(end) {
                None => {
                    self.out.complete = false;
                    break;
                }
                Some(b'\'') => {
                    end += 1;
                    break;
                }
                Some(b'\\') if quoting == Quoting::AnsiC => end += 2,
                Some(_) => end += 1,
            }
        }
        self.take(end - self.at, quoting, hole);
    }

    fn open_double(&mut self, open: usize, hole: Option<&'static str>) {
        self.take(open, Quoting::Double, hole);
        self.push(Kind::Double, hole);
    }

    /// Takes everything up to the closing backtick: what is inside is refused anyway.
    fn backticks(&mut self) {
        let mut end = self.at + 1;
        loop {
            match self.text.get(end) {
                None => {
                    self.out.complete = false;
                    break;
                }
                Some(b'`') => {
                    end += 1;
                    break;
                }
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        self.take(end - self.at, Quoting::Bare, Some(BACKTICKS));
    }

    fn brace(&mut self, quoted: bool, hole: Option<&'static str>) {
        match self.peek(0) {
            b'}' => {
                self.take(1, Quoting::Bare, hole);
                self.pop();
            }
            b'\'' if !quoted => self.quoted(1, Quoting::Single, hole),
            b'"' => self.open_double(1, hole),
            _ => {
                if !self.expansion(Quoting::Bare, hole, quoted) {
                    self.take(1, Quoting::Bare, hole);
                }
            }
        }
    }

    fn arithmetic(&mut self, open: usize, hole: Option<&'static str>) {
        match (self.peek(0), open) {
            (b')', 0) => {
                let count = if self.peek(1) == b')' { 2 } else { 1 };
                self.take(count, Quoting::Bare, hole);
                self.pop();
            }
            (b')', _) => self.reopen(open - 1, hole),
            (b'(', _) => self.reopen(open + 1, hole),
            (b'"', _) => self.open_double(1, hole),
            _ => {
                if !self.expansion(Quoting::Bare, hole, false) {
                    self.take(1, Quoting::Bare, hole);
                }
            }
        }
    }

    fn reopen(&mut self, open: usize, hole: Option<&'static str>) {
        self.take(1, Quoting::Bare, hole);
        if let Some(frame) = self.stack.last_mut() {
            frame.kind = Kind::Arithmetic { open };
        }
    }

    /// Takes `<<`, `-`, blanks and the delimiter; the body begins behind the next newline.
    fn heredoc(&mut self, hole: Option<&'static str>) {
        let opener = self.at;
        let mut at = self.at + 2;
        let strip = self.text.get(at) == Some(&b'-');
        at += usize::from(strip);
        while matches!(self.text.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        let mut delimiter = Vec::new();
        let mut literal = false;
        let mut quote = None;
        while let Some(&byte) = self.text.get(at) {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (Some(b'\''), _) => delimiter.push(byte),
                (_, b'\\') => {
                    literal = true;
                    at += 1;
                    delimiter.extend(self.text.get(at));
                }
                (Some(_), _) => delimiter.push(byte),
                (None, b'\'' | b'"') => {
                    literal = true;
                    quote = Some(byte);
                }
                (None, b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')') => break,
                (None, _) => delimiter.push(byte),
            }
            at += 1;
        }
        self.take(at.min(self.text.len()) - opener, Quoting::Bare, hole.or(Some(DELIMITER)));
        if quote.is_some() || delimiter.is_empty() && !literal {
            self.out.complete = false;
            return;
        }
        let delimiter = String::from_utf8_lossy(&delimiter).into_owned();
        self.pending.push(Pending { opener, delimiter, literal, strip });
    }

    /// Begins the body of the first pending heredoc, if there is one.
    fn begin_body(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let Pending { opener, delimiter, literal, strip } = self.pending.remove(0);
        let start = self.at;
        let mut line = start;
        let (body_end, end) = loop {
            let rest = self.text.get(line..).unwrap_or_default();
            let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            let mut content = &rest[..length];
            if strip {
                let tabs = content.iter().take_while(|&&byte| byte == b'\t').count();
                content = &content[tabs..];
            }
            if content == delimiter.as_bytes() && line < self.text.len() {
                break (line, line + length);
            }
            if line + length >= self.text.len() {
                self.out.complete = false;
                break (self.text.len(), self.text.len());
            }
            line += length + 1;
        };
        let body = Span::new(start, body_end);
        self.out.heredocs.push(Heredoc { opener, body, end, delimiter, literal, strip });
        if literal {
            self.take(body_end - start, Quoting::HeredocLiteral, None);
            self.finish_body();
        } else {
            let hole = self.top().hole;
            self.push(Kind::Body { end: body_end }, hole);
        }
    }

    /// Takes the delimiter's line and begins the next body.
    fn finish_body(&mut self) {
        let Some(end) = self.out.heredocs.last().map(|heredoc| heredoc.end) else { return };
        let count = (end + 1).min(self.text.len()).saturating_sub(self.at);
        self.take(count, Quoting::HeredocLiteral, Some(DELIMITER));
        self.separator();
        self.begin_body();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a byte: b(are) d(ouble) s(ingle) a(nsi) h(eredoc) l(iteral) c(omment), `!` for a hole.
    fn picture(text: &str) -> String {
        let scan = scan(text);
        (0..text.len())
            .map(|at| match scan.at(at) {
                (_, Some(_)) => '!',
                (Quoting::Bare, None) => 'b',
                (Quoting::Double, None) => 'd',
                (Quoting::Single, None) => 's',
                (Quoting::AnsiC, None) => 'a',
                (Quoting::Heredoc, None) => 'h',
                (Quoting::HeredocLiteral, None) => 'l',
                (Quoting::Comment, None) => 'c',
            })
            .collect()
    }

    #[test]
    fn every_byte_has_its_quoting() {
        for (text, expected) in [
            ("a 'b' # c", "bbsssbccc"),
            ("a#b \"x\"", "bbbbddd"),
            (r#"a "\"" b"#, "bbddddbb"),
            (r"$'\'' b", "aaaaabb"),
            (r#""a$(b 'c' "d")e""#, "ddddbbsssbdddbdd"),
            ("`a` b", "!!!bb"),
            ("${a:-b}c", "!!!!!!!b"),
            ("$((1+(2)))c", "!!!!!!!!!!b"),
            ("cat <<E\na $x\nE\nb", "bbbb!!!bhhhhh!!b"),
            ("cat <<'E'\na\nE", "bbbb!!!!!bll!"),
            ("a \\\n# c", "bbbbccc"),
        ] {
            assert_eq!(picture(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_incomplete() {
        for text in ["a 'b", "\"a", "$(a", "cat <<E\na", "`a", "${a", "cat <<", "cat <<E"] {
            assert!(!scan(text).complete, "{text}");
        }
        for text in ["", "a 'b'", "cat <<A <<B\na\nA\nb\nB\n", "$(cat <<E\nx\nE\n)"] {
            assert!(scan(text).complete, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_given_up_on() {
        assert!(!scan(&"$(".repeat(100_000)).complete);
        assert!(!scan(&"\"${a:-".repeat(100_000)).complete);
    }
}
