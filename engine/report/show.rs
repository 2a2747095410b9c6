//! One procedure, for reading in a terminal: everything the document says of it, in its order.

use super::style::{Style, WIDTH, printable, wrap};
use crate::runbook::{Action, Note, Procedure, Runbook, Step};
use serde::Serialize;
use std::io::{self, Write};

/// Writes `procedure` of `runbook`.
///
/// # Errors
/// Whatever writing gives.
pub fn render(out: &mut dyn Write, runbook: &Runbook, procedure: &Procedure, style: Style) -> io::Result<()> {
    let place = format!("{}:{}", runbook.source.path().display(), procedure.line);
    writeln!(out, "{}  {}", style.bold(&procedure.title), style.dim(&place))?;
    if let Some(severity) = &procedure.severity {
        writeln!(out, "  severity: {}", severity.text)?;
    }
    for target in &procedure.targets {
        writeln!(out, "  target: {}", target.text)?;
    }
    for parameter in &procedure.parameters {
        writeln!(out, "  parameter: {} ({} VALUE)", parameter.name, parameter.flag)?;
    }
    if !procedure.symptoms.is_empty() {
        writeln!(out, "\n{}", style.bold("symptoms"))?;
        for symptom in &procedure.symptoms {
            item(out, "-", &symptom.text)?;
        }
    }
    if !procedure.notes.is_empty() {
        writeln!(out, "\n{}", style.bold("notes"))?;
        procedure.notes.iter().try_for_each(|note| show_note(out, note, "  "))?;
    }
    if !procedure.steps.is_empty() {
        writeln!(out, "\n{}", style.bold("steps"))?;
    }
    for step in &procedure.steps {
        show_step(out, step, style)?;
    }
    for block in &procedure.possible {
        let language = block.language.as_deref().unwrap_or("no language");
        writeln!(out, "\n  shown, not run ({language}, line {}):", block.line)?;
        script(out, &block.text)?;
    }
    if !runbook.escalation.is_empty() {
        writeln!(out, "\n{}", style.bold("escalation"))?;
        for row in &runbook.escalation {
            item(out, "-", &format!("{}: {}, {}", row.severity, row.response, row.people))?;
        }
    }
    if !runbook.post_incident.is_empty() {
        writeln!(out, "\n{}", style.bold("after the incident"))?;
        for (number, entry) in (1..).zip(&runbook.post_incident) {
            item(out, &format!("{number}."), &entry.text)?;
        }
    }
    Ok(())
}

fn show_step(out: &mut dyn Write, step: &Step, style: Style) -> io::Result<()> {
    let (before, below): (Vec<_>, Vec<_>) = step.notes.iter().partition(|note| note.line < step.line);
    if !before.is_empty() {
        writeln!(out)?;
    }
    before.into_iter().try_for_each(|note| show_note(out, note, "  "))?;
    writeln!(out)?;
    let number = format!("{}.", step.id);
    let label = if step.optional { format!("{} (optional)", step.label) } else { step.label.clone() };
    for (index, line) in wrap(&label, WIDTH - 8).iter().enumerate() {
        let number = if index == 0 { number.as_str() } else { "" };
        writeln!(out, "  {} {}", style.bold(&format!("{number:<4}")), style.bold(line))?;
    }
    match &step.action {
        Action::Command(block) => {
            script(out, &block.script)?;
            for line in &block.remote_lines {
                writeln!(out, "       {}", printable(line, Style::Plain))?;
            }
        }
        Action::Manual { text } if text.trim() != step.label => {
            for line in wrap(text, WIDTH - 7) {
                writeln!(out, "       {line}")?;
            }
        }
        Action::Manual { .. } | Action::Notes => {}
    }
    below.into_iter().try_for_each(|note| show_note(out, note, "       "))
}

fn script(out: &mut dyn Write, text: &str) -> io::Result<()> {
    for line in text.trim_end().lines() {
        writeln!(out, "       {}", printable(line, Style::Plain))?;
    }
    Ok(())
}

fn show_note(out: &mut dyn Write, note: &Note, indent: &str) -> io::Result<()> {
    let text = note.text.trim_start();
    marked(out, indent, "-", text.strip_prefix("- ").unwrap_or(text))
}

fn item(out: &mut dyn Write, mark: &str, text: &str) -> io::Result<()> {
    marked(out, "  ", mark, text)
}

fn marked(out: &mut dyn Write, indent: &str, mark: &str, text: &str) -> io::Result<()> {
    let width = WIDTH - indent.len() - 1 - mark.len();
    for (index, line) in wrap(text, width).iter().enumerate() {
        let mark = if index == 0 { mark.to_owned() } else { " ".repeat(mark.len()) };
        writeln!(out, "{indent}{mark} {}", printable(line, Style::Plain))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown<'a> {
    v: u32,
    id: &'a str,
    title: &'a str,
    file: String,
    line: usize,
    severity: Option<&'a str>,
    targets: Vec<&'a str>,
    symptoms: Vec<&'a str>,
    parameters: Vec<&'a str>,
    steps: Vec<ShownStep<'a>>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    id: &'a str,
    label: &'a str,
    line: usize,
    optional: bool,
    /// As written, placeholders still in it.
    script: Option<&'a str>,
    manual: Option<&'a str>,
}

/// The same as JSON.
pub fn json(runbook: &Runbook, procedure: &Procedure) -> String {
    let shown = Shown {
        v: 1,
        id: &procedure.id,
        title: &procedure.title,
        file: runbook.source.path().display().to_string(),
        line: procedure.line,
        severity: procedure.severity.as_ref().map(|severity| severity.text.as_str()),
        targets: procedure.targets.iter().map(|target| target.text.as_str()).collect(),
        symptoms: procedure.symptoms.iter().map(|symptom| symptom.text.as_str()).collect(),
        parameters: procedure.parameters.iter().map(|parameter| parameter.name.as_str()).collect(),
        steps: procedure
            .steps
            .iter()
            .map(|step| ShownStep {
                id: &step.id,
                label: &step.label,
                line: step.line,
                optional: step.optional,
                script: match &step.action {
                    Action::Command(block) => Some(&block.script),
                    Action::Manual { .. } | Action::Notes => None,
                },
                manual: match &step.action {
                    Action::Manual { text } => Some(text),
                    Action::Command(_) | Action::Notes => None,
                },
            })
            .collect(),
    };
    serde_json::to_string_pretty(&shown).expect("a procedure has only string keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_procedure_reads_like_its_document() {
        let runbook = sample::runbook();
        let mut out = Vec::new();
        render(&mut out, &runbook, &runbook.procedures[0], Style::Plain).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "Engine Restart Failed  bot.md:3\n  severity: Critical\n  target: Auto-restart < 30 seconds\n  \
             parameter: engine_id (--engine-id VALUE)\n\nsymptoms\n  - Position stuck open\n\nsteps\n\n  \
             1.   Check engine status\n       curl localhost/engines/{engine_id}\n\nescalation\n  \
             - P0: Immediate, CTO\n\nafter the incident\n  1. Write it down\n"
        );
    }

    #[test]
    fn notes_stand_where_the_document_has_them() {
        let mut runbook = sample::runbook();
        let note = |text: &str, line| Note { text: text.into(), line };
        let procedure = &mut runbook.procedures[0];
        procedure.notes = vec![note("- A busy API", 20)];
        procedure.steps[0].notes = vec![note("Think first", 4), note("  - CPU", 6)];
        let mut out = Vec::new();
        render(&mut out, &runbook, &runbook.procedures[0], Style::Plain).expect("writes to memory");
        let text = String::from_utf8(out).expect("is text");
        let expected = "stuck open\n\nnotes\n  - A busy API\n\nsteps\n\n  - Think first\n\n  \
                        1.   Check engine status\n       curl localhost/engines/{engine_id}\n       - CPU\n\nesc";
        assert!(text.contains(expected), "{text}");
    }
}
