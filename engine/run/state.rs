//! What a shell is like between two steps, as a script that makes a new one like it. Pure.
//!
//! Only what differs from a shell that has just started is kept: variables, functions, aliases, options,
//! umask and the directory. Jobs, descriptors and traps cannot come back and are named; what holds a secret
//! is left out and named, too.

use super::mask::Mask;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Variables that are the shell's own and not a document's.
const OWN: &[&str] = &[
    "_",
    "COLUMNS",
    "COPROC",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "HOSTTYPE",
    "LINENO",
    "LINES",
    "MACHTYPE",
    "OLDPWD",
    "OSTYPE",
    "PIPESTATUS",
    "PPID",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
];

/// What stands before the name of something that does not come back.
pub(crate) const LOST: &str = "# does not come back: ";

/// What a shell said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    directory: String,
    umask: String,
    /// Commands that set the options that are on, in the shell's order.
    options: Vec<String>,
    /// Declarations by name.
    variables: BTreeMap<String, String>,
    /// Definitions by name, with their attributes.
    functions: BTreeMap<String, String>,
    aliases: Vec<String>,
    /// Jobs and descriptors, for people.
    others: Vec<String>,
}

impl State {
    /// Reads what `__rb_dump` printed: parts ended by NUL. None if it is not whole.
    pub(super) fn read(dump: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(dump);
        let mut parts = text.split('\0');
        let mut part = || parts.next();
        let (directory, umask, options) = (part()?.to_owned(), part()?.trim().to_owned(), options(part()?));
        let (variables, aliases) = (variables(part()?), lines(part()?));
        let (jobs, descriptors, exported) = (lines(part()?), part()?.trim().to_owned(), lines(part()?));
        let mut functions = BTreeMap::new();
        let mut rest: Vec<&str> = parts.collect();
        // Behind the last NUL there is nothing; a cut dump ends in the middle of something.
        if rest.pop()? != "end" {
            return None;
        }
        for definition in rest {
            let name = definition.split_whitespace().next()?.to_owned();
            // What the engine itself defined is defined again by itself.
            if definition.contains("__rb_") {
                continue;
            }
            let mut text = definition.trim_end().to_owned();
            if exported.iter().any(|line| line.ends_with(&format!(" {name}")) && line.contains('x')) {
                let _ = write!(text, "\nbuiltin declare -fx {name}");
            }
            functions.insert(name, text);
        }
        let mut others: Vec<String> = jobs.into_iter().map(|job| format!("job {}", job.trim())).collect();
        others.extend(descriptors.split_whitespace().map(|number| format!("descriptor {number}")));
        Some(Self { directory, umask, options, variables, functions, aliases, others })
    }

    /// The script that makes a shell like `base` like this one. Its last status says whether it is in the
    /// right directory.
    pub(super) fn script(&self, base: &Self, mask: &Mask) -> String {
        let mut out = String::new();
        // The shell has descriptors of its own.
        let mut lost: Vec<String> =
            self.others.iter().filter(|other| !base.others.contains(other)).cloned().collect();
        let mut keep = |what: String, text: &str| {
            if mask.holds(text) {
                lost.push(format!("{what}, which holds a secret"));
            } else {
                let _ = writeln!(out, "{text}");
            }
        };
        for (name, text) in &self.variables {
            if base.variables.get(name) != Some(text) {
                keep(format!("variable {name}"), text);
            }
        }
        for name in base.variables.keys().filter(|name| !self.variables.contains_key(*name)) {
            keep(String::new(), &format!("builtin unset -v {name}"));
        }
        for (name, text) in &self.functions {
            if base.functions.get(name) != Some(text) {
                keep(format!("function {name}"), text);
            }
        }
        for line in self.aliases.iter().filter(|line| !base.aliases.contains(line)) {
            keep("an alias".to_owned(), line);
        }
        // Options last: what stands before must not fail because of one.
        for line in self.options.iter().filter(|line| !base.options.contains(line)) {
            keep(String::new(), &format!("builtin {line}"));
        }
        for line in base.options.iter().filter(|line| !self.options.contains(line)) {
            let off = line.replacen(" -o ", " +o ", 1).replacen(" -s ", " -u ", 1);
            keep(String::new(), &format!("builtin {off}"));
        }
        if self.umask != base.umask {
            let _ = writeln!(out, "builtin umask {}", self.umask);
        }
        let head: String = lost.iter().map(|what| format!("{LOST}{}\n", what.replace('\n', " "))).collect();
        let directory = quoted(&self.directory);
        let _ = write!(out, "builtin cd -- {directory} && [[ $PWD == {directory} ]]");
        head + &out + "\n"
    }
}

/// What a kept script says does not come back.
pub fn lost(script: &str) -> impl Iterator<Item = &str> {
    script.lines().map_while(|line| line.strip_prefix(LOST))
}

/// The options that are on, from `$SHELLOPTS` and `$BASHOPTS`, as commands that set them.
fn options(part: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in part.lines() {
        let Some((command, names)) = line.split_once(' ') else { continue };
        let on = if command == "set" { "-o" } else { "-s" };
        let names = names.split(':').filter(|name| !name.is_empty());
        all.extend(names.map(|name| format!("{command} {on} {name}")));
    }
    all
}

fn lines(part: &str) -> Vec<String> {
    part.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// Declarations by name. A value with line breaks may go on over lines that begin with no `declare`.
fn variables(part: &str) -> BTreeMap<String, String> {
    let mut declarations: Vec<String> = Vec::new();
    for line in part.lines() {
        match declarations.last_mut() {
            Some(last) if !line.starts_with("declare -") => {
                last.push('\n');
                last.push_str(line);
            }
            _ => declarations.push(line.to_owned()),
        }
    }
    let named = declarations.into_iter().filter_map(|text| {
        let name = text.split(' ').nth(2)?.split('=').next()?.to_owned();
        // Without `builtin`, which would take `=(…)` for a syntax error; no function is restored before.
        Some((name, text))
    });
    named.filter(|(name, _)| is_of_the_document(name)).collect()
}

fn is_of_the_document(name: &str) -> bool {
    !OWN.contains(&name) && !["BASH", "__rb", "COMP_", "READLINE_"].iter().any(|own| name.starts_with(own))
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(directory: &str, options: &str, variables: &str, functions: &[&str]) -> Vec<u8> {
        let mut parts = vec![directory, "0022\n", options, variables, "", "", "", "declare -fx f\n"];
        parts.extend(functions);
        parts.push("end");
        parts.join("\0").into_bytes()
    }

    fn base() -> State {
        let variables = "declare -x HOME=\"/root\"\ndeclare -- IFS=$' \\t\\n'\ndeclare -- gone=\"1\"\n";
        State::read(&dump("/", "set hashall\nshopt cmdhist:extglob\n", variables, &[])).expect("is whole")
    }

    #[test]
    fn only_what_differs_is_kept() {
        let variables = "declare -x HOME=\"/root\"\ndeclare -- IFS=$' \\t\\n'\ndeclare -a list=([0]=\"a\")\n\
                         declare -- text=\"one\ntwo\"\ndeclare -i RANDOM=\"7\"\ndeclare -- __rb_q=\"0\"\n";
        let functions = ["f () \n{ \n    echo hi\n}\n", "curl () \n{ \n    __rb_a\n}\n"];
        let state =
            State::read(&dump("/srv/it's", "set hashall:errexit\nshopt cmdhist\n", variables, &functions));
        assert_eq!(
            state.expect("is whole").script(&base(), &Mask::default()),
            "declare -a list=([0]=\"a\")\n\
             declare -- text=\"one\ntwo\"\n\
             builtin unset -v gone\n\
             f () \n{ \n    echo hi\n}\nbuiltin declare -fx f\n\
             builtin set -o errexit\n\
             builtin shopt -u extglob\n\
             builtin cd -- '/srv/it'\\''s' && [[ $PWD == '/srv/it'\\''s' ]]\n"
        );
        assert_eq!(base().script(&base(), &Mask::default()), "builtin cd -- '/' && [[ $PWD == '/' ]]\n");
    }

    #[test]
    fn what_holds_a_secret_is_left_out_and_named() {
        let mask = Mask::new(["s3\"cr$t".to_owned(), "two\nlines".to_owned()]);
        let variables =
            "declare -- a=\"x s3\\\"cr\\$t y\"\ndeclare -- b=$'two\\nlines'\ndeclare -- c=\"ok\"\n";
        let state = State::read(&dump("/", "", variables, &["f () \n{ \n    echo s3\"cr$t\n}\n"]));
        let script = state.expect("is whole").script(&State::default(), &mask);
        assert_eq!(
            script,
            "# does not come back: variable a, which holds a secret\n\
             # does not come back: variable b, which holds a secret\n\
             # does not come back: function f, which holds a secret\n\
             declare -- c=\"ok\"\nbuiltin umask 0022\nbuiltin cd -- '/' && [[ $PWD == '/' ]]\n"
        );
        assert_eq!(lost(&script).count(), 3);
    }

    #[test]
    fn a_dump_that_is_cut_is_none() {
        let whole = dump("/", "set hashall\n", "declare -- a=\"1\"\n", &["f () \n{ \n    a\n}\n"]);
        for end in 0..whole.len() {
            assert_eq!(State::read(&whole[..end]), None, "{end}");
        }
        assert!(State::read(&whole).is_some());
    }
}
