//! The blocks of a procedure → things to do, in document order, with their labels and notes.
//!
//! What a step is for and how it is reached is decided later, from the texts kept here.

mod fences;
mod items;
mod units;

use super::directive::{Directive, directive};
use super::heal::{Node, heal};
use super::metadata::is_metadata;
use super::outline::{Part, is_reading, pseudo_heading};
use super::phase::{self, Heading, heading};
use super::raw::{Body, Lead, Raw};
use super::{Inference, Matching, Note, Phase, PossibleBlock, StepDirective, TestDirective, prose};
use crate::diagnostic::Diagnostic;
use crate::document::{Block, Inline, Table};
use crate::source::{Source, Span};

/// The longest sentence before a fence that can be its label.
const LONGEST_LABEL: usize = 120;

/// What the blocks of a procedure hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Things to do, in document order.
    pub(super) steps: Vec<Raw>,
    /// Blocks that are shown, not run.
    pub(super) possible: Vec<PossibleBlock>,
    /// Texts that belong to no step.
    pub(super) notes: Vec<Note>,
    /// Commands that judge targets, with the place of their directive.
    pub(super) probes: Vec<(String, Span)>,
    /// How the procedure is tested.
    pub(super) test: TestDirective,
    /// What is wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads the parts of a procedure called `title`.
pub(super) fn steps(source: &Source, title: &str, parts: &[Part<'_>]) -> Found {
    let mut reader = Reader {
        source,
        title,
        phase: Phase::Act,
        reference: false,
        symptoms: false,
        heading: String::new(),
        numbered: None,
        headings: Vec::new(),
        bold: None,
        notes: Vec::new(),
        directive: None,
        groups: 0,
        depth: 0,
        last_of_part: None,
        found: Found::default(),
    };
    for part in parts {
        reader.part(part);
    }
    reader.end_numbered(0);
    reader.end_part();
    let left = std::mem::take(&mut reader.notes);
    reader.found.notes.extend(left);
    reader.found.notes.sort_by_key(|note| note.line);
    reader.found
}

/// A directive that waits for its block.
struct Pending {
    step: StepDirective,
    expect: Option<Matching>,
    span: Span,
}

/// A numbered heading that is a step itself when nothing to do stands below it.
struct Numbered {
    depth: usize,
    label: String,
    line: usize,
    span: Span,
    lead: Lead,
    /// How many steps there were before it.
    steps: usize,
    /// A fence below it has taken its label.
    used: bool,
}

struct Reader<'s> {
    source: &'s Source,
    title: &'s str,
    phase: Phase,
    /// What could be run in this part is only to be read, unless asked for.
    reference: bool,
    symptoms: bool,
    /// Label of the innermost heading.
    heading: String,
    numbered: Option<Numbered>,
    /// The headings above, the innermost last, with their depth.
    headings: Vec<(usize, Lead)>,
    /// A bold line that serves as a heading.
    bold: Option<Lead>,
    /// Texts that wait for the step behind them.
    notes: Vec<Note>,
    directive: Option<Pending>,
    groups: usize,
    /// How deep in lists the reader is.
    depth: usize,
    /// The step an expected output belongs to.
    last_of_part: Option<usize>,
    found: Found,
}

/// The item a block stands in.
struct Scope<'a> {
    /// Texts that lead to all of it, the nearest first.
    leads: &'a [Lead],
    /// The item's own text, if no step has taken it as its label yet.
    item: Option<&'a Inline>,
}

impl Reader<'_> {
    fn part(&mut self, part: &Part<'_>) {
        let depth = part.headings.len();
        self.end_part();
        self.end_numbered(depth);
        self.phase = part.phase;
        self.reference = part.is_reference();
        self.bold = None;
        self.headings.retain(|(above, _)| *above < depth);
        self.heading = self.title.to_owned();
        self.symptoms = false;
        if let Some(section) = part.headings.last() {
            let plain = phase::plain(&section.title.text);
            self.symptoms = phase::is_symptoms(&plain);
            let label = part.step.clone().unwrap_or_else(|| prose::one_line(&plain));
            let lead = self.lead(&label, section.line, false);
            if part.step.is_some() && !is_reading(part.phase) {
                self.begin_numbered(depth, &label, section.line, section.span, lead.clone());
            }
            self.headings.push((depth, lead));
            self.heading = label;
        }
        let blocks: Vec<&Block> = part.blocks.iter().collect();
        self.blocks(&blocks, &Scope { leads: &[], item: None });
    }

    /// Nothing of a part waits for the next one but notes.
    fn end_part(&mut self) {
        self.last_of_part = None;
        if let Some(pending) = self.directive.take() {
            self.found.diagnostics.push(
                Diagnostic::error("stray-directive", pending.span, "this directive stands before no step")
                    .with_hint("put it right before the block it is about, under the same heading"),
            );
        }
        if is_reading(self.phase) {
            self.found.notes.append(&mut self.notes);
        }
    }

    fn begin_numbered(&mut self, depth: usize, label: &str, line: usize, span: Span, lead: Lead) {
        self.numbered = Some(Numbered {
            depth,
            label: label.to_owned(),
            line,
            span,
            lead,
            steps: self.found.steps.len(),
            used: false,
        });
    }

    /// A numbered heading with nothing to do below it is something a person does.
    fn end_numbered(&mut self, depth: usize) {
        let ends = self.numbered.as_ref().is_some_and(|numbered| numbered.depth >= depth);
        let Some(numbered) = self.numbered.take_if(|_| ends) else { return };
        if numbered.steps == self.found.steps.len() {
            let body = Body::Manual { text: numbered.label.clone(), bullets: false };
            let leads = vec![numbered.lead];
            self.push(numbered.label, numbered.line, numbered.span, body, leads);
        }
    }

    /// A new text that leads to steps.
    fn lead(&mut self, text: &str, line: usize, ordered: bool) -> Lead {
        self.groups += 1;
        Lead { text: prose::one_line(text), line, group: self.groups, ordered }
    }

    fn blocks(&mut self, blocks: &[&Block], scope: &Scope<'_>) {
        let mut before: Option<&Inline> = None;
        let mut item = scope.item;
        for node in heal(blocks) {
            let block = match node {
                Node::Ordered(entries) => {
                    let intro = self.intro(before.take(), &mut item);
                    let leads = self.above(intro, scope);
                    for entry in &entries {
                        self.ordered(entry, &leads);
                    }
                    continue;
                }
                Node::Block(block) => block,
            };
            if self.depth == 0
                && let Some(text) = pseudo_heading(block)
            {
                self.note_before(before.take());
                self.bold_heading(text);
                continue;
            }
            match block {
                Block::Paragraph(_) if is_metadata(block) => self.note_before(before.take()),
                Block::Paragraph(inline) => {
                    self.note_before(before.take());
                    if self.depth == 0 {
                        self.bold_start(inline);
                    }
                    before = Some(inline);
                }
                Block::List(list) => {
                    let intro = self.intro(before.take(), &mut item);
                    if self.symptoms || is_metadata(block) {
                        continue;
                    }
                    let leads = self.above(intro, scope);
                    for bullet in &list.items {
                        self.bullet(bullet, &leads);
                    }
                }
                Block::Fence(fence) => self.fence(fence, before.take(), &mut item, scope),
                Block::Quote(quote) => {
                    self.note_before(before.take());
                    let inner: Vec<&Block> = quote.blocks.iter().collect();
                    self.depth += 1;
                    self.blocks(&inner, &Scope { leads: scope.leads, item: None });
                    self.depth -= 1;
                }
                Block::Table(table) => {
                    self.note_before(before.take());
                    self.table(table);
                }
                Block::Comment(comment) => {
                    let read = directive(comment, &mut self.found.diagnostics);
                    self.directive(read, comment.span);
                }
                Block::Rule(_) => self.note_before(before.take()),
            }
        }
        self.note_before(before);
    }

    /// The text before a list as what leads to its items. It stays a note, except where it is the
    /// item's own text, which the item notes.
    fn intro(&mut self, before: Option<&Inline>, item: &mut Option<&Inline>) -> Option<Lead> {
        self.note_before(before);
        let inline = before.or(item.take())?;
        let line = self.source.line(inline.span.start);
        Some(self.lead(&inline.text, line, false))
    }

    fn above(&self, nearest: Option<Lead>, scope: &Scope<'_>) -> Vec<Lead> {
        nearest.into_iter().chain(scope.leads.iter().cloned()).collect()
    }

    fn directive(&mut self, read: Option<Directive>, span: Span) {
        match read {
            Some(Directive::Step { step, expect }) => {
                if let Some(before) = self.directive.replace(Pending { step: *step, expect, span }) {
                    self.found.diagnostics.push(
                        Diagnostic::error(
                            "stray-directive",
                            before.span,
                            "this directive stands before no step",
                        )
                        .with_hint("put all settings of a block into one directive"),
                    );
                }
            }
            Some(Directive::Target { probe, span }) => self.found.probes.push((probe, span)),
            Some(Directive::Test(_)) if self.found.test.span.is_some() => {
                self.found.diagnostics.push(
                    Diagnostic::error(
                        "bad-directive",
                        span,
                        format!("`{}` has a `test` directive already", self.title),
                    )
                    .with_hint("put everything about its test into one directive"),
                );
            }
            Some(Directive::Test(test)) => self.found.test = test,
            None => {}
        }
    }

    /// A line of bold text: the beginning of a phase, a numbered step, or a heading like any other.
    fn bold_heading(&mut self, inline: &Inline) {
        let plain = phase::plain(&inline.text);
        let line = self.source.line(inline.span.start);
        self.last_of_part = None;
        match heading(&plain) {
            Heading::Phase(phase) => self.begin_phase(phase, &plain),
            Heading::PostIncident => self.begin_phase(Phase::Prevent, &plain),
            Heading::Step { label, .. } => {
                let label = prose::label(&label);
                let depth = self.headings.last().map_or(0, |(depth, _)| *depth) + 1;
                self.end_numbered(depth);
                let lead = self.lead(&label, line, false);
                // Bold steps below a numbered heading are what there is to do below it.
                if !is_reading(self.phase) && self.numbered.is_none() {
                    self.begin_numbered(depth, &label, line, inline.span, lead.clone());
                }
                self.bold = Some(lead);
                self.heading = label;
            }
            Heading::Other => {
                let label = prose::label(&plain);
                self.bold = Some(self.lead(&label, line, false));
                self.heading = label;
            }
        }
    }

    fn begin_phase(&mut self, phase: Phase, text: &str) {
        if is_reading(self.phase) {
            self.found.notes.append(&mut self.notes);
        }
        self.phase = phase;
        self.reference = is_reading(phase) && !phase::is_prerequisite(text);
        self.symptoms = phase::is_symptoms(text);
        self.bold = None;
        self.heading = prose::label(text);
    }

    /// `**Resolution**: restart it`: a bold phase word at the start of a paragraph begins that phase.
    fn bold_start(&mut self, inline: &Inline) {
        let Some(bold) = inline.bold.first().filter(|bold| bold.start == 0) else { return };
        let text = &inline.text[bold.clone()];
        let with_colon = text.ends_with(':') || inline.text[bold.end..].starts_with(':');
        if with_colon && let Heading::Phase(phase) = heading(text) {
            self.begin_phase(phase, &phase::plain(text));
        }
    }

    fn note_before(&mut self, before: Option<&Inline>) {
        if let Some(inline) = before {
            self.note(&inline.text, self.source.line(inline.span.start));
        }
    }

    fn note(&mut self, text: &str, line: usize) {
        let text = text.trim();
        if !text.is_empty() {
            self.notes.push(Note { text: text.to_owned(), line });
        }
    }

    fn table(&mut self, table: &Table) {
        let row = |cells: &[Inline]| {
            cells.iter().map(|cell| prose::one_line(&cell.text)).collect::<Vec<_>>().join(" | ")
        };
        let rows = table.rows.iter().map(|line| row(&line.cells));
        let text = std::iter::once(row(&table.head)).chain(rows).collect::<Vec<_>>().join("\n");
        self.note(&text, self.source.line(table.span.start));
    }

    /// Adds a step with what waits for it: notes and directive.
    fn push(&mut self, label: String, line: usize, span: Span, body: Body, leads: Vec<Lead>) {
        let pending = self.directive.take();
        if let Some(pending) = &pending
            && pending.expect.is_some()
        {
            self.found.diagnostics.push(
                Diagnostic::error("bad-directive", pending.span, "`expect` stands before a step")
                    .with_hint("put it before the output, which follows the commands"),
            );
        }
        let headings = self.headings.iter().rev().map(|(_, lead)| lead.clone());
        let leads = leads.into_iter().chain(self.bold.clone()).chain(headings).collect();
        self.last_of_part = Some(self.found.steps.len());
        self.found.steps.push(Raw {
            label,
            line,
            span,
            phase: self.phase,
            body,
            leads,
            optional: self.reference,
            arm: None,
            notes: std::mem::take(&mut self.notes),
            directive: pending.map(|pending| pending.step).unwrap_or_default(),
            expectation: None,
            inferred: Vec::new(),
        });
    }

    fn infer(&mut self, what: String, line: usize) {
        if let Some(step) = self.found.steps.last_mut() {
            step.inferred.push(Inference { what, line });
        }
    }
}
