//! The sandbox of a rehearsal, attacked from inside. The same attack without isolation gets through, or it
//! would prove nothing.

use crate::harness::{Finished, Reply, Service, Test};
use std::io::{Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Tries to reach each thing of the host that its arguments name, and says what it reached.
const ATTACK: &str = r#"
read_port() { curl -s --max-time 2 "http://127.0.0.1:$1/"; }
# 7 is "cannot connect".
talk() { curl -s --max-time 2 "$@" http://host/ >/dev/null; [ $? != 7 ]; }
try() { local what=$1; shift; if "$@" >/dev/null 2>&1; then echo "REACHED $what"; else echo "kept out: $what"; fi; }
change() { [ -e "$1" ] && echo attacked >"$1"; }
write() { echo attacked >"$1"; }
append() { : >>"$1"; }
environment() { { env; cat /proc/[0-9]*/environ; } | tr '\0' '\n' | grep -q "$1"; }
interfaces() { tail -n +3 /proc/net/dev | grep -qv '^ *lo:'; }
try "host port" read_port "$PORT"
try "socket in run" talk --unix-socket "$RUN_SOCKET"
try "socket in tmp" talk --unix-socket "$TMP_SOCKET"
try "abstract socket" talk --abstract-unix-socket "$ABSTRACT"
try "reading a host file" cat "$FILE"
try "changing a host file" change "$FILE"
try "writing the source of the working directory" write "$SOURCE/planted"
try "writing a program" write "/usr/local/bin/$MARK"
try "shared memory" cat "/dev/shm/$MARK"
try "host process" test -d "/proc/$PID"
try "killing a host process" kill -9 "$PID"
try "a setting of the kernel" append /proc/sys/kernel/core_uses_pid
try "secret" environment s3cret
try "outside interface" interfaces
echo "the attack is over"
"#;

const STAGE: &str = "procedures: [../doc.md]
stage:
  workdir: ../attacked
  environment: [LET_IN]
faults:
  flag:
    procedures: [Attack]
    inject: touch flag
    symptom: test -e flag
    revert: rm -f flag
    passes_when: test ! -e flag
";

/// Everything of the host that is aimed at.
struct Host {
    port: Service,
    sockets: Vec<PathBuf>,
    shared: PathBuf,
    process: Child,
    test: Test,
}

fn listen(listener: UnixListener) {
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 512]);
            let _ = connection.write_all(b"HTTP/1.1 200 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
}

impl Host {
    fn new() -> Self {
        let test = Test::new();
        let mark = test.place().file_name().expect("has a name").to_string_lossy().into_owned();
        let open = |path: PathBuf| {
            listen(UnixListener::bind(&path)?);
            // As docker's for its group: everyone may talk to it.
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
            Ok::<_, std::io::Error>(path)
        };
        // Only root may make one in /run; others have theirs in /tmp.
        let temporary = std::env::temp_dir();
        let in_run = open(PathBuf::from(format!("/run/{mark}.sock")))
            .or_else(|_| open(temporary.join(format!("{mark}-run.sock"))))
            .expect("a socket can be made");
        let in_tmp = open(temporary.join(format!("{mark}.sock"))).expect("a socket can be made");
        let name = SocketAddr::from_abstract_name(&mark).expect("is a name");
        listen(UnixListener::bind_addr(&name).expect("a socket can be made"));
        let shared = Path::new("/dev/shm").join(&mark);
        std::fs::write(&shared, "shared").expect("there is shared memory");
        let port = Service::start(|_| Reply::Status(200, "host"));
        let process = Command::new("sleep").arg("300").stdin(Stdio::null()).spawn().expect("it can start");
        let source = test.path("attacked");
        let values = [
            ("PORT", port.address().rsplit(':').next().expect("has a port").to_owned()),
            ("RUN_SOCKET", in_run.display().to_string()),
            ("TMP_SOCKET", in_tmp.display().to_string()),
            ("ABSTRACT", mark.clone()),
            ("FILE", test.path("precious").display().to_string()),
            ("SOURCE", source.display().to_string()),
            ("MARK", mark.clone()),
            ("PID", process.id().to_string()),
        ];
        let assignments: String = values.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        let document = "# Attack\n\n1. Look:\n   ```bash\n   echo \"let in: $LET_IN\"\n   ```\n\n2. Attack:\n   \
                        ```bash\n   bash ./attack.sh\n   rm -f flag\n   ```\n";
        let test = test
            .file("attacked/attack.sh", format!("{assignments}{ATTACK}"))
            .file("runbooks/runbook.yaml", STAGE)
            .file("doc.md", document)
            .file("precious", "precious")
            .env("AWS_SECRET_ACCESS_KEY", "s3cret")
            .env("LET_IN", "welcome")
            .args(&["rehearse", "Attack"]);
        Self { port, sockets: vec![in_run, in_tmp], shared, process, test }
    }

    /// Lets the attack run; answers what it reached.
    fn attacked(&mut self, change: impl FnOnce(Test) -> Test) -> (Vec<String>, Finished) {
        let test = change(std::mem::replace(&mut self.test, Test::new()));
        let finished = test.run();
        let text = finished.stdout.clone();
        assert!(text.contains("the attack is over"), "{text}{}", finished.stderr);
        let reached = text.lines().filter_map(|line| line.trim().strip_prefix("REACHED "));
        (reached.map(str::to_owned).collect(), finished)
    }

    fn is_unharmed(&mut self, finished: &Finished) {
        assert_eq!(finished.test.read("precious"), "precious");
        assert!(!finished.test.path("attacked/planted").exists());
        assert_eq!(self.port.requests(), Vec::<String>::new());
        assert!(self.process.try_wait().expect("is our child").is_none(), "it was killed");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for path in self.sockets.iter().chain([&self.shared]) {
            let _ = std::fs::remove_file(path);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn nothing_is_reached(change: impl FnOnce(Test) -> Test) {
    let mut host = Host::new();
    let (reached, finished) = host.attacked(change);
    assert_eq!(reached, Vec::<String>::new(), "{}", finished.stdout);
    assert!(finished.stdout.contains("let in: welcome"), "{}", finished.stdout);
    assert_eq!(finished.stdout.matches("kept out: ").count(), 14, "{}", finished.stdout);
    host.is_unharmed(&finished);
    finished.exit(0).leaves_nothing();
}

#[test]
fn nothing_of_the_host_is_reached() {
    nothing_is_reached(|test| test);
}

#[test]
fn nothing_of_the_host_is_reached_by_an_ordinary_user() {
    nothing_is_reached(Test::by_ordinary_user);
}

#[test]
fn without_isolation_the_same_attack_gets_through() {
    let mut host = Host::new();
    let (reached, finished) = host.attacked(|test| test.args(&["--no-isolation"]).by_ordinary_user());
    for what in [
        "host port",
        "socket in run",
        "socket in tmp",
        "abstract socket",
        "reading a host file",
        "changing a host file",
        "writing the source of the working directory",
        "host process",
    ] {
        assert!(reached.iter().any(|reached| reached == what), "{what}: {}", finished.stdout);
    }
    finished.exit(0).says("NO ISOLATION").leaves_nothing();
}

#[test]
fn a_host_without_bwrap_refuses_and_says_how_to_get_it() {
    let finished = Test::new()
        .file("runbooks/runbook.yaml", STAGE.replace("../attacked", "."))
        .file("doc.md", "# Attack\n\n```bash\ntrue\n```\n")
        .args(&["rehearse", "Attack"])
        .env("PATH", "/nowhere")
        .run()
        .exit(6);
    assert_eq!(
        finished.stderr,
        "error: no sandbox: the program `bwrap` is not installed\nhint: install it: `apt install bubblewrap` \
         (Fedora: `dnf`, Arch: `pacman -S`); or, at your own risk, --no-isolation\n"
    );
}

#[test]
fn a_variable_alone_makes_no_host_a_stage() {
    let mut host = Host::new();
    let (reached, finished) = host.attacked(|test| test.env("RUNBOOK_INSIDE", "7"));
    assert_eq!(reached, Vec::<String>::new());
    host.is_unharmed(&finished);
    finished.exit(0);
}
