//! Which interactive steps need the whole terminal, and which only somebody who types. Pure.
//!
//! What a step prints is recorded wherever it can be. A program that asks on its own output, with a line
//! that does not end, must have the terminal for that, too, or nobody would see the question.

use crate::shell::{self, Command, Hazard};

/// Whether `script` has a command that needs the terminal for what it prints.
pub(super) fn needs_screen(script: &str) -> bool {
    let parsed = shell::parse(script);
    parsed.commands().any(|command| match shell::hazard(command, script) {
        Some(Hazard::Interactive | Hazard::OpensShell) => true,
        Some(Hazard::MayAsk) => !asks_on_the_terminal(command, script),
        Some(Hazard::Endless(_)) | None => false,
    })
}

/// Whether it opens the terminal itself to ask, whatever its output is.
fn asks_on_the_terminal(command: &Command, script: &str) -> bool {
    match command.program() {
        Some("ssh" | "scp" | "sftp" | "rsync" | "git" | "kinit") => true,
        Some("sudo" | "doas") => {
            let inner = Command { words: command.words[1..].to_vec(), ..command.clone() };
            let plain = inner.program().is_some_and(|program| !program.starts_with('-'));
            plain && shell::hazard(&inner, script).is_none()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_on_its_output_needs_the_screen() {
        for (script, screen) in [
            ("ssh host uptime", false),
            ("sudo systemctl restart x", false),
            ("echo a; sudo -k systemctl restart x", true),
            ("read -r -p 'name? ' x", true),
            ("sudo apt-get install x", true),
            ("vi /etc/hosts", true),
            ("kubectl exec -it pod -- bash", true),
            ("echo hello", false),
        ] {
            assert_eq!(needs_screen(script), screen, "{script:?}");
        }
    }
}
