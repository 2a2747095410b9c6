//! A run of doc-tests as JSON lines: one event a line, as it happens, with stable keys.

use crate::check::outcome::TestEvent;
use serde::Serialize;
use std::io::{self, Write};

/// Version of the keys, in every line's `v`.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a TestEvent,
}

/// Writes one event as one line.
///
/// # Errors
/// Whatever writing gives.
pub fn event(out: &mut dyn Write, event: &TestEvent) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { v: VERSION, event })?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema::misfits;
    use crate::report::test_sample::events;

    #[test]
    fn every_event_fits_the_books_schema() {
        let schema = include_str!("../../runbooks/reference/schema/test.schema.json");
        for one in &events() {
            let mut out = Vec::new();
            event(&mut out, one).expect("a vector takes everything");
            let text = String::from_utf8(out).expect("is UTF-8");
            assert_eq!(misfits(schema, &text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn every_event_is_one_line() {
        let mut out = Vec::new();
        for one in &events() {
            event(&mut out, one).expect("a vector takes everything");
        }
        let text = String::from_utf8(out).expect("is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), events().len());
        assert!(lines[0].starts_with(
            r#"{"v":1,"type":"discovered","tests":[{"file":"bot.md","line":9,"procedure":"mttr-exceeded","title":"MTTR Exceeded","rerun":"runbook test bot.md --procedure mttr-exceeded"},"#
        ));
        assert_eq!(lines[4], r#"{"v":1,"type":"slow","test":0,"elapsed_ms":10000}"#);
        assert_eq!(
            lines[5],
            r#"{"v":1,"type":"finished","test":0,"status":"passed","wall_ms":12000,"attempts":1,"slow":true,"steps":[{"id":"1","label":"Look","line":12,"status":"passed","wall_ms":20,"problems":[],"stdout":"","stderr":"","leaked":["sleep (4711)"]}],"earlier":[]}"#
        );
        assert!(lines[3].contains(
            r#""problems":[{"what":"it ended with status 22, expected status 0","line":66},{"what":"the output is not the expected one","line":71,"diff":{"line":71,"text":" id [..]\n-ok\n+failed \\e\\[31m (esc)\n"}}]"#
        ));
        assert_eq!(
            lines[lines.len() - 1],
            r#"{"v":1,"type":"summary","passed":2,"flaky":1,"slow":1,"failed":1,"stage_errors":1,"document_errors":0,"elsewhere":0,"ignored":1,"not_run":1,"ignored_steps":0,"manual_steps":1,"undecided_steps":0,"wall_ms":13000}"#
        );
    }
}
