//! What the shell is told to do for a step: one line of bash, and the step's statements as data beside it.
//!
//! The statements are never part of the line. `LINENO` is set in the very word that is evaluated, and
//! bash counts on from it: its own line numbers are those of the document, and nothing of what it prints
//! is rewritten.

use super::units::Unit;
use std::fmt::Write as _;

/// The function that wraps `curl`.
const CURL: &str = include_str!("curl.bash");

/// Put in place of the EXIT trap of a step: the engine keeps that one until the run's end.
const KEPT: &str = "builtin trap -- ': kept until the end of the run' EXIT; ";

/// What [`KEPT`] looks like in the listing of traps.
pub(super) const KEPT_TEXT: &str = "': kept until the end of the run'";

/// What to tell the shell.
#[derive(Debug, Default)]
pub(in crate::run) struct Program<'a> {
    /// Process groups that die with the engine.
    pub(in crate::run) groups: &'a [i32],
    /// Traps to set again, as bash printed them, after a successor took over.
    pub(in crate::run) traps: &'a str,
    /// The `$?` it begins with, where that is not the shell's own.
    pub(in crate::run) status: Option<i32>,
    /// An EXIT trap is kept for the end.
    pub(in crate::run) keeps_exit_trap: bool,
    /// Standard input is the terminal.
    pub(in crate::run) terminal: bool,
    /// Paths of standard output and error; none is the terminal.
    pub(in crate::run) streams: Option<(&'a str, &'a str)>,
    /// The step calls curl.
    pub(in crate::run) curl: bool,
    /// Shell options for the step.
    pub(in crate::run) options: &'a [String],
    /// Of these, those that the step sets itself: they stay.
    pub(in crate::run) own_options: &'a [String],
    /// Its text.
    pub(in crate::run) units: &'a [Unit],
    /// By its text, it leaves the shell as it was.
    pub(in crate::run) traceless: bool,
    /// Where the shell says first what it is like, if it is to.
    pub(in crate::run) base: Option<&'a str>,
    /// Where it says at the end what it is like, if it is to.
    pub(in crate::run) state: Option<&'a str>,
}

impl Program<'_> {
    /// As the elements of the shell's array, each ended by NUL.
    pub(in crate::run) fn bytes(&self) -> Vec<u8> {
        let mut line = String::new();
        let groups: Vec<String> = self.groups.iter().map(|group| format!("-{group}")).collect();
        let _ = write!(line, "__rb_g=({}); ", groups.join(" "));
        if let Some(base) = self.base {
            line.push_str(&dump(base));
        }
        if let Some(status) = self.status {
            let _ = write!(line, "__rb_q={status}; ");
        }
        // Data: curl's wrapper, the traps, then a text and a program for each unit.
        let mut data = vec![if self.curl { CURL } else { "" }.to_owned(), self.traps.to_owned()];
        if !self.traps.is_empty() {
            line.push_str("builtin eval \"${__rb[2]}\"; ");
        }
        if self.keeps_exit_trap {
            line.push_str(KEPT);
        }
        if self.curl {
            line.push_str("builtin eval \"${__rb[1]}\"; ");
        }
        let input = if self.terminal { "/dev/tty" } else { "/dev/null" };
        let (out, err) = self.streams.unwrap_or(("/dev/tty", "/dev/tty"));
        let _ = write!(line, "__rb_begin {input} {out} {err}; ");
        for (number, option) in self.options.iter().enumerate() {
            let option = quoted(option);
            let _ = write!(
                line,
                "if [[ -o {option} ]]; then __rb_o{number}=-o; else __rb_o{number}=+o; fi; builtin set -o {option}; "
            );
        }
        for (number, unit) in self.units.iter().enumerate() {
            let text = data.len() + 1;
            data.push(closed(unit));
            data.push(unit.program.clone().unwrap_or_default());
            let _ = write!(
                line,
                "__rb_set \"$__rb_q\" \"$__rb_u\" && : \"$__rb_u\"; \
                 builtin eval \"$__rb_x${{__rb[{text}]:$((LINENO={},0))}}\"; \
                 {{ __rb_done {number} \"${{__rb[{}]}}\"; }} >\"$__rb_control\" 2>/dev/null; ",
                unit.line,
                text + 1
            );
        }
        for (number, option) in self.options.iter().enumerate() {
            if !self.own_options.contains(option) {
                let _ = write!(line, "builtin set $__rb_o{number} {}; ", quoted(option));
            }
        }
        let _ = write!(line, "__rb_end {}; builtin eval \"$__rb_x\"", self.state.unwrap_or("''"));
        let mut bytes = line.into_bytes();
        for element in data {
            bytes.push(0);
            bytes.extend_from_slice(element.as_bytes());
        }
        bytes.push(0);
        bytes
    }
}

/// Asks the shell whether it knows a program.
pub(in crate::run) fn question(program: &str) -> Vec<u8> {
    format!(
        "builtin type -t -- \"${{__rb[1]}}\"; builtin echo \"h $?\" >\"$__rb_control\"\0{}\0",
        program.replace('\0', "")
    )
    .into_bytes()
}

/// Has the shell say what it is like in the file `base`, evaluate `script`, and say whether its last status is 0.
pub(in crate::run) fn evaluated(script: &str, base: Option<&str>) -> Vec<u8> {
    let dump = base.map(dump).unwrap_or_default();
    format!(
        "{dump}builtin eval \"${{__rb[1]}}\"; builtin echo \"h $?\" >\"$__rb_control\"\0{}\0",
        script.replace('\0', "")
    )
    .into_bytes()
}

/// Has the shell say what it is like in the file `path`.
fn dump(path: &str) -> String {
    format!("builtin eval \"$__rb_more\"; __rb_dump {path}; ")
}

/// The shell's last program: its EXIT trap, which is `trap` as bash quoted it, and its end.
pub(in crate::run) fn farewell(trap: &str, out: &str, err: &str) -> Vec<u8> {
    let mut bytes = format!(
        "exec </dev/null >{out} 2>{err}; builtin trap - EXIT; builtin eval \"${{__rb[1]}}\"; builtin exit 0\0\
         builtin eval {trap}"
    )
    .into_bytes();
    bytes.push(0);
    bytes
}

/// The unit's text. Where nothing can swallow it, a last line keeps `$?` and `$_`.
fn closed(unit: &Unit) -> String {
    let mut text = unit.text.clone();
    if !unit.text.contains("<<") && !unit.text.ends_with('\\') {
        text.push_str("\n{ __rb_r=$? __rb_u=$_; } 2>/dev/null");
    }
    text
}

/// The word in single quotes.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_data_with_their_lines_and_no_part_of_the_line() {
        let unit = |text: &str, line| Unit {
            text: text.into(),
            line,
            program: Some("p".into()),
            statements: vec![text.into()],
        };
        let units = [unit("a 'b", 3), unit("cat <<X\nX", 1)];
        let options = ["errexit".to_owned()];
        let program = Program {
            groups: &[7, 8],
            streams: Some(("/o", "/e")),
            options: &options,
            units: &units,
            ..Program::default()
        };
        let bytes = String::from_utf8(program.bytes()).unwrap();
        let elements: Vec<&str> = bytes.split('\0').collect();
        let [line, _, _, first, first_program, second, _, ""] = elements[..] else { panic!("{bytes}") };
        assert!(line.starts_with("__rb_g=(-7 -8); ") && !line.contains('\n') && !line.contains("a 'b"));
        assert!(line.contains("${__rb[3]:$((LINENO=3,0))}"), "{line}");
        assert_eq!(first, "a 'b\n{ __rb_r=$? __rb_u=$_; } 2>/dev/null");
        assert_eq!((first_program, second), ("p", "cat <<X\nX"));
    }

    #[test]
    fn words_are_quoted() {
        for (word, expected) in [("errexit", "'errexit'"), ("a'b", "'a'\\''b'"), ("", "''")] {
            assert_eq!(quoted(word), expected);
        }
    }
}
