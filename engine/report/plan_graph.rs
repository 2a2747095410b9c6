//! A plan as a picture: Mermaid for documents, DOT for Graphviz.
//!
//! Solid arrows are the way when all goes well, dashed ones fallbacks, dotted ones decisions.

use super::words;
use crate::plan::{Plan, PlanReach, PlanStep, StepId};
use crate::runbook::Role;
use std::fmt::Write as _;

enum Way {
    Then,
    Fails,
    Passes,
    Asked(String),
}

/// The plan as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart TD\n");
    for (id, step) in plan.iter() {
        let (open, close) = match step.role {
            Role::Observe => ("(", ")"),
            Role::Act => ("[", "]"),
            Role::Verify => ("{{", "}}"),
            Role::Manual => ("[/", "/]"),
        };
        let text = mermaid_text(&label(step));
        let _ = writeln!(out, "  s{}{open}\"{text}\"{close}", id.0);
    }
    for (from, to, way) in arrows(plan) {
        let arrow = match way {
            Way::Then => "-->".to_owned(),
            Way::Fails => "-. fails .->".to_owned(),
            Way::Passes => "-->|passes|".to_owned(),
            Way::Asked(question) => format!("-.->|\"{}\"|", mermaid_text(&question)),
        };
        let _ = writeln!(out, "  s{} {arrow} s{}", from.0, to.0);
    }
    out
}

/// The plan as a DOT digraph.
pub fn dot(plan: &Plan) -> String {
    let mut out =
        format!("digraph \"{}\" {{\n  node [fontname=\"sans-serif\"];\n", dot_text(&plan.procedure.title));
    for (id, step) in plan.iter() {
        let shape = match step.role {
            Role::Observe => "ellipse",
            Role::Act => "box",
            Role::Verify => "hexagon",
            Role::Manual => "parallelogram",
        };
        let _ = writeln!(out, "  s{} [shape={shape}, label=\"{}\"];", id.0, dot_text(&label(step)));
    }
    for (from, to, way) in arrows(plan) {
        let style = match way {
            Way::Then => String::new(),
            Way::Fails => " [style=dashed, label=\"fails\"]".to_owned(),
            Way::Passes => " [label=\"passes\"]".to_owned(),
            Way::Asked(question) => format!(" [style=dotted, label=\"{}\"]", dot_text(&question)),
        };
        let _ = writeln!(out, "  s{} -> s{}{style};", from.0, to.0);
    }
    out + "}\n"
}

fn label(step: &PlanStep) -> String {
    let what = match step.role {
        Role::Manual => words::role(step.role).to_owned(),
        role => format!("{}, {}", words::role(role), words::effect(step.effect)),
    };
    format!("{}. {} ({what})", step.id, step.label)
}

fn arrows(plan: &Plan) -> Vec<(StepId, StepId, Way)> {
    let mut arrows = Vec::new();
    for (id, step) in plan.iter() {
        match &step.reach {
            PlanReach::Plain => {
                arrows.extend(step.needs.iter().map(|from| (*from, id, Way::Then)));
            }
            PlanReach::Fallback { of } => arrows.push((*of, id, Way::Fails)),
            PlanReach::AfterPass { of } => arrows.push((*of, id, Way::Passes)),
            PlanReach::With { of } => arrows.push((*of, id, Way::Then)),
            PlanReach::Decision { question, known_by, .. } => {
                let from = known_by.iter().chain(step.needs.iter()).next();
                arrows.extend(from.map(|from| (*from, id, Way::Asked(question.clone()))));
            }
            PlanReach::Arm { text, .. } => {
                arrows.extend(step.needs.iter().map(|from| (*from, id, Way::Asked(text.clone()))));
            }
        }
    }
    arrows
}

/// Quotes, line breaks and markup mean nothing within a quoted Mermaid text once they are entities.
fn mermaid_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '#' | '"' | '<' | '>' | '&' | '`' | ';' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn dot_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn mermaid_shows_the_way_and_the_fallback() {
        let mut plan = sample::plan();
        plan.steps[0].label = "Check \"it\"".into();
        assert_eq!(
            mermaid(&plan),
            "flowchart TD\n  \
             s0(\"1. Check #34;it#34; (observe, reads)\")\n  \
             s1[\"2. Force restart (act, changes)\"]\n  \
             s2[\"3. If persistent, activate kill switch (act, changes)\"]\n  \
             s0 --> s1\n  \
             s1 -. fails .-> s2\n"
        );
    }

    #[test]
    fn dot_shows_the_way_and_the_fallback() {
        let mut plan = sample::plan();
        plan.steps[0].label = "Check \"it\"".into();
        assert_eq!(
            dot(&plan),
            "digraph \"Engine Restart Failed\" {\n  node [fontname=\"sans-serif\"];\n  \
             s0 [shape=ellipse, label=\"1. Check \\\"it\\\" (observe, reads)\"];\n  \
             s1 [shape=box, label=\"2. Force restart (act, changes)\"];\n  \
             s2 [shape=box, label=\"3. If persistent, activate kill switch (act, changes)\"];\n  \
             s0 -> s1;\n  \
             s1 -> s2 [style=dashed, label=\"fails\"];\n}\n"
        );
    }
}
