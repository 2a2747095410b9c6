//! Which steps, fallbacks and decisions of a runbook have ever been exercised, when and by what.
//!
//! Exercised means that it ran to an end, passed or failed; a decision has two sides. A run counts for a
//! document of the same file name, and its steps by their slug, so that it still counts after the text
//! has changed, which is then said.

use super::style::{Style, WIDTH, fit, one_line};
use super::terminal::row;
use super::timeline::day;
use crate::event::PlanPart;
use crate::journal::{Practised, Start};
use crate::runbook::{Action, Procedure, Reach, Runbook, Step};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Version of the JSON's keys.
const VERSION: u32 = 1;

/// What has been exercised of some documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    v: u32,
    procedures: Vec<Covered>,
}

/// What has been exercised of one procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Its slug.
    pub procedure: String,
    /// Its title.
    pub title: String,
    /// The document.
    pub file: String,
    /// Line of its heading.
    pub line: usize,
    /// SHA-256 of the document as it is now.
    #[serde(skip)]
    document_sha256: String,
    /// What there is to exercise, in document order.
    pub parts: Vec<Part>,
}

/// Something that can be exercised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The step's number.
    pub step: String,
    /// Its slug.
    #[serde(skip)]
    slug: String,
    /// Its label.
    pub label: String,
    /// Its line.
    pub line: usize,
    /// What of it.
    pub part: PlanPart,
    /// How often it was exercised.
    pub count: usize,
    /// The last time.
    pub last: Option<Exercise>,
}

/// When and by what something was exercised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exercise {
    /// The run's id.
    pub run: String,
    /// `exec`, `rehearse`, …
    pub mode: String,
    /// When, RFC 3339.
    pub at: String,
    /// It passed; of a decision always.
    pub passed: bool,
    /// It failed, and only looked, in a run that ended well: it saw what was wrong.
    pub as_found: bool,
    /// The document has changed since.
    pub earlier_text: bool,
}

impl Coverage {
    /// Nothing exercised yet of `documents`, each with the SHA-256 of its bytes.
    pub fn of<'a>(documents: impl IntoIterator<Item = (&'a Runbook, &'a str)>) -> Self {
        let mut procedures = Vec::new();
        for (runbook, sha256) in documents {
            let file = runbook.source.path().display().to_string();
            for procedure in &runbook.procedures {
                procedures.push(Covered {
                    procedure: procedure.id.clone(),
                    title: procedure.title.clone(),
                    file: file.clone(),
                    line: procedure.line,
                    document_sha256: sha256.to_owned(),
                    parts: parts(procedure),
                });
            }
        }
        Self { v: VERSION, procedures }
    }

    /// Whether a run that `started` like this counts for something here.
    pub fn knows(&self, started: &Start) -> bool {
        self.procedures.iter().any(|covered| covered.is(started))
    }

    /// Counts what the run `run`, which `started` like this, practised.
    pub fn add(&mut self, run: &str, started: &Start, practised: &[Practised]) {
        let Some(covered) = self.procedures.iter_mut().find(|covered| covered.is(started)) else { return };
        for practised in practised {
            covered.count(run, started, practised);
        }
    }

    /// The procedures, in document order.
    pub fn procedures(&self) -> &[Covered] {
        &self.procedures
    }

    /// What was never exercised, with its procedure.
    pub fn never(&self) -> impl Iterator<Item = (&Covered, &Part)> {
        let parts = |covered| {
            let covered: &Covered = covered;
            covered.parts.iter().map(move |part| (covered, part))
        };
        self.procedures.iter().flat_map(parts).filter(|(_, part)| part.count == 0)
    }

    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("coverage has only string keys") + "\n"
    }
}

fn parts(procedure: &Procedure) -> Vec<Part> {
    let mut parts = Vec::new();
    for step in &procedure.steps {
        let mut push = |kind| parts.push(part(step, kind));
        match &step.reach {
            Reach::Plain | Reach::With { .. } | Reach::Arm { .. } => push(PlanPart::Step),
            Reach::Fallback { .. } => push(PlanPart::Fallback),
            Reach::Decision(_) => {
                push(PlanPart::DecidedYes);
                push(PlanPart::DecidedNo);
                if !matches!(step.action, Action::Notes) {
                    push(PlanPart::Step);
                }
            }
        }
    }
    parts
}

fn part(step: &Step, part: PlanPart) -> Part {
    Part {
        step: step.id.clone(),
        slug: step.slug.clone(),
        label: step.label.clone(),
        line: step.line,
        part,
        count: 0,
        last: None,
    }
}

impl Covered {
    fn is(&self, started: &Start) -> bool {
        started.is_of(&self.procedure, Path::new(&self.file))
    }

    fn count(&mut self, run: &str, started: &Start, practised: &Practised) {
        let same = |part: &&mut Part| part.slug == practised.slug && part.part == practised.part;
        let Some(part) = self.parts.iter_mut().find(same) else { return };
        part.count += practised.times as usize;
        if part.last.as_ref().is_none_or(|last| last.at <= practised.at) {
            part.last = Some(Exercise {
                run: run.to_owned(),
                mode: started.mode.clone(),
                at: practised.at.clone(),
                passed: practised.passed,
                as_found: practised.as_found,
                earlier_text: started.document_sha256 != self.document_sha256,
            });
        }
    }
}

/// Writes the coverage, 80 columns, and what never was exercised at the end.
///
/// # Errors
/// Whatever writing gives.
pub fn text(out: &mut dyn Write, coverage: &Coverage, style: Style) -> io::Result<()> {
    let mut earlier = false;
    for covered in &coverage.procedures {
        let done = covered.parts.iter().filter(|part| part.count > 0).count();
        let tail = format!("{done} of {} exercised · {}:{}", covered.parts.len(), covered.file, covered.line);
        let title = fit(&one_line(&covered.title), WIDTH.saturating_sub(tail.chars().count() + 3).max(20));
        writeln!(out, "{} · {}", style.bold(&title), one_line(&tail))?;
        for part in &covered.parts {
            let last = match &part.last {
                Some(last) => {
                    earlier |= last.earlier_text;
                    let mark = if last.earlier_text { "*" } else { "" };
                    let result = if last.passed || last.as_found { "" } else { ", failed" };
                    format!("{}{mark} {}{result}", day(&last.at), last.mode)
                }
                None => "never".to_owned(),
            };
            let count = if part.count > 0 { format!("{:>4}", part.count) } else { String::new() };
            let label = one_line(&part.label);
            let cells = [(&*part.step, 5), (word(part.part), 12), (&*label, 24), (&*count, 4)];
            let line = format!("  {}", row(&cells, &last));
            writeln!(out, "{}", if part.count == 0 { style.warn(&line) } else { line })?;
        }
        writeln!(out)?;
    }
    if earlier {
        writeln!(out, "* with an earlier text of the document\n")?;
    }
    let never: Vec<_> = coverage.never().collect();
    match never.len() {
        0 => writeln!(out, "everything has been exercised"),
        count => {
            writeln!(out, "never exercised: {count}")?;
            for (covered, part) in never {
                let what = format!(
                    "  {}:{} {} {}: {}",
                    covered.file,
                    part.line,
                    word(part.part),
                    part.step,
                    one_line(&part.label)
                );
                writeln!(out, "{}", fit(&what, WIDTH))?;
            }
            Ok(())
        }
    }
}

fn word(kind: PlanPart) -> &'static str {
    match kind {
        PlanPart::Step => "step",
        PlanPart::Fallback => "fallback",
        PlanPart::DecidedYes => "decided yes",
        PlanPart::DecidedNo => "decided no",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{sample, schema};
    use super::*;
    use crate::event::{Event, EventBody, Outcome, RehearsalVerdict, RunFinished, RunStarted};
    use crate::journal::{End, Exercises};
    use crate::runbook::Decision;

    /// The sample's document: its four steps, the third a fallback, and a decision behind them.
    fn runbook() -> Runbook {
        let mut runbook = sample::runbook();
        let steps = &mut runbook.procedures[0].steps;
        let first = steps.remove(0);
        for header in &sample::started().steps {
            let mut step = first.clone();
            (step.id, step.slug) = (header.id.clone(), header.slug.clone());
            (step.label, step.line) = (header.label.clone(), header.line);
            if header.fallback_of.is_some() {
                step.reach = Reach::Fallback { of: 1 };
            }
            steps.push(step);
        }
        let mut decided = first;
        (decided.id, decided.slug, decided.label) = ("5".into(), "look".into(), "If so, look".into());
        decided.action = Action::Notes;
        decided.reach =
            Reach::Decision(Decision { question: "If so".into(), known_by: None, otherwise_of: None });
        steps.push(decided);
        runbook
    }

    /// Adds what the journal of `events` would tell.
    fn add(coverage: &mut Coverage, events: &[Event]) {
        let EventBody::RunStarted(started) = &events[0].body else { unreachable!("a run starts") };
        let end = events.last().and_then(|event| match &event.body {
            EventBody::RunFinished(finished) => Some(End::from(&**finished)),
            _ => None,
        });
        let list = Exercises::of(events).list().into_iter();
        let practised = list.map(|it| Practised {
            slug: started.steps[it.step.index()].slug.clone(),
            part: it.part,
            times: it.times,
            at: it.at,
            passed: it.passed,
            as_found: !it.passed
                && end
                    .as_ref()
                    .is_some_and(|end| end.excuses(started.steps[it.step.index()].role, &started.mode)),
        });
        let start = Start::from(&**started);
        let practised: Vec<Practised> = practised.collect();
        coverage.add(&started.run, &start, &practised);
        assert!(coverage.knows(&start) || practised.is_empty() || start.file.starts_with("other"));
    }

    fn shown(coverage: &Coverage) -> String {
        let mut out = Vec::new();
        text(&mut out, coverage, Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn what_ran_is_counted_and_what_never_did_is_named() {
        let runbook = runbook();
        let mut coverage = Coverage::of([(&runbook, "ab")]);
        add(&mut coverage, &sample::events());
        add(&mut coverage, &sample::recovered());
        assert_eq!(
            shown(&coverage),
            "Engine Restart Failed · 4 of 6 exercised · bot.md:3\n  \
             1      step          Check engine status          2  2026-01-02 exec\n  \
             2      step          Force restart                2  2026-01-02 exec\n  \
             3      fallback      If persistent, activate…     1  2026-01-02 exec\n  \
             4      step          Verify recovery              2  2026-01-02 exec\n  \
             5      decided yes   If so, look                     never\n  \
             5      decided no    If so, look                     never\n\
             \n\
             never exercised: 2\n  \
             bot.md:5 decided yes 5: If so, look\n  \
             bot.md:5 decided no 5: If so, look\n"
        );
    }

    #[test]
    fn a_look_that_failed_is_held_against_nobody_where_the_run_ended_well() {
        let runbook = runbook();
        let last = |change: &dyn Fn(&mut RunStarted, &mut RunFinished)| {
            let mut events = sample::recovered();
            let [first, .., last] = &mut events[..] else { unreachable!("it has both ends") };
            let (EventBody::RunStarted(started), EventBody::RunFinished(end)) =
                (&mut first.body, &mut last.body)
            else {
                unreachable!("a run starts and ends")
            };
            change(started, end);
            let mut coverage = Coverage::of([(&runbook, "ab")]);
            add(&mut coverage, &events);
            let last = coverage.procedures[0].parts[0].last.clone().expect("it ran");
            let said =
                shown(&coverage).lines().nth(1).and_then(|line| Some(line.split_once(" 2026")?.1.to_owned()));
            (last.passed, last.as_found, said.expect("is listed"))
        };
        let rehearsed = |passed| {
            Some(RehearsalVerdict { fault: "down".into(), passed, exec_exit: None, reasons: Vec::new() })
        };
        assert_eq!(last(&|_, _| {}), (false, true, "-01-02 exec".into()));
        assert_eq!(
            last(&|_, end| end.outcome = Outcome::Failed),
            (false, false, "-01-02 exec, failed".into())
        );
        assert_eq!(last(&|_, end| end.rehearsal = rehearsed(true)), (false, true, "-01-02 exec".into()));
        assert_eq!(
            last(&|_, end| end.rehearsal = rehearsed(false)),
            (false, false, "-01-02 exec, failed".into())
        );
        assert_eq!(
            last(&|started, _| started.mode = "test".into()),
            (false, false, "-01-02 test, failed".into())
        );
    }

    #[test]
    fn an_earlier_text_of_the_document_counts_and_is_marked() {
        let runbook = runbook();
        let mut coverage = Coverage::of([(&runbook, "cd")]);
        add(&mut coverage, &sample::events());
        let text = shown(&coverage);
        assert!(text.contains("Check engine status          1  2026-01-02* exec\n"), "{text}");
        assert!(text.contains("\n* with an earlier text of the document\n"), "{text}");
    }

    #[test]
    fn other_documents_and_steps_that_broke_off_do_not_count() {
        let runbook = runbook();
        let mut coverage = Coverage::of([(&runbook, "ab")]);
        let mut other = sample::events();
        if let EventBody::RunStarted(started) = &mut other[0].body {
            started.file = "other/else.md".into();
        }
        add(&mut coverage, &other);
        add(&mut coverage, &sample::events()[..2]);
        assert_eq!(coverage.never().count(), 6);
        if let EventBody::RunStarted(started) = &mut other[0].body {
            started.file = "elsewhere/bot.md".into();
        }
        add(&mut coverage, &other);
        assert_eq!(coverage.never().count(), 3);
    }

    #[test]
    fn the_json_names_the_run_that_exercised_a_part() {
        let runbook = runbook();
        let mut coverage = Coverage::of([(&runbook, "ab")]);
        add(&mut coverage, &sample::events());
        let json: serde_json::Value = serde_json::from_str(&coverage.json()).expect("is JSON");
        assert_eq!(
            json["procedures"][0]["parts"][2],
            serde_json::json!({
                "step": "3", "label": "If persistent, activate kill switch", "line": 72, "part": "fallback",
                "count": 1, "last": {"run": "20260102T030405Z-abcdef", "mode": "exec",
                "at": "2026-01-02T03:04:10.342Z", "passed": true, "as_found": false, "earlier_text": false},
            })
        );
        assert_eq!(json["procedures"][0]["parts"][5]["last"], serde_json::Value::Null);
    }

    #[test]
    fn the_json_fits_its_schema() {
        let schema = include_str!("../../runbooks/reference/schema/coverage.schema.json");
        let runbook = runbook();
        let mut coverage = Coverage::of([(&runbook, "ab")]);
        add(&mut coverage, &sample::events());
        assert_eq!(schema::misfits(schema, &coverage.json()), Vec::<String>::new());
    }
}
