//! The end of a run: each step's time, the targets' verdicts, what came of it, what to do next.

use super::{COMMAND_LINES, row};
use crate::event::{JudgedTarget, Outcome, RehearsalVerdict, StepHeader};
use crate::report::record::{Record, StepRecord};
use crate::report::style::{Style, WIDTH, commands, millis, one_line, wrap};
use crate::report::words;
use crate::runbook::Role;
use std::io::{self, Write};

/// Writes the summary of a run that is over.
pub(super) fn write(out: &mut impl Write, record: &Record, style: Style) -> io::Result<()> {
    let (Some(started), Some(finished)) = (&record.started, &record.finished) else { return Ok(()) };
    writeln!(out, "\n{}", style.bold("summary"))?;
    for warning in &finished.warnings {
        for line in wrap(&format!("warning: {warning}"), WIDTH - 2) {
            writeln!(out, "  {}", style.bad(&line))?;
        }
    }
    for (header, step) in started.steps.iter().zip(&record.steps) {
        writeln!(out, "  {}", step_row(header, step, style))?;
        for line in step_notes(step) {
            writeln!(out, "        {line}")?;
        }
    }
    for target in &record.targets {
        for line in wrap(&target_row(target), WIDTH - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    for process in &finished.left_running {
        writeln!(out, "  left running: {process}")?;
    }
    writeln!(
        out,
        "  time {}: machines {}, people {}",
        millis(finished.wall_ms),
        millis(finished.machine_ms),
        millis(finished.human_ms)
    )?;
    let head = words::outcome(finished.outcome);
    let head = match finished.outcome {
        Outcome::Verified | Outcome::RecoveredByFallback | Outcome::Observed => style.good(head),
        Outcome::NotVerified | Outcome::Contained | Outcome::NeedsPerson | Outcome::Cancelled => {
            style.warn(head)
        }
        Outcome::Failed | Outcome::NotStarted => style.bad(head),
    };
    let exit = match &finished.rehearsal {
        None => format!(" (exit {})", finished.exit),
        Some(rehearsal) => {
            rehearsal.exec_exit.map_or_else(String::new, |exit| format!(" (exec would exit {exit})"))
        }
    };
    writeln!(out, "{}{exit}", style.bold(&head))?;
    for line in wrap(&finished.summary, WIDTH - 2) {
        writeln!(out, "  {line}")?;
    }
    if let Some(rehearsal) = &finished.rehearsal {
        return write_rehearsal(out, rehearsal, finished.exit, style);
    }
    if let Some(next) = next(record) {
        for line in wrap(&format!("next: {next}"), WIDTH - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

fn write_rehearsal(
    out: &mut impl Write,
    rehearsal: &RehearsalVerdict,
    exit: i32,
    style: Style,
) -> io::Result<()> {
    let verdict = match (rehearsal.passed, exit) {
        (true, _) => style.good("rehearsal passed"),
        (false, 1) => style.bad("rehearsal failed"),
        (false, 6) => style.bad("nothing was rehearsed"),
        (false, _) => style.warn("rehearsal stopped"),
    };
    writeln!(out, "{} with fault `{}` (exit {exit})", style.bold(&verdict), rehearsal.fault)?;
    for reason in &rehearsal.reasons {
        for (number, line) in wrap(reason, WIDTH - 4).iter().enumerate() {
            writeln!(out, "  {} {line}", if number == 0 { "-" } else { " " })?;
        }
    }
    Ok(())
}

fn step_row(header: &StepHeader, step: &StepRecord, style: Style) -> String {
    let (what, time) = match (step.result(), &step.skipped) {
        (Some(_), _) if let Some(settled) = &step.settled => {
            (words::short_settled(settled).to_owned(), millis(step.wall_ms()))
        }
        (Some(result), _) => (words::short_result(result), millis(step.wall_ms())),
        (None, _) if step.is_open() => ("unknown".to_owned(), String::new()),
        (None, Some((reason, _))) => (words::short_skip(*reason).to_owned(), String::new()),
        (None, None) => ("not run".to_owned(), String::new()),
    };
    let attempts = match step.attempts.len() {
        0 | 1 => String::new(),
        count => format!("{count} attempts"),
    };
    let line = row(&[(&header.id, 4), (&header.label, 35), (&what, 12), (&time, 8)], &attempts);
    match step.result() {
        Some(_) if step.settled.is_some() => style.warn(&line),
        Some(result) if !result.passed() => style.bad(&line),
        Some(_) => line,
        None => style.dim(&line),
    }
}

/// What a person did about a step: their words, and the command that ran in place of the document's.
fn step_notes(step: &StepRecord) -> Vec<String> {
    let mut lines = Vec::new();
    if step.settled.is_some()
        && let Some(said) = words::came_of(step)
    {
        lines.extend(wrap(&one_line(&said), WIDTH - 8));
    }
    if let Some(script) = step.script.as_ref().filter(|_| step.edited) {
        let commands = commands(script, Style::Plain);
        lines.push("edited; what ran is not in the document:".to_owned());
        lines.extend(commands.iter().take(COMMAND_LINES).cloned());
        if let Some(left) = commands.len().checked_sub(COMMAND_LINES).filter(|left| *left > 0) {
            lines.push(format!("  … {left} more lines, see `report --format md`"));
        }
    }
    lines
}

fn target_row(target: &JudgedTarget) -> String {
    let times = match (target.elapsed_ms, target.limit_ms) {
        (Some(elapsed), Some(limit)) => format!(" ({} of {})", millis(elapsed), millis(limit)),
        (Some(elapsed), None) => format!(" ({})", millis(elapsed)),
        _ => String::new(),
    };
    format!("target `{}`: {}{times}", target.text, words::verdict(target.verdict))
}

/// What a person should do now, where the outcome alone does not say.
fn next(record: &Record) -> Option<String> {
    let started = record.started.as_ref()?;
    let run = &started.run;
    let failed = started
        .steps
        .iter()
        .zip(&record.steps)
        // What observing finds is information, and a fallback is tried because something else failed.
        .filter(|(header, _)| header.role != Role::Observe && header.fallback_of.is_none())
        .find(|(_, step)| step.settled.is_none() && step.result().is_some_and(|result| !result.passed()));
    match record.outcome()? {
        Outcome::Verified | Outcome::RecoveredByFallback | Outcome::Observed => None,
        Outcome::NotVerified => Some("check by hand that the system is well: no step verified it".into()),
        Outcome::Contained => {
            Some("the damage is contained, the cause still stands: find it, then undo the fallback".into())
        }
        Outcome::Failed => failed.map(|(header, _)| {
            format!("see why step {} failed ({}:{}), or escalate", header.id, started.file, header.line)
        }),
        Outcome::NeedsPerson => Some(format!("do what was left open, then look at `runbook report {run}`")),
        Outcome::Cancelled => Some(format!("see what ran with `runbook report {run}`")),
        Outcome::NotStarted => None,
    }
}
