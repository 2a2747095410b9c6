//! A run as JUnit XML: one suite, a case for each step, and a case for what came of the run.
//!
//! The last case alone is the verdict: it fails when the exit code is not 0. A step that failed fails its
//! case only in a run that failed too; where the run recovered, or the step only observed, the case is
//! skipped and says so, since it did not pass either.

use super::outputs::Output;
use super::record::StepRecord;
use super::step_notes::notes;
use super::story::Story;
use super::words;
use crate::event::{Event, StepHeader, StepResult};
use crate::runbook::Role;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io::{self, Write};
use std::time::Duration;

/// Writes the run that `events` tell; nothing if they do not begin with a run's start.
///
/// # Errors
/// Whatever writing gives.
pub fn render(out: &mut dyn Write, events: &[Event]) -> io::Result<()> {
    let Some(story) = Story::of(events) else { return Ok(()) };
    let started = &story.started;
    let wall =
        Duration::from_millis(story.record.finished.as_ref().map_or(story.record.last_ms, |end| end.wall_ms));
    let mut suite = TestSuite::new(legal(&started.title));
    suite.set_time(wall);
    if let Some(at) = story.record.started_at.as_deref() {
        suite.add_property(("started_at", legal(at).as_str()));
    }
    for (name, value) in story.facts() {
        suite.add_property((name, legal(&value).as_str()));
    }
    let class = legal(&format!("{}.{}", started.mode, started.procedure));
    for ((header, step), outputs) in story.steps().zip(&story.outputs) {
        let mut case = case(&story, header, step, outputs);
        case.set_classname(class.as_str());
        suite.add_test_case(case);
    }
    let mut verdict = TestCase::new("outcome of the run", verdict(&story));
    verdict.set_classname(class.as_str()).set_time(wall);
    suite.add_test_case(verdict);
    let mut report = Report::new("runbook");
    report.set_time(wall);
    report.add_test_suite(suite);
    report.serialize(out).map_err(io::Error::other)
}

fn verdict(story: &Story) -> TestCaseStatus {
    let text = legal(&format!("{}: {}", story.outcome(), story.summary()));
    let kind = match &story.record.finished {
        Some(finished) if finished.exit == 0 => return TestCaseStatus::success(),
        Some(_) => NonSuccessKind::Failure,
        None => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(text.as_str()).set_type(story.outcome().replace(' ', "_").replace(',', ""));
    status
}

fn case(story: &Story, header: &StepHeader, step: &StepRecord, outputs: &[Output]) -> TestCase {
    let name = legal(&format!("{} {}", header.id, header.label));
    let mut case = TestCase::new(name, status(story, header, step));
    case.set_time(Duration::from_millis(step.wall_ms()));
    let joined = |of: fn(&Output) -> &str| legal(&outputs.iter().map(of).collect::<Vec<_>>().join("\n"));
    let (stdout, stderr) = (joined(|output| &output.stdout), joined(|output| &output.stderr));
    if !stdout.trim().is_empty() {
        case.set_system_out(stdout);
    }
    if !stderr.trim().is_empty() {
        case.set_system_err(stderr);
    }
    case
}

fn status(story: &Story, header: &StepHeader, step: &StepRecord) -> TestCaseStatus {
    let skipped = |message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(legal(&message));
        status
    };
    let Some(last) = step.attempts.last() else {
        return skipped(story.why_not_run(header, step));
    };
    let Some(end) = &last.finished else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("what it did is unknown: it has no end in the record").set_type("unknown");
        return status;
    };
    let said = words::result(&end.result);
    let went_well = story.record.finished.as_ref().is_some_and(|end| end.exit == 0);
    match &end.result {
        StepResult::Passed | StepResult::Done { .. } => TestCaseStatus::success(),
        _ if step.settled.is_some() => skipped(words::came_of(step).unwrap_or(said)),
        _ if header.role == Role::Observe => skipped(format!("{said}; what observing finds is information")),
        _ if went_well => skipped(format!("{said}; the run went on and ended well")),
        _ => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(legal(&said)).set_type("failure");
            let mut lines = notes(last);
            if let StepResult::Mismatched { diff } = &end.result {
                lines.push(diff.clone());
            }
            if !lines.is_empty() {
                status.set_description(legal(&lines.join("\n")));
            }
            status
        }
    }
}

/// `text` without the two characters that XML cannot hold and the serializer lets pass.
pub(super) fn legal(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn shown(events: &[Event]) -> String {
        let mut out = Vec::new();
        render(&mut out, events).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn a_contained_run_fails_where_it_failed_and_as_a_whole() {
        let text = shown(&sample::events());
        for part in [
            "<testsuite name=\"Engine Restart Failed\" tests=\"5\" skipped=\"1\" errors=\"0\" failures=\"2\"",
            "<testcase name=\"1 Check engine status\" classname=\"exec.engine-restart-failed\" time=\"0.039\">",
            "<system-out>{&quot;id&quot;:3,&quot;status&quot;:&quot;stopped&quot;}</system-out>",
            "<failure message=\"failed with status 22\" type=\"failure\">line 67: status 22\nnot run: sleep 5",
            "<skipped message=\"not run, a step before it failed\"/>",
            "<failure message=\"contained, not recovered: step 3 acted as the fallback of step 2, and nothing \
             verified it\" type=\"contained_not_recovered\"/>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_run_that_went_well_has_no_failure_and_passes_nothing_that_did_not_pass() {
        let text = shown(&sample::recovered());
        assert!(text.contains("skipped=\"2\" errors=\"0\" failures=\"0\""), "{text}");
        let skipped = "<skipped message=\"failed with status 7; what observing finds is information\"/>";
        assert!(text.contains(skipped), "{text}");
    }

    #[test]
    fn a_run_without_an_end_is_an_error() {
        let text = shown(&sample::events()[..6]);
        assert!(text.contains("errors=\"2\" failures=\"0\""), "{text}");
        assert!(
            text.contains("<error message=\"what it did is unknown: it has no end in the record\""),
            "{text}"
        );
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn what_xml_cannot_hold_is_removed() {
        let text = shown(&sample::hostile("a\u{0}\u{1b}[31mb\u{fffe}]]></failure>\"'<"));
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{fffe}'), "{text}");
        assert!(!text.contains("]]></failure>"), "{text}");
    }
}
