//! `--bless`: runs the procedures, takes what their steps print, and writes it into the documents where
//! it differs from what they say.

use super::grounds::{Grounds, Made};
use super::pool;
use super::select::{Selected, Test};
use super::tier::Checked;
use crate::check::outcome::{StepStatus, TestStep};
use crate::check::{self, Edit, Verdict};
use crate::cli::book::Book;
use crate::cli::failure::{CANNOT_START, Failure};
use crate::cli::staging::stage_failed;
use crate::cli::{Host, output_style};
use crate::host::watch::{Captured, First, Watch};
use crate::report::style::{Style, printable};
use clap::ArgMatches;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

/// What stands for a secret in everything that is recorded.
const MASK: &str = "******";
/// How long a wait takes at most, before it is begun again.
const LONG: Duration = Duration::from_secs(3600);

/// Rewrites the documents and shows how; whether there was anything to rewrite.
pub(super) fn bless(
    book: &Book,
    selected: &Selected<'_>,
    checked: &Checked,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<bool, Failure> {
    let mut ready: VecDeque<usize> = (0..selected.tests.len())
        .filter(|&index| pool::foregone(index, &selected.tests[index], checked).is_none())
        .collect();
    if ready.is_empty() {
        return Ok(false);
    }
    let settings = pool::Settings::of(matches);
    let jobs = settings.jobs_for(selected);
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    let wanted = ready.iter().map(|&index| &selected.tests[index]);
    let grounds = match Grounds::make(book, wanted, settings.grounds, host, &mut watch)? {
        Made::Ready(grounds) => grounds,
        Made::Stopped(signal) => return Err(stopped(signal)),
    };
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    let mut text = String::new();
    let mut running: Vec<(usize, Captured, Option<_>)> = Vec::new();
    loop {
        while running.len() < jobs
            && let Some(index) = ready.pop_front()
        {
            // What cannot be started is said when it is tested.
            let begun = pool::begin(&grounds, &selected.tests[index], &format!("bless-{index}"), true, host);
            running.extend(begun.ok().map(|(captured, scratch)| (index, captured, scratch)));
        }
        if running.is_empty() {
            break;
        }
        let all: Vec<&Captured> = running.iter().map(|(_, captured, _)| captured).collect();
        match watch.first(&all, LONG).map_err(|error| stage_failed(&error))? {
            First::TimeOver => {}
            First::Signal(signal) => {
                return Err(stopped(signal));
            }
            First::Ended(position, end) => {
                let (index, captured, _scratch) = running.swap_remove(position);
                let test = &selected.tests[index];
                // What went wrong otherwise is said when it is tested.
                let Ok(report) = pool::report(&captured, end) else { continue };
                for actual in report.actual {
                    let found = edits.entry(test.document).or_default();
                    found.extend(one(test, &actual, &mut text, output_style(matches, host)));
                }
                text += &not_run(test, &report.steps);
            }
        }
    }
    drop(grounds);
    edits.retain(|_, edits| !edits.is_empty());
    for (document, edits) in &edits {
        let source = &book.documents.runbooks[*document].source;
        let new = check::apply(source.text(), edits);
        let path = host.environment.cwd().join(source.path());
        host.files.replace(&path, new.as_bytes()).map_err(|error| {
            let message = format!("`{}` cannot be written: {error}", source.path().display());
            Failure::new(CANNOT_START, message, "may you write it?")
        })?;
    }
    host.err.write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
    Ok(!edits.is_empty())
}

fn stopped(signal: i32) -> Failure {
    Failure { code: 128 + signal, text: "nothing was rewritten\n".to_owned() }
}

/// Says which expectations nothing was compared with, since a step before them failed.
fn not_run(test: &Test<'_>, steps: &[TestStep]) -> String {
    let mut text = String::new();
    for step in steps.iter().filter(|step| step.status == StepStatus::NotRun) {
        let found = test.procedure.steps.iter().find(|it| it.id == step.id);
        if let Some(expectation) = found.and_then(|it| it.expectation.as_ref()) {
            let (file, line) = (&test.case.file, expectation.line);
            let _ = writeln!(text, "warning: {file}:{line} is left as it is: step {} did not run", step.id);
        }
    }
    text
}

/// The edits for one step's output, and what is to be said of it.
fn one(test: &Test<'_>, actual: &super::inside::Actual, text: &mut String, style: Style) -> Vec<Edit> {
    let Some(expectation) = test.procedure.steps.get(actual.step).and_then(|step| step.expectation.as_ref())
    else {
        return Vec::new();
    };
    let (file, line) = (&test.case.file, expectation.line);
    let blessed = match &actual.output {
        Err(why) => Err(why.clone()),
        Ok(output) if output.contains(MASK) => Err("the output holds a secret".to_owned()),
        Ok(output) => check::bless(&test.runbook.source, expectation, output, &actual.captures)
            .map_err(|refusal| refusal.to_string())
            .map(|edits| (edits, output)),
    };
    match blessed {
        Ok((edits, output)) => {
            let _ = writeln!(text, "rewritten: {file}:{line}");
            let verdict = check::check(expectation, output, &mut actual.captures.clone());
            if let Verdict::Mismatched { diff } = verdict {
                for line in &diff.lines {
                    let _ = writeln!(text, "  {}", printable(&line.to_string(), style));
                }
            }
            edits
        }
        Err(why) => {
            let _ = writeln!(text, "warning: {file}:{line} is left as it is: {why}");
            Vec::new()
        }
    }
}
