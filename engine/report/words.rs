//! The words people read for roles, effects, results and verdicts; one place, so that every form says the same.

use crate::event::{
    Answer, CancelCause, Choice, NotTried, Outcome, Purpose, RehearsalVerdict, SkipReason, StepFinished,
    StepHeader, StepResult, TargetVerdict,
};
use crate::report::record::{Settled, StepRecord};
use crate::report::style::millis;
use crate::runbook::Role;
use crate::shell::Effect;

pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Observe => "observe",
        Role::Act => "act",
        Role::Verify => "verify",
        Role::Manual => "manual",
    }
}

pub(crate) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Reads => "reads",
        Effect::Changes => "changes",
        Effect::Destroys => "destroys",
    }
}

pub(crate) fn purpose(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Plan => None,
        Purpose::Fallback => Some("as fallback"),
        Purpose::Evidence => Some("again, as evidence"),
        Purpose::Always => Some("in any case"),
    }
}

/// `passed`, `failed with status 22`, …
pub(crate) fn result(result: &StepResult) -> String {
    match result {
        StepResult::Passed => "passed".to_owned(),
        StepResult::Failed { status, .. } => format!("failed with status {status}"),
        StepResult::Mismatched { .. } => "passed, but its output is not the expected one".to_owned(),
        StepResult::TimedOut { limit_ms } => format!("timed out, stopped at {}", millis(*limit_ms)),
        StepResult::Signaled { signal } => format!("killed by signal {signal}"),
        StepResult::Cancelled => "stopped".to_owned(),
        StepResult::Done { .. } => "done by hand".to_owned(),
        StepResult::LeftOpen => "left open".to_owned(),
        StepResult::CouldNotStart { reason } => format!("could not start: {reason}"),
        StepResult::Unknown => "unknown: the engine died while it ran".to_owned(),
    }
}

/// One or two words for the summary's table.
pub(crate) fn short_result(result: &StepResult) -> String {
    match result {
        StepResult::Passed => "passed".to_owned(),
        StepResult::Failed { status, .. } => format!("failed ({status})"),
        StepResult::Mismatched { .. } => "mismatched".to_owned(),
        StepResult::TimedOut { .. } => "timed out".to_owned(),
        StepResult::Signaled { signal } => format!("signal {signal}"),
        StepResult::Cancelled => "stopped".to_owned(),
        StepResult::Done { .. } => "by hand".to_owned(),
        StepResult::LeftOpen => "left open".to_owned(),
        StepResult::CouldNotStart { .. } => "not started".to_owned(),
        StepResult::Unknown => "unknown".to_owned(),
    }
}

/// How a person settled a step that had failed: `done by hand: restarted it`, `skipped: known`.
pub(crate) fn settled(settled: &Settled) -> String {
    let (what, note) = match settled {
        Settled::ByHand(note) => ("done by hand", note),
        Settled::Skipped(note) => ("skipped", note),
    };
    if note.is_empty() { what.to_owned() } else { format!("{what}: {note}") }
}

/// The same in one or two words, for the summary's table.
pub(crate) fn short_settled(settled: &Settled) -> &'static str {
    match settled {
        Settled::ByHand(_) => "by hand",
        Settled::Skipped(_) => "skipped",
    }
}

/// What came of a step in the end, with what had come of its last attempt; none where that has no end.
pub(crate) fn came_of(step: &StepRecord) -> Option<String> {
    let result = step.result().map(result);
    match &step.settled {
        None => result,
        Some(by) => Some(settled(by) + &result.map(|it| format!(" (before that: {it})")).unwrap_or_default()),
    }
}

/// What is said of an act that was not really tried, which ended like this.
pub(crate) fn could_not_be_tried(why: &NotTried, end: &StepFinished) -> String {
    let stopped_at = end.statements.last().map(|statement| statement.line);
    match (why, stopped_at) {
        (NotTried::EndedEarly, Some(line)) => format!("it stopped at line {line}, before its last command"),
        (NotTried::EndedEarly, None) => "it stopped before its last command".to_owned(),
        _ => format!("it could not really be tried: {}", not_tried(why)),
    }
}

/// Why an act counts as not tried.
pub(crate) fn not_tried(why: &NotTried) -> String {
    match why {
        NotTried::MissingCommand { command } => format!("`{command}` is missing or not executable"),
        NotTried::Http { code } => format!("the request itself was refused (HTTP {code})"),
        NotTried::EndedEarly => "it ended before its last command".to_owned(),
    }
}

/// Why `step`, one of `steps`, was passed over, if it was, with the detail behind it.
pub(crate) fn passed_over(header: &StepHeader, step: &StepRecord, steps: &[StepRecord]) -> Option<String> {
    let (reason, detail) = step.skipped.as_ref()?;
    let before = header.fallback_of.and_then(|before| steps.get(before.index()));
    let said = match (reason, before.and_then(StepRecord::result)) {
        (SkipReason::NotTried, Some(StepResult::Failed { not_tried: Some(NotTried::EndedEarly), .. })) => {
            "not taken, the step before did not come to its last command"
        }
        _ => skip(*reason),
    };
    Some(detail.as_ref().map_or_else(|| said.to_owned(), |detail| format!("{said}: {detail}")))
}

fn skip(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NotNeeded => "not needed",
        SkipReason::Notes => "notes only, nothing to run",
        SkipReason::Blocked => "not run, a step before it failed",
        SkipReason::Undecided => "skipped, nobody decided",
        SkipReason::Optional => "skipped, optional",
        SkipReason::Declined => "declined",
        SkipReason::Operator => "skipped by the operator",
        SkipReason::Cancelled => "not run, the run was stopped",
        SkipReason::NotTaken => "not taken",
        SkipReason::NotTried => "not taken, the step before could not really be tried",
        SkipReason::Ignored => "ignored, as the document says",
        SkipReason::NoTerminal => "skipped, it needs a terminal",
    }
}

pub(crate) fn short_skip(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NotNeeded => "not needed",
        SkipReason::Notes => "notes",
        SkipReason::Blocked | SkipReason::Cancelled => "not run",
        SkipReason::Undecided => "undecided",
        SkipReason::Optional | SkipReason::Operator => "skipped",
        SkipReason::Declined => "declined",
        SkipReason::NotTaken | SkipReason::NotTried => "not taken",
        SkipReason::Ignored => "ignored",
        SkipReason::NoTerminal => "no terminal",
    }
}

pub(crate) fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Undecided => "undecided, not taken",
    }
}

pub(crate) fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Retry => "retry",
        Choice::Edit => "edit and retry",
        Choice::DoneByHand => "done by hand",
        Choice::Fallback => "take the fallback",
        Choice::Skip => "skip",
        Choice::Abort => "abort",
    }
}

pub(crate) fn verdict(verdict: TargetVerdict) -> &'static str {
    match verdict {
        TargetVerdict::Met => "met",
        TargetVerdict::Missed => "missed",
        TargetVerdict::WithinNotVerified => "within target, not verified",
        TargetVerdict::NotReached => "not reached",
        TargetVerdict::NotMeasured => "not measured",
    }
}

pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "succeeded, verified",
        Outcome::RecoveredByFallback => "recovered by a fallback, verified",
        Outcome::NotVerified => "succeeded, not verified",
        Outcome::Observed => "observed",
        Outcome::Contained => "contained, not recovered",
        Outcome::Failed => "failed",
        Outcome::NeedsPerson => "needs a person",
        Outcome::Cancelled => "stopped",
        Outcome::NotStarted => "not started",
    }
}

/// At most 17 columns, for a table.
pub(crate) fn short_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "verified",
        Outcome::RecoveredByFallback => "recovered",
        Outcome::NotVerified => "not verified",
        Outcome::Contained => "contained",
        Outcome::Observed
        | Outcome::Failed
        | Outcome::NeedsPerson
        | Outcome::Cancelled
        | Outcome::NotStarted => self::outcome(outcome),
    }
}

pub(crate) fn rehearsal(rehearsal: &RehearsalVerdict) -> String {
    let verdict = if rehearsal.passed { "passed" } else { "did not pass" };
    let exec = rehearsal.exec_exit.map(|exit| format!("; exec would have ended with {exit}"));
    let reasons: String = rehearsal.reasons.iter().map(|reason| format!("; {reason}")).collect();
    format!("{verdict} with fault {}{reasons}{}", rehearsal.fault, exec.unwrap_or_default())
}

pub(crate) fn cause(cause: &CancelCause) -> String {
    match cause {
        CancelCause::Signal { signal } => {
            let name = match signal {
                1 => " (SIGHUP)",
                2 => " (SIGINT)",
                15 => " (SIGTERM)",
                _ => "",
            };
            format!("signal {signal}{name}")
        }
        CancelCause::OutputClosed => "the output was closed".to_owned(),
        CancelCause::JournalFailed { reason } => format!("the journal cannot be written: {reason}"),
        CancelCause::Operator => "the operator aborted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::super::sample;
    use super::*;

    #[test]
    fn a_fallback_that_was_not_taken_says_what_came_of_the_step_before() {
        let early = "not taken, the step before did not come to its last command";
        let untried = "not taken, the step before could not really be tried";
        for (why, reason, detail, said) in [
            (NotTried::EndedEarly, SkipReason::NotTried, None, early.to_owned()),
            (NotTried::EndedEarly, SkipReason::NotTried, Some("x"), format!("{early}: x")),
            (NotTried::Http { code: 404 }, SkipReason::NotTried, None, untried.to_owned()),
            (NotTried::EndedEarly, SkipReason::NotTaken, None, "not taken".to_owned()),
        ] {
            let mut record = Record::of(&sample::events()[..7]);
            let failed = StepResult::Failed { status: 1, not_tried: Some(why) };
            let attempt = record.steps[1].attempts.last_mut().expect("it ran");
            attempt.finished = Some(sample::finished(1, failed, 1));
            record.steps[2].skipped = Some((reason, detail.map(str::to_owned)));
            let header = &record.started.as_ref().expect("has started").steps[2];
            assert_eq!(passed_over(header, &record.steps[2], &record.steps), Some(said));
        }
    }

    #[test]
    fn a_rehearsal_is_told_in_one_line() {
        let mut verdict =
            RehearsalVerdict { fault: "api-down".into(), passed: true, exec_exit: Some(5), reasons: vec![] };
        assert_eq!(rehearsal(&verdict), "passed with fault api-down; exec would have ended with 5");
        (verdict.passed, verdict.exec_exit, verdict.reasons) = (false, None, vec!["a".into(), "b".into()]);
        assert_eq!(rehearsal(&verdict), "did not pass with fault api-down; a; b");
    }
}
