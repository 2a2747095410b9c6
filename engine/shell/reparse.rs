//! Programs that read an argument or their input as a language of its own: [`argument`], [`reader`].
//!
//! Tables of well-known programs; one that no table knows is taken to use its arguments as they are.

use super::effect::is_known_program;
use super::invocation::{Reach, arguments, base_name, unwrap};
use super::{Command, UNKNOWN, Word};

/// What an argument is to its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// The program that runs.
    Command,
    /// The name of a shell variable, whose subscript bash would evaluate.
    Variable,
    /// Arithmetic.
    Arithmetic,
    /// Data.
    Data {
        /// Who reads it again.
        reparsed: Option<&'static str>,
        /// A line break in it would begin something else.
        one_line: bool,
        /// It begins what a program looks at, although not its word.
        begins: bool,
        /// The word is a URL without its scheme.
        address: bool,
    },
}

const SHELLS: &[&str] =
    &["sh", "bash", "zsh", "dash", "ash", "ksh", "fish", "su", "runuser", "flock", "script", "sg"];

/// Programs whose arguments are a command for somewhere else.
const CARRIERS: &[&str] = &[
    "docker",
    "podman",
    "nerdctl",
    "docker-compose",
    "podman-compose",
    "kubectl",
    "oc",
    "nsenter",
    "chroot",
    "unshare",
    "find",
    "su",
    "gcloud",
    "ssh",
    "bundle",
    "npx",
    "poetry",
    "minikube",
    "vagrant",
    "strace",
    "watch",
    "crictl",
    "ctr",
    "heroku",
    "rsync",
];

const HTTP: &[&str] = &["curl", "wget", "http", "https", "xh"];

/// What the word at `index` is, in which the place follows `before`; `whole`: it is all of the word.
pub(super) fn argument(words: &[Word], index: usize, before: &str, whole: bool) -> Argument {
    let found = unwrap(words);
    let skipped = words.len() - found.words.len();
    let data = |reparsed| Argument::Data { reparsed, one_line: false, begins: false, address: false };
    let Some(at) = index.checked_sub(skipped).filter(|_| !found.words.is_empty()) else {
        // `env -S` splits its argument.
        return data(words[..index].iter().any(|word| word.shape == "-S").then_some("env"));
    };
    if at == 0 {
        return Argument::Command;
    }
    let words = found.words;
    let shape = words[at].shape.as_str();
    let name = base_name(&words[0].shape);
    if let Some(special) = builtin(name, words, at) {
        return special;
    }
    let looks_json =
        shape.contains("{\"") || shape.contains("\":") || shape.trim_start().starts_with(['{', '[']);
    let everywhere = CARRIERS.contains(&name) || !is_known_program(name);
    let last = if everywhere { at } else { 1 };
    let reparsed = (0..last).find_map(|start| language(&words[start..], at - start, before));
    let is_http = HTTP.contains(&name);
    let option = words[at - 1].shape.as_str();
    let header =
        ["-H", "--header", "-A", "--user-agent", "-e", "--referer", "-b", "--cookie", "-u", "--user"];
    let one_line = is_http
        && (header.contains(&option)
            || option.starts_with('-')
                && !option.starts_with("--")
                && option.ends_with(['H', 'A', 'e', 'b', 'u'])
            || shape.starts_with("-H")
            || shape.starts_with("--header"));
    // `-d@file`, `-Fname=@file`, `name=@file`.
    let glued = before.len() == 2 && before.starts_with('-');
    let begins = is_http && (before.ends_with('=') && !before.contains(['/', '?']) || glued);
    let plain = || arguments(&words[1..], VALUED, Reach::All).places.contains(&(at - 1));
    let address = is_http && !whole && !before.starts_with('-') && (option == "--url" || plain());
    // httpie's plain arguments behind the URL are items.
    let address =
        address && !(before.contains('=') && name != "curl" && name != "wget" && !before.contains('/'));
    Argument::Data { reparsed: reparsed.or(looks_json.then_some("JSON")), one_line, begins, address }
}

/// Options of HTTP clients that take the next word.
const VALUED: &[&str] = &[
    "-X",
    "-d",
    "-F",
    "-T",
    "-o",
    "-H",
    "-u",
    "-A",
    "-b",
    "-c",
    "-e",
    "-m",
    "-w",
    "-x",
    "-E",
    "-C",
    "-K",
    "-D",
    "-O",
    "--request",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "--json",
    "--form",
    "--form-string",
    "--upload-file",
    "--output",
    "--header",
    "--user",
    "--user-agent",
    "--cookie",
    "--cookie-jar",
    "--referer",
    "--max-time",
    "--connect-timeout",
    "--write-out",
    "--proxy",
    "--cert",
    "--key",
    "--cacert",
    "--config",
    "--retry",
    "--retry-delay",
    "--resolve",
    "--connect-to",
    "--method",
    "--body-data",
    "--post-data",
    "--timeout",
    "--tries",
    "--oauth2-bearer",
];

/// Builtins that do more with an argument than use it.
fn builtin(name: &str, words: &[Word], at: usize) -> Option<Argument> {
    let previous = words[at - 1].shape.as_str();
    let valued = |letters: &[char]| {
        previous.len() > 1
            && previous.starts_with('-')
            && !previous.starts_with("--")
            && previous.ends_with(letters)
    };
    match name {
        "let" => Some(Argument::Arithmetic),
        "coproc" => Some(Argument::Command),
        "read" if !valued(&['p', 'd', 't', 'n', 'N', 'u', 'i']) => Some(Argument::Variable),
        "mapfile" | "readarray" | "getopts" | "unset" | "export" | "declare" | "local" | "typeset"
        | "readonly" | "compgen" | "complete" | "bind" | "enable" | "hash" | "wait" | "set" | "shopt" => {
            Some(Argument::Variable)
        }
        "printf" if valued(&['v']) => Some(Argument::Variable),
        "test" if valued(&['v', 'R']) => Some(Argument::Variable),
        _ => None,
    }
}

/// Whether word `at` is the value of one of the short or long options `names`, glued or not.
fn is_value(words: &[Word], at: usize, names: &[&str]) -> bool {
    let (own, previous) = (words[at].shape.as_str(), words[at - 1].shape.as_str());
    names.iter().any(|name| {
        if name.starts_with("--") {
            return previous == *name || own.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
        }
        let letter = name.trim_start_matches('-');
        let cluster = |text: &str| text.starts_with('-') && !text.starts_with("--") && text.len() > 1;
        previous == *name
            || letter.len() == 1 && cluster(previous) && previous.ends_with(letter)
            || own.starts_with(name)
            || letter.len() == 1
                && cluster(own)
                && own[1..].contains(letter)
                && !own[1..].starts_with(UNKNOWN)
    })
}

/// Who reads argument `at` of these words again, if they begin with such a program.
fn language(words: &[Word], at: usize, before: &str) -> Option<&'static str> {
    let program = words[0].shape.as_str();
    let name = program.rsplit('/').next().unwrap_or(program);
    let value = |names: &[&str]| is_value(words, at, names);
    let first =
        |valued: &[&str]| arguments(&words[1..], valued, Reach::All).places.first() == Some(&(at - 1));
    let when = |found: bool, name: &'static str| found.then_some(name);
    match name {
        "eval" => Some("eval"),
        "watch" => {
            when(!words[1..at].iter().any(|word| matches!(word.shape.as_str(), "-x" | "--exec")), "watch")
        }
        // `-o ProxyCommand=…` goes to a shell as well.
        "ssh" => {
            when(super::hazard::ssh_host(&words[1..]).is_some_and(|host| at > host) || value(&["-o"]), "ssh")
        }
        "scp" | "rsync" | "sftp" => when(words[at].shape.contains(':') || value(&["-e", "--rsh"]), "ssh"),
        "parallel" => Some("parallel"),
        "make" => Some("make"),
        "tmux" | "screen" => Some("a terminal multiplexer"),
        "salt" | "salt-call" => Some("salt"),
        "npm" | "yarn" | "pnpm" => Some("npm"),
        "trap" => when(at == 1, "trap"),
        "alias" => Some("alias"),
        "expr" => Some("expr"),
        "bc" | "dc" => Some("bc"),
        "at" | "batch" => Some("at"),
        "ansible" | "ansible-playbook" => when(value(&["-a", "-e", "--args", "--extra-vars"]), "ansible"),
        "printf" => when(first(&["-v"]), "printf"),
        "echo" => when(
            words[1..at].iter().any(|word| word.shape.starts_with('-') && word.shape.contains('e')),
            "echo -e",
        ),
        "psql" => when(value(&["-c", "--command", "-v", "--set", "--variable"]), "SQL"),
        "mysql" | "mariadb" => when(value(&["-e", "--execute", "--init-command"]), "SQL"),
        "cqlsh" => when(value(&["-e", "--execute"]), "SQL"),
        "clickhouse-client" | "snowsql" => when(value(&["-q", "--query"]), "SQL"),
        "sqlcmd" => when(value(&["-Q", "-q", "-v"]), "SQL"),
        "influx" => when(value(&["-execute"]), "SQL"),
        "sqlite3" => when(at > 1 || value(&["-cmd"]), "SQL"),
        "sqlplus" | "bq" => Some("SQL"),
        "mongo" | "mongosh" => when(value(&["--eval"]), "JavaScript"),
        "redis-cli" | "valkey-cli" => when(words[at].shape.contains(' '), "redis-cli"),
        "awk" | "gawk" | "mawk" | "nawk" => when(
            first(&["-F", "-v", "-f"]) || value(&["-v"]) || words[at].shape.contains('=') || value(&["-F"]),
            "awk",
        ),
        "sed" => when(first(&["-e", "-f", "-l"]) || value(&["-e", "--expression"]), "sed"),
        "jq" | "yq" | "gojq" => {
            let named = ["--arg", "--argjson", "--slurpfile", "--rawfile", "-f", "--indent"];
            let json = at > 1 && words[at - 2].shape == "--argjson";
            let text = at > 1 && words[at - 2].shape == "--arg";
            when(json || !text && first(&named), "jq")
        }
        "python" | "python2" | "python3" => when(value(&["-c"]), "Python"),
        "perl" => when(value(&["-e", "-E"]), "Perl"),
        "ruby" => when(value(&["-e"]), "Ruby"),
        "rails" | "gitlab-rails" => {
            when(words[1..at].iter().any(|word| matches!(word.shape.as_str(), "runner" | "r")), "Ruby")
        }
        "node" => when(value(&["-e", "-p", "--eval", "--print"]), "JavaScript"),
        "php" => when(value(&["-r"]), "PHP"),
        "kubectl" | "oc" => {
            let read = [
                "-l",
                "--selector",
                "--field-selector",
                "-p",
                "--patch",
                "-o",
                "--output",
                "--overrides",
                "--template",
                "--sort-by",
            ];
            // `logs -p` and the options behind `--` are others'.
            let own = !words[1..at].iter().any(|word| word.shape == "--");
            let long = read
                .iter()
                .any(|name| words[at - 1].shape == *name || words[at].shape.starts_with(&format!("{name}=")));
            when(own && long, "kubectl")
        }
        "docker" | "podman" => when(value(&["--format", "--filter"]), "docker"),
        "helm" => when(value(&["--set", "--set-string", "--set-json"]), "helm"),
        "aws" => when(before.contains(['=', ',']) || value(&["--query", "--cli-input-json"]), "aws"),
        "gcloud" | "az" => when(value(&["--query", "--filter", "--command", "--format"]), "a query"),
        "ldapsearch" => when(words[at].shape.starts_with('('), "LDAP"),
        "logcli" | "promtool" | "amtool" => when(words[at].shape.contains(['{', '(']), "a query"),
        "curl" => {
            let form = value(&["-F", "--form"]);
            let data = ["-d", "--data", "--data-raw", "--data-binary", "--data-ascii"];
            let field =
                data.iter().any(|name| words[at - 1].shape == *name || words[at].shape.starts_with(name))
                    && before
                        .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c))
                        .starts_with('=');
            when(form || field || value(&["-K", "--config"]), "a form")
        }
        shell if SHELLS.contains(&shell) => {
            let previous = words[at - 1].shape.as_str();
            let short = previous.starts_with('-') && !previous.starts_with("--") && previous.ends_with('c');
            when(short || value(&["--command"]), "a shell")
        }
        _ => None,
    }
}

/// The language that a command which is fed something reads, if any.
pub(super) fn reader(command: &Command) -> Option<&'static str> {
    let found = unwrap(&command.words);
    if found.wrappers.contains(&"xargs") || command.words.iter().any(|word| word.shape == "xargs") {
        return Some("xargs");
    }
    let name = base_name(&found.words.first()?.shape);
    let everywhere = CARRIERS.contains(&name) || !is_known_program(name);
    let last = if everywhere { found.words.len() } else { 1 };
    (0..last).find_map(|start| input(&found.words[start..]))
}

/// The language that a program reads from its standard input.
fn input(words: &[Word]) -> Option<&'static str> {
    let program = words[0].shape.as_str();
    let rest = &words[1..];
    let name = program.rsplit('/').next().unwrap_or(program);
    let no_script = |valued: &[&str]| {
        let given = arguments(rest, valued, Reach::All);
        given.plain.is_empty() || given.at(0) == "-" || given.has(&["-s"])
    };
    match name {
        "sh" | "bash" | "zsh" | "dash" | "ash" | "ksh" | "fish" | "su" => {
            no_script(&["-o", "-O"]).then_some("a shell")
        }
        "ssh" => Some("ssh"),
        "psql" | "mysql" | "mariadb" | "sqlite3" | "cqlsh" | "clickhouse-client" | "sqlplus" | "sqlcmd"
        | "influx" | "bq" => Some("SQL"),
        "mongo" | "mongosh" => Some("JavaScript"),
        "redis-cli" | "valkey-cli" => (!rest.iter().any(|word| word.shape == "-x")).then_some("redis-cli"),
        "python" | "python3" => no_script(&[]).then_some("Python"),
        "ruby" => no_script(&[]).then_some("Ruby"),
        "perl" => no_script(&[]).then_some("Perl"),
        "node" => no_script(&[]).then_some("JavaScript"),
        "php" => no_script(&[]).then_some("PHP"),
        "kubectl" | "oc" => {
            let file =
                |word: &Word| matches!(word.shape.as_str(), "-f-" | "-f" | "--filename=-" | "--filename");
            rest.iter().any(file).then_some("kubectl")
        }
        "source" | "." => Some("a shell"),
        "bc" | "dc" => Some("bc"),
        "at" | "batch" | "crontab" => Some("at"),
        "nc" | "ncat" | "socat" | "telnet" | "ftp" | "sftp" => Some("a connection"),
        "parallel" => Some("parallel"),
        "curl" => {
            rest.iter().any(|word| matches!(word.shape.as_str(), "-K" | "-K-" | "--config")).then_some("curl")
        }
        _ => None,
    }
}
