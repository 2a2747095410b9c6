//! Findings about documents, as lines that an editor understands and as JSON.
//!
//! Knows no rule and decides nothing: which findings there are and what they come to is the caller's.

use super::style::{Style, WIDTH, one_line, wrap};
use super::test_text::counted;
use crate::diagnostic::{Diagnostic, Level};
use crate::source::Source;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

/// Version of the keys.
pub const VERSION: u32 = 1;

/// A finding with its place, for a reader who has not the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The document; none for what is about no document.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, from 1.
    pub column: Option<usize>,
    /// How bad it is.
    pub level: Level,
    /// A stable name for it.
    pub code: &'static str,
    /// One sentence.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Procedures.
    pub procedures: usize,
    /// Documents they may stand in.
    pub documents: usize,
    /// Other documents, of which only the links are checked.
    pub pages: usize,
}

impl Finding {
    /// What `diagnostic` says of `source`.
    pub fn new(source: &Source, diagnostic: &Diagnostic) -> Self {
        let place = source.place(diagnostic.span.start);
        Self {
            file: Some(source.path().display().to_string()),
            line: Some(place.line),
            column: Some(place.column),
            hint: diagnostic.hint.clone(),
            ..Self::nowhere(diagnostic.level, diagnostic.code, diagnostic.message.clone())
        }
    }

    /// A finding about no document.
    pub fn nowhere(level: Level, code: &'static str, text: String) -> Self {
        Self { file: None, line: None, column: None, level, code, text, hint: None }
    }

    /// `FILE:LINE: ` of it.
    fn place(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{}:{line}: ", one_line(file)),
            _ => String::new(),
        }
    }
}

/// Puts findings into the order in which they are read: by file and place, what is about no file last.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |it: &Finding| (it.file.is_none(), it.file.clone(), it.line, it.column);
        key(a).cmp(&key(b)).then(b.level.cmp(&a.level)).then(a.code.cmp(b.code))
    });
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let procedures = counted(self.procedures, "procedure", "procedures");
        write!(f, "{procedures} of {}", counted(self.documents, "document", "documents"))?;
        match self.pages {
            0 => Ok(()),
            pages => write!(f, " and the links of {}", counted(pages, "other", "others")),
        }
    }
}

/// Writes those that are at least as bad as `least`, as `FILE:LINE: level: text` with their hints below, in 80
/// columns, and how many there are of all.
///
/// # Errors
/// Whatever writing gives.
pub fn text(
    out: &mut dyn Write,
    findings: &[Finding],
    extent: Extent,
    least: Level,
    style: Style,
) -> io::Result<()> {
    for finding in findings.iter().filter(|it| it.level >= least) {
        let word = word(finding.level);
        let painted = match finding.level {
            Level::Error => style.bad(word),
            Level::Warning => style.warn(word),
            Level::Note => style.bold(word),
        };
        let place = finding.place();
        let lines = wrap(&format!("{place}{word}: {}", one_line(&finding.text)), WIDTH - 2);
        for (number, line) in lines.iter().enumerate() {
            match line.strip_prefix(&format!("{place}{word}:")) {
                Some(rest) if number == 0 => writeln!(out, "{place}{painted}:{rest}")?,
                _ if number == 0 => writeln!(out, "{line}")?,
                _ => writeln!(out, "  {line}")?,
            }
        }
        if let Some(hint) = &finding.hint {
            for (number, line) in wrap(&format!("hint: {}", one_line(hint)), WIDTH - 4).iter().enumerate() {
                writeln!(out, "{}{line}", if number == 0 { "  " } else { "    " })?;
            }
        }
    }
    for line in wrap(&format!("checked {extent}: {}", summary(findings)), WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

fn summary(findings: &[Finding]) -> String {
    let counts = Counts::of(findings);
    let some = [
        (counts.errors, "error", "errors"),
        (counts.warnings, "warning", "warnings"),
        (counts.notes, "note", "notes"),
    ];
    let some: Vec<String> =
        some.iter().filter(|it| it.0 > 0).map(|(count, one, many)| counted(*count, one, many)).collect();
    if some.is_empty() { "nothing was found".to_owned() } else { some.join(", ") }
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Counts {
    fn of(findings: &[Finding]) -> Self {
        let of = |level: Level| findings.iter().filter(|it| it.level == level).count();
        Self { errors: of(Level::Error), warnings: of(Level::Warning), notes: of(Level::Note) }
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    v: u32,
    findings: &'a [Finding],
    checked: Extent,
    counts: Counts,
}

/// All of them as JSON.
pub fn json(findings: &[Finding], extent: Extent) -> String {
    let listing = Listing { v: VERSION, findings, checked: extent, counts: Counts::of(findings) };
    serde_json::to_string_pretty(&listing).expect("a listing has only string keys and finite numbers") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;
    use crate::source::Span;

    const EXTENT: Extent = Extent { procedures: 1, documents: 1, pages: 0 };

    fn findings() -> Vec<Finding> {
        let source = Source::new("runbooks/bot.md", b"# Bot\n\ntext\n".to_vec()).expect("is text");
        let long = "no row of the escalation matrix fits the severity `Gold`, which is stated here alone";
        let hint = "name one in `runbook.yaml`, such as `escalation: {Gold: P0}`; its rows are `P0`, `P1`";
        let at = Span::new(7, 11);
        let mut all = vec![
            Finding::nowhere(Level::Warning, "record-unreadable", "the record\u{1b}[31m is gone".to_owned()),
            Finding::new(&source, &Diagnostic::note("c", at, "so it is")),
            Finding::new(&source, &Diagnostic::warning("b", at, long).with_hint(hint)),
            Finding::new(&source, &Diagnostic::error("a", Span::new(0, 1), "it is wrong")),
        ];
        sort(&mut all);
        all
    }

    fn shown(findings: &[Finding], least: Level, style: Style) -> String {
        let mut out = Vec::new();
        text(&mut out, findings, EXTENT, least, style).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn findings_are_lines_with_their_place_in_order() {
        assert_eq!(
            shown(&findings(), Level::Note, Style::Plain),
            "runbooks/bot.md:1: error: it is wrong\n\
             runbooks/bot.md:3: warning: no row of the escalation matrix fits the severity\n  \
             `Gold`, which is stated here alone\n  \
             hint: name one in `runbook.yaml`, such as `escalation: {Gold: P0}`; its rows\n    \
             are `P0`, `P1`\n\
             runbooks/bot.md:3: note: so it is\n\
             warning: the record is gone\n\
             checked 1 procedure of 1 document: 1 error, 2 warnings, 1 note\n"
        );
        assert_eq!(
            shown(&findings(), Level::Error, Style::Colour),
            "runbooks/bot.md:1: \u{1b}[31merror\u{1b}[0m: it is wrong\n\
             checked 1 procedure of 1 document: 1 error, 2 warnings, 1 note\n"
        );
        assert_eq!(
            shown(&[], Level::Note, Style::Plain),
            "checked 1 procedure of 1 document: nothing was found\n"
        );
    }

    #[test]
    fn how_much_was_looked_at_is_said() {
        let said = |procedures, documents, pages| Extent { procedures, documents, pages }.to_string();
        assert_eq!(said(1, 1, 0), "1 procedure of 1 document");
        assert_eq!(said(2, 0, 1), "2 procedures of 0 documents and the links of 1 other");
        assert_eq!(said(0, 2, 3), "0 procedures of 2 documents and the links of 3 others");
    }

    #[test]
    fn the_listing_fits_its_schema() {
        let schema = include_str!("../../runbooks/reference/schema/lint.schema.json");
        assert_eq!(schema::misfits(schema, &json(&findings(), EXTENT)), Vec::<String>::new());
    }
}
