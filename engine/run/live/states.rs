//! What the shell is like is kept after each step that changes it, and a new shell can be made like it.

use super::*;
use crate::run::lost;

fn keeping() -> SessionSetup {
    SessionSetup { keeps_state: true, ..setup() }
}

/// Runs `steps` and keeps what the shell is like.
fn kept(session: SessionSetup, steps: Vec<PlanStep>) -> Ran {
    run_with(session, false, steps, &mut |_| Ok(()))
}

/// What is kept after `before`, put into a new shell that runs `after`.
fn restored(before: &str, after: &str) -> Ran {
    let first = kept(keeping(), vec![look(before)]);
    let session = SessionSetup { restore: first.states.last().cloned(), ..keeping() };
    kept(session, vec![look(after)])
}

#[test]
fn variables_functions_options_and_the_directory_come_back() {
    for (before, after, said) in [
        ("x=1 y='two words'", "echo \"$x $y\"", "1 two words\n"),
        ("x=$'a\\nb\\t\"c\\' $(no) `no`'", "printf '%s' \"$x\"", "a\nb\t\"c' $(no) `no`"),
        ("export x=1", "bash -c 'echo $x'", "1\n"),
        ("declare -a l=(a 'b c'); declare -A m=([k]=v)", "echo \"${l[1]} ${m[k]}\"", "b c v\n"),
        ("readonly r=1; declare -i n=2", "n+=3; echo \"$r $n\"; (r=2; echo no)", "1 5\n"),
        ("f() { echo \"f $1\"; }", "f x", "f x\n"),
        ("f() { echo exported; }; export -f f", "bash -c f", "exported\n"),
        ("shopt -s expand_aliases; alias hi='echo hi'", "hi", "hi\n"),
        ("cd /tmp; umask 0077", "pwd; umask", "/tmp\n0077\n"),
        ("set -f; shopt -s nullglob", "echo *; shopt -q nullglob && echo nullglob", "*\nnullglob\n"),
        ("unset HOME", "echo \"${HOME-gone}\"", "gone\n"),
        ("IFS=,", "v=a,b; set -- $v; echo $#", "2\n"),
    ] {
        assert_eq!(restored(before, after).stdout(0), said, "{before}");
    }
}

#[test]
fn a_state_is_named_by_the_step_that_changed_it() {
    let ran =
        kept(keeping(), vec![look("x=1"), look("echo $x"), look("x=2"), look("y=1; exit 3"), look("x=2")]);
    let states: Vec<Option<&str>> = (0..5).map(|step| ran.end(step).state.as_deref()).collect();
    // The first step changes what was never kept; a step that ended the shell changes nothing.
    assert_eq!(states, [Some("1"), None, Some("2"), None, None]);
    assert!(ran.states[1].contains("x=\"2\"") && !ran.states[1].contains('y'), "{}", ran.states[1]);
    let quiet = run(vec![look("x=1")]);
    assert_eq!((quiet.end(0).state.as_deref(), quiet.states.len()), (None, 0));
}

#[test]
fn what_cannot_be_kept_is_said() {
    let mut refuse = |_: &EventBody| Ok(());
    struct Full<'a>(Memory<'a>);
    impl Recorder for Full<'_> {
        fn record(&mut self, body: EventBody, mono_ms: u64, durable: bool) -> Result<(), RecordError> {
            self.0.record(body, mono_ms, durable)
        }
        fn keep_state(&mut self, _script: &str) -> std::io::Result<String> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
    let mut recorder = Full(Memory { events: Vec::new(), states: Vec::new(), at: &mut refuse });
    let last = execute(Run {
        plan: Arc::new(plan(vec![look("x=1")])),
        policy: POLICY,
        opening: vec![opening()],
        past: &[],
        clock_ms: 0,
        session: keeping(),
        begun: None,
        recorder: &mut recorder,
        ask: Box::new(Nobody),
        clock: &SystemClock::new(),
    });
    let ran = Ran { events: recorder.0.events, states: vec![], last: last.expect("bash is everywhere") };
    assert_eq!(ran.end(0).state.as_deref(), Some(""));
}

#[test]
fn a_secret_is_in_no_state_and_jobs_are_named() {
    let session = SessionSetup { secrets: vec!["s3cr3t".into()], ..keeping() };
    let ran = kept(session, vec![look("x=s3cr3t y=1; sleep 30 & exec 7</dev/null")]);
    let state = ran.states.last().expect("it changed");
    assert!(!state.contains("s3cr3t") && state.contains("y=\"1\""), "{state}");
    let lost: Vec<&str> = lost(state).collect();
    assert!(lost.iter().any(|what| what.starts_with("job ") && what.contains("sleep 30")), "{lost:?}");
    assert!(lost.contains(&"descriptor 7") && lost.contains(&"variable x, which holds a secret"), "{lost:?}");
    for job in &ran.last.left_running {
        let pid = job.rsplit(['(', ')']).nth(1).and_then(|pid| pid.parse().ok());
        crate::host::processes::kill_process(pid.expect("names its pid"));
    }
}

#[test]
fn a_directory_that_is_gone_stops_before_anything_starts() {
    let place = tempfile::tempdir().expect("/tmp is writable");
    let first = kept(keeping(), vec![look(&format!("cd {}", place.path().display()))]);
    drop(place);
    let mut recorder = Memory { events: Vec::new(), states: Vec::new(), at: &mut |_| Ok(()) };
    let error = execute(Run {
        plan: Arc::new(plan(vec![look("touch here")])),
        policy: POLICY,
        opening: vec![opening()],
        past: &[],
        clock_ms: 0,
        session: SessionSetup { restore: first.states.last().cloned(), ..keeping() },
        begun: None,
        recorder: &mut recorder,
        ask: Box::new(Nobody),
        clock: &SystemClock::new(),
    });
    let error = error.expect_err("it is gone").to_string();
    assert_eq!(error, "the shell cannot be made what it was: is its directory gone?");
    assert_eq!(recorder.events, []);
}
