//! The procedures of some runbooks and how they are kept up, as a table and as JSON.

use super::style::{Style, WIDTH, fit, one_line, wrap};
use super::terminal::row;
use crate::check::upkeep::{Rehearsed, Upkeep};
use crate::runbook::{Comparator, Metric, Procedure, Runbook, SeverityLevel, Unit};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Version of the listing's keys.
pub const VERSION: u32 = 1;

/// Writes the table: severity, procedure, target, steps, parameters; with `places` below each where it stands;
/// and below it all what is not kept up. 80 columns. `upkeep` has an entry for each procedure of each runbook.
///
/// # Errors
/// Whatever writing gives.
pub fn table(
    out: &mut dyn Write,
    runbooks: &[Runbook],
    upkeep: &[Vec<Upkeep>],
    places: bool,
    style: Style,
) -> io::Result<()> {
    let head = row(&[("severity", 8), ("procedure", 27), ("target", 22), ("steps", 5)], "parameters");
    writeln!(out, "{}", style.bold(&head))?;
    let all = runbooks.iter().flat_map(|runbook| runbook.procedures.iter().map(move |it| (runbook, it)));
    for (runbook, procedure) in all {
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
        if places {
            let place = format!("{}:{}", runbook.source.path().display(), procedure.line);
            writeln!(out, "          {}", style.dim(&one_line(&place)))?;
        }
    }
    let procedures = || runbooks.iter().flat_map(|runbook| &runbook.procedures);
    let mut legend = Vec::new();
    if procedures().any(|procedure| procedure.targets.len() > 1) {
        legend.push("target +N: N more targets");
    }
    if procedures().any(|procedure| counts(procedure).1 > 0) {
        legend.push("steps +N: N more that are optional");
    }
    if !legend.is_empty() {
        writeln!(out, "{}", style.dim(&legend.join("; ")))?;
    }
    neglected(out, &with_upkeep(runbooks, upkeep), style)
}

type Kept<'a> = (&'a Runbook, &'a Procedure, &'a Upkeep);

fn with_upkeep<'a>(runbooks: &'a [Runbook], upkeep: &'a [Vec<Upkeep>]) -> Vec<Kept<'a>> {
    let each = runbooks.iter().zip(upkeep);
    let each = each.flat_map(|(runbook, upkeep)| {
        runbook.procedures.iter().zip(upkeep).map(move |(procedure, upkeep)| (runbook, procedure, upkeep))
    });
    each.collect()
}

/// Says which reviews are overdue and what was not rehearsed since it changed.
fn neglected(out: &mut dyn Write, all: &[Kept<'_>], style: Style) -> io::Result<()> {
    let mut overdue: BTreeMap<(String, Date), Vec<&str>> = BTreeMap::new();
    for (runbook, procedure, upkeep) in all {
        if let Some(due) = upkeep.due.filter(|_| upkeep.overdue) {
            let file = runbook.source.path().display().to_string();
            overdue.entry((file, due)).or_default().push(&procedure.title);
        }
    }
    let mut lines = Vec::new();
    for ((file, due), titles) in &overdue {
        let whole = all.iter().filter(|(runbook, ..)| runbook.source.path().display().to_string() == *file);
        let which = if whole.count() == titles.len() { String::new() } else { names(titles) };
        let which = if which.is_empty() { one_line(file) } else { format!("{} ({which})", one_line(file)) };
        lines.push(format!("review overdue since {due}: {which}"));
    }
    let those = |wanted: fn(&Rehearsed) -> bool| -> Vec<&str> {
        let those = all.iter().filter(|(.., upkeep)| wanted(&upkeep.rehearsed));
        those.map(|(_, procedure, _)| procedure.title.as_str()).collect()
    };
    for (what, titles) in [
        ("never rehearsed here", those(|it| matches!(it, Rehearsed::Never))),
        ("changed since rehearsed", those(|it| matches!(it, Rehearsed::Last(last) if last.changed_since))),
        (
            "did not pass the last rehearsal",
            those(|it| matches!(it, Rehearsed::Last(last) if !last.changed_since && !last.passed)),
        ),
    ] {
        if titles.len() > 1 && titles.len() == all.len() {
            lines.push(format!("{what}: all {} procedures", all.len()));
        } else if !titles.is_empty() {
            lines.push(format!("{what}: {}", names(&titles)));
        }
    }
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        for (number, part) in wrap(&line, WIDTH - 2).into_iter().enumerate() {
            let indent = if number == 0 { "" } else { "  " };
            writeln!(out, "{indent}{}", style.warn(&part))?;
        }
    }
    Ok(())
}

/// How many procedures are named before only their number is.
const FEW: usize = 12;

fn names(titles: &[&str]) -> String {
    match titles.len() {
        0..=FEW => titles.iter().map(|title| one_line(title)).collect::<Vec<_>>().join(", "),
        count => format!("{count} procedures (--format json names them)"),
    }
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
    review: ReviewJson,
    rehearsed: Option<RehearsedJson<'a>>,
}

#[derive(Serialize)]
struct ReviewJson {
    last: Option<String>,
    due: Option<String>,
    overdue: bool,
}

#[derive(Serialize)]
struct RehearsedJson<'a> {
    run: &'a str,
    at: &'a str,
    passed: bool,
    changed_since: bool,
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
pub fn json(runbooks: &[Runbook], upkeep: &[Vec<Upkeep>]) -> String {
    let procedures = with_upkeep(runbooks, upkeep)
        .into_iter()
        .map(|(runbook, procedure, upkeep)| ProcedureJson {
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
            review: ReviewJson {
                last: upkeep.review.last.map(|day| day.to_string()),
                due: upkeep.due.map(|day| day.to_string()),
                overdue: upkeep.overdue,
            },
            rehearsed: match &upkeep.rehearsed {
                Rehearsed::Unknown | Rehearsed::Never => None,
                Rehearsed::Last(last) => Some(RehearsedJson {
                    run: &last.run,
                    at: &last.at,
                    passed: last.passed,
                    changed_since: last.changed_since,
                }),
            },
        })
        .collect();
    let listing = Listing { v: VERSION, procedures };
    serde_json::to_string_pretty(&listing).expect("a listing has only string keys and finite numbers") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::{sample, schema};
    use super::*;
    use crate::check::upkeep::Rehearsal;
    use jiff::civil::date;
    use serde_json::{Value, json};

    fn upkeep(overdue: bool, rehearsed: Rehearsed) -> Upkeep {
        let runbook = sample::runbook();
        let fresh = Upkeep::of(&runbook, &runbook.procedures[0], date(2026, 3, 3), rehearsed);
        Upkeep { overdue, due: Some(date(2026, 3, 1)), ..fresh }
    }

    fn last(passed: bool, changed_since: bool) -> Rehearsed {
        let at = "2026-01-02T03:04:05.000Z".into();
        Rehearsed::Last(Rehearsal { run: "r".into(), at, passed, changed_since })
    }

    /// What stands below the table.
    fn below(upkeep: Vec<Upkeep>) -> String {
        let mut runbook = sample::runbook();
        let model = runbook.procedures.remove(0);
        for number in 1..=upkeep.len() {
            let mut procedure = model.clone();
            procedure.title = format!("Engine {number} Restart Failed");
            runbook.procedures.push(procedure);
        }
        let mut out = Vec::new();
        table(&mut out, &[runbook], &[upkeep], false, Style::Plain).expect("writes to memory");
        let text = String::from_utf8(out).expect("is text");
        text.split_once("\n\n").map(|(_, below)| below.to_owned()).unwrap_or_default()
    }

    #[test]
    fn the_table_fits_a_narrow_terminal() {
        let mut out = Vec::new();
        let upkeep = [vec![upkeep(false, last(true, false))]];
        table(&mut out, &[sample::runbook()], &upkeep, true, Style::Plain).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "severity  procedure                    target                  steps  parameters\n\
             Critical  Engine Restart Failed        Auto-restart < 30 sec…      1  engine_id\n          bot.md:3\n"
        );
    }

    #[test]
    fn what_is_not_kept_up_is_named_below() {
        let fine = || upkeep(false, last(true, false));
        assert_eq!(below(vec![fine(), upkeep(false, Rehearsed::Unknown)]), "");
        assert_eq!(
            below(vec![
                upkeep(true, Rehearsed::Never),
                upkeep(false, last(true, true)),
                upkeep(false, last(false, false)),
                upkeep(false, Rehearsed::Never),
            ]),
            "review overdue since 2026-03-01: bot.md (Engine 1 Restart Failed)\n\
             never rehearsed here: Engine 1 Restart Failed, Engine 4 Restart Failed\n\
             changed since rehearsed: Engine 2 Restart Failed\n\
             did not pass the last rehearsal: Engine 3 Restart Failed\n"
        );
        let all = || upkeep(true, Rehearsed::Never);
        assert_eq!(
            below(vec![all(), all()]),
            "review overdue since 2026-03-01: bot.md\nnever rehearsed here: all 2 procedures\n"
        );
        let mut many = vec![upkeep(false, Rehearsed::Never); 4];
        many.push(fine());
        assert_eq!(
            below(many.clone()),
            "never rehearsed here: Engine 1 Restart Failed, Engine 2 Restart Failed, Engine\n  \
             3 Restart Failed, Engine 4 Restart Failed\n"
        );
        many.extend(vec![upkeep(false, Rehearsed::Never); 9]);
        assert_eq!(below(many), "never rehearsed here: 13 procedures (--format json names them)\n");
    }

    #[test]
    fn the_listing_has_typed_targets_and_tells_how_a_procedure_is_kept_up() {
        let upkeep = [vec![upkeep(true, last(true, true))]];
        let text = super::json(&[sample::runbook()], &upkeep);
        let listing: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(
            listing["procedures"][0],
            json!({
                "id": "engine-restart-failed", "title": "Engine Restart Failed", "file": "bot.md",
                "line": 3, "severity": "Critical", "steps": 1, "optional_steps": 0,
                "targets": [{"text": "Auto-restart < 30 seconds", "metric": "recovery",
                             "comparator": "<", "value": 30.0, "unit": "s"}],
                "parameters": [{"name": "engine_id", "flag": "--engine-id"}],
                "review": {"last": null, "due": "2026-03-01", "overdue": true},
                "rehearsed": {"run": "r", "at": "2026-01-02T03:04:05.000Z", "passed": true,
                              "changed_since": true},
            })
        );
        let schema = include_str!("../../runbooks/reference/schema/list.schema.json");
        assert_eq!(schema::misfits(schema, &text), Vec::<String>::new());
    }
}
