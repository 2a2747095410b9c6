//! Finds, before clap reads the arguments, which procedure they name: its parameters become flags.
//!
//! It knows an option's shape from the declared command. An option that is not declared can only be
//! a parameter of the procedure, and every parameter takes a value. Nothing is decided here: what it
//! does not understand, clap reports.

use clap::{Arg, Command};
use std::ffi::OsString;

/// The argument that names a procedure, in every subcommand that takes one.
pub(super) const PROCEDURE: &str = "procedure";

/// What a subcommand is asked to work on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// The subcommand.
    pub(super) subcommand: String,
    /// The procedure's name as typed.
    pub(super) procedure: Option<String>,
    /// Values of `--file`.
    pub(super) files: Vec<String>,
}

/// The request in `args` (program name first), if its subcommand takes a procedure.
pub(super) fn wanted(command: &Command, args: &[OsString]) -> Option<Request> {
    let mut words = args.iter().skip(1).map(|arg| arg.to_string_lossy()).peekable();
    let globals: Vec<&Arg> = command.get_arguments().collect();
    let mut subcommand = None;
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            subcommand = command.find_subcommand(word.as_ref());
            break;
        }
        if takes_separate_value(&globals, &word) == Some(true) {
            words.next();
        }
    }
    let subcommand = subcommand?;
    subcommand.get_positionals().find(|arg| arg.get_id() == PROCEDURE)?;
    let known: Vec<&Arg> = subcommand.get_arguments().chain(globals).collect();
    let mut request = Request { subcommand: subcommand.get_name().to_owned(), ..Request::default() };
    let mut only_positional = false;
    while let Some(word) = words.next() {
        if only_positional || !word.starts_with('-') || word == "-" {
            request.procedure.get_or_insert_with(|| word.into_owned());
            continue;
        }
        if word == "--" {
            only_positional = true;
            continue;
        }
        if let Some(file) = word.strip_prefix("--file=") {
            request.files.push(file.to_owned());
            continue;
        }
        // A parameter's flag is not declared yet, and always takes a value. One of our own options behind
        // it is none: the flag is a misspelt option then, which must not hide `--file`.
        let ours = |next: &str| next.len() > 2 && takes_separate_value(&known, next).is_some();
        let takes_value = takes_separate_value(&known, &word).unwrap_or_else(|| {
            word.starts_with("--") && !word.contains('=') && !words.peek().is_some_and(|next| ours(next))
        });
        if takes_value {
            let value = words.next();
            if word == "--file" {
                request.files.extend(value.map(|value| value.into_owned()));
            }
        }
    }
    Some(request)
}

/// Whether the option `word` is followed by its value; none if it is not declared.
fn takes_separate_value(known: &[&Arg], word: &str) -> Option<bool> {
    if matches!(word, "--help" | "-h" | "--version" | "-V") {
        return Some(false);
    }
    let (name, glued) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
    let arg = match name.strip_prefix("--") {
        Some(long) => known.iter().find(|arg| arg.get_long() == Some(long))?,
        None => {
            let short = name.chars().nth(1)?;
            let arg = known.iter().find(|arg| arg.get_short() == Some(short))?;
            if name.chars().count() > 2 {
                return Some(false);
            }
            arg
        }
    };
    Some(arg.get_action().takes_values() && !glued)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(args: &[&str]) -> Option<Request> {
        let args: Vec<OsString> =
            std::iter::once("runbook").chain(args.iter().copied()).map(OsString::from).collect();
        wanted(&super::super::command(&args), &args)
    }

    #[test]
    fn the_procedure_is_found_among_options_in_any_order() {
        for (args, procedure, files) in [
            (
                &["exec", "Engine Restart Failed", "--engine-id", "3"][..],
                Some("Engine Restart Failed"),
                &[][..],
            ),
            (&["exec", "--engine-id", "3", "Engine"], Some("Engine"), &[]),
            (&["exec", "--engine-id=3", "Engine"], Some("Engine"), &[]),
            (
                &["--color", "never", "plan", "-q", "X", "--file", "a.md", "--file=b.md"],
                Some("X"),
                &["a.md", "b.md"],
            ),
            (&["exec", "--yes", "X"], Some("X"), &[]),
            (&["exec", "--param", "a=b", "X"], Some("X"), &[]),
            (&["exec", "X", "--dry-rn", "--file", "a.md"], Some("X"), &["a.md"]),
            (&["exec", "X", "--engine-id", "-1", "--file", "a.md"], Some("X"), &["a.md"]),
            (&["exec", "--help"], None, &[]),
            (&["exec", "--help", "X"], Some("X"), &[]),
            (&["exec", "--", "-X"], Some("-X"), &[]),
            (&["exec", "--engine-id"], None, &[]),
        ] {
            let found = request(args).expect("takes a procedure");
            assert_eq!(found.procedure.as_deref(), procedure, "{args:?}");
            assert_eq!(found.files, files, "{args:?}");
        }
        for args in [&["list"][..], &["runs", "X"], &[], &["nonsense"], &["--version"]] {
            assert_eq!(request(args), None, "{args:?}");
        }
    }
}
