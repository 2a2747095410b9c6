//! Signals to the engine, which for these tests is a process of its own: this very test binary.

use super::{act, look, run, running};
use crate::event::EventBody;
use crate::host::processes::{process, signal_process};
use crate::plan::PlanStep;
use crate::plan::testing::{always, verify};
use std::fs::{exists, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Says to [`engine`] what to run, and in which directory.
const CASE: &str = "RUNBOOK_TEST_CASE";
const HOME: &str = "RUNBOOK_TEST_HOME";

/// The engine under test; the other tests start it.
#[test]
#[ignore = "started by the tests of signals"]
fn engine() {
    let (Ok(case), Ok(home)) = (std::env::var(CASE), std::env::var(HOME)) else { return };
    let ran = run(steps(&case, Path::new(&home)));
    let kinds: Vec<String> = ran.events.iter().filter_map(kind).collect();
    write(format!("{home}/kinds"), kinds.join(" ")).expect("the directory is ours");
    write(format!("{home}/zombies"), zombies().to_string()).expect("the directory is ours");
    std::process::exit(ran.last.exit);
}

fn steps(case: &str, home: &Path) -> Vec<PlanStep> {
    let home = home.display();
    let last = || always(look(&format!("touch {home}/always")));
    let waiting =
        format!("echo $$ >{home}/pid; until [ -e {home}/go ]; do sleep 0.02; done; touch {home}/ended");
    match case {
        "sleeps" => {
            let script = format!(
                "sleep 60 & echo $! >>{home}/pids; bash -c 'echo $$ >>{home}/pids; sleep 60; :' & \
                 echo $$ >>{home}/pids; echo $$ >{home}/pid; wait; sleep 60"
            );
            vec![act(&script), act(&format!("touch {home}/second")), last()]
        }
        "idles" => {
            let mut unmet = running(verify("2"), "false");
            unmet.every = Duration::from_secs(30);
            let script = format!("sleep 60 >/dev/null 2>&1 & echo $! >>{home}/pids; echo $$ >>{home}/pids");
            vec![act(&format!("{script}; echo $$ >{home}/pid")), unmet]
        }
        "waits" => vec![act(&waiting), act(&format!("touch {home}/second")), last()],
        "orphans" => {
            let mut steps: Vec<PlanStep> =
                (0..30).map(|_| look("(sleep 0.01 & ) ; (setsid sleep 0.01 & ); exit 1")).collect();
            steps.push(look("sleep 0.2"));
            steps
        }
        other => panic!("no such case: {other}"),
    }
}

fn kind(event: &EventBody) -> Option<String> {
    match event {
        EventBody::Cancel { cause } => Some(format!("{cause:?}").split(' ').next()?.to_owned()),
        EventBody::StepFinished(finished) => {
            Some(format!("{:?}", finished.result).split(' ').next()?.to_owned())
        }
        EventBody::StepSkipped { reason, .. } => Some(format!("{reason:?}")),
        _ => None,
    }
}

/// Dead children of this process that nobody let go.
fn zombies() -> usize {
    let own = format!(") Z {} ", std::process::id());
    let entries = std::fs::read_dir("/proc").expect("is Linux").flatten();
    entries
        .filter(|entry| read_to_string(entry.path().join("stat")).is_ok_and(|it| it.contains(&own)))
        .count()
}

/// An engine that was started, and its directory.
struct Engine {
    child: Child,
    home: tempfile::TempDir,
}

impl Engine {
    /// Starts it and waits for its first step.
    fn start(case: &str) -> Self {
        let home = tempfile::tempdir().expect("a scratch directory");
        let test = std::env::current_exe().expect("is a program");
        let child = Command::new(test)
            .args(["--exact", "run::live::signals::engine", "--ignored"])
            .env(CASE, case)
            .env(HOME, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { child, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn has(&self, name: &str) -> bool {
        exists(self.path(name)).unwrap_or(false)
    }

    fn wait_for(&self, name: &str) {
        patiently(|| std::fs::metadata(self.path(name)).is_ok_and(|it| it.len() > 0));
    }

    fn signal(&self, signal: i32) {
        signal_process(self.child.id().cast_signed(), signal);
    }

    /// Its exit code, or minus the signal that killed it.
    fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.child.wait().expect("it is a child");
        status.code().unwrap_or_else(|| -status.signal().unwrap_or_default())
    }

    fn text(&self, name: &str) -> String {
        read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Waits until nothing of it is left.
    fn is_gone(&self) {
        for pid in self.text("pids").lines().map(|pid| pid.parse().expect("a number")) {
            patiently(|| process(pid).is_none());
        }
    }
}

fn patiently(mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came to be");
}

const HUP: i32 = 1;
const INT: i32 = 2;
const KILL: i32 = 9;
const TERM: i32 = 15;

#[test]
fn killing_the_engine_kills_what_it_runs() {
    for case in ["sleeps", "idles"] {
        let mut engine = Engine::start(case);
        engine.wait_for("pid");
        engine.signal(KILL);
        assert_eq!(engine.end(), -KILL, "{case}");
        engine.is_gone();
        assert!(!engine.has("second") && !engine.has("always"), "{case}");
    }
}

#[test]
fn a_signal_stops_the_step_and_the_record_is_finished() {
    for signal in [INT, TERM] {
        let mut engine = Engine::start("sleeps");
        engine.wait_for("pid");
        engine.signal(signal);
        assert_eq!(engine.end(), 128 + signal);
        engine.is_gone();
        assert_eq!((engine.has("second"), engine.has("always")), (false, true));
        assert_eq!(engine.text("kinds"), "Signal Cancelled Passed Cancelled");
    }
}

#[test]
fn a_signal_ends_a_wait() {
    let mut engine = Engine::start("idles");
    engine.wait_for("pid");
    engine.signal(INT);
    assert_eq!(engine.end(), 128 + INT);
    engine.is_gone();
    assert!(engine.text("kinds").contains("Signal"), "{}", engine.text("kinds"));
}

#[test]
fn a_hang_up_lets_the_step_end() {
    let mut engine = Engine::start("waits");
    engine.wait_for("pid");
    engine.signal(HUP);
    // The engine had time to make a mistake.
    std::thread::sleep(Duration::from_millis(100));
    assert!(!engine.has("ended"));
    write(engine.path("go"), "").expect("is ours");
    assert_eq!(engine.end(), 128 + HUP);
    assert_eq!((engine.has("ended"), engine.has("second"), engine.has("always")), (true, false, true));
    assert_eq!(engine.text("kinds"), "Signal Passed Passed Cancelled");
}

#[test]
fn no_dead_process_stays() {
    let mut engine = Engine::start("orphans");
    assert_eq!((engine.end(), engine.text("zombies").as_str()), (0, "0"));
}
