//! Effects of HTTP clients: the method decides, and the file an answer is written to.

use super::super::invocation::{Arguments, Reach, arguments, is_known};
use super::changes_if;
use crate::shell::Effect::{self, Changes, Destroys, Reads};
use crate::shell::Word;

/// The programs decided here.
pub(super) const PROGRAMS: &str = "\
    curl wget http https xh grpcurl";

pub(super) fn effect(name: &str, rest: &[Word]) -> Option<Effect> {
    match name {
        "curl" => Some(curl(rest)),
        "wget" => Some(wget(rest)),
        "http" | "https" | "xh" => Some(httpie(rest)),
        "grpcurl" => {
            let given = arguments(rest, &["-d", "-H", "-import-path", "-proto"], Reach::All);
            Some(changes_if(!matches!(given.plain.last().copied(), Some("list" | "describe"))))
        }
        _ => None,
    }
}

/// What a request with this method does.
fn method(name: &str) -> Effect {
    match name.to_ascii_uppercase().as_str() {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => Reads,
        "DELETE" => Destroys,
        _ => Changes,
    }
}

/// Options of curl that take a value.
const CURL_VALUED: &[&str] = &[
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
    "-P",
    "-Q",
    "-r",
    "-t",
    "-y",
    "-Y",
    "-z",
    "-D",
    "-U",
    "-h",
    "--request",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-ascii",
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
    "--capath",
    "--config",
    "--quote",
    "--range",
    "--dump-header",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--resolve",
    "--connect-to",
    "--interface",
    "--limit-rate",
    "--url",
    "--unix-socket",
    "--output-dir",
    "--trace",
    "--trace-ascii",
    "--stderr",
    "--max-redirs",
    "--oauth2-bearer",
    "--aws-sigv4",
    "--variable",
];

fn curl(rest: &[Word]) -> Effect {
    let given = arguments(rest, CURL_VALUED, Reach::All);
    let mut worst = Reads;
    // `--next` begins another request with options of its own.
    for options in given.options.split(|option| matches!(option.name, "--next" | "-:")) {
        let has = |names: &[&str]| options.iter().any(|option| names.contains(&option.name));
        let value = |names: &[&str]| {
            options.iter().rev().find(|option| names.contains(&option.name)).and_then(|option| option.value)
        };
        let sends = options.iter().any(|option| option.name == "-d" || option.name.starts_with("--data"));
        let effect = if let Some(name) = value(&["-X", "--request"]) {
            if is_known(name) { method(name) } else { Changes }
        } else if sends && !has(&["-G", "--get"]) || has(&["-F", "--form", "--form-string", "--json"]) {
            Changes
        } else {
            changes_if(has(&["-T", "--upload-file"]))
        };
        let writes =
            ["-o", "--output", "-D", "--dump-header", "-c", "--cookie-jar", "--trace", "--trace-ascii"];
        let files = options.iter().any(|option| {
            writes.contains(&option.name)
                && !matches!(option.value, Some("/dev/null" | "-" | "/dev/stderr" | "/dev/stdout"))
        });
        let other = has(&["-O", "--remote-name", "--remote-name-all", "-K", "--config", "-Q", "--quote"]);
        worst = worst.max(effect).max(changes_if(files || other));
    }
    worst
}

fn wget(rest: &[Word]) -> Effect {
    let given: Arguments<'_> = arguments(
        rest,
        &[
            "-O",
            "-o",
            "-a",
            "-t",
            "-T",
            "-P",
            "-U",
            "-i",
            "--output-document",
            "--method",
            "--body-data",
            "--post-data",
            "--post-file",
            "--header",
            "--timeout",
            "--tries",
        ],
        Reach::All,
    );
    let sent = match given.value(&["--method"]) {
        Some(name) if is_known(name) => method(name),
        Some(_) => Changes,
        None => changes_if(given.options.iter().any(|option| option.name.starts_with("--post"))),
    };
    let drops = matches!(given.value(&["-O", "--output-document"]), Some("-" | "/dev/null" | "/dev/stdout"));
    sent.max(changes_if(!(drops || given.has(&["--spider"])) || given.has(&["-o", "-a"])))
}

fn httpie(rest: &[Word]) -> Effect {
    let given =
        arguments(rest, &["-a", "--auth", "-o", "--output", "-p", "--print", "--timeout"], Reach::All);
    let first = given.at(0);
    let file = given.has(&["-o", "--output", "-d", "--download"]);
    let is_method = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_method {
        return method(first).max(changes_if(file));
    }
    // `name=value` is a body field, `name==value` a query, `name:value` a header.
    let body = given
        .plain
        .iter()
        .skip(1)
        .any(|item| item.contains('=') && !item.contains("==") || item.contains('@'));
    changes_if(body || file)
}
