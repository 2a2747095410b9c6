//! List items as things to do.

use super::{Body, Inference, Reader, Scope};
use crate::document::{Block, CodeSpan, Inline, Item};
use crate::runbook::heal::Entry;
use crate::runbook::outline::is_reading;
use crate::runbook::raw::Lead;
use crate::runbook::{Note, Phase, ScriptLine, prose};
use crate::shell;
use crate::source::Span;

/// Words that turn a command mentioned behind them into one not to run.
const NEGATIONS: &[&str] = &["not", "don't", "don’t", "never", "avoid", "without", "instead of", "no longer"];

/// Words that lead straight to a command.
const RUN: &[&str] = &["run", "execute", "use", "type", "enter", "call"];

impl Reader<'_> {
    /// An ordered item: the steps in it, or something a person does.
    pub(super) fn ordered(&mut self, entry: &Entry<'_>, above: &[Lead]) {
        let lead = entry.lead();
        let steps = self.found.steps.len();
        let first_note = self.notes.len();
        let own = lead.map(|inline| self.lead(&inline.text, entry.line, true));
        let leads: Vec<Lead> = own.into_iter().chain(above.iter().cloned()).collect();
        self.body(&entry.blocks, lead, &leads);
        if entry.healed && self.found.steps.len() > steps {
            let what =
                format!("belongs to item {} of the list, which a block flush left breaks", entry.number);
            for step in &mut self.found.steps[steps..] {
                step.inferred.push(Inference { what: what.clone(), line: entry.line });
            }
        }
        if self.found.steps.len() > steps {
            return;
        }
        let Some(inline) = lead.filter(|inline| !inline.is_blank()) else { return };
        let is_link = prose::is_link(inline, self.source.slice(inline.span));
        if is_reading(self.phase) || self.symptoms || is_link {
            let text = format!("{}. {}", entry.number, inline.text.trim());
            self.notes.insert(first_note, Note { text, line: entry.line });
            return;
        }
        if let Some(code) = only_command(inline) {
            self.inline_command(inline, code, leads, false);
            return;
        }
        let text = prose::one_line(&inline.text);
        let bullets = entry.blocks.iter().any(|block| matches!(block, Block::List(_)));
        let label = self.label_of(inline);
        self.push(label, entry.line, entry.span, Body::Manual { text, bullets }, leads);
    }

    /// A bullet: the steps in it, an optional look in a diagnose phase, or a note.
    pub(super) fn bullet(&mut self, item: &Item, above: &[Lead]) {
        let lead = item.lead();
        let steps = self.found.steps.len();
        let first_note = self.notes.len();
        let own = lead.map(|inline| self.lead(&inline.text, item.line, false));
        let leads: Vec<Lead> = own.into_iter().chain(above.iter().cloned()).collect();
        let blocks: Vec<&Block> = item.blocks.iter().collect();
        self.body(&blocks, lead, &leads);
        let Some(inline) = lead.filter(|_| self.found.steps.len() == steps) else { return };
        if self.phase == Phase::Diagnose && !self.symptoms {
            let commands: Vec<&CodeSpan> =
                inline.code.iter().filter(|code| is_command(inline, code)).collect();
            let looked = !commands.is_empty();
            for code in commands {
                self.inline_command(inline, code, leads.clone(), true);
            }
            if looked {
                return;
            }
        }
        let text = format!("{}- {}", "  ".repeat(self.depth), prose::one_line(&inline.text));
        let place = first_note.min(self.notes.len());
        self.notes.insert(place, Note { text, line: item.line });
    }

    /// Reads the blocks of an item behind its own text.
    fn body(&mut self, blocks: &[&Block], lead: Option<&Inline>, leads: &[Lead]) {
        let rest = if lead.is_some() { &blocks[1..] } else { blocks };
        self.depth += 1;
        self.blocks(rest, &Scope { leads, item: lead });
        self.depth -= 1;
    }

    /// A command in inline code becomes a step.
    fn inline_command(&mut self, inline: &Inline, code: &CodeSpan, leads: Vec<Lead>, optional: bool) {
        let before = prose::label(&prose::one_line(&inline.text[..code.range.start]));
        let is_phrase = RUN.iter().any(|word| before.eq_ignore_ascii_case(word)) || before.is_empty();
        let label = if is_phrase {
            prose::label(&prose::one_line(&inline.text))
        } else {
            self.sentence_at(&before, inline)
        };
        let line = self.source.line(code.offset);
        // A line break in inline code is a blank.
        let script = code.text.replace('\n', " ").trim().to_owned();
        let offset = code.offset + (code.text.len() - code.text.trim_start().len());
        let span = Span::new(code.offset, code.offset + code.text.len());
        let lines = vec![ScriptLine { line, offset }];
        self.push(label, line, span, Body::Shell { script, lines }, leads);
        if optional && let Some(step) = self.found.steps.last_mut() {
            step.optional = true;
        }
        let what =
            if optional { "optional, a command named in a bullet" } else { "the command named in the item" };
        self.infer(what.to_owned(), line);
    }

    /// The text before a command where that leads to it, else the whole text.
    fn sentence_at(&self, before: &str, inline: &Inline) -> String {
        let at = inline.code.first().map_or(0, |code| code.range.start);
        if prose::leads_on(&inline.text[..at]) { before.to_owned() } else { self.label_of(inline) }
    }

    /// The label an item's own text gives.
    pub(super) fn label_of(&self, inline: &Inline) -> String {
        let text = prose::one_line(&inline.text);
        let sentences = prose::sentences(&text);
        let sentence = if prose::leads_on(&text) { sentences.last() } else { sentences.first() };
        prose::label(sentence.copied().unwrap_or_default())
    }
}

/// The command of an item that says nothing else: `` Look at the logs: `docker logs x` ``.
fn only_command(inline: &Inline) -> Option<&CodeSpan> {
    let [code] = inline.code.as_slice() else { return None };
    let before = inline.text[..code.range.start].trim();
    let behind = inline.text[code.range.end..].trim();
    let last = before.rsplit(' ').next().unwrap_or_default();
    let leads = before.is_empty()
        || before.ends_with(':')
        || before == last && RUN.iter().any(|word| last.eq_ignore_ascii_case(word));
    (leads && behind.trim_matches(['.', ';', ',']).is_empty() && is_command(inline, code)).then_some(code)
}

/// Whether inline code is a command to run: a known program with something behind it, in a text that
/// does not warn of it.
fn is_command(inline: &Inline, code: &CodeSpan) -> bool {
    let text = code.text.trim();
    let Some((program, _)) = text.split_once(char::is_whitespace) else { return false };
    let before = inline.text[..code.range.start].to_lowercase();
    let sentence = prose::sentences(&before).last().copied().unwrap_or_default().to_owned();
    let warned = NEGATIONS.iter().any(|word| contains_word(&sentence, word));
    let program =
        if program == "sudo" { text.split_whitespace().nth(1).unwrap_or_default() } else { program };
    !warned && shell::is_known_program(program) && shell::parse(text).is_complete()
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
    })
}
