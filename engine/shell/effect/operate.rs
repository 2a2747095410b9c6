//! Effects of the tools services are operated with: the subcommand decides.

use super::super::invocation::{Arguments, Reach, arguments};
use super::cloud::{aws, terraform, verbs};
use super::{changes_if, destroys_if, of_words};
use crate::shell::Effect::{self, Changes, Destroys, Reads};
use crate::shell::Word;

/// The programs decided here.
pub(super) const PROGRAMS: &str = "\
    docker docker-compose podman nerdctl podman-compose kubectl oc helm systemctl service ceph rados rbd virtctl supervisorctl \
    pm2 git terraform tofu terragrunt aws gcloud az gsutil doctl eksctl gh glab argocd flux istioctl \
    vault consul nomad velero cilium linkerd openstack rosa ocm kops flyctl crictl kustomize minikube \
    kind monit virsh";

pub(super) fn effect(name: &str, rest: &[Word], depth: usize) -> Option<Effect> {
    Some(match name {
        "docker" | "podman" | "nerdctl" => docker(rest, depth),
        "docker-compose" | "podman-compose" => compose(rest, depth),
        "kubectl" | "oc" => kubectl(rest, depth),
        "helm" => helm(rest),
        "systemctl" => systemctl(rest),
        "service" => service(&arguments(rest, &[], Reach::All), 1),
        "supervisorctl" | "pm2" | "monit" => {
            service(&arguments(rest, &["-c", "-s", "-u", "-p"], Reach::All), 0)
        }
        "git" => git(rest),
        "ceph" => ceph(&arguments(rest, &["-c", "--cluster", "-f", "--format", "-n", "--name"], Reach::All)),
        "rados" | "rbd" => verbs(&arguments(rest, &["-p", "--pool"], Reach::All), 3),
        "virtctl" => service(&arguments(rest, VALUED, Reach::All), 0),
        "terraform" | "tofu" | "terragrunt" => terraform(rest),
        "aws" => aws(rest),
        "gsutil" => match arguments(rest, &["-o"], Reach::All).at(0) {
            "ls" | "cat" | "stat" | "du" | "version" => Reads,
            "rm" | "rb" => Destroys,
            _ => Changes,
        },
        "gcloud" | "az" | "openstack" => verbs(&arguments(rest, VALUED, Reach::All), 4),
        "crictl" => match arguments(rest, &["-r"], Reach::All).at(0) {
            "ps" | "pods" | "images" | "logs" | "inspect" | "inspectp" | "inspecti" | "stats" | "info"
            | "version" => Reads,
            "rm" | "rmp" | "rmi" | "stop" | "stopp" => Destroys,
            _ => Changes,
        },
        "kustomize" => changes_if(arguments(rest, &[], Reach::All).at(0) != "build"),
        "virsh" => match arguments(rest, &["-c"], Reach::All).at(0) {
            "list" | "dominfo" | "domstate" | "net-list" | "pool-list" => Reads,
            "destroy" | "shutdown" | "undefine" | "reboot" => Destroys,
            _ => Changes,
        },
        "doctl" | "eksctl" | "gh" | "glab" | "argocd" | "flux" | "istioctl" | "vault" | "consul"
        | "nomad" | "velero" | "cilium" | "linkerd" | "rosa" | "ocm" | "kops" | "flyctl" | "minikube"
        | "kind" => verbs(&arguments(rest, VALUED, Reach::All), 2),
        path if path.starts_with("/etc/init.d/") => service(&arguments(rest, &[], Reach::All), 0),
        _ => return None,
    })
}

/// Options with a value that many command lines share.
const VALUED: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--kubeconfig",
    "--project",
    "--region",
    "--zone",
    "--profile",
    "--output",
    "-o",
    "--resource-group",
    "-g",
    "--name",
    "--subscription",
    "--format",
    "--filter",
    "--query",
    "--account",
    "--address",
    "-R",
    "--repo",
    "--cluster",
    "--app",
    "-a",
];

fn service(given: &Arguments<'_>, at: usize) -> Effect {
    match given.at(at) {
        "status" | "list" | "ls" | "logs" | "tail" | "avail" | "show" | "describe" | "monit" | "summary"
        | "info" => Reads,
        "stop" | "delete" | "kill" | "remove" | "shutdown" | "stopall" => Destroys,
        "" if given.has(&["--status-all"]) => Reads,
        _ => Changes,
    }
}

const DOCKER: &[&str] = &["-H", "--host", "--context", "-l", "--log-level", "--config"];

fn docker(rest: &[Word], depth: usize) -> Effect {
    let globals = arguments(rest, DOCKER, Reach::Leading);
    let Some(&place) = globals.places.first() else { return Reads };
    let after = &rest[place + 1..];
    let sub = arguments(after, &["-f", "--filter", "--format"], Reach::All);
    match globals.at(0) {
        "compose" => compose(after, depth),
        "exec" => inner_command(
            after,
            &["-u", "--user", "-w", "--workdir", "-e", "--env", "--env-file", "--detach-keys"],
            depth,
        ),
        "container" | "image" | "volume" | "network" | "node" | "service" | "stack" | "system" | "config"
        | "secret" | "context" | "plugin" | "swarm" | "buildx" | "builder" | "manifest" | "pod" => {
            match sub.at(0) {
                "ls" | "list" | "ps" | "inspect" | "logs" | "stats" | "top" | "df" | "port" | "events"
                | "info" | "history" | "show" | "diff" | "du" => Reads,
                "rm" | "prune" | "stop" | "kill" | "remove" | "leave" | "down" | "pause" => Destroys,
                "scale" => destroys_if(sub.plain.iter().any(|target| target.ends_with("=0"))),
                "exec" => inner_command(
                    &after[sub.places[0] + 1..],
                    &["-u", "--user", "-w", "--workdir", "-e", "--env"],
                    depth,
                ),
                _ => Changes,
            }
        }
        "ps" | "logs" | "inspect" | "images" | "stats" | "top" | "port" | "info" | "version" | "events"
        | "diff" | "history" | "search" => Reads,
        "stop" | "kill" | "rm" | "rmi" | "pause" => Destroys,
        _ => Changes,
    }
}

fn compose(rest: &[Word], depth: usize) -> Effect {
    let valued = [
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--env-file",
        "--profile",
        "--project-directory",
        "--ansi",
        "--progress",
        "--parallel",
    ];
    let globals = arguments(rest, &valued, Reach::Leading);
    let Some(&place) = globals.places.first() else { return Reads };
    let after = &rest[place + 1..];
    match globals.at(0) {
        "ps" | "logs" | "config" | "images" | "top" | "port" | "version" | "ls" | "events" | "stats"
        | "convert" => Reads,
        "stop" | "down" | "kill" | "rm" | "pause" => Destroys,
        "exec" => inner_command(after, &["-u", "--user", "-w", "--workdir", "-e", "--env", "--index"], depth),
        "up" | "scale" => {
            let given = arguments(after, &["--scale", "-t", "--timeout"], Reach::All);
            let zero = |target: &&str| target.ends_with("=0");
            destroys_if(
                given.value(&["--scale"]).is_some_and(|target| zero(&target))
                    || globals.at(0) == "scale" && given.plain.iter().any(zero),
            )
        }
        _ => Changes,
    }
}

/// The command behind a container's name: `exec [options] NAME CMD…`.
fn inner_command(rest: &[Word], valued: &[&str], depth: usize) -> Effect {
    let given = arguments(rest, valued, Reach::Leading);
    let Some(&place) = given.places.first() else { return Changes };
    let mut words = &rest[place + 1..];
    if words.first().is_some_and(|word| word.shape == "--") {
        words = &words[1..];
    }
    if words.is_empty() { Changes } else { of_words(words, depth + 1) }
}

const KUBECTL: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--kubeconfig",
    "-s",
    "--server",
    "--as",
    "--as-group",
    "--token",
    "--user",
    "--cluster",
    "--request-timeout",
    "-l",
    "--selector",
    "-o",
    "--output",
    "-f",
    "--filename",
    "-c",
    "--container",
    "--replicas",
    "--field-selector",
    "--tail",
    "--since",
    "--type",
    "-p",
    "--patch",
    "--sort-by",
    "--for",
    "--timeout",
    "--image",
    "-L",
    "-k",
    "--from",
    "--from-literal",
    "--to",
];

fn kubectl(rest: &[Word], depth: usize) -> Effect {
    let given = arguments(rest, KUBECTL, Reach::All);
    if matches!(given.value(&["--dry-run"]), Some("client" | "server" | "true")) {
        return Reads;
    }
    match (given.at(0), given.at(1)) {
        (
            "get" | "describe" | "logs" | "log" | "top" | "explain" | "version" | "api-resources"
            | "api-versions" | "cluster-info" | "diff" | "wait" | "events" | "port-forward" | "proxy"
            | "whoami" | "status" | "projects" | "completion" | "options" | "help" | "",
            _,
        ) => Reads,
        ("auth", "can-i" | "whoami") | ("rollout", "status" | "history") | ("adm", "top" | "inspect") => {
            Reads
        }
        ("config", sub) => {
            changes_if(!(matches!(sub, "view" | "current-context") || sub.starts_with("get-")))
        }
        ("delete" | "drain" | "evict", _) | ("adm", "drain" | "prune") | ("apply", "prune") => Destroys,
        ("replace", _) => destroys_if(given.has(&["--force"])),
        ("scale", _) => destroys_if(given.value(&["--replicas"]) == Some("0")),
        ("exec" | "rsh", _) => {
            let sub = given.places[0];
            match rest.iter().position(|word| word.shape == "--") {
                Some(dashes) if dashes + 1 < rest.len() => of_words(&rest[dashes + 1..], depth + 1),
                _ => inner_command(&rest[sub + 1..], KUBECTL, depth),
            }
        }
        _ => Changes,
    }
}

fn ceph(given: &Arguments<'_>) -> Effect {
    const READS: &[&str] = &[
        "status",
        "df",
        "health",
        "tree",
        "ls",
        "dump",
        "stat",
        "versions",
        "detail",
        "perf",
        "get",
        "report",
        "quorum_status",
    ];
    const DESTROYS: &[&str] = &["rm", "purge", "destroy", "stop", "down", "out", "delete"];
    let words = given.plain.iter().take(3);
    if words.clone().any(|word| DESTROYS.contains(word)) {
        return Destroys;
    }
    let verb = words.clone().find(|word| {
        !matches!(**word, "osd" | "mon" | "pg" | "mds" | "fs" | "pool" | "mgr" | "auth" | "config")
    });
    match verb {
        None => changes_if(!given.has(&["-s", "--status", "-v", "-w"])),
        Some(verb) => changes_if(!(READS.contains(verb) || verb.starts_with("get-"))),
    }
}

fn helm(rest: &[Word]) -> Effect {
    let given = arguments(
        rest,
        &["-n", "--namespace", "--kube-context", "--kubeconfig", "-f", "--values", "--set", "--version"],
        Reach::All,
    );
    if given.has(&["--dry-run"]) {
        return Reads;
    }
    match (given.at(0), given.at(1)) {
        (
            "list" | "ls" | "status" | "get" | "history" | "hist" | "show" | "inspect" | "search" | "version"
            | "template" | "lint" | "env" | "diff" | "verify",
            _,
        ) => Reads,
        ("repo" | "dependency" | "dep" | "plugin", "list" | "ls") => Reads,
        ("uninstall" | "delete" | "del" | "un", _) => Destroys,
        _ => Changes,
    }
}

fn systemctl(rest: &[Word]) -> Effect {
    let given = arguments(
        rest,
        &["-t", "--type", "-p", "--property", "-H", "--host", "-n", "--lines", "-o", "--state"],
        Reach::All,
    );
    match given.at(0) {
        "status" | "show" | "is-active" | "is-enabled" | "is-failed" | "is-system-running" | "cat"
        | "get-default" | "help" | "" => Reads,
        list if list.starts_with("list-") => Reads,
        "stop" | "kill" | "poweroff" | "reboot" | "halt" | "suspend" | "hibernate" | "isolate" | "rescue"
        | "emergency" => Destroys,
        "disable" | "mask" => destroys_if(given.has(&["--now"])),
        _ => Changes,
    }
}

fn git(rest: &[Word]) -> Effect {
    let globals = arguments(rest, &["-C", "-c", "--git-dir", "--work-tree"], Reach::Leading);
    let Some(&place) = globals.places.first() else { return Reads };
    let given = arguments(&rest[place + 1..], &["-m", "-n", "--format", "--sort"], Reach::All);
    let first = given.at(0);
    match globals.at(0) {
        "status" | "log" | "diff" | "show" | "blame" | "rev-parse" | "rev-list" | "ls-files"
        | "ls-remote" | "ls-tree" | "describe" | "shortlog" | "reflog" | "cat-file" | "grep"
        | "whatchanged" | "merge-base" | "name-rev" | "count-objects" | "fsck" | "version" | "help"
        | "check-ignore" | "for-each-ref" | "show-ref" => Reads,
        "remote" => changes_if(!matches!(first, "" | "show" | "get-url")),
        "branch" if given.has(&["-d", "-D", "--delete"]) => Destroys,
        "branch" => changes_if(
            !first.is_empty() && !given.has(&["-l", "--list", "--contains", "--merged", "-r", "-a"]),
        ),
        "tag" if given.has(&["-d", "--delete"]) => Destroys,
        "tag" => changes_if(!first.is_empty() && !given.has(&["-l", "--list"])),
        "stash" => match first {
            "list" | "show" => Reads,
            "drop" | "clear" => Destroys,
            _ => Changes,
        },
        "config" => changes_if(!given.has(&["--get", "--get-all", "-l", "--list"])),
        "worktree" | "submodule" | "bisect" | "notes" => {
            changes_if(!matches!(first, "list" | "status" | "log" | "show"))
        }
        "push" => {
            let forced = given.options.iter().any(|option| option.name.starts_with("--force"));
            let refs = given.plain.iter().skip(1).any(|target| target.starts_with([':', '+']));
            destroys_if(forced || refs || given.has(&["-f", "-d", "--delete", "--mirror", "--prune"]))
        }
        "reset" => destroys_if(given.has(&["--hard", "--merge"])),
        "clean" if given.has(&["-n", "--dry-run"]) => Reads,
        "clean" | "filter-branch" | "gc" | "prune" => Destroys,
        "checkout" | "switch" => destroys_if(given.has(&["-f", "--force", "--discard-changes"])),
        _ => Changes,
    }
}
