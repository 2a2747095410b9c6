//! `runbook plan`: what would run, and why. Also what `exec --dry-run` prints.

use super::failure::{Failure, Outcome};
use super::procedure::{Wanted, choices, planning, required};
use super::{Host, form, format, output_style};
use crate::check::static_tier;
use crate::diagnostic::{Diagnostic, Level};
use crate::plan::{Plan, Program, StepId, missing};
use crate::report::style::Style;
use crate::report::{plan_graph, plan_json, plan_text};
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    planning(Command::new("plan").about("Show what a procedure would do and why; runs nothing"))
        .arg(format(&["text", "json", "mermaid", "dot"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, wanted: Option<Wanted>) -> Outcome {
    let wanted = required(wanted)?;
    let plan = wanted.plan(matches, host, &choices(matches))?;
    warn(&wanted, host)?;
    warn_unread(&wanted, host)?;
    let style = output_style(matches, host);
    print(&plan, form(matches), style, host)?;
    Ok(0)
}

/// Says what is odd about the procedure.
pub(super) fn warn(wanted: &Wanted, host: &mut Host<'_>) -> Result<(), Failure> {
    let (runbook, _) = wanted.procedure()?;
    wanted.documents.warn_without_config(host);
    for finding in wanted.findings(Level::Warning) {
        // A closed standard error must not stop a recovery.
        let _ = host.err.write_all(finding.render(&runbook.source).as_bytes());
    }
    Ok(())
}

/// Says which steps the grammar cannot read. Nothing is started to ask bash about them.
pub(super) fn warn_unread(wanted: &Wanted, host: &mut Host<'_>) -> Result<(), Failure> {
    let (runbook, procedure) = wanted.procedure()?;
    for step in procedure.steps.iter().filter(|step| step.directive.ignore.is_none()) {
        if let Some(unread) = static_tier::unread(&runbook.source, step) {
            let warning = Diagnostic::warning(unread.code, unread.span, unread.message).with_hint(
                "what it would do cannot be told; `exec` asks `bash -n`, and refuses to start if that cannot read it",
            );
            let _ = host.err.write_all(warning.render(&runbook.source).as_bytes());
        }
    }
    Ok(())
}

/// Writes the plan in one of its forms.
pub(super) fn print(plan: &Plan, form: &str, style: Style, host: &mut Host<'_>) -> Result<(), Failure> {
    let missing = missing_here(plan, host);
    let written = match form {
        "json" => host.out.write_all(plan_json::render(plan, &missing).as_bytes()),
        "mermaid" => host.out.write_all(plan_graph::mermaid(plan).as_bytes()),
        "dot" => host.out.write_all(plan_graph::dot(plan).as_bytes()),
        _ => plan_text::render(&mut host.out, plan, &missing, style),
    };
    written.map_err(|error| Failure::output(&error))
}

/// The programs of the plan that are not on this host.
pub(super) fn missing_here(plan: &Plan, host: &Host<'_>) -> Vec<(StepId, Program)> {
    let path = host.environment.var("PATH").unwrap_or_default();
    missing(plan, |name| host.processes.find_program(name, &path, &plan.workdir).is_some())
}
