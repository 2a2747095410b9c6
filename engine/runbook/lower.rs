//! Document → Runbook: puts together what the other files of this room read.
//!
//! Total: any document gives a runbook, and what is wrong with it is a diagnostic. Nothing is bound and
//! nothing is run.

use super::branch::{self, branches, condition};
use super::command::{Known, command};
use super::outline::{Draft, Part, outline, pseudo_heading};
use super::phase::{self, Heading};
use super::raw::{Body, Raw};
use super::role::{Facts, roles};
use super::steps::{Found, steps};
use super::title::{slug, title};
use super::yaml::FrontMatter;
use super::{
    Action, CommandMode, Inference, Metadata, Note, Procedure, ProcedureKind, Role, Runbook, Step, Symptom,
    Target, checklist, escalation, metadata, parameters, severity, symptom, target,
};
use crate::diagnostic::Diagnostic;
use crate::document::{Block, Document, Inline, Section};
use crate::shell::Effect;
use crate::source::{Source, Span};
use std::collections::HashMap;

/// The longest slug of a step, in characters.
const LONGEST_SLUG: usize = 48;

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
    let mut names = Names { stem: &stem, front: &front, document: &metadata, taken: HashMap::new() };
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
        front_title: front.title.clone(),
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
    taken: HashMap<String, usize>,
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
    let mut found = steps(source, &named.name, &draft.parts);
    for section in &draft.apart {
        let text = format!("`{}` is a procedure of its own", title(&section.title.text).name);
        found.notes.push(Note { text, line: section.line });
    }
    found.notes.sort_by_key(|note| note.line);
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
    let Found { steps: raws, possible, notes, probes, test, diagnostics: wrong } = found;
    diagnostics.extend(wrong);
    probe(&mut targets, probes, diagnostics);
    let mut raws = raws;
    let known: Vec<Option<Known>> = raws.iter_mut().map(known).collect();
    let steps = with_names(lowered(raws, &known), diagnostics);
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
        test,
    }
}

/// What is known of a step's commands; those that cannot be run as they are become a person's.
fn known(raw: &mut Raw) -> Option<Known> {
    let Body::Shell { script, lines } = &raw.body else { return None };
    let known = command(script, lines);
    if !known.is_elided() {
        return Some(known);
    }
    let what = "done by hand: `...` stands for something left out".to_owned();
    raw.inferred.push(Inference { what, line: raw.line });
    raw.body = Body::Manual { text: script.clone(), bullets: false };
    None
}

/// A name that none of those taken has; `taken` counts how often a name was asked for.
fn unique(name: String, taken: &mut HashMap<String, usize>) -> String {
    let count = taken.entry(name.clone()).or_insert(0);
    *count += 1;
    let mut number = *count;
    if number == 1 {
        return name;
    }
    loop {
        let candidate = format!("{name}-{number}");
        if !taken.contains_key(&candidate) {
            taken.insert(name, number);
            taken.insert(candidate.clone(), 1);
            return candidate;
        }
        number += 1;
    }
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
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by_key(|index| targets[*index].span);
    for (probe, span) in probes {
        let behind = order.partition_point(|index| targets[*index].span.start < span.start);
        let before = order.get(behind.saturating_sub(1)).copied();
        match before.and_then(|index| targets.get_mut(index)) {
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

/// Steps with their numbers, their roles, and how they are reached.
fn lowered(raws: Vec<Raw>, known: &[Option<Known>]) -> Vec<Step> {
    let effects: Vec<Option<Effect>> = raws
        .iter()
        .zip(known)
        .map(|(raw, known)| known.as_ref().map(|known| raw.directive.effect.unwrap_or(known.effect)))
        .collect();
    let conditions: Vec<_> = raws.iter().zip(&effects).map(|(raw, effect)| condition(raw, *effect)).collect();
    let facts: Vec<Facts<'_>> = raws
        .iter()
        .zip(known)
        .zip(effects.iter().zip(&conditions))
        .map(|((raw, known), (effect, condition))| Facts {
            label: &raw.label,
            line: raw.line,
            phase: raw.phase,
            effect: *effect,
            watches: known.as_ref().is_some_and(Known::watches),
            blind: known.as_ref().is_some_and(Known::is_blind),
            conditional: raw.optional || raw.arm.is_some() || condition.is_conditional(),
            declared: raw.directive.role,
        })
        .collect();
    let roles = roles(&facts);
    let ids = numbers(&raws);
    let seen: Vec<branch::Known<'_>> = raws
        .iter()
        .zip(&ids)
        .zip(roles.iter().zip(&conditions))
        .map(|((raw, id), ((role, _), condition))| branch::Known { raw, id, role: *role, condition })
        .collect();
    let branches = branches(&seen);
    raws.into_iter()
        .zip(ids)
        .zip(known.iter().zip(effects))
        .zip(roles.into_iter().zip(branches))
        .map(|(((raw, id), (known, effect)), ((role, by_role), branch))| {
            let mut expectation = raw.expectation;
            let action = match (raw.body, known) {
                _ if branch.notes => Action::Notes,
                (_, Some(known)) if role != Role::Manual => {
                    let mut block = known.block.clone();
                    // What a transcript shows behind an opened shell was typed into it.
                    if block.mode == CommandMode::Interactive
                        && let Some(example) = expectation.take_if(|expectation| expectation.example)
                    {
                        block.remote_lines.extend(example.text.lines().map(str::to_owned));
                    }
                    Action::Command(block)
                }
                (Body::Manual { text, .. }, _) => Action::Manual { text },
                (Body::Shell { script, .. }, _) => Action::Manual { text: script },
            };
            Step {
                id,
                slug: short_slug(&raw.label),
                label: raw.label,
                line: raw.line,
                span: raw.span,
                phase: raw.phase,
                role,
                effect: effect.filter(|_| role != Role::Manual).unwrap_or(Effect::Reads),
                reach: branch.reach,
                optional: branch.optional,
                emergency: branch.emergency,
                action,
                notes: raw.notes,
                directive: raw.directive,
                expectation,
                inferred: branch.inferred.into_iter().chain(by_role).chain(raw.inferred).collect(),
            }
        })
        .collect()
}

/// The slug of a label, cut between words where it gets too long to type.
fn short_slug(label: &str) -> String {
    let slug = slug(label);
    let Some((cut, _)) = slug.char_indices().nth(LONGEST_SLUG) else { return slug };
    let end = slug[..cut].rfind('-').unwrap_or(cut);
    slug[..end].to_owned()
}

/// The number of each step in the plan: `3`, and `3.1` for an arm of a choice.
fn numbers(raws: &[Raw]) -> Vec<String> {
    let mut count = 0;
    let number = |raw: &Raw| match raw.arm {
        Some(arm) => {
            count += usize::from(arm == 1);
            format!("{count}.{arm}")
        }
        None => {
            count += 1;
            count.to_string()
        }
    };
    raws.iter().map(number).collect()
}

/// Makes the steps' slugs unique; names that are given come before those that are made.
fn with_names(mut steps: Vec<Step>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Step> {
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for step in &mut steps {
        let Some(id) = &step.directive.id else { continue };
        step.slug = unique(id.clone(), &mut taken);
        if let Some(line) = lines.insert(id.clone(), step.line) {
            let span = step.directive.span.unwrap_or(step.span);
            let message = format!("two steps of this procedure are called `{id}`");
            diagnostics.push(
                Diagnostic::error("bad-directive", span, message)
                    .with_hint(format!("the other one is in line {line}; give this one another name")),
            );
        }
    }
    for step in steps.iter_mut().filter(|step| step.directive.id.is_none()) {
        step.slug = unique(std::mem::take(&mut step.slug), &mut taken);
    }
    steps
}

#[cfg(test)]
mod tests;
