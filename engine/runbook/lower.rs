//! Document → Runbook: puts together what the other files of this room read.
//!
//! Total: any document gives a runbook, and what is wrong with it is a diagnostic. Nothing is bound and
//! nothing is run.

use super::command::{Known, command};
use super::outline::{Draft, Part, outline, pseudo_heading};
use super::phase::{self, Heading};
use super::raw::{Body, Raw};
use super::role::{Facts, roles};
use super::steps::{Found, steps};
use super::title::{slug, title};
use super::yaml::FrontMatter;
use super::{
    Action, Metadata, Phase, Procedure, ProcedureKind, Reach, Role, Runbook, Step, Symptom, Target,
    checklist, escalation, metadata, parameters, severity, symptom, target,
};
use crate::diagnostic::Diagnostic;
use crate::document::{Block, Document, Inline, Section};
use crate::shell::Effect;
use crate::source::{Source, Span};
use std::collections::{HashMap, HashSet};

/// Reads a document's meaning.
pub fn lower(document: &Document) -> (Runbook, Vec<Diagnostic>) {
    let (front, mut diagnostics) = FrontMatter::read(document);
    let stem = document.source.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_default();
    let first = document.sections.first().filter(|section| section.level == 1);
    let heading = first.map(|section| title(&section.title.text).name).filter(|name| !name.is_empty());
    let name = front.title.clone().unwrap_or_else(|| stem.clone());
    let mut metadata = metadata::of_document(document);
    metadata.entries.splice(0..0, front.metadata.entries.iter().cloned());
    let outline = outline(document, if stem.is_empty() { &name } else { &stem });
    let mut names = Names { stem: &stem, front: &front, document: &metadata, taken: HashSet::new() };
    let mut procedures = Vec::with_capacity(outline.procedures.len());
    for draft in &outline.procedures {
        procedures.push(procedure(&document.source, draft, &mut names, &mut diagnostics));
    }
    let blocks = |sections: &[&Section]| -> Vec<Block> {
        sections.iter().flat_map(|section| all_blocks(section)).cloned().collect()
    };
    let runbook = Runbook {
        source: document.source.clone(),
        title: heading.unwrap_or(name),
        metadata,
        procedures,
        escalation: escalation::escalation(&blocks(&outline.escalation)),
        post_incident: checklist::checklist(&document.source, &blocks(&outline.post_incident)),
    };
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    (runbook, diagnostics)
}

/// What procedures are named by.
struct Names<'a> {
    stem: &'a str,
    front: &'a FrontMatter,
    document: &'a Metadata,
    taken: HashSet<String>,
}

fn procedure(
    source: &Source,
    draft: &Draft<'_>,
    names: &mut Names<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Procedure {
    let written = draft.heading.map(|section| section.title.text.as_str());
    let fallback = names.front.title.as_deref().unwrap_or(names.stem);
    let named = title(written.unwrap_or(fallback));
    let mut own = draft.parts.first().map(|part| metadata::metadata(part.blocks)).unwrap_or_default();
    let mut aliases: Vec<String> = written.map(str::to_owned).into_iter().collect();
    if draft.whole {
        aliases.push(names.stem.to_owned());
        aliases.extend(names.front.title.clone());
        own = names.document.clone();
    }
    aliases.retain(|alias| !alias.is_empty() && *alias != named.name);
    aliases.dedup();
    let found = steps(source, &named.name, &draft.parts);
    let symptoms = symptoms(&draft.parts);
    let kind = if draft.whole && !symptoms.is_empty() { ProcedureKind::Alert } else { named.kind };
    let headings: Vec<&Inline> = draft
        .parts
        .iter()
        .filter_map(|part| part.headings.last())
        .map(|section| &section.title)
        .chain(draft.heading.map(|section| &section.title))
        .collect();
    let mut targets = target::targets(&own, &headings);
    let Found { steps: raws, possible, notes, probes, test_arguments, diagnostics: wrong } = found;
    diagnostics.extend(wrong);
    probe(&mut targets, probes, diagnostics);
    let known: Vec<Option<Known>> = raws
        .iter()
        .map(|raw| match &raw.body {
            Body::Shell { script, lines } => Some(command(script, lines)),
            Body::Manual { .. } => None,
        })
        .collect();
    let steps = number(lowered(raws, &known), diagnostics);
    let scripts: Vec<_> = known.into_iter().map(|known| known.map(|known| known.parsed)).collect();
    let parameters = parameters::parameters(&steps, &scripts, &names.front.parameters);
    let heading = draft.heading.map_or(Span::new(0, 0), |section| section.span);
    Procedure {
        id: unique(slug(&named.name), &mut names.taken),
        title: named.name,
        kind,
        heading,
        line: draft.heading.map_or(1, |section| section.line),
        aliases,
        severity: severity::severity(&own).or_else(|| severity::severity(names.document)),
        metadata: own,
        targets,
        symptoms,
        steps,
        possible,
        notes,
        parameters,
        test_arguments,
    }
}

/// A name that none of those taken has.
fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let mut candidate = name.clone();
    let mut count = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}-{count}");
        count += 1;
    }
    candidate
}

/// The blocks of a section and of those below it.
fn all_blocks(section: &Section) -> Vec<&Block> {
    section.blocks.iter().chain(section.children.iter().flat_map(all_blocks)).collect()
}

/// The symptoms of a procedure: lists under such a heading, in bold too.
fn symptoms(parts: &[Part<'_>]) -> Vec<Symptom> {
    let mut found = Vec::new();
    for part in parts {
        let mut counts = part
            .headings
            .last()
            .is_some_and(|section| phase::is_symptoms(&phase::plain(&section.title.text)));
        for block in part.blocks {
            if let Some(text) = pseudo_heading(block) {
                counts = phase::is_symptoms(&phase::plain(&text.text));
            } else if let Block::Paragraph(inline) = block
                && let Some(bold) = inline.bold.first().filter(|bold| bold.start == 0)
                && let Heading::Phase(_) = phase::heading(&inline.text[bold.clone()])
            {
                counts = phase::is_symptoms(&phase::plain(&inline.text[bold.clone()]));
            } else if counts {
                found.extend(symptom::symptoms(std::slice::from_ref(block)));
            }
        }
    }
    found
}

/// Gives each probe to the target it follows.
fn probe(targets: &mut [Target], probes: Vec<(String, Span)>, diagnostics: &mut Vec<Diagnostic>) {
    for (probe, span) in probes {
        let before = targets.iter().rposition(|target| target.span.start < span.start);
        match targets.get_mut(before.unwrap_or(0)) {
            Some(target) if target.probe.is_none() => target.probe = Some(probe),
            found => {
                let (message, hint) = match found {
                    Some(_) => ("this target has a probe already", "keep one of them"),
                    None => (
                        "a probe without a target",
                        "state the target, such as `**Target**: Latency < 500 ms`",
                    ),
                };
                diagnostics.push(Diagnostic::error("stray-directive", span, message).with_hint(hint));
            }
        }
    }
}

/// Steps with their roles, not yet numbered.
fn lowered(raws: Vec<Raw>, known: &[Option<Known>]) -> Vec<(Step, Option<usize>)> {
    let effects: Vec<Option<Effect>> = raws
        .iter()
        .zip(known)
        .map(|(raw, known)| known.as_ref().map(|known| raw.directive.effect.unwrap_or(known.effect)))
        .collect();
    let facts: Vec<Facts<'_>> = raws
        .iter()
        .zip(known)
        .zip(&effects)
        .map(|((raw, known), effect)| Facts {
            label: &raw.label,
            line: raw.line,
            phase: raw.phase,
            effect: *effect,
            watches: known.as_ref().is_some_and(Known::watches),
            conditional: raw.optional || raw.arm.is_some(),
            declared: raw.directive.role,
        })
        .collect();
    let roles = roles(&facts);
    raws.into_iter()
        .zip(known)
        .zip(effects)
        .zip(roles)
        .map(|(((raw, known), effect), (role, inferred))| {
            let action = match (&raw.body, known) {
                (_, Some(known)) if role != Role::Manual => Action::Command(known.block.clone()),
                (Body::Manual { text, .. }, _) => Action::Manual { text: text.clone() },
                (Body::Shell { script, .. }, _) => Action::Manual { text: script.clone() },
            };
            let effect = effect.filter(|_| role != Role::Manual).unwrap_or(Effect::Reads);
            let step = Step {
                id: String::new(),
                slug: raw.directive.id.clone().unwrap_or_else(|| slug(&raw.label)),
                label: raw.label,
                line: raw.line,
                span: raw.span,
                phase: raw.phase,
                role,
                effect,
                reach: Reach::Plain,
                optional: raw.directive.optional.unwrap_or(raw.optional),
                emergency: false,
                action,
                notes: raw.notes,
                directive: raw.directive,
                expectation: raw.expectation,
                inferred: raw.inferred.into_iter().chain(inferred).collect(),
            };
            (step, raw.arm)
        })
        .collect()
}

/// Numbers the steps and makes their slugs unique.
fn number(steps: Vec<(Step, Option<usize>)>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Step> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut named: HashMap<String, usize> = HashMap::new();
    let mut numbered: Vec<Step> = Vec::with_capacity(steps.len());
    // Names that are given come before those that are made.
    for (step, _) in &steps {
        let Some(id) = &step.directive.id else { continue };
        taken.insert(id.clone());
        if let Some(line) = named.insert(id.clone(), step.line) {
            let span = step.directive.span.unwrap_or(step.span);
            diagnostics.push(
                Diagnostic::error(
                    "bad-directive",
                    span,
                    format!("two steps of this procedure are called `{id}`"),
                )
                .with_hint(format!("the other one is in line {line}; give this one another name")),
            );
        }
    }
    let mut count = 0;
    for (mut step, arm) in steps {
        count += usize::from(arm.is_none_or(|arm| arm == 1));
        step.id = match arm {
            Some(arm) => format!("{count}.{arm}"),
            None => count.to_string(),
        };
        if step.directive.id.is_none() {
            step.slug = unique(step.slug, &mut taken);
        }
        numbered.push(step);
    }
    numbered
}
