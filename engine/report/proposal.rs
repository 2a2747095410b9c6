//! A step as it is shown to the person who says whether it runs: what it does, and every line of it.
//!
//! Nothing is cut here: what is agreed to is what was seen. What a step did is [`super::terminal`]'s.

use super::style::{Style, WIDTH, bulleted, commands};
use super::words;
use crate::plan::{PlanStep, Work};

/// The lines for `step`, whose commands are `script` (secrets masked); none for what runs nothing.
pub fn lines(step: &PlanStep, script: &str) -> Vec<String> {
    let Work::Shell(work) = &step.work else { return Vec::new() };
    let mut lines = vec![format!("step {} {} (line {}):", step.id, words::effect(step.effect), step.line)];
    for note in &step.notes {
        lines.extend(bulleted(&note.text, WIDTH - 4));
    }
    lines.extend(commands(script, Style::Plain));
    for line in &work.remote_lines {
        lines.extend(
            commands(line, Style::Plain)
                .iter()
                .map(|line| format!("not run, for the shell it opens: {line}")),
        );
    }
    for line in &mut lines[1..] {
        line.insert_str(0, "    ");
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{act, destroying, manual, notes};
    use crate::runbook::Note;

    #[test]
    fn a_person_sees_what_it_does_its_notes_and_every_line() {
        let mut step = destroying(act("2"));
        step.line = 12;
        assert_eq!(
            lines(&step, "cd cache\n\nrm -rf ./*\rls\n"),
            ["step 2 destroys (line 12):", "    $ cd cache", "", "      rm -rf ./*\\rls"]
        );
        let text = "make sure that nobody writes to the cache any more, and that the replica is up";
        step.notes.push(Note { text: text.into(), line: 13 });
        if let Work::Shell(work) = &mut step.work {
            work.remote_lines.push("systemctl stop db".into());
        }
        assert_eq!(
            lines(&step, "ssh db"),
            [
                "step 2 destroys (line 12):",
                "    • make sure that nobody writes to the cache any more, and that the replica",
                "      is up",
                "    $ ssh db",
                "    not run, for the shell it opens: $ systemctl stop db",
            ]
        );
        let long = "true\n".repeat(300);
        assert_eq!(lines(&act("1"), &long).len(), 301, "nothing is left out");
        assert_eq!(lines(&act("1"), "ls")[0], "step 1 changes (line 1):");
        assert_eq!((lines(&manual("1"), ""), lines(&notes("1", None), "")), (vec![], vec![]));
    }
}
