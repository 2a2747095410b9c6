//! A plan as JSON: the keys that tools read (design §7), versioned.

use crate::plan::{Plan, PlanReach, PlanStep, Program, RunMode, StepId, Work};
use crate::runbook::{Inference, Phase, Role};
use crate::shell::Effect;
use serde::Serialize;

/// Version of the plan's keys.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct PlanJson<'a> {
    v: u32,
    procedure: &'a str,
    title: &'a str,
    file: String,
    line: usize,
    severity: Option<&'a str>,
    targets: Vec<&'a str>,
    document_sha256: &'a str,
    workdir: String,
    parameters: Vec<ParameterJson<'a>>,
    steps: Vec<StepJson<'a>>,
    /// Blocks that are no steps.
    not_run: Vec<NotRunJson<'a>>,
}

#[derive(Serialize)]
struct NotRunJson<'a> {
    line: usize,
    language: Option<&'a str>,
}

#[derive(Serialize)]
struct ParameterJson<'a> {
    name: &'a str,
    flag: &'a str,
    /// `null` while open, and for a secret.
    value: Option<&'a str>,
    bound: bool,
    secret: bool,
    line: usize,
}

#[derive(Serialize)]
struct StepJson<'a> {
    id: &'a str,
    slug: &'a str,
    label: &'a str,
    line: usize,
    phase: Phase,
    role: Role,
    effect: Effect,
    needs: Vec<&'a str>,
    fallback_of: Option<&'a str>,
    after_pass_of: Option<&'a str>,
    with: Option<&'a str>,
    decision: Option<&'a str>,
    choice: Option<ChoiceJson<'a>>,
    optional: bool,
    emergency: bool,
    always: bool,
    retry: u32,
    timeout_s: f64,
    mode: &'static str,
    options: &'a [String],
    /// With its parameters bound, secrets masked; `null` for what a person does.
    script: Option<&'a str>,
    manual: Option<&'a str>,
    notes: Vec<&'a str>,
    ignored: Option<&'a str>,
    parameters: &'a [String],
    missing: Vec<&'a str>,
    inferred: &'a [Inference],
}

#[derive(Serialize)]
struct ChoiceJson<'a> {
    group: &'a str,
    arm: usize,
    text: &'a str,
}

/// The plan as JSON. `missing` are programs that are not on this host, with their steps.
pub fn render(plan: &Plan, missing: &[(StepId, Program)]) -> String {
    let header = &plan.procedure;
    let json = PlanJson {
        v: VERSION,
        procedure: &header.id,
        title: &header.title,
        file: header.file.display().to_string(),
        line: header.line,
        severity: header.severity.as_ref().map(|severity| severity.text.as_str()),
        targets: header.targets.iter().map(|target| target.text.as_str()).collect(),
        document_sha256: &plan.document_sha256,
        workdir: plan.workdir.display().to_string(),
        parameters: plan
            .parameters
            .iter()
            .map(|parameter| ParameterJson {
                name: &parameter.name,
                flag: &parameter.flag,
                value: parameter.value.as_deref().filter(|_| !parameter.secret),
                bound: parameter.value.is_some(),
                secret: parameter.secret,
                line: parameter.line,
            })
            .collect(),
        steps: plan.iter().map(|(id, step)| step_json(plan, id, step, missing)).collect(),
        not_run: plan
            .not_run
            .iter()
            .map(|block| NotRunJson { line: block.line, language: block.language.as_deref() })
            .collect(),
    };
    serde_json::to_string_pretty(&json).expect("a plan has only string keys and finite numbers") + "\n"
}

fn step_json<'a>(
    plan: &'a Plan,
    id: StepId,
    step: &'a PlanStep,
    missing: &'a [(StepId, Program)],
) -> StepJson<'a> {
    let name = |of: StepId| plan.step(of).id.as_str();
    let (mut after_pass_of, mut with, mut decision, mut choice) = (None, None, None, None);
    match &step.reach {
        PlanReach::Plain | PlanReach::Fallback { .. } => {}
        PlanReach::AfterPass { of } => after_pass_of = Some(name(*of)),
        PlanReach::With { of } => with = Some(name(*of)),
        PlanReach::Decision { question, .. } => decision = Some(question.as_str()),
        PlanReach::Arm { group, arm, text, .. } => choice = Some(ChoiceJson { group, arm: *arm, text }),
    }
    let shell = step.shell();
    StepJson {
        id: &step.id,
        slug: &step.slug,
        label: &step.label,
        line: step.line,
        phase: step.phase,
        role: step.role,
        effect: step.effect,
        needs: step.needs.iter().map(|of| name(*of)).collect(),
        fallback_of: step.fallback_of().map(name),
        after_pass_of,
        with,
        decision,
        choice,
        optional: step.optional,
        emergency: step.emergency,
        always: step.always,
        retry: step.retry,
        timeout_s: step.timeout.as_secs_f64(),
        mode: match (&step.work, shell.map(|work| work.mode)) {
            (_, Some(RunMode::Once)) => "once",
            (_, Some(RunMode::Repeat { .. })) => "repeat",
            (_, Some(RunMode::TimeBox)) => "time_box",
            (_, Some(RunMode::Interactive)) => "interactive",
            (Work::Manual { .. }, _) => "manual",
            (Work::Notes | Work::Shell(_), None) => "notes",
        },
        options: shell.map_or(&[], |work| &work.options),
        script: shell.map(|work| work.shown.as_str()),
        manual: match &step.work {
            Work::Manual { text, .. } => Some(text),
            Work::Shell(_) | Work::Notes => None,
        },
        notes: step.notes.iter().map(|note| note.text.as_str()).collect(),
        ignored: step.ignored.as_deref(),
        parameters: &step.parameters,
        missing: missing
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, program)| program.name.as_str())
            .collect(),
        inferred: &step.inferred,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn every_key_that_tools_rely_on_is_there() {
        let plan: Value = serde_json::from_str(&render(&sample::plan(), &[])).expect("is JSON");
        assert_eq!(plan["procedure"], "engine-restart-failed");
        let step = &plan["steps"][2];
        assert_eq!(step["id"], "3");
        assert_eq!(step["phase"], "act");
        assert_eq!(step["role"], "act");
        assert_eq!(step["effect"], "changes");
        assert_eq!(step["needs"], json!([]));
        assert_eq!(step["fallback_of"], "2");
        assert_eq!(step["decision"], Value::Null);
        assert_eq!(step["optional"], false);
        assert_eq!(step["timeout_s"], json!(600.0));
        assert_eq!(step["script"], "curl -X POST http://localhost:8000/live/kill");
        assert_eq!(step["parameters"], json!([]));
        assert_eq!(
            step["inferred"],
            json!([{"what": "fallback of step 2, from `If persistent`", "line": 71}])
        );
        assert_eq!(plan["steps"][1]["needs"], json!(["1"]));
        assert_eq!(plan["not_run"], json!([]));
    }

    #[test]
    fn a_secret_value_is_not_there() {
        let mut plan = sample::plan();
        plan.parameters[0].secret = true;
        plan.parameters[0].value = Some("hunter2".into());
        let text = render(&plan, &[]);
        assert!(!text.contains("hunter2"), "{text}");
        let plan: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(plan["parameters"][0]["bound"], true);
    }
}
