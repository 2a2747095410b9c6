//! What is wrong with a document or an argument: data first, wording second.
//!
//! A diagnostic says what, where and what to do. Rendering needs the [`Source`]; nothing here prints.

use crate::source::{Source, Span};
use serde::Serialize;
use std::fmt::Write as _;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing; changes nothing.
    Note,
    /// Probably a mistake in the document; the plan can still be trusted.
    Warning,
    /// The plan would be unsafe: nothing runs, exit code 3.
    Error,
}

/// One finding about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// A stable name for it, such as `bad-directive`.
    pub code: &'static str,
    /// One lower-case sentence without a final period; names in backticks.
    pub message: String,
    /// Where it is in the file.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { level: Level::Error, code, message: message.into(), span, hint: None }
    }

    /// A warning at `span`.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, span, message) }
    }

    /// A note at `span`.
    pub fn note(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::error(code, span, message) }
    }

    /// The same diagnostic with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Renders message, `file:line:column`, the source line with a caret, and the hint. Understandable
    /// without colour; the caller may colour the first word.
    ///
    /// ```text
    /// error: step `deploy` needs `biuld`, which is not defined
    ///   --> deploy.md:7:3
    ///    |
    ///  7 | <!-- runbook: needs=biuld -->
    ///    |               ^^^^^^^^^^^
    /// hint: a step named `build` exists
    /// ```
    pub fn render(&self, source: &Source) -> String {
        let place = source.place(self.span.start);
        let line = source.line_text(place.line).replace('\t', " ");
        let gutter = place.line.to_string().len().max(2);
        let width = source
            .text()
            .get(self.span.range())
            .map_or(1, |text| text.lines().next().map_or(1, |first| first.chars().count()).max(1));
        let room = line.chars().count().saturating_sub(place.column - 1).max(1);
        let carets = "^".repeat(width.min(room));
        let mut out = self.head(source);
        let _ = writeln!(out, " {:gutter$} |", "");
        let _ = writeln!(out, " {:>gutter$} | {line}", place.line);
        let _ = writeln!(out, " {:gutter$} | {:indent$}{carets}", "", "", indent = place.column - 1);
        out + &self.tail()
    }

    /// The same without the source line, for a file that may hold secrets.
    pub fn render_without_line(&self, source: &Source) -> String {
        self.head(source) + &self.tail()
    }

    fn head(&self, source: &Source) -> String {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        let place = source.place(self.span.start);
        format!(
            "{level}: {}\n  --> {}:{}:{}\n",
            self.message,
            source.path().display(),
            place.line,
            place.column
        )
    }

    fn tail(&self) -> String {
        self.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_what_where_and_what_to_do() {
        let source =
            Source::new("deploy.md", b"# x\n<!-- runbook: needs=biuld -->\n".to_vec()).expect("is UTF-8");
        let diagnostic = Diagnostic::error(
            "unknown-need",
            Span::new(18, 29),
            "step `deploy` needs `biuld`, which is not defined",
        )
        .with_hint("a step named `build` exists");
        assert_eq!(
            diagnostic.render(&source),
            "error: step `deploy` needs `biuld`, which is not defined\n  \
             --> deploy.md:2:15\n    |\n  2 | <!-- runbook: needs=biuld -->\n    \
             |               ^^^^^^^^^^^\nhint: a step named `build` exists\n"
        );
        assert_eq!(
            diagnostic.render_without_line(&source),
            "error: step `deploy` needs `biuld`, which is not defined\n  --> deploy.md:2:15\n\
             hint: a step named `build` exists\n"
        );
    }
}
