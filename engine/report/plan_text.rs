//! A plan as text: every step, how it is reached, what it runs. Dry run and `plan` print this.

use super::style::{Style, WIDTH, commands, one_line, printable, time, wrap};
use super::words;
use crate::plan::{NotRun, Plan, PlanReach, PlanStep, Program, RunMode, StepId, Work};
use crate::shell::Effect;
use std::io::{self, Write};

/// Writes `plan`. `missing` are programs that are not on this host, with their steps.
///
/// # Errors
/// Whatever writing gives.
pub fn render(
    out: &mut dyn Write,
    plan: &Plan,
    missing: &[(StepId, Program)],
    style: Style,
) -> io::Result<()> {
    let header = &plan.procedure;
    let severity = header.severity.as_ref().map(|severity| format!(" · {}", severity.text));
    let place = format!("{} · {}:{}", severity.unwrap_or_default(), header.file.display(), header.line);
    writeln!(out, "{}{place}", style.bold(&header.title))?;
    for target in &header.targets {
        writeln!(out, "  target: {}", target.text)?;
    }
    writeln!(out, "  in {}", plan.workdir.display())?;
    for parameter in &plan.parameters {
        let (name, flag, line) = (&parameter.name, &parameter.flag, parameter.line);
        match (&parameter.value, parameter.secret) {
            (None, _) => {
                let text = format!("{name} is open: give {flag} VALUE (line {line})");
                writeln!(out, "  {}", style.warn(&text))?;
            }
            (Some(_), true) => writeln!(out, "  {name} = ****** (line {line})")?,
            (Some(value), false) => {
                writeln!(out, "  {name} = {} (line {line})", printable(value, Style::Plain))?;
            }
        }
    }
    notes(out, plan.notes.iter().map(|note| note.text.as_str()), "  ")?;
    if plan.steps.is_empty() {
        writeln!(out, "\nnothing to run: a person must read it and do what it says")?;
    }
    for (id, step) in plan.iter() {
        step_text(out, plan, step, style)?;
        let missing = missing.iter().filter(|(of, _)| *of == id);
        for (_, program) in missing {
            let text = format!("missing: `{}` (line {})", program.name, program.line);
            writeln!(out, "     {}", style.bad(&text))?;
        }
    }
    not_run(out, &plan.not_run)
}

/// Says which blocks are no steps: somebody may have meant them to be.
fn not_run(out: &mut dyn Write, blocks: &[NotRun]) -> io::Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    let each = blocks.iter().map(|block| match &block.language {
        Some(language) => format!("line {} (`{}`)", block.line, one_line(language)),
        None => format!("line {} (a block without a language)", block.line),
    });
    writeln!(out)?;
    paragraph(out, &format!("not run: {}", each.collect::<Vec<_>>().join(", ")), "")?;
    if blocks.iter().any(|block| block.language.is_none()) {
        paragraph(
            out,
            "hint: tag a block as `bash` to make it a step, as `output` if the step before it prints it",
            "",
        )?;
    }
    Ok(())
}

fn step_text(out: &mut dyn Write, plan: &Plan, step: &PlanStep, style: Style) -> io::Result<()> {
    let number = format!("{:<4}", step.id);
    writeln!(out, "\n{} {}", style.bold(&number), style.bold(&step.label))?;
    let effect = words::effect(step.effect);
    let effect = if step.effect == Effect::Destroys { style.bad(effect) } else { effect.to_owned() };
    let mut facts = vec![
        format!("{}:{}", plan.procedure.file.display(), step.line),
        match step.work {
            Work::Shell(_) => format!("{}, {effect}", words::role(step.role)),
            Work::Manual { .. } => "manual, a person does it".to_owned(),
            Work::Notes => "notes".to_owned(),
        },
        reach(plan, step),
    ];
    if let Work::Shell(work) = &step.work {
        facts.push(match work.mode {
            RunMode::Once | RunMode::Interactive => format!("timeout {}", time(step.timeout)),
            RunMode::Repeat { every } => {
                format!("repeated every {} for {}", time(every), time(step.timeout))
            }
            RunMode::TimeBox => format!("stopped after {}", time(step.timeout)),
        });
        if work.mode == RunMode::Interactive {
            facts.push("needs a terminal".to_owned());
        }
        if !work.options.is_empty() {
            facts.push(work.options.join(" "));
        }
    }
    if step.optional {
        facts.push("optional".to_owned());
    }
    if step.emergency {
        facts.push("emergency".to_owned());
    }
    if step.always {
        facts.push("always".to_owned());
    }
    if step.retry > 0 {
        facts.push(format!("up to {} more attempts, {} apart", step.retry, time(step.every)));
    }
    paragraph(out, &facts.join(" · "), "     ")?;
    if let Some(reason) = &step.ignored {
        paragraph(out, &format!("ignored: {reason}"), "     ")?;
    }
    notes(out, step.notes.iter().map(|note| note.text.as_str()), "     ")?;
    match &step.work {
        Work::Shell(work) => {
            for line in commands(&work.shown, style) {
                writeln!(out, "{}", format!("     {line}").trim_end())?;
            }
            for line in &work.remote_lines {
                writeln!(out, "     not run, for the shell it opens: {}", printable(line, Style::Plain))?;
            }
        }
        Work::Manual { text, assumed_done } => {
            if text.trim() != step.label {
                paragraph(out, text, "     ")?;
            }
            if *assumed_done {
                writeln!(out, "     assumed to be done")?;
            }
        }
        Work::Notes => {}
    }
    if let Some(expectation) = &step.expectation {
        writeln!(out, "     expected output: line {}", expectation.line)?;
    }
    for inference in &step.inferred {
        paragraph(out, &format!("inferred: {} (line {})", inference.what, inference.line), "     ")?;
    }
    Ok(())
}

/// How `step` is reached, in a few words.
pub(crate) fn reach(plan: &Plan, step: &PlanStep) -> String {
    let id = |of: &StepId| &plan.step(*of).id;
    match &step.reach {
        PlanReach::Plain if step.needs.is_empty() => "in turn".to_owned(),
        PlanReach::Plain => {
            let needs: Vec<&str> = step.needs.iter().map(|of| id(of).as_str()).collect();
            format!("after {}", needs.join(", "))
        }
        PlanReach::Fallback { of } => format!("fallback: if step {} fails", id(of)),
        PlanReach::AfterPass { of } => format!("if step {} passes", id(of)),
        PlanReach::With { of } => format!("with step {}", id(of)),
        PlanReach::Decision { question, known_by, otherwise_of, given } => {
            let mut text = format!("decision: {question}");
            if let Some(of) = known_by {
                text = format!("{text} (yes if step {} fails)", id(of));
            }
            if let Some(of) = otherwise_of {
                text = format!("{text} (the opposite of step {})", id(of));
            }
            match given {
                Some(true) => text + " = yes",
                Some(false) => text + " = no",
                None => text,
            }
        }
        PlanReach::Arm { group, arm, text, given } => {
            let chosen = match given {
                Some(given) if given == arm => ", chosen",
                Some(_) => ", not chosen",
                None => "",
            };
            format!("choice {group}, {arm}: {text}{chosen}")
        }
    }
}

fn notes<'a>(out: &mut dyn Write, notes: impl Iterator<Item = &'a str>, indent: &str) -> io::Result<()> {
    for note in notes {
        paragraph(out, &format!("note: {note}"), indent)?;
    }
    Ok(())
}

fn paragraph(out: &mut dyn Write, text: &str, indent: &str) -> io::Result<()> {
    for line in wrap(text, WIDTH - indent.len()) {
        writeln!(out, "{indent}{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    const TEXT: &str = "\
Engine Restart Failed · Critical · bot.md:49
  in /srv/bot
  engine_id is open: give --engine-id VALUE (line 61)

1    Check engine status
     bot.md:60 · observe, reads · in turn · timeout 1 min
     $ curl http://localhost:8000/engines/{engine_id}

2    Force restart
     bot.md:65 · act, changes · after 1 · timeout 10 min
     $ curl -X POST http://localhost:8000/engines/{engine_id}/stop
       sleep 5
     missing: `curl` (line 66)

3    If persistent, activate kill switch
     bot.md:72 · act, changes · fallback: if step 2 fails · timeout 10 min
     $ curl -X POST http://localhost:8000/live/kill
     inferred: fallback of step 2, from `If persistent` (line 71)
";

    #[test]
    fn blocks_that_are_no_steps_are_named() {
        let mut plan = sample::plan();
        let blocks = [(9, None), (80, Some("sql".to_owned()))];
        plan.not_run = blocks.map(|(line, language)| NotRun { line, language }).to_vec();
        let shown = |plan: &Plan| {
            let mut out = Vec::new();
            render(&mut out, plan, &[], Style::Plain).expect("writes to memory");
            String::from_utf8(out).expect("is text")
        };
        let text = shown(&plan);
        let end = "(line 71)\n\nnot run: line 9 (a block without a language), line 80 (`sql`)\nhint: tag a block as \
                   `bash` to make it a step, as `output` if the step before it\nprints it\n";
        assert!(text.ends_with(end), "{text}");
        plan.not_run.remove(0);
        assert!(shown(&plan).ends_with("(line 71)\n\nnot run: line 80 (`sql`)\n"));
    }

    #[test]
    fn a_plan_shows_both_branches_and_what_is_missing() {
        let plan = sample::plan();
        let missing = vec![(StepId(1), Program { name: "curl".into(), line: 66, uncertain: false })];
        let mut out = Vec::new();
        render(&mut out, &plan, &missing, Style::Plain).expect("writes to memory");
        assert_eq!(String::from_utf8(out).expect("is text"), TEXT);
    }
}
