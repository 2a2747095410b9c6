//! Why a command did not do what it was asked: the text for a person and the exit code.
//!
//! The wording of what the command line finds wrong is in the files that find it; the form is here.

use crate::diagnostic::Diagnostic;
use crate::plan::{ArgumentError, Problem};
use crate::source::Source;
use std::fmt::Write as _;

/// The command line is wrong.
pub(super) const USAGE: i32 = 2;
/// The document has errors that make the plan unsafe.
pub(super) const DOCUMENT: i32 = 3;
/// It needs a person.
pub(super) const PERSON: i32 = 5;
/// It could not start.
pub(super) const CANNOT_START: i32 = 6;
/// Standard output was closed: 128 + SIGPIPE.
pub(super) const OUTPUT_CLOSED: i32 = 141;

/// What every subcommand returns: an exit code, or why there is nothing better than one.
pub(super) type Outcome = Result<i32, Failure>;

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: i32,
    /// What a person reads: `error: …` and `hint: …` lines.
    pub(super) text: String,
}

impl Failure {
    /// One error with a hint.
    pub(super) fn new(code: i32, message: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self { code, text: format!("error: {}\nhint: {}\n", message.as_ref(), hint.as_ref()) }
    }

    /// Diagnostics of a document.
    pub(super) fn document<'a>(
        source: &Source,
        diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    ) -> Self {
        let texts: Vec<String> = diagnostics.into_iter().map(|it| it.render(source)).collect();
        Self { code: DOCUMENT, text: texts.join("\n") }
    }

    /// Everything that is in the way of a plan. What is wrong with the document comes first.
    pub(super) fn problems(source: &Source, problems: &[Problem]) -> Self {
        let mut document = Vec::new();
        let mut text = String::new();
        for problem in problems {
            match problem {
                Problem::Document(diagnostic) => document.push(diagnostic),
                Problem::Argument(ArgumentError { message, hint }) => {
                    let _ = writeln!(text, "error: {message}");
                    if let Some(hint) = hint {
                        let _ = writeln!(text, "hint: {hint}");
                    }
                }
            }
        }
        if document.is_empty() {
            return Self { code: USAGE, text };
        }
        let mut failure = Self::document(source, document);
        if !text.is_empty() {
            failure.text = format!("{}\n{text}", failure.text);
        }
        failure
    }

    /// What writing to standard output failed with; a closed one is no error to talk about.
    pub(super) fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { code: OUTPUT_CLOSED, text: String::new() };
        }
        Self::new(CANNOT_START, format!("standard output cannot be written: {error}"), "where does it lead?")
    }
}
