//! A plan as text: every step, how it is reached, what it runs. Dry run and `plan` print this.

use super::style::{Style, WIDTH, commands, one_line, printable, time, wrap};
use super::words;
use crate::plan::{LEAST, NotRun, Plan, PlanReach, PlanStep, Program, RunMode, StepId, Work, spelt_out};
use crate::shell::Effect;
use std::io::{self, Write};
use std::time::Duration;

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
    writeln!(out, "  in {}", spelt_out(&plan.workdir.display().to_string()))?;
    for parameter in &plan.parameters {
        let (name, flag, line) = (&parameter.name, &parameter.flag, parameter.line);
        match (&parameter.value, parameter.secret) {
            (None, _) => {
                let text = format!("{name} is open: give {flag} VALUE (line {line})");
                writeln!(out, "  {}", style.warn(&text))?;
            }
            (Some(_), true) => writeln!(out, "  {name} = ****** (line {line})")?,
            (Some(value), false) => {
                writeln!(out, "  {name} = {} (line {line})", spelt_out(value))?;
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
    if step.is_repeated() && step.shell().is_some_and(|work| work.mode == RunMode::Once) {
        paragraph(out, &tried(plan, step), "     ")?;
    }
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

/// How long a verify is tried again, as a run does it.
fn tried(plan: &Plan, step: &PlanStep) -> String {
    let every = time(step.every);
    let window = |stands| time(plan.verify_window(stands, Duration::ZERO));
    let id = plan.find(&step.id);
    let before = match (plan.verify_timeout, plan.recovery_limit()) {
        _ if !id.is_some_and(|id| plan.has_fallback_for(id)) => None,
        (Some(_), _) => None,
        (None, Some(_)) => Some(format!("half of what is left of the target ({} at least)", time(LEAST))),
        (None, None) => Some(window(true)),
    };
    match before {
        None => format!("tried again every {every} for up to {}", window(false)),
        Some(before) => {
            format!(
                "tried again every {every} for up to {before} before a fallback, {} after it",
                window(false)
            )
        }
    }
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
    use crate::plan::testing::{self, act, fallback, plan, verify};

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
    fn how_long_a_check_is_tried_again_is_said_as_it_is_done() {
        for (target, given, fallback_stands, said) in [
            (None, None, false, "for up to 1 min"),
            (Some(120), None, false, "for up to 4 min"),
            (None, None, true, "for up to 30 s before a fallback, 1 min after it"),
            (
                Some(120),
                None,
                true,
                "for up to half of what is left of the target (15 s at least) before a fallback, 4 min after it",
            ),
            (Some(120), Some(7), true, "for up to 7.0 s"),
        ] {
            let mut steps = vec![act("1"), verify("2")];
            if fallback_stands {
                steps.push(fallback("3", 0));
            }
            let mut plan = plan(steps);
            plan.procedure.targets.extend(target.map(testing::target));
            plan.verify_timeout = given.map(Duration::from_secs);
            assert_eq!(tried(&plan, &plan.steps[1]), format!("tried again every 2.0 s {said}"));
        }
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
