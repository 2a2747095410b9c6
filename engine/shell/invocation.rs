//! What a command runs: wrappers such as `sudo`, `env` and `timeout` taken off, options told apart.
//!
//! It looks at [`Word::shape`] only, so an expansion counts as a plain argument, never as an option.

use super::{UNKNOWN, Word};

/// A program and its arguments behind all wrappers.
pub(super) struct Invocation<'w> {
    /// Program and arguments; empty when a wrapper runs nothing.
    pub(super) words: &'w [Word],
    /// The wrappers taken off, outermost first.
    pub(super) wrappers: Vec<&'w str>,
}

/// One option and its value, as in `-X POST`, `-XPOST`, `--request=POST`.
pub(super) struct Opt<'w> {
    pub(super) name: &'w str,
    pub(super) value: Option<&'w str>,
}

/// A program's arguments, options told from the others.
pub(super) struct Arguments<'w> {
    pub(super) options: Vec<Opt<'w>>,
    /// Everything that is no option, in order.
    pub(super) plain: Vec<&'w str>,
    /// Index in the given words of each of `plain`.
    pub(super) places: Vec<usize>,
}

impl<'w> Arguments<'w> {
    /// Whether one of `names` was given.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|option| names.contains(&option.name))
    }

    /// The last value given to one of `names`.
    pub(super) fn value(&self, names: &[&str]) -> Option<&'w str> {
        self.options.iter().rev().find(|option| names.contains(&option.name))?.value
    }

    /// The argument at `index` that is no option, or nothing.
    pub(super) fn at(&self, index: usize) -> &'w str {
        self.plain.get(index).copied().unwrap_or_default()
    }
}

/// How far [`arguments`] reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reach {
    /// Options may stand anywhere; `--` ends them.
    All,
    /// The first argument that is no option ends them.
    Leading,
}

/// Tells options from arguments; `valued` are the options that take a value from the next word.
///
/// With [`Reach::Leading`], `plain` holds at most the first argument that is no option.
pub(super) fn arguments<'w>(words: &'w [Word], valued: &[&str], reach: Reach) -> Arguments<'w> {
    let mut found = Arguments { options: Vec::new(), plain: Vec::new(), places: Vec::new() };
    let mut ended = false;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let text = word.shape.as_str();
        let is_option = !ended && text.len() > 1 && text.starts_with('-');
        if !is_option {
            found.plain.push(text);
            found.places.push(index);
            if reach == Reach::Leading {
                break;
            }
        } else if text == "--" {
            ended = true;
        } else if let Some((name, value)) = text.split_once('=').filter(|_| text.starts_with("--")) {
            found.options.push(Opt { name, value: Some(value) });
        } else if text.starts_with("--") || valued.contains(&text) {
            let value = valued.contains(&text).then(|| words.get(index + 1)).flatten();
            found.options.push(Opt { name: text, value: value.map(|word| word.shape.as_str()) });
            index += usize::from(value.is_some());
        } else {
            index += cluster(text, words.get(index + 1), valued, &mut found.options);
        }
        index += 1;
    }
    found
}

/// Takes `-abc`: one option a letter up to the first that takes a value, which is the rest or the
/// next word. Gives the number of further words taken.
fn cluster<'w>(text: &'w str, next: Option<&'w Word>, valued: &[&str], options: &mut Vec<Opt<'w>>) -> usize {
    // Also under its whole name, for the programs that write long options with one dash.
    if text.len() > 2 {
        options.push(Opt { name: text, value: None });
    }
    for (at, letter) in text.char_indices().skip(1) {
        let Some(known) = short(letter) else { continue };
        let rest = &text[at + letter.len_utf8()..];
        if !valued.contains(&known) {
            options.push(Opt { name: known, value: None });
        } else if rest.is_empty() {
            options.push(Opt { name: known, value: next.map(|word| word.shape.as_str()) });
            return usize::from(next.is_some());
        } else {
            options.push(Opt { name: known, value: Some(rest) });
            return 0;
        }
    }
    0
}

/// `-x` for every letter and digit, so that options own no text.
fn short(letter: char) -> Option<&'static str> {
    const ALL: &str = "-a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w-x-y-z\
                       -A-B-C-D-E-F-G-H-I-J-K-L-M-N-O-P-Q-R-S-T-U-V-W-X-Y-Z-0-1-2-3-4-5-6-7-8-9";
    ALL.find(letter).filter(|_| letter.is_ascii_alphanumeric()).map(|at| &ALL[at - 1..=at])
}

/// Wrappers: name, options that take the next word, how many arguments come before the command.
const WRAPPERS: &[(&str, &[&str], usize)] = &[
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-D", "-R", "-r", "-t", "-T", "-U", "--user", "--group"], 0),
    ("doas", &["-u", "-C"], 0),
    ("env", &["-u", "-C", "--unset", "--chdir"], 0),
    ("time", &["-f", "-o"], 0),
    ("timeout", &["-k", "-s", "--kill-after", "--signal"], 1),
    ("gtimeout", &["-k", "-s"], 1),
    ("nohup", &[], 0),
    ("nice", &["-n", "--adjustment"], 0),
    ("ionice", &["-c", "-n", "--class", "--classdata"], 0),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("setsid", &[], 0),
    ("command", &[], 0),
    ("builtin", &[], 0),
    ("exec", &["-a"], 0),
    ("unbuffer", &[], 0),
    ("flock", &["-w", "-E", "--timeout"], 1),
    (
        "xargs",
        &["-I", "-n", "-P", "-L", "-d", "-a", "-E", "-s", "--max-args", "--max-procs", "--delimiter"],
        0,
    ),
];

/// Takes the wrappers off.
pub(super) fn unwrap(mut words: &[Word]) -> Invocation<'_> {
    let mut wrappers = Vec::new();
    while let Some(program) = words.first() {
        let name = base_name(&program.shape);
        let Some((_, valued, before)) = WRAPPERS.iter().find(|(wrapper, ..)| *wrapper == name) else { break };
        let given = arguments(&words[1..], valued, Reach::Leading);
        // `command -v x` looks for x, and `sudo -l` lists.
        if name == "command" && given.has(&["-v", "-V"]) || name == "sudo" && given.has(&["-l", "-v", "-k"]) {
            return Invocation { words: &[], wrappers };
        }
        wrappers.push(name);
        let first = given.places.first().map_or(words.len(), |place| 1 + place);
        let mut rest = &words[first..];
        while matches!(name, "sudo" | "env") && rest.first().is_some_and(is_assignment) {
            rest = &rest[1..];
        }
        words = rest.get(before.to_owned()..).unwrap_or_default();
    }
    Invocation { words, wrappers }
}

fn is_assignment(word: &Word) -> bool {
    word.shape.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The program's name without a system directory; any other path stays one.
pub(super) fn base_name(program: &str) -> &str {
    const SYSTEM: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    match program.rsplit_once('/') {
        Some((directory, name)) if SYSTEM.contains(&directory) => name,
        _ => program,
    }
}

/// Whether all of `text` is known.
pub(super) fn is_known(text: &str) -> bool {
    !text.contains(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::parse;

    fn words(text: &str) -> Vec<Word> {
        parse(text).commands().next().map(|command| command.words.clone()).unwrap_or_default()
    }

    #[test]
    fn wrappers_are_taken_off() {
        for (text, expected, wrappers) in [
            ("ls -l", "ls -l", ""),
            ("sudo -u postgres -n env A=1 B=2 psql -c x", "psql -c x", "sudo env"),
            ("timeout -k 5 30s nice -n 10 make", "make", "timeout nice"),
            ("/usr/bin/time -f %e ./x.sh", "./x.sh", "time"),
            ("xargs -r -n1 kill", "kill", "xargs"),
            ("command -v jq", "", ""),
            ("sudo", "", "sudo"),
            ("./sudo rm", "./sudo rm", ""),
        ] {
            let words = words(text);
            let found = unwrap(&words);
            let rest = found.words.iter().map(|word| word.shape.as_str()).collect::<Vec<_>>().join(" ");
            assert_eq!((rest.as_str(), found.wrappers.join(" ").as_str()), (expected, wrappers), "{text}");
        }
    }

    #[test]
    fn options_are_told_from_arguments() {
        let words = words("x -sXPOST --data=a -o f u -- -v");
        let found = arguments(&words[1..], &["-X", "-o"], Reach::All);
        assert_eq!(found.value(&["-X"]), Some("POST"));
        assert_eq!(found.value(&["--data"]), Some("a"));
        assert_eq!(found.value(&["-o"]), Some("f"));
        assert!(found.has(&["-s"]) && !found.has(&["-v"]));
        assert_eq!(found.plain, ["u", "-v"]);
        assert_eq!(found.places, [4, 6]);
    }
}
