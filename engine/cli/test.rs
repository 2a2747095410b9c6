//! `runbook test`: every procedure of the given documents is a test on a stage of its own.
//!
//! Outside, the documents are checked without running anything, then the procedures run side by side,
//! each in a sandbox in which this same program runs the one procedure ([`inside`]) and says what came
//! of each step.

mod bless;
mod grounds;
mod inside;
mod last;
mod pool;
mod select;
mod tier;

use super::book::{Book, paths};
use super::failure::{CANNOT_START, Failure, Outcome, USAGE};
use super::procedure::Wanted;
use super::{Host, flag, form, format, output_style, procedure};
use crate::check::outcome::{TestEvent, TestFinished, TestSummary};
use crate::report::test_text::{TestText, counted};
use crate::report::{junit, test_json};
use clap::{Arg, ArgAction, ArgMatches, Command};
use select::Selected;
use std::num::NonZero;

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("test")
        .about("Test that runbooks still work, each procedure on a stage of its own")
        .arg(paths())
        .arg(text("procedure", "NAME", "Test only this procedure (repeatable)").action(ArgAction::Append))
        .arg(
            Arg::new("param")
                .long("param")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .value_parser(procedure::pair)
                .help("A value for a parameter of every procedure that has it (repeatable)"),
        )
        .arg(flag("failed", "Test only what failed the last time"))
        .arg(flag("list", "List the tests and run nothing"))
        .arg(flag("no-run", "Check the documents and run nothing"))
        .arg(
            text("jobs", "N", "How many procedures run side by side; without it, one a core")
                .value_parser(clap::value_parser!(NonZero<usize>)),
        )
        .arg(flag("fail-fast", "Start nothing more once a procedure has failed"))
        .arg(
            text("retries", "N", "Try a procedure that failed again, up to N times")
                .value_parser(clap::value_parser!(u32).range(..=100))
                .default_value("0"),
        )
        .arg(flag("bless", "Write what the commands print into the documents, where it differs"))
        .arg(text("junit", "FILE", "Write JUnit XML, too"))
        .arg(flag("no-prepare", "Leave out what the stage does on this host to prepare"))
        .arg(flag("no-isolation", "Run on this host itself: nothing is protected from the procedures"))
        .arg(format(&["text", "json"]))
        .arg(text(inside::ARGUMENT, "DIR", "Run one procedure here and report as JSON").hide(true))
        .arg(flag(inside::BLESS, "Report what steps print").hide(true))
        .arg(flag(inside::ON_STAGE, "The procedure has the declared stage").hide(true))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    if let Some(directory) = matches.get_one::<String>(inside::ARGUMENT) {
        return inside::run(directory.as_ref(), matches, host);
    }
    let bless = matches.get_flag("bless");
    if bless && is_ci(host) {
        let hint = "run it where somebody looks at what it rewrites";
        return Err(Failure::new(USAGE, "nothing is blessed where `CI` is set", hint));
    }
    let book = Book::load(matches, host)?;
    let selected = Selected::new(&book, matches, host)?;
    if matches.get_flag("list") {
        return list(&selected, matches, host);
    }
    if matches.get_flag("no-run") {
        let checked = tier::check(&book, &selected, tier::READ, matches, host)?;
        return say_checked(&book, &selected, &checked, host);
    }
    let checked = tier::check(&book, &selected, tier::RUN, matches, host)?;
    if bless && bless::bless(&book, &selected, &checked, matches, host)? {
        // What was written is what is tested.
        let book = Book::load(matches, host)?;
        let selected = Selected::new(&book, matches, host)?;
        let checked = tier::check(&book, &selected, tier::RUN, matches, host)?;
        return test(&book, &selected, &checked, matches, host);
    }
    test(&book, &selected, &checked, matches, host)
}

fn is_ci(host: &Host<'_>) -> bool {
    host.environment.var("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn list(selected: &Selected<'_>, matches: &ArgMatches, host: &mut Host<'_>) -> Outcome {
    let mut out = String::new();
    for case in selected.cases() {
        match form(matches) {
            "json" => {
                let line = serde_json::to_string(case).unwrap_or_default();
                out += &format!("{line}\n");
            }
            _ => out += &format!("{}:{} {}\n", case.file, case.line, case.title),
        }
    }
    host.out.write_all(out.as_bytes()).map_err(|error| Failure::output(&error))?;
    Ok(0)
}

/// Says what the static tier came to.
fn say_checked(
    book: &Book,
    selected: &Selected<'_>,
    checked: &tier::Checked,
    host: &mut Host<'_>,
) -> Outcome {
    let errors = match checked.count() {
        0 => "nothing is wrong".to_owned(),
        count => counted(count, "error", "errors"),
    };
    let extent = book.extent(selected.tests.len());
    writeln!(host.out, "checked {extent} without running anything: {errors}")
        .map_err(|error| Failure::output(&error))?;
    Ok(checked.exit_code())
}

/// Shows events as they come and keeps them for what is written at the end.
struct Shown<'h, 'a> {
    host: &'h mut Host<'a>,
    text: Option<TestText>,
    events: Vec<TestEvent>,
}

impl Shown<'_, '_> {
    fn event(&mut self, event: TestEvent) -> Result<(), Failure> {
        let shown = match &mut self.text {
            Some(text) => text.event(self.host.out, &event),
            None => test_json::event(self.host.out, &event),
        };
        shown.and_then(|()| self.host.out.flush()).map_err(|error| Failure::output(&error))?;
        self.events.push(event);
        Ok(())
    }
}

fn test(
    book: &Book,
    selected: &Selected<'_>,
    checked: &tier::Checked,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    let text = (form(matches) == "text").then(|| TestText::new(output_style(matches, host)));
    let begun = host.clock.monotonic();
    let mut shown = Shown { host, text, events: Vec::new() };
    let tests = selected.cases().cloned().collect();
    let (files, pages) = book.counts();
    shown.event(TestEvent::Discovered { tests, files, pages })?;
    let settings = pool::Settings::of(matches);
    let signal = pool::run(book, selected, checked, &settings, &mut shown)?;
    let finished: Vec<TestFinished> = shown
        .events
        .iter()
        .filter_map(|event| match event {
            TestEvent::Finished(finished) => Some((**finished).clone()),
            _ => None,
        })
        .collect();
    let wall = shown.host.clock.monotonic().saturating_sub(begun);
    let summary = TestSummary::new(&finished, checked.elsewhere, wall.as_millis() as u64, signal);
    let code = summary.exit_code();
    shown.event(TestEvent::Summary(summary))?;
    last::keep(selected, &finished, shown.host);
    if let Some(path) = matches.get_one::<String>("junit") {
        let mut xml = Vec::new();
        let unwritable = |error: std::io::Error| {
            Failure::new(
                CANNOT_START,
                format!("`{path}` cannot be written: {error}"),
                "is there a directory for it?",
            )
        };
        junit::write(&mut xml, &shown.events).map_err(unwritable)?;
        let path = shown.host.environment.cwd().join(path);
        shown.host.files.replace(&path, &xml).map_err(unwritable)?;
    }
    Ok(code)
}
