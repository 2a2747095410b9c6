//! What the shell says on the control pipe. Pure.

use super::program::KEPT_TEXT;

/// One message of the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) enum Message {
    /// It listens; what it has from its environment.
    Ready(EndOfStep),
    /// Whether it knows a program it was asked for.
    Has(bool),
    /// A unit of the step is over.
    Done {
        /// Its index.
        unit: usize,
        /// Its status.
        status: i32,
        /// Its own program is missing or not executable.
        missing: bool,
    },
    /// The step is over.
    End(EndOfStep),
}

/// What the shell is like at the end of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::run) struct EndOfStep {
    /// Its background jobs.
    pub(in crate::run) jobs: Vec<i32>,
    /// Its traps but EXIT, as bash prints them.
    pub(in crate::run) traps: String,
    /// Its EXIT trap.
    pub(in crate::run) exit_trap: ExitTrap,
    /// It has functions or aliases that are not the engine's: a name may be no program's.
    pub(in crate::run) names: bool,
}

impl EndOfStep {
    /// Nothing in it makes a command mean something else than it says.
    pub(in crate::run) fn is_plain(&self) -> bool {
        !self.names && self.jobs.is_empty() && self.traps.is_empty() && self.exit_trap == ExitTrap::Unset
    }
}

/// The EXIT trap at the end of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::run) enum ExitTrap {
    /// There is none.
    #[default]
    Unset,
    /// It is the one that stands for what the engine keeps.
    Kept,
    /// The step set this one, quoted as bash prints it.
    Set(String),
}

/// Puts the bytes of the control pipe together to messages.
#[derive(Debug, Default)]
pub(in crate::run) struct Control {
    pending: Vec<u8>,
}

impl Control {
    /// Takes bytes in.
    pub(in crate::run) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole message.
    pub(in crate::run) fn next(&mut self) -> Option<Message> {
        loop {
            let long = [b"D\n", b"R\n"].iter().any(|start| self.pending.starts_with(*start));
            let end = if long { 0 } else { b'\n' };
            let at = self.pending.iter().position(|byte| *byte == end)?;
            let message: Vec<u8> = self.pending.drain(..=at).collect();
            let text = String::from_utf8_lossy(&message[..at]);
            // What is no message was written by a step that knows the path; it is nothing to us.
            if let Some(message) = parse(&text) {
                return Some(message);
            }
        }
    }
}

fn parse(text: &str) -> Option<Message> {
    if let Some(state) = text.strip_prefix("D\n") {
        return Some(Message::End(end_of_step(state)));
    }
    if let Some(state) = text.strip_prefix("R\n") {
        return Some(Message::Ready(end_of_step(state)));
    }
    let mut words = text.split(' ');
    match words.next()? {
        "h" => Some(Message::Has(words.next()? == "0")),
        "s" => Some(Message::Done {
            unit: words.next()?.parse().ok()?,
            status: words.next()?.parse().ok()?,
            missing: words.next() == Some("missing"),
        }),
        _ => None,
    }
}

fn end_of_step(mut text: &str) -> EndOfStep {
    let mut end = EndOfStep::default();
    while let Some((line, rest)) = text.split_once('\n') {
        let Ok(pid) = line.parse() else { break };
        end.jobs.push(pid);
        text = rest;
    }
    while let Some(rest) = text.strip_prefix("trap -- ") {
        let word = word_length(rest);
        let Some(newline) = rest[word..].find('\n') else { break };
        let (action, name) = (&rest[..word], rest[word..word + newline].trim());
        let whole = "trap -- ".len() + word + newline + 1;
        match name {
            "EXIT" if action == KEPT_TEXT => end.exit_trap = ExitTrap::Kept,
            "EXIT" => end.exit_trap = ExitTrap::Set(action.to_owned()),
            _ => end.traps.push_str(&text[..whole]),
        }
        text = &text[whole..];
    }
    end.names = has_names(text);
    end
}

/// Some line declares a function that is not the engine's, or an alias.
fn has_names(listing: &str) -> bool {
    let functions = || listing.lines().filter_map(|line| line.strip_prefix("declare -f")?.split(' ').nth(1));
    // The body of `curl` is listed, too, and the engine's own is known by it.
    let is_own = |name: &str| name.starts_with("__rb_") || name == "curl" && listing.contains("__rb_a");
    functions().any(|name| !is_own(name)) || listing.lines().any(|line| line.starts_with("alias "))
}

/// Length of the shell word at the beginning: bash quotes it with single quotes, or as `$'…'`.
fn word_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\n' => break,
            b'\\' => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'\'') => {
                at += 2;
                while let Some(&inner) = bytes.get(at) {
                    at += if inner == b'\\' { 2 } else { 1 };
                    if inner == b'\'' {
                        break;
                    }
                }
            }
            b'\'' => at += 1 + text[at + 1..].find('\'').map_or(text.len(), |quote| quote + 1),
            _ => at += 1,
        }
    }
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(chunks: &[&str]) -> Vec<Message> {
        let mut control = Control::default();
        let mut all = Vec::new();
        for chunk in chunks {
            control.feed(chunk.as_bytes());
            while let Some(message) = control.next() {
                all.push(message);
            }
        }
        all
    }

    #[test]
    fn messages_are_put_together_from_any_pieces() {
        let done = |unit, status, missing| Message::Done { unit, status, missing };
        let end = |jobs: &[i32], traps: &str, exit_trap| {
            Message::End(EndOfStep { jobs: jobs.to_vec(), traps: traps.into(), exit_trap, names: false })
        };
        let ready = |names| Message::Ready(EndOfStep { names, ..EndOfStep::default() });
        for (chunks, expected) in [
            (&["R\n\0"][..], vec![ready(false)]),
            (
                &["R\n", "declare -f __rb_die\ndeclare -f curl\ncurl () {\n local __rb_a\n}\n\0"],
                vec![ready(false)],
            ),
            (&["R\ndeclare -f __rb_die\ndeclare -f curl\ncurl () {\n x=1\n}\n\0"], vec![ready(true)]),
            (&["R\ndeclare -fx mine\n\0"], vec![ready(true)]),
            (&["R\nalias ll='ls'\n\0"], vec![ready(true)]),
            (&["h 0\nh 1\n"], vec![Message::Has(true), Message::Has(false)]),
            (&["s 0 1", "27 miss", "ing\ns 1 0\n"], vec![done(0, 127, true), done(1, 0, false)]),
            (&["D\n", "\0"], vec![end(&[], "", ExitTrap::Unset)]),
            (&["nonsense\ns x\nD\n12\n13\n\0R\n\0"], vec![end(&[12, 13], "", ExitTrap::Unset), ready(false)]),
            (
                &["D\ntrap -- ': kept until the end of the run' EXIT\ntrap -- 'a\nb' SIGTERM\n\0"],
                vec![end(&[], "trap -- 'a\nb' SIGTERM\n", ExitTrap::Kept)],
            ),
            (
                &["D\ntrap -- 'echo '\\''x y'\\''\ntrap -- z' EXIT\n\0"],
                vec![end(&[], "", ExitTrap::Set("'echo '\\''x y'\\''\ntrap -- z'".into()))],
            ),
            (
                &["D\ntrap -- $'a\\'b' EXIT\ntrap -- '' SIGINT\n\0"],
                vec![end(&[], "trap -- '' SIGINT\n", ExitTrap::Set("$'a\\'b'".into()))],
            ),
            (&["D\ntrap -- 'open\0"], vec![end(&[], "", ExitTrap::Unset)]),
            (&["D\ntrap -- \\\u{e9}\0"], vec![end(&[], "", ExitTrap::Unset)]),
        ] {
            assert_eq!(messages(chunks), expected, "{chunks:?}");
        }
    }
}
