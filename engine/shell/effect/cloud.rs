//! Effects of the tools that speak to clouds and clusters as `noun verb` or `verb noun`.

use super::super::invocation::{Arguments, Reach, arguments};
use super::{changes_if, destroys_if};
use crate::shell::Effect::{self, Changes, Destroys, Reads};
use crate::shell::Word;

pub(super) fn terraform(rest: &[Word]) -> Effect {
    let given = arguments(rest, &[], Reach::All);
    match (given.at(0), given.at(1)) {
        ("plan" | "show" | "output" | "validate" | "version" | "providers" | "graph" | "console", _) => Reads,
        ("state" | "workspace", "list" | "show" | "pull") => Reads,
        ("fmt", _) => changes_if(!given.has(&["-check"])),
        ("destroy", _) | ("state", "rm") | ("workspace", "delete") => Destroys,
        _ => destroys_if(given.has(&["-destroy"])),
    }
}

pub(super) fn aws(rest: &[Word]) -> Effect {
    let valued = [
        "--profile",
        "--region",
        "--output",
        "--query",
        "--endpoint-url",
        "--desired-count",
        "--desired-capacity",
        "--cli-input-json",
        "--filters",
    ];
    let given = arguments(rest, &valued, Reach::All);
    let (service, operation) = (given.at(0), given.at(1));
    let begins = |verbs: &[&str]| verbs.iter().any(|verb| operation.starts_with(verb));
    match (service, operation) {
        ("s3", "ls" | "presign")
        | ("configure", "list" | "get" | "list-profiles")
        | ("logs", "tail")
        | (_, "wait" | "help") => Reads,
        ("s3", "rm" | "rb") => Destroys,
        ("s3", "sync") => destroys_if(given.has(&["--delete"])),
        ("s3" | "configure", _) => Changes,
        _ if begins(&[
            "describe-",
            "list-",
            "get-",
            "head-",
            "lookup-",
            "search",
            "batch-get-",
            "filter-",
            "validate-",
            "scan",
            "query",
        ]) =>
        {
            Reads
        }
        _ if begins(&[
            "delete-",
            "terminate-",
            "stop-",
            "deregister-",
            "purge-",
            "remove-",
            "batch-delete-",
            "reboot-",
        ]) =>
        {
            Destroys
        }
        _ => destroys_if(given.value(&["--desired-count", "--desired-capacity"]) == Some("0")),
    }
}

/// The first of `verbs` that stands among the leading arguments decides.
pub(super) fn verbs(given: &Arguments<'_>, groups: usize) -> Effect {
    const READ: &[&str] = &[
        "get",
        "list",
        "ls",
        "show",
        "describe",
        "status",
        "info",
        "version",
        "logs",
        "log",
        "view",
        "read",
        "search",
        "inspect",
        "diff",
        "history",
        "tail",
        "health",
        "validate",
        "explain",
        "query",
        "whoami",
        "top",
        "df",
        "members",
        "print-access-token",
        "metrics",
        "events",
        "wait",
        "proxy-status",
        "resources",
    ];
    const DESTROY: &[&str] = &[
        "delete",
        "destroy",
        "remove",
        "rm",
        "terminate",
        "stop",
        "kill",
        "purge",
        "drop",
        "uninstall",
        "del",
        "deallocate",
        "drain",
        "down",
        "shutdown",
        "reset",
        "wipe",
        "prune",
        "revoke",
    ];
    for verb in given.plain.iter().take(groups) {
        let is = |list: &[&str]| {
            list.iter().any(|known| {
                verb == known || verb.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'))
            })
        };
        if is(DESTROY) {
            return Destroys;
        }
        if is(READ) {
            return Reads;
        }
        // Behind a verb that acts, words are names.
        if is(&[
            "set", "create", "update", "apply", "patch", "put", "add", "start", "restart", "enable",
            "disable", "edit", "run", "exec", "install", "upgrade", "sync", "rollback", "promote", "import",
            "export", "login", "use", "write", "clone", "merge", "close", "rotate", "scale", "deploy",
            "cancel",
        ]) {
            return Changes;
        }
    }
    Changes
}
