//! Parameters of a procedure and the values given for them → bound parameters.
//!
//! Looks at values only; where they land in a script is `template`'s. Reads no environment: the
//! caller hands a lookup in.

use super::BoundParameter;
use crate::runbook::{Parameter, ParameterForm, Procedure};
use regex::Regex;
use std::collections::BTreeMap;

/// What the caller gave for a procedure's parameters; the first that has a value wins.
pub struct Values<'a> {
    /// From the procedure's own flags, by folded name.
    pub flags: BTreeMap<String, String>,
    /// From `--param NAME=VALUE`, names as typed.
    pub params: Vec<(String, String)>,
    /// From `--params FILE`, names as written.
    pub file: Vec<(String, String)>,
    /// Answers to questions asked before the start, by folded name.
    pub asked: BTreeMap<String, String>,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Something wrong with what the caller typed: exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// What is wrong: lower case, names in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ArgumentError {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

/// A parameter's name as it is compared: lower case, `_` for `-`.
pub fn fold_name(name: &str) -> String {
    name.trim().to_lowercase().replace('-', "_")
}

/// Binds every parameter of `procedure` that has a value, and says what is wrong with the rest of
/// what was given. A parameter without a value stays open.
pub(super) fn bind(procedure: &Procedure, values: &Values<'_>) -> (Vec<BoundParameter>, Vec<ArgumentError>) {
    let mut errors = unknown(procedure, values);
    let bound = procedure
        .parameters
        .iter()
        .map(|parameter| {
            let mut found = look_up(procedure, parameter, values);
            if let Some((value, origin)) = &found
                && let Err(error) = check(procedure, parameter, value, origin)
            {
                errors.push(error);
                // It is said once: each place would refuse it again.
                found = found.filter(|(value, _)| !value.is_empty());
            }
            let (value, origin) = found.unzip();
            BoundParameter {
                name: parameter.name.clone(),
                flag: parameter.flag.clone(),
                value,
                origin,
                secret: parameter.declaration.secret,
                variable: variable(procedure, parameter).map(str::to_owned),
                line: line(procedure, parameter),
            }
        })
        .collect();
    (bound, errors)
}

fn look_up(procedure: &Procedure, parameter: &Parameter, values: &Values<'_>) -> Option<(String, String)> {
    let name = &parameter.name;
    let named = |given: &[(String, String)]| {
        given.iter().rev().find(|(key, _)| fold_name(key) == *name).map(|(_, value)| value.clone())
    };
    let environment = || {
        (values.environment)(&format!("RUNBOOK_PARAM_{}", name.to_uppercase()))
            .or_else(|| variable(procedure, parameter).and_then(|name| (values.environment)(name)))
    };
    let sources: [(&str, &dyn Fn() -> Option<String>); 6] = [
        ("flag", &|| values.flags.get(name).cloned()),
        ("--param", &|| named(&values.params)),
        ("--params", &|| named(&values.file)),
        ("environment", &environment),
        ("asked", &|| values.asked.get(name).cloned()),
        ("default", &|| parameter.declaration.default.clone()),
    ];
    sources.into_iter().find_map(|(origin, value)| Some((value()?, origin.to_owned())))
}

/// Values for parameters that the procedure does not have.
fn unknown(procedure: &Procedure, values: &Values<'_>) -> Vec<ArgumentError> {
    let names: Vec<&str> = procedure.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let given = values.params.iter().chain(&values.file).map(|(name, _)| name);
    given
        .filter(|name| !names.contains(&fold_name(name).as_str()))
        .map(|name| {
            let hint = match names.as_slice() {
                [] => "it has no parameters".to_owned(),
                names => format!("its parameters are: {}", names.join(", ")),
            };
            ArgumentError::new(format!("`{}` has no parameter `{name}`", procedure.title), hint)
        })
        .collect()
}

/// Whether the document allows the value. A secret's value is in no message.
fn check(
    procedure: &Procedure,
    parameter: &Parameter,
    value: &str,
    origin: &str,
) -> Result<(), ArgumentError> {
    let declared = &parameter.declaration;
    let shown = if declared.secret { "the value".to_owned() } else { format!("`{value}`") };
    let name = &parameter.name;
    let wrong = |what: String, hint: String| {
        Err(ArgumentError::new(format!("{shown} is not allowed for `{name}` (from {origin}): {what}"), hint))
    };
    if declared.secret && matches!(origin, "flag" | "--param") {
        return Err(ArgumentError::new(
            format!("`{name}` is secret and must not stand on a command line, where others can read it"),
            format!("set RUNBOOK_PARAM_{}, or use --params FILE", name.to_uppercase()),
        ));
    }
    if value.is_empty() && !declared.pattern.as_deref().is_some_and(|pattern| matches(pattern, "")) {
        return Err(empty(procedure, parameter, origin));
    }
    if value.contains('\0') {
        return wrong("it contains a NUL byte".into(), "no shell can take it".into());
    }
    let fits = match declared.kind.as_deref() {
        Some("integer") => value.parse::<i64>().is_ok(),
        Some("number") => value.parse::<f64>().is_ok_and(f64::is_finite),
        Some("boolean") => matches!(value, "true" | "false"),
        _ => true,
    };
    if !fits {
        let kind = declared.kind.as_deref().unwrap_or_default();
        return wrong(format!("it is not of type {kind}"), format!("give a value of type {kind}"));
    }
    if !declared.choices.is_empty() && !declared.choices.iter().any(|choice| choice == value) {
        return wrong(
            "it is none of the choices".into(),
            format!("choose from: {}", declared.choices.join(", ")),
        );
    }
    if let Some(pattern) = &declared.pattern
        && !matches(pattern, value)
    {
        let hint = "the document declares which values are safe there".to_owned();
        return wrong(format!("it does not match `{pattern}`"), hint);
    }
    Ok(())
}

/// Whether the whole `value` is one that `pattern` allows.
fn matches(pattern: &str, value: &str) -> bool {
    // A pattern that does not compile is the document's error and was reported as one.
    Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|whole| whole.is_match(value))
}

/// An empty value, which nobody means: `$ID` was not set, or a file was not filled in.
fn empty(procedure: &Procedure, parameter: &Parameter, origin: &str) -> ArgumentError {
    let name = &parameter.name;
    let from = match (origin, variable(procedure, parameter)) {
        ("environment", Some(variable)) => format!("RUNBOOK_PARAM_{} or {variable}", name.to_uppercase()),
        ("environment", None) => format!("RUNBOOK_PARAM_{}", name.to_uppercase()),
        ("flag", _) => parameter.flag.clone(),
        (origin, _) => origin.to_owned(),
    };
    ArgumentError::new(
        format!(
            "the value of `{name}` is empty (from {from}): it would turn `rm -rf dir/<{name}>` into `rm -rf dir/`"
        ),
        "give it a value; where empty is meant, declare a pattern in the document that accepts empty text",
    )
}

/// The variable's name, when the document writes the parameter as `$NAME` somewhere.
fn variable<'p>(procedure: &'p Procedure, parameter: &Parameter) -> Option<&'p str> {
    let place = parameter.places.iter().find(|place| place.form == ParameterForm::Variable)?;
    let crate::runbook::Action::Command(block) = &procedure.steps.get(place.step)?.action else {
        return None;
    };
    let written = block.script.get(place.script_span.range())?;
    let name = written.trim_start_matches(['$', '{', '#', '!']);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    Some(&name[..end])
}

fn line(procedure: &Procedure, parameter: &Parameter) -> usize {
    let place = parameter.places.first();
    let step = place.and_then(|place| procedure.steps.get(place.step));
    match (place, step.map(|step| (&step.action, step.line))) {
        (Some(place), Some((crate::runbook::Action::Command(block), _))) => {
            block.line_at(place.script_span.start)
        }
        (_, Some((_, line))) => line,
        _ => procedure.line,
    }
}
