//! Which sections are procedures, which are their phases, and which belong to the whole document.
//!
//! A section is *one procedure* when the sections in it are its phases or numbered steps; otherwise it
//! is a collection whose sections are looked at one by one. Only structure is decided here: what a
//! block means as a step is [`super::steps`]'s.

use super::fence::{self, FenceKind};
use super::phase::{self, Heading, heading};
use super::title::{fold, title};
use super::{Phase, ProcedureKind, prose};
use crate::document::{Block, Document, Inline, Item, Section};
use crate::source::Source;

/// The procedures of a document and what belongs to all of them.
#[derive(Debug, Default)]
pub(super) struct Outline<'d> {
    /// In document order.
    pub(super) procedures: Vec<Draft<'d>>,
    /// Sections about escalation that belong to the document.
    pub(super) escalation: Vec<&'d Section>,
    /// Sections about what to do after an incident.
    pub(super) post_incident: Vec<&'d Section>,
}

/// A procedure's sections.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    /// Its heading; none when it is a document without one.
    pub(super) heading: Option<&'d Section>,
    /// It is the whole document.
    pub(super) whole: bool,
    /// Its parts in document order; the first is what stands directly under its heading.
    pub(super) parts: Vec<Part<'d>>,
    /// Sections in it that are procedures of their own.
    pub(super) apart: Vec<&'d Section>,
}

/// Blocks of a procedure under one heading.
#[derive(Debug)]
pub(super) struct Part<'d> {
    /// The phase they belong to.
    pub(super) phase: Phase,
    /// The headings from the procedure's own (left out) down to these blocks.
    pub(super) headings: Vec<&'d Section>,
    /// The innermost heading is a numbered step: its text without the number.
    pub(super) step: Option<String>,
    /// The blocks.
    pub(super) blocks: &'d [Block],
}

impl Part<'_> {
    /// Whether what could be run here is only there to be read about, unless somebody asks for it.
    pub(super) fn is_reference(&self) -> bool {
        let prerequisite =
            self.headings.iter().any(|section| phase::is_prerequisite(&phase::plain(&section.title.text)));
        is_reading(self.phase) && !prerequisite
    }
}

/// Whether ordered items of a phase are texts to read rather than something to do now.
pub(super) fn is_reading(phase: Phase) -> bool {
    matches!(phase, Phase::Context | Phase::Prevent | Phase::Escalate)
}

/// Finds the procedures of a document; `name` is its title by front matter or file name.
pub(super) fn outline<'d>(document: &'d Document, name: &str) -> Outline<'d> {
    let mut outliner = Outliner { source: &document.source, name, found: Outline::default() };
    let roots: Vec<&Section> = document.sections.iter().collect();
    match roots.as_slice() {
        [only] => outliner.container(Some(only), &only.blocks, &only.children, true),
        [first, ..] if first.level == 1 && outliner.is_alert(first) => {
            // Stray first-level headings, mostly comments outside a fence, do not end the alert.
            outliner.document_level(&first.children);
            let stray = roots[1..].iter().copied();
            outliner.one(Some(first), true, &first.blocks, first.children.iter().chain(stray));
        }
        _ => outliner.container(None, &document.preamble, &document.sections, true),
    }
    outliner.found
}

struct Outliner<'d, 'n> {
    source: &'d Source,
    name: &'n str,
    found: Outline<'d>,
}

impl<'d> Outliner<'d, '_> {
    /// Looks at a section, or at a document without a first heading.
    fn container(
        &mut self,
        own: Option<&'d Section>,
        blocks: &'d [Block],
        children: &'d [Section],
        whole: bool,
    ) {
        if whole {
            self.document_level(children);
        }
        if self.is_one(own, blocks, children, whole) {
            self.one(own, whole, blocks, children.iter());
            return;
        }
        let parts = vec![Part { phase: Phase::Act, headings: Vec::new(), step: None, blocks }];
        if self.parts_have_work(&parts) {
            self.draft(own, whole, parts, Vec::new());
        }
        for child in children {
            self.child(child, whole);
        }
    }

    /// Takes a container and its sections as one procedure.
    fn one(
        &mut self,
        own: Option<&'d Section>,
        whole: bool,
        blocks: &'d [Block],
        sections: impl Iterator<Item = &'d Section>,
    ) {
        let mut parts = vec![Part { phase: Phase::Act, headings: Vec::new(), step: None, blocks }];
        let mut apart = Vec::new();
        for section in sections {
            // What to do after an incident is on the document's own list.
            if !whole || heading(&section.title.text) != Heading::PostIncident {
                self.part(section, Phase::Act, &[], &mut parts, &mut apart);
            }
        }
        apart.retain(|section| self.section_has_work(section));
        self.draft(own, whole, parts, apart.clone());
        for section in apart {
            self.container(Some(section), &section.blocks, &section.children, false);
        }
    }

    /// Notes the sections that belong to every procedure.
    fn document_level(&mut self, children: &'d [Section]) {
        for section in children {
            match heading(&section.title.text) {
                Heading::PostIncident => self.found.post_incident.push(section),
                Heading::Phase(Phase::Escalate) => self.found.escalation.push(section),
                _ => {}
            }
        }
    }

    /// A section in a collection.
    fn child(&mut self, section: &'d Section, document_level: bool) {
        let words = heading(&section.title.text);
        let of_document = matches!(words, Heading::PostIncident | Heading::Phase(Phase::Escalate));
        if document_level && of_document {
            return;
        }
        let Heading::Phase(phase) = words else {
            return self.container(Some(section), &section.blocks, &section.children, false);
        };
        if section.children.iter().any(|child| self.is_like_a_procedure(child)) {
            return self.container(Some(section), &section.blocks, &section.children, false);
        }
        // A phase of nothing: whoever wants it runs it by its own name, so it is no fallback.
        let phase = if phase == Phase::Rollback { Phase::Act } else { phase };
        let mut parts = vec![Part { phase, headings: Vec::new(), step: None, blocks: &section.blocks }];
        let mut apart = Vec::new();
        for child in &section.children {
            self.part(child, phase, &[], &mut parts, &mut apart);
        }
        if parts.iter().any(|part| has_command(part.blocks)) || self.parts_have_work(&parts) {
            apart.retain(|section| self.section_has_work(section));
            self.draft(Some(section), false, parts, apart.clone());
        }
        for section in apart {
            self.container(Some(section), &section.blocks, &section.children, false);
        }
    }

    /// Adds a section and those below it to a procedure; those that are procedures themselves go `apart`.
    fn part(
        &self,
        section: &'d Section,
        inherited: Phase,
        above: &[&'d Section],
        parts: &mut Vec<Part<'d>>,
        apart: &mut Vec<&'d Section>,
    ) {
        if self.is_like_a_procedure(section) {
            apart.push(section);
            return;
        }
        let (phase, step) = match heading(&section.title.text) {
            Heading::Phase(phase) => (phase, None),
            Heading::PostIncident => (Phase::Prevent, None),
            Heading::Step { label, .. } => (inherited, Some(label)),
            Heading::Other => (inherited, None),
        };
        let headings: Vec<&Section> = above.iter().copied().chain([section]).collect();
        parts.push(Part { phase, headings: headings.clone(), step, blocks: &section.blocks });
        for child in &section.children {
            self.part(child, phase, &headings, parts, apart);
        }
    }

    fn draft(
        &mut self,
        heading: Option<&'d Section>,
        whole: bool,
        parts: Vec<Part<'d>>,
        apart: Vec<&'d Section>,
    ) {
        let named_alert = heading.is_some_and(|section| self.is_alert(section));
        if named_alert || self.parts_have_work(&parts) {
            self.found.procedures.push(Draft { heading, whole, parts, apart });
        }
    }

    /// Whether a container is one procedure.
    fn is_one(&self, own: Option<&'d Section>, blocks: &[Block], children: &[Section], whole: bool) -> bool {
        let name = own.map_or(self.name, |section| section.title.text.as_str());
        if children.iter().any(|child| self.is_like_a_procedure(child)) || phase::is_group(name) {
            return false;
        }
        let alert = own.map_or_else(|| title(name).kind == ProcedureKind::Alert, |own| self.is_alert(own));
        let words: Vec<Heading> = children.iter().map(|child| heading(&child.title.text)).collect();
        let phases = || words.iter().filter(|words| is_telling(words)).count();
        let numbered = words.iter().any(|words| matches!(words, Heading::Step { .. }));
        if alert && (phases() > 0 || numbered) {
            return true;
        }
        let owns = self.blocks_have_work(blocks, Phase::Act);
        // What stands beside phases and owns something to do is run by its own name, unless the
        // headings say that all of it is about one condition.
        let others = children
            .iter()
            .zip(&words)
            .filter(|(child, words)| **words == Heading::Other && self.section_has_work(child))
            .count();
        let about_one = children.iter().any(|child| is_condition(&child.title.text));
        if whole && others > 0 && !about_one {
            return false;
        }
        phases() > 0 || numbered || (owns && !whole)
    }

    /// Whether a section is a procedure of its own wherever it stands: named so, or with phases.
    fn is_like_a_procedure(&self, section: &Section) -> bool {
        let words = heading(&section.title.text);
        if matches!(words, Heading::Step { explicit: true, .. } | Heading::PostIncident) {
            return false;
        }
        let named = is_named(&section.title.text);
        if named {
            return true;
        }
        if matches!(words, Heading::Phase(_)) {
            return false;
        }
        let below = section.children.iter().map(|child| (child.title.text.as_str(), child));
        let mut phases: Vec<Phase> = Vec::new();
        let mut condition = false;
        for (text, _) in below {
            condition |= is_condition(text);
            phases.extend(telling_phase(&heading(text)));
        }
        for text in section.blocks.iter().filter_map(pseudo_heading) {
            condition |= is_condition(&text.text);
            phases.extend(telling_phase(&heading(&text.text)));
        }
        phases.sort_unstable_by_key(|phase| *phase as u8);
        phases.dedup();
        phases.len() >= 2 || condition && !phases.is_empty()
    }

    /// Whether a heading names an alert, or is the file's own name over phases.
    fn is_alert(&self, section: &Section) -> bool {
        if title(&section.title.text).kind == ProcedureKind::Alert {
            return true;
        }
        let phases = section.children.iter().filter(|child| is_telling(&heading(&child.title.text)));
        section.level == 1 && fold(&section.title.text) == fold(self.name) && phases.count() > 0
    }

    fn parts_have_work(&self, parts: &[Part<'_>]) -> bool {
        parts.iter().any(|part| {
            part.step.is_some() && !is_reading(part.phase) || self.blocks_have_work(part.blocks, part.phase)
        })
    }

    fn section_has_work(&self, section: &Section) -> bool {
        self.blocks_have_work(&section.blocks, Phase::Act)
            || section.children.iter().any(|child| self.section_has_work(child))
    }

    /// Whether blocks hold something to do.
    fn blocks_have_work(&self, blocks: &[Block], phase: Phase) -> bool {
        let mut phase = phase;
        for block in blocks {
            if let Some(text) = pseudo_heading(block)
                && let Heading::Phase(named) = heading(&text.text)
            {
                phase = named;
            }
            let works = match block {
                Block::Fence(fence) => fence::kind(fence) == FenceKind::Shell && !is_reading(phase),
                Block::List(list) => list.items.iter().any(|item| {
                    let manual = list.start.is_some() && !is_reading(phase) && !self.is_link(item);
                    manual
                        || phase == Phase::Diagnose && holds_command(item)
                        || self.blocks_have_work(&item.blocks, phase)
                }),
                Block::Quote(quote) => self.blocks_have_work(&quote.blocks, phase),
                Block::Paragraph(_) | Block::Table(_) | Block::Comment(_) | Block::Rule(_) => false,
            };
            if works {
                return true;
            }
        }
        false
    }

    fn is_link(&self, item: &Item) -> bool {
        item.lead().is_some_and(|lead| prose::is_link(lead, self.source.slice(lead.span)))
    }
}

/// Whether a heading is a phase that tells what its section is about.
fn is_telling(words: &Heading) -> bool {
    telling_phase(words).is_some()
}

fn telling_phase(words: &Heading) -> Option<Phase> {
    match words {
        Heading::Phase(phase) if *phase != Phase::Context && *phase != Phase::Escalate => Some(*phase),
        _ => None,
    }
}

/// Whether a heading belongs to the description of one condition: symptoms, meaning, impact.
fn is_condition(text: &str) -> bool {
    let text = phase::plain(text);
    phase::is_symptoms(&text)
        || phase::phase(&text) == Some(Phase::Context)
            && ["meaning", "impact"].iter().any(|word| text.to_lowercase().contains(word))
}

/// Whether a heading says that it is an alert, a procedure or an operation.
fn is_named(text: &str) -> bool {
    let plain = phase::plain(text).to_lowercase();
    ["alert", "procedure", "operation", "runbook"].iter().any(|word| {
        plain.strip_prefix(word).is_some_and(|rest| {
            rest.trim_start_matches(|c: char| c == ' ' || c == '#' || c.is_ascii_digit()).starts_with(':')
        })
    })
}

/// The text of a paragraph that is a heading in bold.
pub(super) fn pseudo_heading(block: &Block) -> Option<&Inline> {
    match block {
        Block::Paragraph(inline) if inline.is_all_bold() && !inline.text.contains('\n') => Some(inline),
        _ => None,
    }
}

/// Whether an item holds inline code that could be a command: more than one word.
fn holds_command(item: &Item) -> bool {
    item.lead().is_some_and(|lead| lead.code.iter().any(|code| code.text.trim().contains(' ')))
}

/// Whether blocks hold a shell fence at any depth.
fn has_command(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Fence(fence) => fence::kind(fence) == FenceKind::Shell,
        Block::List(list) => list.items.iter().any(|item| has_command(&item.blocks)),
        Block::Quote(quote) => has_command(&quote.blocks),
        Block::Paragraph(_) | Block::Table(_) | Block::Comment(_) | Block::Rule(_) => false,
    })
}
