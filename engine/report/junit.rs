//! A run of doc-tests as JUnit XML: a suite a document, a case a procedure, as Jenkins and GitLab read
//! it. Characters that XML cannot hold are removed.

use super::run_junit::legal;
use crate::check::outcome::{StepStatus, TestCase, TestEvent, TestFinished, TestStatus, TestStep};
use quick_junit::{NonSuccessKind, Report, TestCase as JunitCase, TestCaseStatus, TestRerun, TestSuite};
use std::io::{self, Write};
use std::time::Duration;

/// Writes a finished run, given all its events, as JUnit XML.
///
/// # Errors
/// Whatever writing gives.
pub fn write(out: &mut dyn Write, events: &[TestEvent]) -> io::Result<()> {
    let mut report = Report::new("runbook test");
    let mut cases: &[TestCase] = &[];
    let mut finished: Vec<&TestFinished> = Vec::new();
    for event in events {
        match event {
            TestEvent::Discovered { tests, .. } => cases = tests,
            TestEvent::Finished(test) => finished.push(test),
            TestEvent::Summary(summary) => {
                report.set_time(Duration::from_millis(summary.wall_ms));
            }
            TestEvent::Started { .. } | TestEvent::Slow { .. } => {}
        }
    }
    finished.sort_by_key(|test| test.test);
    let mut suite: Option<TestSuite> = None;
    for test in finished {
        let Some(case) = cases.get(test.test) else { continue };
        if suite.as_ref().is_none_or(|suite| suite.name.as_str() != case.file) {
            suite.take().map(|done| report.add_test_suite(done));
        }
        let suite = suite.get_or_insert_with(|| TestSuite::new(case.file.as_str()));
        let time = suite.time.unwrap_or_default() + Duration::from_millis(test.wall_ms);
        suite.set_time(time);
        suite.add_test_case(junit_case(case, test));
    }
    suite.map(|done| report.add_test_suite(done));
    report.serialize(out).map_err(io::Error::other)
}

fn junit_case(case: &TestCase, test: &TestFinished) -> JunitCase {
    let mut junit = JunitCase::new(legal(&case.title), status(case, test));
    junit.set_classname(class_name(&case.file)).set_time(Duration::from_millis(test.wall_ms));
    let streams = |of: fn(&TestStep) -> &str| -> String {
        let texts = test.steps.iter().filter(|step| !of(step).is_empty());
        texts
            .map(|step| format!("step {}, {}:\n{}\n", step.id, step.label, of(step).trim_end()))
            .map(|text| legal(&text))
            .collect()
    };
    let (stdout, stderr) = (streams(|step| &step.stdout), streams(|step| &step.stderr));
    if !stdout.is_empty() {
        junit.set_system_out(stdout);
    }
    if !stderr.is_empty() {
        junit.set_system_err(stderr);
    }
    junit
}

/// `runbooks/bot.md` as `runbooks.bot`: Jenkins makes folders of the parts between dots.
fn class_name(file: &str) -> String {
    let stem = file.strip_suffix(".md").unwrap_or(file);
    stem.trim_start_matches(['.', '/']).replace('.', "_").replace('/', ".")
}

fn status(case: &TestCase, test: &TestFinished) -> TestCaseStatus {
    match &test.status {
        TestStatus::Passed => TestCaseStatus::success(),
        TestStatus::Flaky => {
            let mut status = TestCaseStatus::success();
            for message in &test.earlier {
                let mut rerun = TestRerun::new(NonSuccessKind::Failure);
                rerun.set_message(legal(message)).set_type("flaky");
                status.add_rerun(rerun);
            }
            status
        }
        TestStatus::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let problems = problems(case, test);
            status.set_message(problems.lines().next().unwrap_or_default()).set_type("failure");
            status.set_description(problems);
            status
        }
        TestStatus::Error { reason, document } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(legal(reason.lines().next().unwrap_or_default()));
            status.set_type(if *document { "document" } else { "stage" }).set_description(legal(reason));
            status
        }
        TestStatus::Ignored { reason } | TestStatus::NotRun { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(legal(reason));
            status
        }
    }
}

/// All that is wrong, the first problem in the first line.
fn problems(case: &TestCase, test: &TestFinished) -> String {
    let mut text = String::new();
    for problem in &test.problems {
        text += &format!("{} ({}:{})\n", problem.what, case.file, problem.line);
    }
    for step in test.steps.iter().filter(|step| step.status == StepStatus::Failed) {
        for problem in &step.problems {
            let (id, label, what) = (&step.id, &step.label, &problem.what);
            text += &format!("step {id}, {label}: {what} ({}:{})\n", case.file, problem.line);
            if let Some(diff) = &problem.diff {
                text += &diff.to_string();
            }
        }
    }
    text += &format!("run it again: {}\n", case.rerun);
    legal(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_sample::events;

    #[test]
    fn a_run_is_suites_and_cases() {
        let mut out = Vec::new();
        write(&mut out, &events()).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("is UTF-8");
        assert_eq!(text, include_str!("junit/expected.xml"), "{text}");
    }

    #[test]
    fn what_xml_cannot_hold_is_removed() {
        let mut events = events();
        for event in &mut events {
            if let TestEvent::Finished(finished) = event {
                for step in &mut finished.steps {
                    step.stdout = "a\u{0}b\u{b}c\u{1b}[31md\u{fffe}e]]>&<f".into();
                }
            }
        }
        let mut out = Vec::new();
        write(&mut out, &events).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("is UTF-8");
        assert!(text.contains("abcde]]&gt;&amp;&lt;f"), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{fffe}'), "{text}");
    }
}
