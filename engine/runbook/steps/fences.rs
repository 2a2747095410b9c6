//! Code blocks as things to do, expected output, or text to show.

use super::units::{Unit, is_no_command, units};
use super::{Body, LONGEST_LABEL, Reader, Scope};
use crate::diagnostic::Diagnostic;
use crate::document::{Fence, Inline};
use crate::runbook::fence::{self, FenceKind};
use crate::runbook::raw::Lead;
use crate::runbook::split::{Piece, Split, split};
use crate::runbook::{Expectation, Inference, Matching, Note, PossibleBlock, prose};
use crate::source::Span;

impl Reader<'_> {
    /// A code block behind the text `before`, in an item whose own text may still be free.
    pub(super) fn fence(
        &mut self,
        fence: &Fence,
        before: Option<&Inline>,
        item: &mut Option<&Inline>,
        scope: &Scope<'_>,
    ) {
        let told = self.directive.as_ref().is_some_and(|pending| pending.step.shell.is_some());
        let expected = self.directive.as_ref().and_then(|pending| pending.expect);
        match (fence::kind(fence), expected) {
            (FenceKind::Output, matching) => {
                self.note_before(before);
                self.expectation(fence, matching.unwrap_or(Matching::Lines));
            }
            (FenceKind::Other, Some(matching)) => {
                self.note_before(before);
                self.expectation(fence, matching);
            }
            (FenceKind::Prose, _) => {
                self.note_before(before);
                self.note(&fence.text, fence.line);
            }
            (FenceKind::Other, None) if !told => {
                self.note_before(before);
                self.possible(fence);
            }
            (FenceKind::Shell | FenceKind::Other, _) => self.commands(fence, before, item, scope),
        }
    }

    /// What the step before prints.
    fn expectation(&mut self, fence: &Fence, matching: Matching) {
        self.directive = None;
        let Some(step) = self.last_of_part.map(|index| &mut self.found.steps[index]) else {
            let first = first_line(fence);
            self.found.diagnostics.push(
                Diagnostic::error("stray-expectation", first, "this output belongs to no command")
                    .with_hint("put it right behind the block that prints it, under the same heading"),
            );
            return;
        };
        if matches!(step.body, Body::Manual { .. })
            || step.expectation.as_ref().is_some_and(|known| !known.example)
        {
            self.found.diagnostics.push(
                Diagnostic::error(
                    "stray-expectation",
                    fence.span,
                    "the step before this output has no use for it",
                )
                .with_hint("one output behind the block that prints it"),
            );
            return;
        }
        let line = fence.lines.first().map_or(fence.line, |line| line.line);
        step.expectation =
            Some(Expectation { matching, text: fence.text.clone(), span: fence.span, line, example: false });
    }

    fn possible(&mut self, fence: &Fence) {
        if let Some(pending) = self.directive.take()
            && pending.step.ignore.is_none()
            && !pending.step.no_run
        {
            self.found.diagnostics.push(
                Diagnostic::error(
                    "stray-directive",
                    pending.span,
                    "this directive stands before a block that is not run",
                )
                .with_hint("add `shell=bash` to run the block, or tag it as `bash`"),
            );
        }
        if !fence.text.trim().is_empty() {
            self.found.possible.push(PossibleBlock {
                line: fence.line,
                language: fence.language(),
                text: fence.text.clone(),
            });
        }
    }

    fn commands(
        &mut self,
        fence: &Fence,
        before: Option<&Inline>,
        item: &mut Option<&Inline>,
        scope: &Scope<'_>,
    ) {
        let units = units(fence);
        let no_commands = units.iter().all(|unit| unit.script.statements.is_empty());
        let announced = before.is_some_and(|inline| prose::announces_output(&inline.text))
            || item.is_some_and(|inline| before.is_none() && prose::announces_output(&inline.text));
        if no_commands || is_no_command(fence, &units, announced) {
            self.note_before(before);
            if no_commands && units.iter().all(|unit| unit.script.is_complete()) {
                self.note(&fence.text, fence.line);
            } else {
                self.possible(fence);
            }
            return;
        }
        if !fence.closed {
            let message = "the commands of this block never end: it is not closed";
            self.found.diagnostics.push(
                Diagnostic::error("unclosed-commands", first_line(fence), message)
                    .with_hint("close it with as many marks as it was opened with"),
            );
        }
        let (label, leads) = self.label(fence, before, item, scope);
        let many = units.len() > 1;
        for unit in units {
            let span = unit.span(fence, many);
            let line =
                if many { unit.lines.first().map_or(fence.line, |line| line.line) } else { fence.line };
            match split(&unit.text, &unit.script) {
                _ if unit.script.statements.is_empty() => continue,
                Split::Whole => {
                    let body = Body::Shell { script: unit.text, lines: unit.lines };
                    self.push(label.clone(), line, span, body, leads.clone());
                }
                Split::Pieces(pieces) => self.pieces(&unit, line, span, &label, &leads, pieces),
                Split::Unknown => {
                    let message =
                        "this block offers alternatives and is not valid bash: it is shown, not run";
                    self.found.diagnostics.push(
                        Diagnostic::warning("unclear-choice", first_line(fence), message)
                            .with_hint("correct it, or give each alternative a block of its own"),
                    );
                    self.possible(fence);
                    continue;
                }
            }
            if many {
                self.infer("a step of its own, by the output shown behind it".into(), line);
            }
            if let Some(step) = self.found.steps.last_mut() {
                step.expectation = unit.expectation;
            }
        }
    }

    /// A block cut at its comments.
    fn pieces(
        &mut self,
        unit: &Unit,
        at: usize,
        span: Span,
        label: &str,
        leads: &[Lead],
        pieces: Vec<Piece>,
    ) {
        let texts: Vec<&str> = unit.text.split('\n').collect();
        let lines = &unit.lines;
        let mut arm = 0;
        let mut directive = self.directive.take();
        for piece in pieces {
            let range = trimmed(&texts, piece.lines.clone());
            let place = piece.comment.unwrap_or(range.start);
            let line = lines.get(place).map_or(at, |line| line.line);
            let start = lines.get(place).map_or(span.start, |line| line.offset);
            let end = range
                .end
                .checked_sub(1)
                .and_then(|last| Some(lines.get(last)?.offset + texts.get(last)?.len()))
                .map_or(start, |end| end.max(start));
            // What is offered without a word is named by what it does.
            let first = piece.is_arm.then(|| texts.get(range.start).map(|text| text.trim().to_owned()));
            let label = piece.text.clone().or(first.flatten()).unwrap_or_else(|| label.to_owned());
            let body = if piece.manual {
                Body::Manual { text: label.clone(), bullets: false }
            } else {
                Body::Shell { script: texts[range.clone()].join("\n"), lines: lines[range.clone()].to_vec() }
            };
            if let Some(pending) = directive.take() {
                // A block's directive holds for each piece; its name is the first one's.
                let mut again = pending.step.clone();
                again.id = None;
                directive = Some(super::Pending { step: again, expect: None, span: pending.span });
                self.directive = Some(pending);
            }
            let own = piece.text.as_deref().map(|text| self.lead(text, line, true));
            let leads = own.into_iter().chain(leads.iter().cloned()).collect();
            self.push(label, line, Span::new(start, end), body, leads);
            arm = if piece.is_arm { arm + 1 } else { 0 };
            let Some(step) = self.found.steps.last_mut() else { continue };
            step.arm = piece.is_arm.then_some(arm);
            let what = if piece.is_arm {
                "one of the alternatives of a block"
            } else if piece.manual {
                "done by hand, a numbered comment without commands"
            } else {
                "a step of its own, split from its block"
            };
            step.inferred.push(Inference { what: what.into(), line });
        }
    }

    /// The label of a block, and the texts that lead to it. What is not used up becomes a note.
    fn label(
        &mut self,
        fence: &Fence,
        before: Option<&Inline>,
        item: &mut Option<&Inline>,
        scope: &Scope<'_>,
    ) -> (String, Vec<Lead>) {
        let mut leads: Vec<Lead> = scope.leads.to_vec();
        let text = before.map(|inline| prose::one_line(&inline.text));
        if let (Some(inline), Some(text)) = (before, &text) {
            let line = self.source.line(inline.span.start);
            leads.insert(0, self.lead(text, line, false));
        }
        let leads_on = text.as_deref().filter(|text| prose::leads_on(text));
        let own = item.take();
        if let (Some(text), Some(inline)) = (leads_on, before) {
            // The item's own text is not lost when a nearer one is the label.
            self.note_before(own);
            return (self.sentence_label(text, inline), leads);
        }
        if let Some(inline) = own {
            let text = prose::one_line(&inline.text);
            if prose::sentences(&text).len() > 1 {
                let line = self.source.line(inline.span.start);
                self.notes.insert(0, Note { text: inline.text.clone(), line });
            }
            self.note_before(before);
            return (self.label_of(inline), leads);
        }
        if let Some(comment) = comment_above(&fence.text) {
            self.note_before(before);
            return (comment, leads);
        }
        if let Some(numbered) = self.numbered.as_mut().filter(|numbered| !numbered.used) {
            numbered.used = true;
            let label = numbered.label.clone();
            self.note_before(before);
            return (label, leads);
        }
        if let (Some(text), Some(inline)) = (&text, before)
            && prose::sentences(text).last().is_some_and(|last| last.chars().count() <= LONGEST_LABEL)
        {
            return (self.sentence_label(text, inline), leads);
        }
        self.note_before(before);
        (self.heading.clone(), leads)
    }

    /// The last sentence of a paragraph as a label; the others are a note.
    fn sentence_label(&mut self, text: &str, inline: &Inline) -> String {
        let sentences = prose::sentences(text);
        if sentences.len() > 1 {
            self.note_before(Some(inline));
        }
        prose::label(sentences.last().copied().unwrap_or(text))
    }
}

/// The opening line of a block.
fn first_line(fence: &Fence) -> Span {
    let end = fence.lines.first().map_or(fence.span.end, |line| line.offset.max(fence.span.start));
    Span::new(fence.span.start, end)
}

/// A comment on the first line of a block.
fn comment_above(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let comment = first.trim_start().strip_prefix('#').filter(|rest| !rest.starts_with('!'))?;
    let label = prose::label(comment.trim_start_matches('#'));
    (!label.is_empty()).then_some(label)
}

/// A range of lines without blank ones at its ends.
fn trimmed(texts: &[&str], lines: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let (mut start, mut end) = (lines.start, lines.end.min(texts.len()));
    while start < end && texts[start].trim().is_empty() {
        start += 1;
    }
    while end > start && texts[end - 1].trim().is_empty() {
        end -= 1;
    }
    start..end
}
