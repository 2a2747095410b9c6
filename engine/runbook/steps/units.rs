//! The commands of a code block: as they stand, or out of a console transcript.
//!
//! A transcript is cut behind each output it shows, so that the output belongs to one step.

use crate::document::Fence;
use crate::runbook::{Expectation, Matching, ScriptLine};
use crate::shell::{self, Script};
use crate::source::Span;

/// Commands of a block that run as one: all of it, or of a transcript those up to the next output.
pub(super) struct Unit {
    /// The bash text.
    pub(super) text: String,
    /// Where each of its lines stands.
    pub(super) lines: Vec<ScriptLine>,
    /// The text taken apart.
    pub(super) script: Script,
    /// What a transcript shows behind it.
    pub(super) expectation: Option<Expectation>,
}

impl Unit {
    fn new(text: String, lines: Vec<ScriptLine>) -> Self {
        Self { script: shell::parse(&text), text, lines, expectation: None }
    }

    /// Where it stands: the block, unless that holds more than one.
    pub(super) fn span(&self, fence: &Fence, many: bool) -> Span {
        match (self.lines.first(), self.lines.last()) {
            (Some(first), Some(last)) if many => {
                let end = last.offset + self.text.rsplit('\n').next().map_or(0, str::len);
                Span::new(first.offset, end)
            }
            _ => fence.span,
        }
    }
}

/// The commands of a block, prompts and output taken away.
pub(super) fn units(fence: &Fence) -> Vec<Unit> {
    let place = |line: usize| fence.lines.get(line).map(|at| ScriptLine { line: at.line, offset: at.offset });
    let Some(transcript) = shell::transcript(&fence.text) else {
        let lines = (0..fence.lines.len()).filter_map(place).collect();
        return vec![Unit::new(fence.text.clone(), lines)];
    };
    let texts: Vec<&str> = fence.text.split('\n').collect();
    let mut units = Vec::new();
    let mut text: Vec<&str> = Vec::new();
    let mut lines: Vec<ScriptLine> = Vec::new();
    for command in &transcript.commands {
        let range = command.comments.start..command.lines.end;
        for (line, whole) in range.clone().zip(&texts[range]) {
            let prompt = if line == command.lines.start { command.prompt } else { 0 };
            text.push(&whole[prompt..]);
            lines.extend(place(line).map(|at| ScriptLine { offset: at.offset + prompt, ..at }));
        }
        if let Some(first) = place(command.output.start).filter(|_| !command.output.is_empty()) {
            let mut unit = Unit::new(text.join("\n"), std::mem::take(&mut lines));
            text.clear();
            let last = command.output.end - 1;
            let end = place(last).map_or(first.offset, |at| at.offset + texts[last].len());
            unit.expectation = Some(Expectation {
                matching: Matching::Lines,
                text: texts[command.output.clone()].join("\n"),
                span: Span::new(first.offset, end),
                line: first.line,
                example: true,
            });
            units.push(unit);
        }
    }
    if !text.is_empty() {
        units.push(Unit::new(text.join("\n"), lines));
    }
    units
}

/// Whether a block tagged as shell holds something else: no word that a command could begin with, or,
/// announced as output or tagged as a console, both without a prompt, none that is known.
pub(super) fn is_no_command(fence: &Fence, units: &[Unit], announced: bool) -> bool {
    let is_console = fence
        .language()
        .is_some_and(|language| matches!(language.as_str(), "console" | "shell-session" | "terminal"));
    let doubtful = (is_console || announced) && shell::transcript(&fence.text).is_none();
    let mut programs = units
        .iter()
        .flat_map(|unit| unit.script.commands())
        .filter(|command| !command.words.is_empty() || !command.assignments.is_empty());
    let could_be = |command: &shell::Command| match command.program() {
        Some(name) if doubtful => shell::is_known_program(name) || name.contains('/'),
        Some(name) => !name.contains(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '{' | ',')),
        None => !doubtful,
    };
    !programs.any(could_be)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Block};
    use crate::source::Source;

    /// Each unit as its text, `=>` and what it prints; none when the block holds no commands.
    fn shown(block: &str) -> Option<Vec<String>> {
        let source = Source::new("x.md", block.as_bytes().to_vec()).expect("is UTF-8");
        let document = document::read(&source).0;
        let Some(Block::Fence(fence)) = document.preamble.first() else { panic!("no fence") };
        let units = units(fence);
        for unit in &units {
            assert_eq!(unit.lines.len(), unit.text.split('\n').count(), "{block}");
            for (place, text) in unit.lines.iter().zip(unit.text.split('\n')) {
                assert!(source.text()[place.offset..].starts_with(text), "{block}");
                assert_eq!(source.line(place.offset), place.line, "{block}");
            }
            if let Some(example) = &unit.expectation {
                assert_eq!(source.slice(example.span), example.text);
            }
        }
        let texts = units.iter().map(|unit| match &unit.expectation {
            Some(example) => format!("{} => {}", unit.text, example.text),
            None => unit.text.clone(),
        });
        let texts = texts.collect();
        (!is_no_command(fence, &units, false)).then_some(texts)
    }

    #[test]
    fn transcripts_are_cut_behind_each_output() {
        for (block, wanted) in [
            ("```sh\na\nb\n```", &["a\nb"][..]),
            ("```console\n$ a\n$ b\n```", &["a\nb"]),
            ("```sh\n$ a\nout\n```", &["a => out"]),
            (
                "```console\n$ a\n$ b\nout\nmore\n# c\n$ c \\\n  -d\n```",
                &["a\nb => out\nmore", "# c\nc \\\n  -d"],
            ),
            ("```shell\nuser@host:~$ a\n```", &["a"]),
            ("```console\nkubectl get pods\n```", &["kubectl get pods"]),
            ("```console\n./run.sh\n```", &["./run.sh"]),
        ] {
            assert_eq!(shown(block).expect("holds commands"), wanted, "{block}");
        }
    }

    #[test]
    fn what_holds_no_command_is_seen() {
        for block in [
            "```bash\n\"storage class has no provisioner, delete it\"\n```",
            "```shell\n\"msg\"=\"trying to connect\" \"database\"=\"x\"\n```",
            "```console\nNAME   READY   STATUS\nx      1/1     Running\n```",
        ] {
            assert_eq!(shown(block), None, "{block}");
        }
    }
}
