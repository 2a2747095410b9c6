//! The sandbox of a stage, as arguments of bubblewrap. Pure: it starts nothing and looks at nothing.
//!
//! Inside there is a user, mount, process, IPC, host-name, cgroup and network namespace of its own, with
//! only the loopback interface up. Of the host's files there are, read-only, its programs and their
//! settings (`SYSTEM`), the documents, and what the stage names; the run's directory alone can be
//! written. `/proc`, `/dev`, `/run`, `/tmp`, `/var`, HOME and the working directory are fresh and live in
//! memory, so that nothing stays behind however the sandbox ends. It protects the host from a runbook, not
//! from someone who attacks the kernel.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where the copy of the working directory lies.
pub const WORKDIR: &str = "/stage";
/// Where the working directory's source is seen, read-only.
pub const SOURCE: &str = "/run/runbook/source";
/// HOME.
pub const HOME: &str = "/home/stage";
/// Where a program named `runbook` is, so that scripts find it.
pub const PROGRAMS: &str = "/run/runbook/bin";
/// A disk of its own that is small enough to be filled by a fault.
pub const DISK: &str = "/run/runbook/disk";
/// How large that is, in bytes: its files live in memory.
const DISK_SIZE: u32 = 64 * 1024;
/// A directory in here, named as the run, tells the engine that it is inside.
pub const INSIDE: &str = "/run/runbook/inside";

/// A directory in that one tells the engine that it shares the processes of the sandbox around it.
pub const SHARED: &str = "shared";
/// The number that root has in a sandbox; nobody else's.
pub const ROOT_ON_STAGE: u32 = 65533;

/// Directories of the host's root that hold programs and their settings; `lib64` and the like, too.
const SYSTEM: [&str; 7] = ["usr", "bin", "sbin", "etc", "opt", "nix", "gnu"];

/// Variables that come in without being named: none of them is a secret.
const HARMLESS: [&str; 14] = [
    "PATH",
    "TERM",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "LANG",
    "LANGUAGE",
    "TZ",
    "USER",
    "LOGNAME",
    "CI",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
];

/// A name in the host's root directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootEntry {
    /// The name.
    pub name: String,
    /// Where it leads, if it is a symbolic link.
    pub link: Option<PathBuf>,
}

/// What a sandbox is made of. All paths are the host's, absolute, and exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// What is in the host's root directory.
    pub root: Vec<RootEntry>,
    /// The engine's program.
    pub engine: PathBuf,
    /// The working directory to copy.
    pub workdir: PathBuf,
    /// Files and directories that can be read inside.
    pub read: Vec<PathBuf>,
    /// The directory of the run; the only thing of the host that can be written.
    pub run_directory: PathBuf,
    /// The run's id.
    pub run: String,
    /// Unix sockets that listen on the host.
    pub sockets: Vec<PathBuf>,
    /// The caller's directory: relative paths on the command line keep their meaning.
    pub cwd: PathBuf,
    /// The caller's environment.
    pub variables: Vec<(String, String)>,
    /// Names of variables that the stage lets in.
    pub let_in: Vec<String>,
    /// Whether there is a small disk; bubblewrap before 0.7 cannot make one.
    pub disk: bool,
    /// Who opens it.
    pub caller: Caller,
}

/// Who opens a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user without privileges.
    Ordinary,
    /// Root, whom the kernel's settings obey even without any capability.
    Root,
    /// Root in a sandbox that is open already. The kernel then allows no `/proc` of its own, since in the one
    /// around it something is covered: the processes of the sandbox around are shared.
    RootOnStage,
}

/// A sandbox as it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Arguments of `bwrap`, up to and with the `--` before the command.
    pub arguments: Vec<OsString>,
    /// The whole environment. It is no part of the arguments: these can be seen by everyone on the host.
    pub environment: Vec<(String, String)>,
}

impl Sandbox {
    /// The sandbox as arguments and environment.
    pub fn enclosure(&self) -> Enclosure {
        Enclosure { arguments: self.arguments(), environment: self.environment() }
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut args = Arguments::default();
        let own_processes = self.caller != Caller::RootOnStage;
        for namespace in ["user", "pid", "net", "ipc", "uts", "cgroup-try"] {
            if namespace != "pid" || own_processes {
                args.push(&[&format!("--unshare-{namespace}")]);
            }
        }
        // The engine is the sandbox's first process: when it dies, however it dies, the kernel ends all
        // others. Without a session of its own a process could type into the caller's terminal.
        if own_processes {
            args.push(&["--as-pid-1"]);
        }
        args.push(&["--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
        if self.caller == Caller::Root {
            // Root's own number is one that no sandbox in this one could have.
            let number = ROOT_ON_STAGE.to_string();
            args.push(&["--uid", &number, "--gid", &number]);
        }
        for entry in self.root.iter().filter(|entry| is_system(&entry.name)) {
            let path = Path::new("/").join(&entry.name);
            match &entry.link {
                Some(target) => args.paths("--symlink", &[target, &path]),
                None => args.paths("--ro-bind", &[&path, &path]),
            }
        }
        match self.caller {
            Caller::Ordinary => args.push(&["--proc", "/proc"]),
            Caller::Root => args.push(&["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]),
            Caller::RootOnStage => args.push(&["--ro-bind", "/proc", "/proc"]),
        }
        args.push(&["--dev", "/dev"]);
        for fresh in ["/run", "/tmp", "/var", "/home", WORKDIR] {
            args.push(&["--tmpfs", fresh]);
        }
        if self.disk {
            args.push(&["--size", &DISK_SIZE.to_string(), "--tmpfs", DISK]);
        }
        args.push(&["--symlink", "../run", "/var/run", "--symlink", "../run/lock", "/var/lock"]);
        for directory in ["/run/lock", "/var/tmp", "/var/log", "/var/lib", "/var/cache", HOME] {
            args.push(&["--dir", directory]);
        }
        for path in self.read.iter().chain([&self.engine]) {
            args.paths("--ro-bind", &[path, path]);
        }
        for socket in self.sockets.iter().filter(|socket| self.is_visible(socket)) {
            args.paths("--ro-bind", &[Path::new("/dev/null"), socket]);
        }
        args.paths("--ro-bind", &[&self.workdir, Path::new(SOURCE)]);
        args.paths("--symlink", &[&self.engine, &Path::new(PROGRAMS).join("runbook")]);
        let inside = Path::new(INSIDE).join(&self.run);
        args.paths("--dir", &[&inside]);
        if !own_processes {
            args.paths("--dir", &[&inside.join(SHARED)]);
        }
        args.paths("--bind", &[&self.run_directory, &self.run_directory]);
        args.paths("--dir", &[&self.cwd]);
        args.push(&["--remount-ro", "/"]);
        args.paths("--chdir", &[&self.cwd]);
        args.push(&["--"]);
        args.0
    }

    /// Whether a path of the host can be reached inside, where it is not hidden by something fresh.
    fn is_visible(&self, path: &Path) -> bool {
        let below = |of: &Path| path.starts_with(of);
        let system = |entry: &RootEntry| {
            entry.link.is_none() && is_system(&entry.name) && below(&Path::new("/").join(&entry.name))
        };
        self.root.iter().any(system) || self.read.iter().any(|read| below(read))
    }

    fn environment(&self) -> Vec<(String, String)> {
        let comes_in = |name: &str| comes_in(name) || self.let_in.iter().any(|let_in| let_in == name);
        let mut environment: Vec<(String, String)> =
            self.variables.iter().filter(|(name, _)| comes_in(name) && name != "HOME").cloned().collect();
        environment.push(("HOME".to_owned(), HOME.to_owned()));
        environment
    }
}

/// Whether a variable comes in without being named.
pub fn comes_in(name: &str) -> bool {
    HARMLESS.contains(&name) || name.starts_with("LC_") || name.starts_with("RUNBOOK_")
}

fn is_system(name: &str) -> bool {
    SYSTEM.contains(&name) || name.starts_with("lib")
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn push(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn paths(&mut self, option: &str, paths: &[&Path]) {
        self.0.push(option.into());
        self.0.extend(paths.iter().map(|path| path.as_os_str().to_owned()));
    }
}

/// Why there is no sandbox on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no `bwrap`.
    Missing,
    /// The host does not let this user make namespaces; what `bwrap` said.
    Forbidden(String),
    /// `bwrap` failed for another reason; what it said.
    Failed(String),
}

impl Unavailable {
    /// What `bwrap`'s complaint means.
    pub fn from_complaint(complaint: &str) -> Self {
        let text =
            complaint.trim().trim_start_matches("bwrap: ").lines().next().unwrap_or_default().to_owned();
        let forbidding = ["namespace", "uid map", "gid map", "RTM_NEWADDR", "RTM_NEWLINK"];
        match forbidding.iter().any(|word| text.contains(word)) {
            true => Self::Forbidden(text),
            false => Self::Failed(text),
        }
    }

    /// Whether this `bwrap` is too old to limit the size of a file system.
    pub fn is_unknown_size(&self) -> bool {
        matches!(self, Self::Failed(text) if text == "Unknown option --size")
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "install it: `apt install bubblewrap` (Fedora: `dnf`, Arch: `pacman -S`)",
            Self::Forbidden(_) => {
                "an administrator can allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`; on \
                 Ubuntu 24.04 an AppArmor profile for `bwrap`; in a container its security profile)"
            }
            Self::Failed(_) => "try `bwrap --ro-bind / / --unshare-all true` by hand",
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "no sandbox: the program `bwrap` is not installed"),
            Self::Forbidden(text) => {
                write!(f, "no sandbox: this host forbids the namespaces it needs ({text})")
            }
            Self::Failed(text) => write!(f, "no sandbox: `bwrap` failed ({text})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox() -> Sandbox {
        let entry = |name: &str, link: Option<&str>| RootEntry {
            name: name.to_owned(),
            link: link.map(PathBuf::from),
        };
        Sandbox {
            root: vec![
                entry("bin", Some("usr/bin")),
                entry("data", None),
                entry("etc", None),
                entry("home", None),
                entry("lib64", Some("usr/lib64")),
                entry("usr", None),
                entry("var", None),
            ],
            engine: "/home/me/bin/runbook".into(),
            workdir: "/data/project/work".into(),
            read: vec!["/data/project/runbook.yaml".into(), "/data/tools".into()],
            run_directory: "/home/me/.local/state/runbook/runs/7".into(),
            run: "7".to_owned(),
            sockets: ["/run/docker.sock", "/tmp/agent", "/etc/x/s", "/data/tools/s", "/data/s", "/bin/s"]
                .map(PathBuf::from)
                .to_vec(),
            cwd: "/data/project".into(),
            variables: [
                ("PATH", "/bin"),
                ("TOKEN", "s3cret"),
                ("LC_ALL", "C"),
                ("HOME", "/home/me"),
                ("A_URL", "x"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            let_in: vec!["A_URL".to_owned()],
            disk: true,
            caller: Caller::Ordinary,
        }
    }

    fn line(sandbox: &Sandbox) -> String {
        let words: Vec<_> =
            sandbox.enclosure().arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        words.join(" ")
    }

    #[test]
    fn everything_is_unshared_and_only_the_run_can_be_written() {
        assert_eq!(
            line(&sandbox()).replace(" --", "\n--"),
            "--unshare-user\n--unshare-pid\n--unshare-net\n--unshare-ipc\n--unshare-uts\n--unshare-cgroup-try\n\
             --as-pid-1\n--die-with-parent\n--new-session\n--cap-drop ALL\n\
             --symlink usr/bin /bin\n--ro-bind /etc /etc\n--symlink usr/lib64 /lib64\n--ro-bind /usr /usr\n\
             --proc /proc\n--dev /dev\n--tmpfs /run\n--tmpfs /tmp\n--tmpfs /var\n--tmpfs /home\n--tmpfs /stage\n\
             --size 65536\n--tmpfs /run/runbook/disk\n\
             --symlink ../run /var/run\n--symlink ../run/lock /var/lock\n--dir /run/lock\n--dir /var/tmp\n\
             --dir /var/log\n--dir /var/lib\n--dir /var/cache\n--dir /home/stage\n\
             --ro-bind /data/project/runbook.yaml /data/project/runbook.yaml\n--ro-bind /data/tools /data/tools\n\
             --ro-bind /home/me/bin/runbook /home/me/bin/runbook\n\
             --ro-bind /dev/null /etc/x/s\n--ro-bind /dev/null /data/tools/s\n\
             --ro-bind /data/project/work /run/runbook/source\n\
             --symlink /home/me/bin/runbook /run/runbook/bin/runbook\n--dir /run/runbook/inside/7\n\
             --bind /home/me/.local/state/runbook/runs/7 /home/me/.local/state/runbook/runs/7\n\
             --dir /data/project\n--remount-ro /\n--chdir /data/project\n--"
        );
    }

    #[test]
    fn an_old_bubblewrap_makes_no_disk() {
        let complaint = |text| Unavailable::from_complaint(text).is_unknown_size();
        assert!(complaint("bwrap: Unknown option --size\n"));
        assert!(!complaint("bwrap: Unknown option --chmod\n"));
        assert!(!line(&Sandbox { disk: false, ..sandbox() }).contains("--size"));
    }

    #[test]
    fn root_cannot_change_the_kernels_settings() {
        let rooted = line(&Sandbox { caller: Caller::Root, ..sandbox() });
        let covered = "--proc /proc --ro-bind /proc/sys /proc/sys ";
        assert!(rooted.contains(covered), "{rooted}");
        let number = " --uid 65533 --gid 65533";
        assert_eq!(rooted.replace(covered, "--proc /proc ").replace(number, ""), line(&sandbox()));
    }

    #[test]
    fn root_on_a_stage_shares_its_processes_and_nothing_else() {
        let nested = line(&Sandbox { caller: Caller::RootOnStage, ..sandbox() });
        let whole = nested
            .replace("--unshare-user", "--unshare-user --unshare-pid")
            .replace("--die-with-parent", "--as-pid-1 --die-with-parent")
            .replace("--ro-bind /proc /proc", "--proc /proc")
            .replace("--dir /run/runbook/inside/7/shared ", "");
        assert_eq!(whole, line(&sandbox()));
        assert!(nested.contains("--dir /run/runbook/inside/7/shared "), "{nested}");
    }

    #[test]
    fn the_environment_holds_what_is_let_in() {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sandbox().enclosure().environment,
            [named("PATH", "/bin"), named("LC_ALL", "C"), named("A_URL", "x"), named("HOME", "/home/stage")]
        );
        assert!(!line(&sandbox()).contains("--setenv"));
    }

    #[test]
    fn what_is_in_the_way_of_a_sandbox_is_named_with_its_cure() {
        for (complaint, message, hint) in [
            (
                "bwrap: setting up uid map: Permission denied\n",
                "no sandbox: this host forbids the namespaces it needs (setting up uid map: Permission denied)",
                "an administrator can allow user namespaces",
            ),
            (
                "bwrap: No permissions to create new namespace, likely because the kernel does not allow it\nx",
                "no sandbox: this host forbids the namespaces it needs (No permissions to create new namespace, \
                 likely because the kernel does not allow it)",
                "an administrator can allow user namespaces",
            ),
            (
                "bwrap: Can't find source path /x: No such file or directory\n",
                "no sandbox: `bwrap` failed (Can't find source path /x: No such file or directory)",
                "try `bwrap --ro-bind / / --unshare-all true` by hand",
            ),
        ] {
            let unavailable = Unavailable::from_complaint(complaint);
            assert_eq!(unavailable.to_string(), message);
            assert!(unavailable.hint().starts_with(hint), "{}", unavailable.hint());
        }
        assert_eq!(Unavailable::Missing.to_string(), "no sandbox: the program `bwrap` is not installed");
        assert_eq!(
            Unavailable::Missing.hint(),
            "install it: `apt install bubblewrap` (Fedora: `dnf`, Arch: `pacman -S`)"
        );
    }
}
