//! The procedures of some runbooks, as a table and as JSON.

use super::style::{Style, fit};
use super::terminal::row;
use crate::runbook::{Comparator, Metric, Procedure, Runbook, SeverityLevel, Unit};
use serde::Serialize;
use std::io::{self, Write};

/// Version of the listing's keys.
pub const VERSION: u32 = 1;

/// Writes the table: severity, procedure, target, steps, parameters; 80 columns.
///
/// # Errors
/// Whatever writing gives.
pub fn table(out: &mut dyn Write, runbooks: &[Runbook], style: Style) -> io::Result<()> {
    let head = row(&[("severity", 8), ("procedure", 27), ("target", 22), ("steps", 5)], "parameters");
    writeln!(out, "{}", style.bold(&head))?;
    for procedure in runbooks.iter().flat_map(|runbook| &runbook.procedures) {
        let severity = procedure.severity.as_ref().map_or("-", |severity| severity.text.as_str());
        let target = procedure.targets.first().map_or("-", |target| target.text.as_str());
        let target = match procedure.targets.len() {
            0 | 1 => target.to_owned(),
            count => format!("{} +{}", fit(target, 19), count - 1),
        };
        let parameters: Vec<&str> =
            procedure.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let (fixed, optional) = counts(procedure);
        let steps = if optional == 0 { format!("{fixed:>5}") } else { format!("{fixed:>2} +{optional}") };
        let line = row(
            &[("", 8), (&procedure.title, 27), (&target, 22), (&steps, 5)],
            &fit(&parameters.join(" "), 10),
        );
        let severity_cell = super::style::pad(severity, 8);
        writeln!(out, "{}{}", coloured(procedure, &severity_cell, style), &line[8.min(line.len())..])?;
    }
    Ok(())
}

/// Steps that are part of the procedure, and optional ones.
fn counts(procedure: &Procedure) -> (usize, usize) {
    let optional = procedure.steps.iter().filter(|step| step.optional).count();
    (procedure.steps.len() - optional, optional)
}

fn coloured(procedure: &Procedure, text: &str, style: Style) -> String {
    match procedure.severity.as_ref().and_then(|severity| severity.level) {
        Some(SeverityLevel::Critical) => style.bad(text),
        Some(SeverityLevel::High | SeverityLevel::Warning) => style.warn(text),
        Some(SeverityLevel::Low) | None => text.to_owned(),
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    v: u32,
    procedures: Vec<ProcedureJson<'a>>,
}

#[derive(Serialize)]
struct ProcedureJson<'a> {
    id: &'a str,
    title: &'a str,
    file: String,
    line: usize,
    severity: Option<&'a str>,
    targets: Vec<TargetJson<'a>>,
    steps: usize,
    optional_steps: usize,
    parameters: Vec<ParameterJson<'a>>,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    text: &'a str,
    metric: Metric,
    comparator: Option<Comparator>,
    value: Option<f64>,
    unit: Option<Unit>,
}

#[derive(Serialize)]
struct ParameterJson<'a> {
    name: &'a str,
    flag: &'a str,
}

/// The same as JSON.
pub fn json(runbooks: &[Runbook]) -> String {
    let procedures = runbooks
        .iter()
        .flat_map(|runbook| runbook.procedures.iter().map(move |procedure| (runbook, procedure)))
        .map(|(runbook, procedure)| ProcedureJson {
            id: &procedure.id,
            title: &procedure.title,
            file: runbook.source.path().display().to_string(),
            line: procedure.line,
            severity: procedure.severity.as_ref().map(|severity| severity.text.as_str()),
            targets: procedure
                .targets
                .iter()
                .map(|target| TargetJson {
                    text: &target.text,
                    metric: target.metric,
                    comparator: target.comparator,
                    value: target.quantity.map(|quantity| quantity.value),
                    unit: target.quantity.map(|quantity| quantity.unit),
                })
                .collect(),
            steps: counts(procedure).0,
            optional_steps: counts(procedure).1,
            parameters: procedure
                .parameters
                .iter()
                .map(|parameter| ParameterJson { name: &parameter.name, flag: &parameter.flag })
                .collect(),
        })
        .collect();
    let listing = Listing { v: VERSION, procedures };
    serde_json::to_string_pretty(&listing).expect("a listing has only string keys and finite numbers") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_table_fits_a_narrow_terminal() {
        let mut out = Vec::new();
        table(&mut out, &[sample::runbook()], Style::Plain).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "severity  procedure                    target                  steps  parameters\n\
             Critical  Engine Restart Failed        Auto-restart < 30 sec…      1  engine_id\n"
        );
    }

    #[test]
    fn the_listing_has_typed_targets() {
        let listing: Value = serde_json::from_str(&super::json(&[sample::runbook()])).expect("is JSON");
        assert_eq!(
            listing["procedures"][0],
            json!({
                "id": "engine-restart-failed", "title": "Engine Restart Failed", "file": "bot.md",
                "line": 3, "severity": "Critical", "steps": 1, "optional_steps": 0,
                "targets": [{"text": "Auto-restart < 30 seconds", "metric": "recovery",
                             "comparator": "<", "value": 30.0, "unit": "s"}],
                "parameters": [{"name": "engine_id", "flag": "--engine-id"}],
            })
        );
    }
}
