//! Whether a text leaves the shell that runs it as it was.

use super::builtins::is_builtin;
use super::model::{Command, Inside, Script};

/// What bash does itself and what changes nothing of it.
const HARMLESS: [&str; 10] = [":", "[", "echo", "false", "help", "pwd", "test", "times", "true", "type"];

/// What may change a variable, start a job, name the shell or fork unseen where it stands in a word: arithmetic,
/// conditions, descriptors with a name, process substitutions.
const TELLING: [&str; 9] = ["((", "[[", "$[", "}>", "}<", ">(", "<(", "$$", "BASHPID"];

/// Whether the shell that runs `text`, which was parsed as `script`, is afterwards as it was before, but for
/// `$?`, `$_` and what bash counts for itself.
///
/// It says so of programs and the most harmless builtins, called by their names one after the other or in
/// pipelines, and of nothing else. It cannot see functions, aliases and traps of the shell: those who ask know
/// whether there are any.
pub fn leaves_no_trace(script: &Script, text: &str) -> bool {
    script.is_complete()
        && script.functions.is_empty()
        && script.statements.iter().all(|statement| !statement.background && !statement.commands.is_empty())
        && !TELLING.iter().any(|telling| text.contains(telling))
        && !has_lone_ampersand(text)
        && expansions(text).all(is_plain_expansion)
        && script.commands().all(is_traceless)
}

/// What changes the shell that runs it.
const SETTING: [&str; 18] = [
    ".", "alias", "cd", "declare", "dirs", "eval", "export", "local", "popd", "pushd", "readonly", "set",
    "shopt", "source", "typeset", "ulimit", "umask", "unset",
];

/// Whether a text sets something in the shell that runs it which the steps behind it may want: a variable, a function,
/// the directory, an option. What only looks and ends, however it ends, does not.
pub fn sets_something(script: &Script) -> bool {
    let sets = |command: &Command| {
        command.inside != Inside::Substitution
            && command.program().is_some_and(|program| SETTING.contains(&program))
    };
    !script.functions.is_empty() || !script.variables.set.is_empty() || script.commands().any(sets)
}

fn is_traceless(command: &Command) -> bool {
    match command.inside {
        // A process of its own.
        Inside::Substitution => true,
        Inside::Control | Inside::Function => false,
        Inside::Plain => match command.program() {
            None => false,
            Some("printf") => command.literal(1).is_some_and(|first| !first.starts_with('-')),
            Some(program) => HARMLESS.contains(&program) || !is_builtin(program),
        },
    }
}

/// `&` that is no part of `&&`, `&>`, `>&` or `<&`.
fn has_lone_ampersand(text: &str) -> bool {
    let mut rest = text.to_owned();
    for pair in ["&&", "&>", ">&", "<&"] {
        rest = rest.replace(pair, " ");
    }
    rest.contains('&')
}

/// What stands behind each `${`, to its first `}`.
fn expansions(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap_or(rest))
}

/// A name, alone or with something that only looks at it: `${x:=y}` and `${x[i++]}` do more.
fn is_plain_expansion(inner: &str) -> bool {
    let name = inner.trim_start_matches('#');
    let behind = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let mut behind = behind.chars();
    match behind.next() {
        None | Some('-' | '+' | '?' | '#' | '%' | '/' | '^' | ',') => !inner.contains('='),
        Some(':') => matches!(behind.next(), Some('-' | '+' | '?')) && !inner.contains('='),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn programs_in_sequence_leave_no_trace() {
        for text in [
            "",
            "# nothing",
            "true",
            "curl -fsS localhost:8000/health",
            "curl -s localhost | jq .",
            "docker compose restart api\ndocker compose ps",
            "curl -X POST \"localhost:8000/x\" -d '{\"a\": 1}' 2>&1 >/dev/null",
            "TZ=UTC date",
            "echo \"$HOME ${USER:-nobody} ${#HOME} $(date; x=1; cd /)\"",
            "cat <<E\n${HOME}\nE",
            "printf '%s\\n' a",
            "[ -e /x ]",
            "(exit 3) | true",
        ] {
            let said = leaves_no_trace(&parse(text), text);
            assert_eq!(said, !text.contains("exit"), "{text}");
        }
    }

    #[test]
    fn what_is_lost_with_the_shell_is_told_from_what_only_ran() {
        for (text, sets) in [
            ("curl -f localhost", false),
            ("exit 3", false),
            ("[[ $a == b ]]", false),
            ("if test -e x; then exit 1; fi", false),
            ("echo $(cd /; pwd)", false),
            ("./run.sh | grep -q up", false),
            ("x=1; exit 3", true),
            ("cd /srv && false", true),
            ("f() { :; }; false", true),
            ("read -r x; false", true),
            ("if true; then export A=1; fi; false", true),
            ("set -u; false", true),
        ] {
            assert_eq!(sets_something(&parse(text)), sets, "{text}");
        }
    }

    #[test]
    fn whatever_could_leave_one_does() {
        for text in [
            "x=1",
            "x=1 y=2",
            "export X=1",
            "cd /tmp",
            "f() { :; }",
            "f() { :; }; f",
            "sleep 1 &",
            "{ sleep 1 & }",
            "exec 3</dev/null",
            "set -e",
            "set -- a",
            "ulimit -n 5",
            "read -r x",
            "$cmd a",
            "\"$cmd\" a",
            "`cmd` a",
            "echo ${x:=1}",
            "echo \"${x=1}\"",
            "echo $((x=1))",
            "((x++))",
            "[[ a =~ b ]]",
            "for x in a b; do echo $x; done",
            "while read -r x; do :; done",
            "if true; then x=1; fi",
            "case a in *) ;; esac",
            "printf -v x a",
            "printf \"$f\" a",
            "eval x=1",
            ". ./x",
            "source x",
            "trap : EXIT",
            "echo ${x[i++]}",
            "echo ${x:i=1}",
            "cat {fd}</dev/null",
            "cat <(true)",
            "tee >(cat)",
            "echo $$",
            "echo $BASHPID",
            "exit 3",
            "command cd /",
            "builtin cd /",
            "time cd /",
            "! cd /",
            "if",
            "echo 'a",
            "hash -p /x y",
            "kill $$",
            "wait",
            "coproc cat",
            "let x=1",
            "unset x",
            "shopt -s lastpipe",
            "umask 0",
            "echo ${!x}",
            "echo ${x@P}",
        ] {
            assert!(!leaves_no_trace(&parse(text), text), "{text}");
        }
    }
}
