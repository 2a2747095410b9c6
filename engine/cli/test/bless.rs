//! `--bless`: runs the procedures, takes what their steps print, and writes it into the documents where
//! it differs from what they say.

use super::pool::{self, Ground};
use super::select::{Selected, Test};
use super::tier::Checked;
use crate::check::{self, Edit, Verdict};
use crate::cli::documents::Documents;
use crate::cli::failure::{CANNOT_START, Failure};
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
    documents: &Documents,
    selected: &Selected<'_>,
    checked: &Checked,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<bool, Failure> {
    let mut ready: VecDeque<usize> =
        (0..selected.tests.len()).filter(|&index| checked.errors[index].is_none()).collect();
    if ready.is_empty() {
        return Ok(false);
    }
    let settings = pool::Settings { bless: true, ..pool::Settings::of(matches) };
    let scratch = pool::scratch(host)?;
    let mut watch = Watch::new().map_err(|error| pool::stage_failed(&error))?;
    let ground = pool::ground(documents, &scratch, &settings, host, &mut watch)?;
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    let mut text = String::new();
    let mut running: Vec<(usize, Captured, Option<_>)> = Vec::new();
    loop {
        while running.len() < settings.jobs
            && let Some(index) = ready.pop_front()
        {
            let (captured, scratch) = start(&ground, &selected.tests[index], index, host)?;
            running.push((index, captured, scratch));
        }
        if running.is_empty() {
            break;
        }
        let all: Vec<&Captured> = running.iter().map(|(_, captured, _)| captured).collect();
        match watch.first(&all, LONG).map_err(|error| pool::stage_failed(&error))? {
            First::TimeOver => {}
            First::Signal(signal) => {
                return Err(Failure { code: 128 + signal, text: "nothing was rewritten\n".to_owned() });
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
            }
        }
    }
    drop(ground);
    edits.retain(|_, edits| !edits.is_empty());
    for (document, edits) in &edits {
        let source = &documents.runbooks[*document].source;
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

fn start(
    ground: &Ground,
    test: &Test<'_>,
    index: usize,
    host: &Host<'_>,
) -> Result<(Captured, Option<crate::host::surroundings::Scratch>), Failure> {
    pool::command(ground, test, format!("bless-{index}"), true, host)
        .and_then(|(command, scratch)| Ok((Captured::start(command)?, scratch)))
        .map_err(|error| pool::stage_failed(&error))
}

/// The edits for one step's output, and what is to be said of it.
fn one(test: &Test<'_>, actual: &super::inside::Actual, text: &mut String, style: Style) -> Vec<Edit> {
    let Some(expectation) = test.procedure.steps.get(actual.step).and_then(|step| step.expectation.as_ref())
    else {
        return Vec::new();
    };
    let (file, line) = (&test.case.file, expectation.line);
    let blessed = match &actual.output {
        None => Err("the output is longer than what is recorded".to_owned()),
        Some(output) if output.contains(MASK) => Err("the output holds a secret".to_owned()),
        Some(output) => check::bless(&test.runbook.source, expectation, output, &actual.captures)
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
