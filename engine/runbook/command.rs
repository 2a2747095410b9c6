//! A bash text as a step's command: how it runs, what it does, and what is never run here.

use super::{CommandBlock, CommandMode, ScriptLine};
use crate::shell::{self, Effect, Endless, Hazard, Inside, Script};
use crate::source::Span;
use std::time::Duration;

/// A step's command and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The command.
    pub(super) block: CommandBlock,
    /// What it does.
    pub(super) effect: Effect,
    /// Its text taken apart.
    pub(super) parsed: Script,
}

impl Known {
    /// Whether it only looks, and never ends by itself.
    pub(super) fn watches(&self) -> bool {
        matches!(self.block.mode, CommandMode::Repeat { .. } | CommandMode::TimeBox)
            && self.effect == Effect::Reads
    }

    /// Whether a `...` stands for something left out, so that it cannot be run as it is.
    pub(super) fn is_elided(&self) -> bool {
        let text = &self.block.script;
        let dots = |span: Span| matches!(text.get(span.range()), Some("..." | "…"));
        self.parsed.commands().any(|command| {
            let values = command.assignments.iter().filter_map(|assignment| assignment.value.as_ref());
            command.words.iter().chain(values).any(|word| dots(word.span))
        })
    }

    /// Whether nothing of it looks at anything: it sets variables, changes directory, prints, waits.
    pub(super) fn is_blind(&self) -> bool {
        !self.parsed.commands().any(|command| {
            matches!(command.inside, Inside::Plain | Inside::Control)
                && !command.words.is_empty()
                && command.program().is_none_or(|program| !BLIND.contains(&program))
        })
    }
}

/// Programs that look at nothing outside the shell.
const BLIND: &[&str] = &[
    "cd", "export", "exit", "echo", "printf", "set", "unset", "alias", "sleep", "true", ":", "pwd", "wait",
    "shift", "umask", "trap", "local", "declare", "pushd", "popd", "read", "clear", "logout", "return",
];

/// Looks at a text and decides how it runs.
pub(super) fn command(text: &str, lines: &[ScriptLine]) -> Known {
    let script = shell::parse(text);
    let mut mode = CommandMode::Once;
    for statement in &script.statements {
        let hazards = statement
            .commands
            .iter()
            .filter(|command| command.inside != Inside::Function)
            .filter_map(|command| shell::hazard(command, text));
        for hazard in hazards {
            match hazard {
                Hazard::OpensShell => return opened(text, lines, statement.span.end),
                Hazard::Interactive => mode = CommandMode::Interactive,
                Hazard::Endless(_) | Hazard::MayAsk if statement.background => {}
                Hazard::Endless(Endless::Watch { command, every_ms })
                    if script.statements.len() == 1 && statement.commands.len() == 1 =>
                {
                    return repeated(text, lines, &command, every_ms);
                }
                Hazard::Endless(_) if mode == CommandMode::Once => mode = CommandMode::TimeBox,
                Hazard::Endless(_) | Hazard::MayAsk => {}
            }
        }
    }
    known(text, lines.to_vec(), mode, Vec::new(), script, Effect::Reads)
}

/// `watch CMD`: the command inside is the script.
fn repeated(text: &str, lines: &[ScriptLine], inner: &str, every_ms: u64) -> Known {
    // Quotes and joined words leave the inner text where it was written, but for odd quoting.
    let at = text.find(inner).or_else(|| text.find("watch")).unwrap_or(0);
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let count = inner.matches('\n').count() + 1;
    let mut places: Vec<ScriptLine> = lines.iter().skip(line).take(count).copied().collect();
    if let Some(first) = places.first_mut() {
        first.offset += at - start;
    }
    let mode = CommandMode::Repeat { every: Duration::from_millis(every_ms) };
    known(inner, places, mode, Vec::new(), shell::parse(inner), Effect::Reads)
}

/// A text that opens a shell: what follows is meant for that shell.
fn opened(text: &str, lines: &[ScriptLine], end: usize) -> Known {
    let rest = &text[end..];
    let same_line = rest.split('\n').next().unwrap_or_default();
    let end = end + same_line.len();
    let here = &text[..end];
    let remote: Vec<String> =
        text[end..].split('\n').filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    let remote_effect =
        if remote.is_empty() { Effect::Reads } else { shell::parse(&remote.join("\n")).effect() };
    let count = here.matches('\n').count() + 1;
    let lines = lines.iter().take(count).copied().collect();
    known(here, lines, CommandMode::Interactive, remote, shell::parse(here), remote_effect)
}

fn known(
    text: &str,
    lines: Vec<ScriptLine>,
    mode: CommandMode,
    remote_lines: Vec<String>,
    parsed: Script,
    least: Effect,
) -> Known {
    let effect = parsed.effect().max(least);
    Known { block: CommandBlock { script: text.to_owned(), lines, mode, remote_lines }, effect, parsed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{Changes, Destroys, Reads};

    fn lines(text: &str) -> Vec<ScriptLine> {
        let mut offset = 100;
        (10..)
            .zip(text.split('\n'))
            .map(|(line, part)| {
                let place = ScriptLine { line, offset };
                offset += part.len() + 1;
                place
            })
            .collect()
    }

    #[test]
    fn how_a_command_runs_and_what_it_does() {
        let repeat = |ms| CommandMode::Repeat { every: Duration::from_millis(ms) };
        for (text, mode, effect, script, remote) in [
            ("ls", CommandMode::Once, Reads, "ls", &[][..]),
            ("docker compose stop api", CommandMode::Once, Destroys, "docker compose stop api", &[]),
            ("sudo systemctl restart x", CommandMode::Once, Changes, "sudo systemctl restart x", &[]),
            ("watch -n 1 'curl -s http://x/ | jq .y'", repeat(1000), Reads, "curl -s http://x/ | jq .y", &[]),
            ("watch kubectl get pods", repeat(2000), Reads, "kubectl get pods", &[]),
            ("ls\nwatch ls", CommandMode::TimeBox, Reads, "ls\nwatch ls", &[]),
            ("tail -f x.log", CommandMode::TimeBox, Reads, "tail -f x.log", &[]),
            ("kubectl edit pod x", CommandMode::Interactive, Changes, "kubectl edit pod x", &[]),
            (
                "kubectl port-forward x 1:1 &\nls",
                CommandMode::Once,
                Reads,
                "kubectl port-forward x 1:1 &\nls",
                &[],
            ),
            (
                "ssh web1\nsudo -i\ndocker stop app",
                CommandMode::Interactive,
                Destroys,
                "ssh web1",
                &["sudo -i", "docker stop app"],
            ),
        ] {
            let known = command(text, &lines(text));
            let seen = (&known.block.mode, known.block.script.as_str(), known.block.remote_lines.as_slice());
            assert_eq!(
                seen,
                (&mode, script, &remote.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
            assert_eq!(known.effect, effect, "{text}");
            assert_eq!(known.block.lines.len(), script.matches('\n').count() + 1, "{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_seen() {
        for (text, wanted) in [
            ("curl ... -d x", true),
            ("export CLUSTER_NAME=...", true),
            ("kubectl edit cm x\n...\na: b", true),
            ("go test ./...", false),
            ("git diff a...b", false),
            ("grep '...' x", false),
        ] {
            assert_eq!(command(text, &lines(text)).is_elided(), wanted, "{text}");
        }
    }

    #[test]
    fn what_looks_at_nothing_is_blind() {
        for (text, wanted) in [
            ("export A=$(kubectl get x)\ncd /tmp", true),
            ("POD=$(kubectl get pods)", true),
            ("exit", true),
            ("sleep 5\ncurl http://x/", false),
            ("$CMD", false),
        ] {
            assert_eq!(command(text, &lines(text)).is_blind(), wanted, "{text}");
        }
    }

    #[test]
    fn an_unwrapped_command_keeps_its_place() {
        let text = "watch -n 1 'curl -s http://x/'";
        let block = command(text, &lines(text)).block;
        assert_eq!((block.lines[0].line, block.file_offset(0)), (10, 112));
    }
}
