//! Effects of everyday programs that hang on an option or two.

use super::super::invocation::{Reach, arguments};
use super::{changes_if, destroys_if, of_words};
use crate::shell::Effect::{self, Changes, Destroys, Reads};
use crate::shell::{Word, parse};

/// Programs whose effect hangs on an option or two.
pub(super) fn effect(name: &str, rest: &[Word], depth: usize) -> Option<Effect> {
    let given = arguments(rest, &[], Reach::All);
    let first = given.at(0);
    Some(match name {
        "kill" | "pkill" | "killall" => {
            let asks = rest.iter().any(|word| matches!(word.shape.as_str(), "-0" | "-l" | "-L"));
            if asks { Reads } else { Destroys }
        }
        "fuser" if given.has(&["-k"]) => Destroys,
        "fuser" => Reads,
        "dd" => {
            let to = rest.iter().find_map(|word| word.shape.strip_prefix("of="));
            if to.is_none_or(|to| to == "/dev/null") { Reads } else { Destroys }
        }
        "fdisk" | "parted" => {
            if given.has(&["-l"]) {
                Reads
            } else {
                Destroys
            }
        }
        "find" => find(rest, depth),
        "sed" => changes_if(
            given.has(&["-i", "--in-place"]) || given.options.iter().any(|o| o.name.starts_with("-i")),
        ),
        "awk" | "gawk" | "mawk" => {
            changes_if(given.has(&["-i"]) || rest.iter().any(|word| awk_writes(&word.shape)))
        }
        "sort" => changes_if(given.has(&["-o", "--output"])),
        "yq" => changes_if(given.has(&["-i", "--inplace"])),
        "tee" => changes_if(given.plain.iter().any(|file| *file != "/dev/null")),
        "tar" => {
            let lists = given.has(&["-t", "--list"]) || first.starts_with('t') && !first.contains(['.', '/']);
            changes_if(!lists)
        }
        "unzip" | "gzip" | "xz" | "zstd" => changes_if(!given.has(&["-l", "-t", "-c", "-Z"])),
        "rsync" if given.has(&["-n", "--dry-run"]) => Reads,
        "rsync" => destroys_if(given.options.iter().any(|option| option.name.starts_with("--del"))),
        "make" | "ansible-playbook" if given.has(&["-n", "--dry-run", "--check", "-C", "--syntax-check"]) => {
            Reads
        }
        "crontab" if given.has(&["-r"]) => Destroys,
        "crontab" => changes_if(!given.has(&["-l"])),
        "date" => changes_if(given.has(&["-s", "--set"])),
        "hostname" => changes_if(!first.is_empty()),
        "dmesg" => changes_if(given.has(&["-c", "-C", "--clear", "--read-clear", "-n"])),
        "mount" => changes_if(!rest.is_empty() && !given.has(&["-l"])),
        "swapon" => changes_if(!given.has(&["-s", "--show"])),
        "sysctl" => {
            changes_if(given.has(&["-w", "-p", "--system"]) || given.plain.iter().any(|x| x.contains('=')))
        }
        "ulimit" | "umask" => Reads,
        "history" => changes_if(given.has(&["-c", "-w"])),
        "journalctl" if given.options.iter().any(|option| option.name.starts_with("--vacuum")) => Destroys,
        "journalctl" => changes_if(given.has(&["--rotate", "--flush", "--sync", "--setup-keys"])),
        "coredumpctl" => changes_if(matches!(first, "dump" | "gdb" | "debug")),
        "iptables" | "ip6tables" => {
            if given.has(&["-L", "-S", "--list", "--list-rules"]) {
                Reads
            } else {
                destroys_if(given.has(&["-F", "-X", "--flush"]))
            }
        }
        "ip" => {
            let acts = ["add", "del", "delete", "set", "change", "replace", "flush", "append", "exec"];
            let verb = given.plain.iter().find(|word| acts.contains(word));
            match verb {
                None => Reads,
                Some(verb) => {
                    destroys_if(matches!(*verb, "flush" | "del" | "delete") || given.plain.contains(&"down"))
                }
            }
        }
        "ifconfig" | "route" => {
            if given.plain.contains(&"down") {
                Destroys
            } else {
                changes_if(given.plain.len() > 1)
            }
        }
        "nft" | "ufw" | "firewall-cmd" => {
            let lists = matches!(first, "list" | "status")
                || given.options.iter().any(|o| {
                    o.name.starts_with("--list") || o.name.starts_with("--get") || o.name == "--state"
                });
            if lists { Reads } else { destroys_if(matches!(first, "flush" | "disable" | "reset")) }
        }
        "nc" | "ncat" | "telnet" => changes_if(!(given.has(&["-z"]) || name == "telnet")),
        "openssl" => {
            let reads =
                ["x509", "s_client", "verify", "version", "crl", "ocsp", "dgst", "ciphers", "asn1parse"];
            changes_if(!reads.contains(&first) || given.has(&["-out"]))
        }
        "python" | "python3" => {
            let module = arguments(rest, &["-m", "-c"], Reach::Leading).value(&["-m"]);
            changes_if(module != Some("json.tool") && !given.has(&["-V"]))
        }
        "java" | "node" | "ruby" | "php" | "go" | "perl" | "npm" => {
            let asks = given.has(&["-version", "-v"]) && given.plain.is_empty();
            changes_if(
                !(asks || first == "version" || name == "npm" && matches!(first, "ls" | "list" | "view")),
            )
        }
        "apt" | "apt-get" | "apt-cache" | "yum" | "dnf" | "apk" | "brew" | "snap" | "pip" | "pip3"
        | "gem" => match first {
            "list" | "show" | "search" | "info" | "policy" | "freeze" | "check" | "madison" | "changelog" => {
                Reads
            }
            "remove" | "purge" | "autoremove" | "uninstall" | "erase" | "del" => Destroys,
            _ => Changes,
        },
        "dpkg" => changes_if(!given.has(&["-l", "-L", "-s", "-S", "--list", "--status"])),
        "rpm" if given.has(&["-e", "--erase"]) => Destroys,
        "rpm" => changes_if(!given.has(&["-q", "--query", "-V"])),
        "gpg" => {
            changes_if(!given.options.iter().any(|o| o.name.starts_with("--list") || o.name == "--verify"))
        }
        "certbot" => match first {
            "certificates" => Reads,
            "delete" | "revoke" => Destroys,
            _ => Changes,
        },
        "nginx" | "apachectl" | "apache2ctl" | "httpd" | "haproxy" => {
            let signal = arguments(rest, &["-s", "-k"], Reach::All).value(&["-s", "-k"]);
            if given.has(&["-t", "-T", "-v", "-V", "-S", "-c"]) && signal.is_none() || first == "configtest" {
                Reads
            } else {
                let stops = matches!(signal, Some("stop" | "quit" | "graceful-stop"));
                destroys_if(stops || matches!(first, "stop" | "graceful-stop"))
            }
        }
        "trap" => {
            let text = given.at(0);
            parse(text).effect_at(depth + 1)
        }
        "jstack" => Reads,
        "jmap" => changes_if(!given.has(&["-histo", "-heap"])),
        "ssh-keygen" => changes_if(!given.has(&["-l"])),
        "alembic" => match first {
            "current" | "history" | "heads" | "show" => Reads,
            "downgrade" => Destroys,
            _ => Changes,
        },
        "flyway" => match first {
            "info" | "validate" => Reads,
            "clean" => Destroys,
            _ => Changes,
        },
        "split" | "csplit" => Changes,
        "hostnamectl" | "timedatectl" | "loginctl" => match first {
            "" | "status" | "show" | "list-sessions" | "list-timezones" | "list-users" | "session-status" => {
                Reads
            }
            _ => destroys_if(first.starts_with("kill") || first.starts_with("terminate")),
        },
        _ => return None,
    })
}

/// An awk program that writes a file or runs a command.
fn awk_writes(program: &str) -> bool {
    program.contains("system(")
        || program.contains("print")
            && (program.contains(">") && program.contains("> \"") || program.contains("| \""))
}

fn find(rest: &[Word], depth: usize) -> Effect {
    let mut worst = Reads;
    for (index, word) in rest.iter().enumerate() {
        worst = worst.max(match word.shape.as_str() {
            "-delete" => Destroys,
            "-fprint" | "-fprintf" | "-fls" | "-fprint0" => Changes,
            "-exec" | "-execdir" | "-ok" | "-okdir" => of_words(&rest[index + 1..], depth + 1),
            _ => Reads,
        });
    }
    worst
}
