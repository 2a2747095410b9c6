//! What a value must be to stand at its place, and how it is written there.
//!
//! The rules of bash are here, and those of the programs whose languages the shell room knows. A value
//! that passes [`check`] and is written by [`quoted`] reaches its command as exactly its bytes.

use crate::shell::{Context, Quoting, VariableUse};
use crate::source::Span;

/// A value that may not stand at a place, and why. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The place in the script.
    pub span: Span,
    /// What is wrong.
    pub why: Why,
}

/// Why a value may not stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No value can be made safe there.
    Place(String),
    /// It holds a NUL, which no argument can.
    Nul,
    /// It holds U+0001 or U+007F, which bash marks its own data with and doubles or loses.
    Mark,
    /// It begins with `-` where an option would be read.
    Dash,
    /// It begins with `@` where a file would be read.
    At,
    /// It is empty.
    Empty,
    /// Its `.` or `..` makes a path that changes something lead to another directory.
    Stray,
    /// It has only slashes, which names nothing below the directory of such a path.
    Slashes,
    /// It has other characters than a URL's part may have, or is a dot path.
    Url,
    /// It has an `@` in a URL's host.
    UrlHost,
    /// It has other characters than what another program parses again may have.
    Reparsed(String),
    /// It has a line break where only one line may stand.
    LineBreak,
    /// It names a device, which a redirection would open.
    Device,
    /// One of its lines would end the heredoc.
    Delimiter,
    /// A line of it begins with a tab, which `<<-` would drop.
    Tab,
    /// It would be split into words or expanded as a pattern.
    Splits,
    /// It is no integer where arithmetic is done.
    Arithmetic,
    /// It is used as a command, a pattern or the like.
    FreeForm,
}

impl Refused {
    /// The message, with the parameter's name as the reader knows it.
    pub fn message(&self, name: &str) -> String {
        let value = format!("the value of `{name}`");
        match &self.why {
            Why::Place(why) => format!("`{name}` cannot be filled in safely: {why}"),
            Why::Nul => format!("{value} holds a NUL byte, which no command can receive"),
            Why::Mark => {
                format!("{value} holds U+0001 or U+007F, which bash itself uses and may double or lose")
            }
            Why::Dash => format!("{value} begins with `-`, which the command would read as an option"),
            Why::At => format!("{value} begins with `@`, which a command may read as a file's name"),
            Why::Empty => format!("{value} is empty, which would change what the rest of the command means"),
            Why::Stray => format!(
                "{value} stands in a path of a step that changes something, and `.` or `..` in it would make that another directory"
            ),
            Why::Slashes => format!(
                "{value} stands in a path of a step that changes something, and is only slashes, which would make that another directory"
            ),
            Why::Url => format!("{value} stands in a URL and has characters that would change it"),
            Why::UrlHost => {
                format!("{value} stands in a URL's host and has an `@`, which would change the host")
            }
            Why::Reparsed(by) => {
                format!("{value} is read again by {by} and has characters that would change its meaning")
            }
            Why::LineBreak => format!("{value} has a line break where only one line may stand"),
            Why::Device => format!("{value} would make a redirection open a device"),
            Why::Delimiter => format!("{value} has a line that would end the heredoc"),
            Why::Tab => format!("{value} has a line that begins with a tab, which `<<-` would drop"),
            Why::Splits => {
                format!("{value} would be split into words, because the variable is used without quotes")
            }
            Why::Arithmetic => format!("{value} is used in arithmetic and is no plain whole number"),
            Why::FreeForm => format!(
                "{value} is used as more than plain data and has characters that would change its meaning"
            ),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match &self.why {
            Why::Place(_) => "put the placeholder into an argument of its own",
            Why::Url | Why::UrlHost | Why::Reparsed(_) | Why::FreeForm => {
                "use only letters, digits and `. _ ~ : @ -`, or declare a pattern for the parameter in the document"
            }
            Why::Splits => "write the variable in double quotes in the document",
            Why::Arithmetic => "give a whole number without leading zeros",
            Why::Dash | Why::At => "give a value that begins with another character",
            Why::Stray => "give a name that has no `.` or `..` between slashes",
            Why::Slashes => "give a name; slashes alone name nothing in a directory",
            Why::Delimiter => "choose another delimiter in the document",
            Why::Nul | Why::Mark | Why::Empty | Why::LineBreak | Why::Device | Why::Tab => {
                "give another value"
            }
        }
    }
}

/// Why `value` may not stand in this context. `free`: the document declares a pattern for it, which
/// stands for the rules on empty values, on URLs and on what is parsed again.
pub(super) fn check(context: &Context, value: &str, free: bool) -> Option<Why> {
    if let Some(why) = &context.refused {
        return Some(Why::Place(why.clone()));
    }
    // An empty value takes a word's end away, or a whole directory's name: `rm -rf dir/<x>`.
    if value.is_empty() && !free {
        return Some(Why::Empty);
    }
    if let Some(why) = unfit(value) {
        return Some(why);
    }
    if context.word_start && value.starts_with('-') {
        return Some(Why::Dash);
    }
    if context.word_start && value.starts_with('@') {
        return Some(Why::At);
    }
    if !free && context.url {
        if !is_tame(value) {
            return Some(Why::Url);
        }
        if context.url_host && value.contains('@') {
            return Some(Why::UrlHost);
        }
    }
    if let Some(by) = context.reparsed.as_ref().filter(|_| !free) {
        // `--` begins a comment in SQL, and `~` a home directory in a shell.
        let changes = by == "SQL" && value.contains("--") || context.word_start && value.starts_with('~');
        if changes || !is_tame(value) {
            return Some(Why::Reparsed(by.clone()));
        }
    }
    if context.one_line && value.contains(['\n', '\r']) {
        return Some(Why::LineBreak);
    }
    if context.redirect && (value.starts_with("/dev/") || value.contains("tcp/") || value.contains("udp/")) {
        return Some(Why::Device);
    }
    if context.heredoc_strips_tabs && (value.starts_with('\t') || value.contains("\n\t")) {
        return Some(Why::Tab);
    }
    None
}

/// Why `value` may not be what a variable holds at this use.
pub(super) fn check_use(one: &VariableUse, value: &str, free: bool) -> Option<Why> {
    if value.is_empty() && !free {
        return Some(Why::Empty);
    }
    if let Some(why) = unfit(value) {
        return Some(why);
    }
    if one.arithmetic {
        let digits = value.strip_prefix('-').unwrap_or(value);
        // A leading zero would make it octal.
        let whole = (1..=18).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        return (!whole).then_some(Why::Arithmetic);
    }
    if one.free_form && !free && (!is_tame(value) || value.starts_with(['-', '@', '~'])) {
        return Some(Why::FreeForm);
    }
    if one.splits && value.contains([' ', '\t', '\n', '*', '?', '[', '\\']) {
        return Some(Why::Splits);
    }
    if one.splits && one.context.word_start && value.is_empty() {
        return Some(Why::Empty);
    }
    let context = Context { heredoc_strips_tabs: false, ..one.context.clone() };
    check(&context, value, free)
}

/// Why no bash text can hold `value`.
fn unfit(value: &str) -> Option<Why> {
    if value.contains('\0') {
        Some(Why::Nul)
    } else {
        value.contains(['\u{1}', '\u{7f}']).then_some(Why::Mark)
    }
}

/// Whether no language gives the characters of `value` a meaning, and it is no dot path.
fn is_tame(value: &str) -> bool {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:@-".contains(&byte);
    value.bytes().all(tame) && value != "." && value != ".."
}

/// Whether `value` needs no quotes anywhere.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `value` as it is written in this quoting, so that bash reads exactly it.
pub(super) fn quoted(value: &str, quoting: Quoting) -> String {
    match quoting {
        Quoting::Bare if is_plain(value) => value.to_owned(),
        Quoting::Bare => format!("'{}'", quoted(value, Quoting::Single)),
        Quoting::Double => escaped(value, &['\\', '"', '$', '`']),
        Quoting::Single => value.replace('\'', r"'\''"),
        Quoting::AnsiC => escaped(value, &['\\', '\'']),
        Quoting::Heredoc => escaped(value, &['\\', '$', '`']),
        Quoting::HeredocLiteral => value.to_owned(),
        // A comment receives nothing, but it must stay one line.
        Quoting::Comment => value.replace(['\n', '\r', '\0'], " "),
    }
}

/// `value` with a backslash before each of `special`.
fn escaped(value: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
