//! Hazards of commands that reach into containers: logs that are followed, terminals, shells.

use super::super::invocation::{Arguments, Reach, arguments};
use super::{FOLLOW, SHELLS, of_words};
use crate::shell::Hazard::{self, Interactive, MayAsk, OpensShell};
use crate::shell::Word;

pub(super) fn docker(rest: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    let globals =
        arguments(rest, &["-H", "--host", "--context", "-l", "--log-level", "--config"], Reach::Leading);
    let after = &rest[globals.places.first()? + 1..];
    let given = arguments(after, &["-n", "--tail", "--since", "--until"], Reach::All);
    match globals.at(0) {
        "compose" => compose(after, fed, text, depth),
        "logs" if given.has(&["-f", "--follow"]) => FOLLOW,
        "service" if given.at(0) == "logs" && given.has(&["-f", "--follow"]) => FOLLOW,
        "stats" if !given.has(&["--no-stream"]) => FOLLOW,
        "events" if !given.has(&["--until"]) => FOLLOW,
        "attach" => Some(Interactive),
        "login" => (!fed && !given.has(&["-p", "--password", "--password-stdin"])).then_some(MayAsk),
        "system" | "container" | "image" | "volume" | "network" if given.at(0) == "prune" => {
            (!fed && !given.has(&["-f", "--force"])).then_some(MayAsk)
        }
        "exec" | "run" => in_container(after, fed, text, depth),
        _ => None,
    }
}

pub(super) fn compose(rest: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    let valued = ["-f", "--file", "-p", "--project-name", "--env-file", "--profile", "--project-directory"];
    let globals = arguments(rest, &valued, Reach::Leading);
    let after = &rest[globals.places.first()? + 1..];
    let given = arguments(after, &["-n", "--tail"], Reach::All);
    match globals.at(0) {
        "logs" if given.has(&["-f", "--follow"]) => FOLLOW,
        "up" if !given.has(&["-d", "--detach", "--wait", "--no-start"]) => FOLLOW,
        "events" => FOLLOW,
        "rm" if !given.has(&["-f", "--force"]) => (!fed).then_some(MayAsk),
        // `docker compose exec` takes a terminal unless told not to.
        "exec" | "run" if !given.has(&["-T", "--no-TTY", "--no-tty", "-d", "--detach"]) => {
            in_container(after, fed, text, depth).or_else(|| shell_inside(after, fed))
        }
        _ => None,
    }
}

const CONTAINER: &[&str] = &[
    "-u",
    "--user",
    "-w",
    "--workdir",
    "-e",
    "--env",
    "--env-file",
    "--detach-keys",
    "--name",
    "-v",
    "--volume",
    "-p",
    "--publish",
    "--network",
    "--entrypoint",
    "--index",
    "-h",
    "--hostname",
    "--mount",
    "-l",
    "--label",
    "-m",
];

/// `exec [-it] NAME CMD…` and `run [-it] IMAGE CMD…`.
fn in_container(rest: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    let given = arguments(rest, CONTAINER, Reach::Leading);
    let interactive = given.has(&["-i", "--interactive"]);
    if interactive && let Some(opened) = shell_inside(rest, fed) {
        return Some(opened);
    }
    if given.has(&["-t", "--tty"]) && !fed {
        return Some(Interactive);
    }
    let inner = of_words(rest.get(given.places.first()? + 1..)?, fed || !interactive, text, depth + 1);
    inner.filter(|inner| interactive || matches!(inner, Hazard::Endless(_)))
}

fn shell_inside(rest: &[Word], fed: bool) -> Option<Hazard> {
    let given = arguments(rest, CONTAINER, Reach::Leading);
    let mut inner = rest[given.places.first()? + 1..].iter().map(|word| word.shape.as_str());
    opens(&mut inner, fed)
}

/// Whether these words are a shell and nothing for it to do.
fn opens<'w>(words: &mut impl Iterator<Item = &'w str>, fed: bool) -> Option<Hazard> {
    let shell = words.next().map(|word| word.rsplit('/').next().unwrap_or(word))?;
    let only_flags = words.all(|word| matches!(word, "-l" | "-i" | "-li" | "-il" | "--login"));
    (SHELLS.contains(&shell) && only_flags && !fed).then_some(OpensShell)
}

pub(super) fn kubectl(rest: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    let dashes = rest.iter().position(|word| word.shape == "--").unwrap_or(rest.len());
    let inner = rest.get(dashes + 1..).unwrap_or_default();
    let valued = [
        "-n",
        "--namespace",
        "--context",
        "--kubeconfig",
        "-c",
        "--container",
        "-l",
        "--selector",
        "-o",
        "--output",
        "-f",
        "--filename",
        "--image",
        "--tail",
        "--since",
    ];
    // `-f` follows in `logs` and names a file elsewhere.
    let logs = rest[..dashes].iter().any(|word| word.shape == "logs");
    let valued = valued.iter().copied().filter(|name| !(logs && *name == "-f")).collect::<Vec<_>>();
    let given: Arguments<'_> = arguments(&rest[..dashes], &valued, Reach::All);
    let terminal = given.has(&["-t", "--tty"]);
    match given.at(0) {
        "logs" if given.has(&["-f", "--follow"]) => FOLLOW,
        "get" | "events" if given.has(&["-w", "--watch", "--watch-only"]) => FOLLOW,
        "port-forward" | "proxy" => FOLLOW,
        "edit" | "attach" => Some(Interactive),
        "login" => (!given.has(&["--token", "-p", "--password"])).then_some(MayAsk),
        "rsh" if given.plain.len() < 3 && inner.is_empty() => (!fed).then_some(OpensShell),
        "debug" if inner.is_empty() => (!fed).then_some(OpensShell),
        "exec" | "rsh" | "run" | "debug" => {
            let mut words = inner.iter().map(|word| word.shape.as_str());
            let mut plain = given.plain.iter().skip(2).copied();
            let interactive = given.has(&["-i", "--stdin"]);
            let opened = if inner.is_empty() { opens(&mut plain, fed) } else { opens(&mut words, fed) };
            if let Some(opened) = opened.filter(|_| interactive || terminal) {
                return Some(opened);
            }
            if terminal && !fed {
                return Some(Interactive);
            }
            of_words(inner, fed || !interactive, text, depth + 1)
                .filter(|inner| interactive || matches!(inner, Hazard::Endless(_)))
        }
        _ => None,
    }
}
