//! A run of doc-tests as text: one line a procedure with its time, failures at once and named again at
//! the end with the command that runs them again.
//!
//! Procedures run side by side and are shown in document order, so that two runs can be compared; only
//! failures do not wait for their turn.

use super::style::{Style, fit, printable, time};
use crate::check::outcome::{
    StepStatus, TestCase, TestEvent, TestFinished, TestStatus, TestStep, TestSummary,
};
use crate::check::{Diff, DiffLine};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// Lines of a step's output that are shown.
const OUTPUT_LINES: usize = 10;
/// Columns of one of them.
const OUTPUT_WIDTH: usize = 400;

/// Writes the events of a run of doc-tests as text.
pub struct TestText {
    style: Style,
    tests: Vec<TestCase>,
    /// The next procedure whose line is due.
    next: usize,
    /// Those that are over before their turn.
    waiting: BTreeMap<usize, TestFinished>,
    /// What is named again at the end.
    wrong: BTreeMap<usize, TestFinished>,
    /// How many passed on a stage where nothing was broken.
    unbroken: usize,
}

/// Said once where a step failed for want of a file, and there was no stage.
const EMPTY_DIRECTORY: &str = "\
hint: a procedure without a stage runs in an empty directory; declare `stage:`
  in `runbooks/runbook.yaml` (the book's page `Rehearse your own system`)";

impl TestText {
    /// A reporter that has seen nothing yet.
    pub fn new(style: Style) -> Self {
        let (waiting, wrong) = (BTreeMap::new(), BTreeMap::new());
        Self { style, tests: Vec::new(), next: 0, waiting, wrong, unbroken: 0 }
    }

    /// Shows one event.
    ///
    /// # Errors
    /// Whatever writing gives.
    pub fn event(&mut self, out: &mut dyn Write, event: &TestEvent) -> io::Result<()> {
        match event {
            TestEvent::Discovered { tests, files, pages } => {
                self.tests.clone_from(tests);
                let procedures = counted(tests.len(), "procedure", "procedures");
                writeln!(out, "testing {procedures} of {}", counted(*files, "document", "documents"))?;
                if *pages > 0 {
                    let whose = if *pages == 1 { "its" } else { "their" };
                    let pages = counted(*pages, "other document is", "other documents are");
                    writeln!(out, "{pages} not named under `procedures`: only {whose} links are checked")?;
                }
                Ok(())
            }
            TestEvent::Started { .. } => Ok(()),
            TestEvent::Slow { test, elapsed_ms } => {
                let elapsed = format!("> {}", millis(*elapsed_ms));
                self.line(out, &self.style.warn("  SLOW"), &elapsed, *test, "")
            }
            TestEvent::Finished(finished) => self.finished(out, finished),
            TestEvent::Summary(summary) => self.summary(out, summary),
        }
    }

    fn finished(&mut self, out: &mut dyn Write, finished: &TestFinished) -> io::Result<()> {
        if matches!(finished.status, TestStatus::Failed | TestStatus::Error { .. }) {
            self.first_result(out, finished)?;
            self.details(out, finished)?;
        }
        if !matches!(finished.status, TestStatus::Passed | TestStatus::Ignored { .. }) {
            self.wrong.insert(finished.test, finished.clone());
        }
        let passed = matches!(finished.status, TestStatus::Passed | TestStatus::Flaky);
        let unbroken = |case: &TestCase| case.stage && case.fault.is_none();
        self.unbroken += usize::from(passed && self.tests.get(finished.test).is_some_and(unbroken));
        self.waiting.insert(finished.test, finished.clone());
        while let Some(due) = self.waiting.remove(&self.next) {
            self.next += 1;
            if !matches!(due.status, TestStatus::Failed | TestStatus::Error { .. }) {
                self.first_result(out, &due)?;
            }
        }
        Ok(())
    }

    /// The line of a procedure.
    fn result(&self, out: &mut dyn Write, finished: &TestFinished) -> io::Result<()> {
        let (word, remark) = match &finished.status {
            TestStatus::Passed => (self.style.good("  PASS"), remarks(finished)),
            TestStatus::Flaky => {
                let remark = format!(" (passed at attempt {})", finished.attempts);
                (self.style.warn(" FLAKY"), remark)
            }
            TestStatus::Failed => (self.style.bad("  FAIL"), remarks(finished)),
            TestStatus::Error { .. } => (self.style.bad(" ERROR"), String::new()),
            TestStatus::Ignored { reason } => (self.style.dim("IGNORE"), format!(": {reason}")),
            TestStatus::NotRun { reason } => (self.style.warn("NOTRUN"), format!(": {reason}")),
        };
        let has_time = !matches!(finished.status, TestStatus::Ignored { .. } | TestStatus::NotRun { .. });
        let elapsed = if has_time { millis(finished.wall_ms) } else { String::new() };
        self.line(out, &word, &elapsed, finished.test, &remark)
    }

    /// The line of a procedure, and the processes that its steps left behind.
    fn first_result(&self, out: &mut dyn Write, finished: &TestFinished) -> io::Result<()> {
        self.result(out, finished)?;
        for step in finished.steps.iter().filter(|step| !step.leaked.is_empty()) {
            writeln!(out, "       step {} left its output to {}", step.id, step.leaked.join(", "))?;
        }
        Ok(())
    }

    fn line(
        &self,
        out: &mut dyn Write,
        word: &str,
        elapsed: &str,
        test: usize,
        remark: &str,
    ) -> io::Result<()> {
        let Some(case) = self.tests.get(test) else { return Ok(()) };
        writeln!(out, "{word} {elapsed:>12}  {}:{} {}{remark}", case.file, case.line, case.title)
    }

    fn details(&self, out: &mut dyn Write, finished: &TestFinished) -> io::Result<()> {
        let Some(case) = self.tests.get(finished.test) else { return Ok(()) };
        if let TestStatus::Error { reason, .. } = &finished.status {
            for line in reason.lines() {
                writeln!(out, "       {}", printable(line, Style::Plain))?;
            }
        }
        for problem in &finished.problems {
            for line in format!("{} ({}:{})", problem.what, case.file, problem.line).lines() {
                writeln!(out, "       {}", printable(line, Style::Plain))?;
            }
        }
        for step in finished.steps.iter().filter(|step| step.status == StepStatus::Failed) {
            writeln!(out, "       step {}, {} ({}:{})", step.id, step.label, case.file, step.line)?;
            self.step(out, case, step)?;
        }
        let not_run: Vec<&str> = finished
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::NotRun)
            .map(|step| step.id.as_str())
            .collect();
        if !not_run.is_empty() {
            let word = if not_run.len() == 1 { "step" } else { "steps" };
            writeln!(out, "       NOT RUN: {word} {}", not_run.join(", "))?;
        }
        Ok(())
    }

    fn step(&self, out: &mut dyn Write, case: &TestCase, step: &TestStep) -> io::Result<()> {
        for problem in &step.problems {
            writeln!(out, "         {} ({}:{})", problem.what, case.file, problem.line)?;
            if let Some(diff) = &problem.diff {
                self.diff(out, diff)?;
            }
        }
        let has_diff = step.problems.iter().any(|problem| problem.diff.is_some());
        for (name, text) in [("standard output", &step.stdout), ("standard error", &step.stderr)] {
            // A difference shows the output already.
            if text.is_empty() || (has_diff && name == "standard output") {
                continue;
            }
            writeln!(out, "         {name}:")?;
            let lines: Vec<&str> = text.lines().collect();
            if lines.len() > OUTPUT_LINES {
                writeln!(out, "           … {} lines before", lines.len() - OUTPUT_LINES)?;
            }
            for line in &lines[lines.len().saturating_sub(OUTPUT_LINES)..] {
                writeln!(out, "           {}", fit(&printable(line, Style::Plain), OUTPUT_WIDTH))?;
            }
        }
        Ok(())
    }

    fn diff(&self, out: &mut dyn Write, diff: &Diff) -> io::Result<()> {
        for line in &diff.lines {
            let text = printable(&line.to_string(), Style::Plain);
            let text = match line {
                DiffLine::Same(_) => text,
                DiffLine::Missing(_) => self.style.bad(&text),
                DiffLine::Extra(_) => self.style.good(&text),
                DiffLine::Note(_) => self.style.dim(&text),
            };
            writeln!(out, "           {text}")?;
        }
        Ok(())
    }

    fn summary(&mut self, out: &mut dyn Write, summary: &TestSummary) -> io::Result<()> {
        // Whatever was never over before its turn is shown now.
        for finished in std::mem::take(&mut self.waiting).into_values() {
            if !matches!(finished.status, TestStatus::Failed | TestStatus::Error { .. }) {
                self.first_result(out, &finished)?;
            }
        }
        writeln!(out)?;
        if !self.wrong.is_empty() {
            for finished in self.wrong.values() {
                self.result(out, finished)?;
                if let Some(case) = self.tests.get(finished.test) {
                    writeln!(out, "       run it again: {}", case.rerun)?;
                }
            }
            let unstaged = |test: usize| self.tests.get(test).is_some_and(|case| !case.stage);
            if self.wrong.values().any(|finished| unstaged(finished.test) && misses_a_file(finished)) {
                writeln!(out, "{EMPTY_DIRECTORY}")?;
            }
            writeln!(out)?;
        }
        let tried = counted(summary.tried(), "procedure", "procedures");
        let passed = match [(summary.slow, "slow"), (summary.flaky, "flaky")].map(some) {
            [None, None] => format!("{} passed", summary.passed),
            parts => format!("{} passed ({})", summary.passed, joined(parts)),
        };
        let errors = summary.stage_errors + summary.document_errors;
        let parts = [
            Some(passed),
            some((summary.failed, "failed")),
            match errors {
                0 => None,
                1 => Some("1 error".to_owned()),
                many => Some(format!("{many} errors")),
            },
            some((summary.ignored, "ignored")),
            some((summary.not_run, "not run")),
        ];
        let line = format!("{tried} tested in {}: {}", millis(summary.wall_ms), joined(parts));
        let is_good = summary.exit_code() == 0;
        writeln!(out, "{}", if is_good { self.style.good(&line) } else { self.style.bad(&line) })?;
        if summary.ignored_steps > 0 {
            let steps = counted(summary.ignored_steps, "step was", "steps were");
            writeln!(out, "{steps} left out, as the documents say")?;
        }
        if summary.manual_steps > 0 {
            let steps = counted(summary.manual_steps, "manual step was", "manual steps were");
            writeln!(out, "{steps} not done: a test has no person to do them")?;
        }
        if summary.undecided_steps > 0 {
            let steps = counted(summary.undecided_steps, "decision was", "decisions were");
            writeln!(out, "{steps} not taken: a test has no person to decide")?;
        }
        if self.unbroken > 0 {
            let procedures = counted(self.unbroken, "procedure", "procedures");
            let whose = if self.unbroken == 1 { "its test names" } else { "their tests name" };
            writeln!(out, "{procedures} passed with nothing broken first: {whose} no fault")?;
        }
        if summary.elsewhere > 0 {
            let errors = counted(summary.elsewhere, "error stands", "errors stand");
            writeln!(out, "{errors} outside the procedures")?;
        }
        if let Some(signal) = summary.signal {
            writeln!(out, "stopped by signal {signal}")?;
        }
        if summary.tried() == 0 {
            writeln!(out, "nothing was tested")?;
        }
        Ok(())
    }
}

/// Whether a step failed because a file or a program is not there. Only its output tells.
fn misses_a_file(finished: &TestFinished) -> bool {
    let said = ["No such file or directory", "command not found"];
    let misses = |step: &TestStep| {
        let texts = step.problems.iter().map(|problem| &problem.what).chain([&step.stdout, &step.stderr]);
        texts.into_iter().any(|text| said.iter().any(|said| text.contains(said)))
    };
    finished.steps.iter().any(|step| step.status == StepStatus::Failed && misses(step))
}

/// What is to be said of a procedure's steps besides its result.
fn remarks(finished: &TestFinished) -> String {
    let count =
        |wanted: fn(&StepStatus) -> bool| finished.steps.iter().filter(|step| wanted(&step.status)).count();
    let parts = [
        finished.slow.then(|| "slow".to_owned()),
        some((count(|status| matches!(status, StepStatus::Manual)), "manual")),
        some((count(|status| matches!(status, StepStatus::Undecided)), "undecided")),
        some((count(|status| matches!(status, StepStatus::Ignored { .. })), "ignored")),
        some((count(|status| matches!(status, StepStatus::FellBack)), "fell back")),
        some((count(|status| matches!(status, StepStatus::NotNeeded)), "not needed")),
    ];
    let steps = counted(finished.steps.len(), "step", "steps");
    match joined(parts).as_str() {
        "" => format!(" ({steps})"),
        parts => format!(" ({steps}, {parts})"),
    }
}

fn some((count, word): (usize, &str)) -> Option<String> {
    (count > 0).then(|| format!("{count} {word}"))
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn millis(millis: u64) -> String {
    time(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_sample::events;

    fn text(events: &[TestEvent]) -> String {
        let mut out = Vec::new();
        let mut reporter = TestText::new(Style::Plain);
        for event in events {
            reporter.event(&mut out, event).expect("a vector takes everything");
        }
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn results_come_in_document_order_and_failures_at_once() {
        assert_eq!(
            text(&events()),
            "\
testing 6 procedures of 2 documents
  FAIL        0.5 s  bot.md:49 Engine Restart Failed (4 steps, 1 manual)
       step 2, Force restart (bot.md:65)
         it ended with status 22, expected status 0 (bot.md:66)
         the output is not the expected one (bot.md:71)
            id [..]
           -ok
           +failed \\e\\[31m (esc)
         standard error:
           curl: (22) refused
       NOT RUN: step 4
  SLOW       > 10 s  bot.md:9 MTTR Exceeded
  PASS         12 s  bot.md:9 MTTR Exceeded (1 step, slow)
       step 1 left its output to sleep (4711)
 FLAKY        0.3 s  db.md:3 Backup (passed at attempt 2)
 ERROR        10 ms  db.md:20 Restore
       the stage is not ready
IGNORE               db.md:30 Drop: destroys
NOTRUN               db.md:40 Copy: --fail-fast

  FAIL        0.5 s  bot.md:49 Engine Restart Failed (4 steps, 1 manual)
       run it again: runbook test bot.md --procedure engine-restart-failed
 FLAKY        0.3 s  db.md:3 Backup (passed at attempt 2)
       run it again: runbook test db.md --procedure backup
 ERROR        10 ms  db.md:20 Restore
       run it again: runbook test db.md --procedure restore
NOTRUN               db.md:40 Copy: --fail-fast
       run it again: runbook test db.md --procedure copy

4 procedures tested in 13 s: 2 passed (1 slow, 1 flaky), 1 failed, 1 error, 1 ignored, 1 not run
1 manual step was not done: a test has no person to do them
"
        );
    }

    #[test]
    fn that_the_directory_is_empty_is_said_once_where_a_file_is_missing() {
        let with = |stderr: &str, stage: bool| {
            let mut events = events();
            for event in &mut events {
                match event {
                    TestEvent::Discovered { tests, .. } => tests.iter_mut().for_each(|it| it.stage = stage),
                    TestEvent::Finished(finished) => {
                        finished.steps.iter_mut().for_each(|step| step.stderr = stderr.to_owned());
                    }
                    _ => {}
                }
            }
            text(&events)
        };
        let missing = "ls: cannot access 'x': No such file or directory\n";
        let hint = "copy\nhint: a procedure without a stage runs in an empty directory; declare `stage:`\n  in \
                    `runbooks/runbook.yaml` (the book's page `Rehearse your own system`)\n\n4 procedures";
        assert!(with(missing, false).contains(hint), "{}", with(missing, false));
        for (stderr, stage) in [(missing, true), ("refused", false)] {
            assert!(!with(stderr, stage).contains("hint:"), "{stderr} {stage}");
        }
    }

    #[test]
    fn nothing_to_test_is_said() {
        let summary = TestSummary::new(&[], 2, 3, Some(15));
        let events =
            [TestEvent::Discovered { tests: vec![], files: 1, pages: 0 }, TestEvent::Summary(summary)];
        assert_eq!(
            text(&events),
            "testing 0 procedures of 1 document\n\n0 procedures tested in 3 ms: 0 passed\n\
             2 errors stand outside the procedures\nstopped by signal 15\nnothing was tested\n"
        );
    }

    #[test]
    fn a_long_output_shows_its_end() {
        let mut events = events();
        for event in &mut events {
            if let TestEvent::Finished(finished) = event {
                for step in &mut finished.steps {
                    step.stderr = (0..1000).map(|n| format!("line {n}\n")).collect();
                }
            }
        }
        let text = text(&events);
        assert!(text.contains("           … 990 lines before\n           line 990\n"), "{text}");
        assert!(!text.contains("line 989"));
    }
}
