//! What kind of text a code block holds, by its info string.

use crate::document::Fence;

/// Languages whose blocks are commands.
const SHELLS: &[&str] = &["bash", "sh", "shell", "zsh", "console", "shell-session", "terminal"];

/// What a code block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FenceKind {
    /// Tagged as shell: commands.
    Shell,
    /// Tagged `output`: what the commands before it print.
    Output,
    /// A MyST directive (`{note}`): prose.
    Prose,
    /// Untagged, or another language.
    Other,
}

/// Tells the kind of a code block.
pub(super) fn kind(fence: &Fence) -> FenceKind {
    let Some(language) = fence.language() else { return FenceKind::Other };
    if language.starts_with('{') {
        FenceKind::Prose
    } else if is_shell(&language) {
        FenceKind::Shell
    } else if language == "output" {
        FenceKind::Output
    } else {
        FenceKind::Other
    }
}

/// Whether a language is a shell we run.
pub fn is_shell(language: &str) -> bool {
    SHELLS.contains(&language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_the_info_string_decides() {
        for (info, wanted) in [
            ("bash", FenceKind::Shell),
            ("Bash title=x", FenceKind::Shell),
            ("shell-session", FenceKind::Shell),
            ("console,ignore", FenceKind::Shell),
            ("output", FenceKind::Output),
            ("{note}", FenceKind::Prose),
            ("", FenceKind::Other),
            ("yaml", FenceKind::Other),
            ("shel", FenceKind::Other),
            ("fish", FenceKind::Other),
        ] {
            let fence = Fence {
                info: info.into(),
                fenced: true,
                closed: true,
                text: String::new(),
                lines: Vec::new(),
                span: Default::default(),
                line: 1,
            };
            assert_eq!(kind(&fence), wanted, "{info:?}");
        }
    }
}
