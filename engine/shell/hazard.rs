//! Commands that cannot simply be run and waited for: [`hazard`].
//!
//! A heuristic on program, subcommand and options; words in URLs, script names and arguments never
//! count, and what a script does inside is not seen.

mod container;

use super::invocation::{Reach, arguments, base_name, unwrap};
use super::{Command, Endless, Hazard, Word, parse};
use Hazard::{Interactive, MayAsk, OpensShell};

const FOLLOW: Option<Hazard> = Some(Hazard::Endless(Endless::Follow));

/// Deeper nesting of commands in commands is not looked at.
const MAX_DEPTH: usize = 4;

/// What keeps `command` from being run and waited for; `text` is the text it was parsed from.
pub fn hazard(command: &Command, text: &str) -> Option<Hazard> {
    of_words(&command.words, command.fed, text, 0)
}

fn of_words(words: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    if depth > MAX_DEPTH {
        return None;
    }
    let outer = words.first().map_or("", |word| base_name(&word.shape));
    let asks = matches!(outer, "sudo" | "doas");
    let found = unwrap(words);
    let Some(program) = found.words.first() else {
        let given = arguments(words.get(1..).unwrap_or_default(), &["-u", "-g"], Reach::Leading);
        let opens = asks && given.has(&["-i", "-s", "--login", "--shell"]);
        return if opens && !fed { Some(OpensShell) } else { asks.then_some(MayAsk) };
    };
    // `xargs` and `nohup` run their command without the terminal.
    let fed = fed || found.wrappers.iter().any(|wrapper| matches!(*wrapper, "xargs" | "nohup"));
    let own = own(base_name(&program.shape), &found.words[1..], fed, text, depth);
    let bounded = found.wrappers.iter().any(|wrapper| wrapper.ends_with("timeout"));
    match own {
        Some(Hazard::Endless(_)) if bounded => asks.then_some(MayAsk),
        None => asks.then_some(MayAsk),
        own => own,
    }
}

/// The place of the host among the arguments of `ssh`.
pub(super) fn ssh_host(rest: &[Word]) -> Option<usize> {
    arguments(rest, SSH, Reach::Leading).places.first().copied()
}

const SSH: &[&str] = &[
    "-b", "-B", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p", "-Q",
    "-R", "-S", "-W", "-w",
];

const SHELLS: &[&str] = &["bash", "sh", "zsh", "dash", "ash", "ksh", "fish"];

fn own(name: &str, rest: &[Word], fed: bool, text: &str, depth: usize) -> Option<Hazard> {
    let given = arguments(rest, &[], Reach::All);
    let first = given.at(0);
    let typed = |needs: bool| (needs && !fed).then_some(Interactive);
    match name {
        "watch" => watch(rest, text),
        "tail" if given.has(&["-f", "-F", "--follow", "--retry"]) => FOLLOW,
        "top" | "atop" | "iotop" | "iftop" | "nethogs" => {
            let ends = given.has(&["-n", "--iter", "-h", "-v"]);
            if ends { None } else { FOLLOW }
        }
        "vmstat" | "iostat" | "mpstat" | "pidstat" | "sar" => {
            let numbers = given.plain.iter().filter(|word| word.parse::<f64>().is_ok()).count();
            if numbers == 1 { FOLLOW } else { None }
        }
        "ping" | "ping6" => {
            if given.has(&["-c", "-w"]) {
                None
            } else {
                FOLLOW
            }
        }
        "tcpdump" | "ngrep" => {
            if given.has(&["-c", "-r", "-n1"]) && !fed {
                None
            } else {
                FOLLOW
            }
        }
        "journalctl" if given.has(&["-f", "--follow"]) => FOLLOW,
        "dmesg" if given.has(&["-w", "-W", "--follow", "--follow-new"]) => FOLLOW,
        "inotifywait" if given.has(&["-m", "--monitor"]) => FOLLOW,
        "strace" if given.has(&["-p", "--attach"]) => FOLLOW,
        "stern" if !given.has(&["--no-follow"]) => FOLLOW,
        "nc" | "ncat" if given.has(&["-l", "--listen"]) => FOLLOW,
        "kafka-console-consumer" | "kafka-console-consumer.sh"
            if !given.has(&["--max-messages", "--timeout-ms"]) =>
        {
            FOLLOW
        }
        "vi"
        | "vim"
        | "nvim"
        | "nano"
        | "emacs"
        | "pico"
        | "ed"
        | "visudo"
        | "vipw"
        | "less"
        | "more"
        | "most"
        | "man"
        | "htop"
        | "btop"
        | "ctop"
        | "k9s"
        | "lazydocker"
        | "passwd"
        | "chsh"
        | "mysql_secure_installation"
        | "telnet"
        | "ftp"
        | "irb"
        | "pry"
        | "iex"
        | "ncdu"
        | "cfdisk"
        | "dialog"
        | "whiptail" => Some(Interactive),
        "mtr" if !given.has(&["-r", "-w", "--report", "--report-wide", "-c", "--json", "-j"]) => {
            Some(Interactive)
        }
        "crontab" if given.has(&["-e"]) => Some(Interactive),
        "fdisk" | "parted" => typed(!given.has(&["-l", "-s", "--script"])),
        "gdb" => typed(!given.has(&["-batch", "--batch"])),
        "screen" | "tmux" => typed(
            !given.has(&["-d", "-ls", "-X", "-list", "-dmS"])
                && !matches!(first, "ls" | "kill-session" | "send-keys"),
        ),
        "python" | "python3" | "node" | "ruby" | "php" | "erl" | "clojure" | "scala" => {
            if given.plain == ["http.server"] { FOLLOW } else { typed(rest.is_empty()) }
        }
        "rails" | "rake" => typed(matches!(first, "c" | "console" | "dbconsole" | "db")),
        "bundle" | "bin/rails" | "gitlab-rails" | "./manage.py" | "manage.py" => {
            let consoles = ["console", "c", "dbconsole", "shell", "dbshell"];
            typed(consoles.iter().any(|word| given.plain.last() == Some(word)))
        }
        "psql" => {
            let valued = ["-c", "--command", "-f", "--file", "-d", "-h", "-p", "-U"];
            typed(!arguments(rest, &valued, Reach::All).has(&[
                "-c",
                "--command",
                "-f",
                "--file",
                "-l",
                "--list",
                "--version",
            ]))
        }
        "mysql" | "mariadb" => typed(!given.has(&["-e", "--execute", "--version", "-V"])),
        "mongo" | "mongosh" => typed(
            !given.has(&["--eval", "--version", "-f", "--file"])
                && !given.plain.iter().any(|word| word.ends_with(".js")),
        ),
        "cqlsh" => typed(!given.has(&["-e", "--execute", "-f", "--file"])),
        "clickhouse-client" => typed(!given.has(&["-q", "--query"])),
        "sqlite3" => typed(given.plain.len() < 2 && !given.has(&["--version"])),
        "redis-cli" | "valkey-cli" => {
            let valued = [
                "-h", "-p", "-a", "-n", "-u", "-s", "-r", "-i", "--user", "--pass", "--cacert", "--cert",
                "--key",
            ];
            let given = arguments(rest, &valued, Reach::Leading);
            if given.has(&["--stat", "--latency", "--latency-history"])
                || given.at(0).eq_ignore_ascii_case("monitor")
            {
                return FOLLOW;
            }
            typed(
                given.plain.is_empty()
                    && !given.has(&[
                        "--version",
                        "--scan",
                        "--bigkeys",
                        "--memkeys",
                        "--hotkeys",
                        "--eval",
                        "--rdb",
                    ]),
            )
        }
        "read" | "select" => (!fed).then_some(MayAsk),
        "kinit" | "ssh-copy-id" => Some(MayAsk),
        "scp" | "rsync" => given.plain.iter().any(|word| word.contains(':')).then_some(MayAsk),
        "sftp" => {
            if given.has(&["-b"]) {
                Some(MayAsk)
            } else {
                typed(true)
            }
        }
        "apt" | "apt-get" | "yum" | "dnf" => {
            let acts = [
                "install",
                "remove",
                "purge",
                "upgrade",
                "dist-upgrade",
                "full-upgrade",
                "autoremove",
                "update",
            ];
            let asks = acts.contains(&first) && first != "update"
                || name != "apt" && name != "apt-get" && first == "update";
            (asks && !given.has(&["-y", "--yes", "--assume-yes", "-q=2"])).then_some(MayAsk)
        }
        "terraform" | "tofu" | "terragrunt" => {
            let asks =
                matches!(first, "apply" | "destroy") && !given.has(&["-auto-approve", "--auto-approve"]);
            if first == "console" { typed(true) } else { asks.then_some(MayAsk) }
        }
        "su" => {
            let command = given.has(&["-c", "--command"]);
            if command { Some(MayAsk) } else { (!fed).then_some(OpensShell) }
        }
        "ssh" => ssh(rest, fed, depth),
        "chroot" | "nsenter" | "unshare" => {
            let given = arguments(rest, &["-t", "-S", "-G"], Reach::Leading);
            match given.places.first() {
                Some(place) if name == "chroot" => match &rest[place + 1..] {
                    [] => (!fed).then_some(OpensShell),
                    inner => of_words(inner, fed, text, depth + 1),
                },
                Some(place) => of_words(&rest[*place..], fed, text, depth + 1),
                None => (!fed).then_some(OpensShell),
            }
        }
        shell if SHELLS.contains(&shell) => {
            let inner = arguments(rest, &["-c", "-o", "-O"], Reach::All);
            match inner.value(&["-c"]) {
                Some(inner) => of_text(inner, fed, depth),
                None => (inner.plain.is_empty() && !fed && !given.has(&["--version"])).then_some(OpensShell),
            }
        }
        "eval" => {
            let words = rest.iter().map(|word| word.shape.as_str()).collect::<Vec<_>>();
            of_text(&words.join(" "), fed, depth)
        }
        "systemctl" if first == "edit" => Some(Interactive),
        "git" => typed(match first {
            "commit" => !given.has(&["-m", "-F", "-C", "--no-edit", "--message", "-am"]),
            "rebase" => given.has(&["-i", "--interactive"]),
            "add" | "checkout" | "stash" => given.has(&["-p", "-i", "--patch", "--interactive"]),
            _ => false,
        }),
        "docker" | "podman" | "nerdctl" => container::docker(rest, fed, text, depth),
        "docker-compose" | "podman-compose" => container::compose(rest, fed, text, depth),
        "kubectl" | "oc" => container::kubectl(rest, fed, text, depth),
        "aws" => match (first, given.at(1)) {
            ("ssm", "start-session") => (!fed).then_some(OpensShell),
            ("ecs", "execute-command") => typed(true),
            ("configure", "") | ("configure", "sso") => typed(true),
            ("sso", "login") => Some(MayAsk),
            ("logs", "tail") if given.has(&["--follow"]) => FOLLOW,
            _ => None,
        },
        "gcloud" if given.plain.contains(&"ssh") => {
            if given.has(&["--command"]) {
                Some(MayAsk)
            } else {
                (!fed).then_some(OpensShell)
            }
        }
        "gcloud" | "az" if given.plain.contains(&"login") => Some(MayAsk),
        "minikube" | "vagrant" | "flyctl" if first == "ssh" => {
            (!fed && given.plain.len() < 3).then_some(OpensShell)
        }
        "heroku" if given.has(&["-t", "--tail"]) => FOLLOW,
        "vault" if first == "login" => Some(MayAsk),
        _ => None,
    }
}

/// The first hazard of a text that another shell runs.
fn of_text(text: &str, fed: bool, depth: usize) -> Option<Hazard> {
    if depth > MAX_DEPTH {
        return None;
    }
    let script = parse(text);
    script.commands().find_map(|command| of_words(&command.words, fed || command.fed, text, depth + 1))
}

fn watch(rest: &[Word], text: &str) -> Option<Hazard> {
    let valued = ["-n", "--interval", "-q", "--equexit"];
    let given = arguments(rest, &valued, Reach::Leading);
    let inner = &rest[*given.places.first()?..];
    let seconds =
        given.value(&["-n", "--interval"]).and_then(|value| value.replace(',', ".").parse::<f64>().ok());
    // `watch` itself goes no faster than ten times a second.
    let every_ms = seconds
        .filter(|value| value.is_finite())
        .map_or(2_000, |value| (value.clamp(0.1, 86_400.0) * 1_000.0) as u64);
    let source = text.get(inner.first()?.span.start..inner.last()?.span.end).unwrap_or_default();
    let command = if given.has(&["-x", "--exec"]) {
        source.to_owned()
    } else if inner.iter().all(|word| word.literal.is_some()) {
        // It joins its arguments and gives them to a shell.
        inner.iter().filter_map(|word| word.literal.as_deref()).collect::<Vec<_>>().join(" ")
    } else {
        format!("eval {source}")
    };
    Some(Hazard::Endless(Endless::Watch { command, every_ms }))
}

fn ssh(rest: &[Word], fed: bool, depth: usize) -> Option<Hazard> {
    let given = arguments(rest, SSH, Reach::Leading);
    if given.has(&["-V", "-G", "-Q", "-O"]) {
        return None;
    }
    let place = *given.places.first()?;
    let inner = rest[place + 1..].iter().map(|word| word.shape.as_str()).collect::<Vec<_>>().join(" ");
    if given.has(&["-N"]) {
        return if given.has(&["-f"]) { Some(MayAsk) } else { FOLLOW };
    }
    if inner.is_empty() {
        return Some(if fed || given.has(&["-f", "-T"]) { MayAsk } else { OpensShell });
    }
    of_text(&inner, fed, depth).or(Some(MayAsk))
}

#[cfg(test)]
#[path = "hazard/tests.rs"]
mod tests;
