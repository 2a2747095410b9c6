//! What carries from step to step, and that the engine itself does not show.

use super::{act, look, run, running};
use crate::event::StepResult;
use crate::plan::PlanStep;
use crate::plan::testing::observe;

/// Each case: the text of each step, and what the last one prints.
#[test]
fn state_carries_from_step_to_step() {
    for (steps, expected) in [
        (&["cd /usr", "pwd"][..], "/usr\n"),
        (&["x=1; declare -a list=(a 'b c')", "echo \"$x ${list[1]}\""], "1 b c\n"),
        (&["f() { echo \"f $1\"; }", "f 2"], "f 2\n"),
        (&["umask 027", "umask"], "0027\n"),
        (&["shopt -s nullglob; set -f", "shopt nullglob; echo *; set +f"], "nullglob       \ton\n*\n"),
        (&["exec 7<<<seven", "read -r x <&7; echo \"$x\""], "seven\n"),
        (&["sleep 60 & p=$!", "jobs -p | grep -c . ; kill $!; wait $!; echo $? $((p == $!))"], "1\n143 1\n"),
        (&["(exit 3)", "echo $?"], "3\n"),
        (&["export E=1", "bash -c 'echo $E'"], "1\n"),
        (&["trap 'echo got' USR1", "kill -USR1 $$; :"], "got\n"),
        (&["alias hi='echo alias'; shopt -s expand_aliases", "hi"], "alias\n"),
        (&["set -- a b", "echo $# $2"], "2 b\n"),
        (&["cd /usr; exit 3", "pwd"], "/\n"),
        (&["x=1", "x=2; exit 3", "echo $x"], "1\n"),
        (&["x=1; trap 'echo usr' USR1", "exec true", "echo $x; kill -USR1 $BASHPID; :"], "1\nusr\n"),
        (&["f() { echo f; }", "kill -9 $$", "f"], "f\n"),
        (&["exit 1", "exit 2", "exit 3", "echo here"], "here\n"),
        (&["x=1", "true", "echo ok", "exit 3", "echo $x"], "1\n"),
        (&["f() { x=2; }", "f", "exit 3", "echo $x"], "2\n"),
        (&["shopt -s expand_aliases; alias hi='x=3'", "hi", "exit 3", "echo $x"], "3\n"),
        (&["trap 'x=$((x + 1))' USR1", "kill -USR1 $$", "true", "exit 3", "echo $x"], "1\n"),
        (&["curl() { x=4; }", "curl", "exit 3", "echo $x"], "4\n"),
        (&["false", "exit 3", "echo $?"], "1\n"),
        (&["(exit 7)", "true", "/bin/false", "kill -9 $$", "echo $?"], "1\n"),
        (&["echo $$ >/dev/null", "exit 3", "set -- a", "true", "exit 3", "echo $1"], "a\n"),
        (&["break; echo no", "echo here"], "here\n"),
        (&["for x in 1 2; do continue; done; echo over", "echo here"], "here\n"),
        (&["set -m; sleep 1 & ", "kill -0 %1 && echo here"], "here\n"),
        (&["false | true; echo ${PIPESTATUS[0]}", "(exit 4) | true\necho ${PIPESTATUS[@]}"], "4 0\n"),
        (&["mkdir -p /; echo $_; true last", "echo $_"], "last\n"),
        (
            &["printf() { :; }; echo() { builtin echo mine; }; read() { :; }; eval() { :; }", "echo x"],
            "mine\n",
        ),
        (&["TMOUT=1 IFS=123", "echo here"], "here\n"),
        (&["set -eu", "case $- in *e*u*) echo both;; esac"], "both\n"),
    ] {
        let ran = run(steps.iter().map(|script| look(script)).collect());
        let last = steps.len() as u32 - 1;
        assert_eq!(ran.stdout(last), expected, "{steps:?}: {:#?}", ran.events);
        assert_eq!(ran.stderr(last), "", "{steps:?}");
    }
}

#[test]
fn options_of_a_step_end_with_it_but_its_own_stay() {
    for (script, expected) in
        [(":", ""), ("set -u", "u"), ("set +e", ""), ("set -euo pipefail", "eup"), ("set -o pipefail", "p")]
    {
        let show = "case $- in *e*) echo -n e;; esac; case $- in *u*) echo -n u;; esac; [[ ! -o pipefail ]] || echo -n p";
        let ran = run(vec![act(script), look(show)]);
        assert_eq!(ran.stdout(1), expected, "{script:?}");
    }
}

#[test]
fn a_step_has_no_input_and_none_of_the_engines_descriptors() {
    for (script, expected) in [
        ("read -r x; echo \"[$x]\"", "[]\n"),
        ("cat; echo after", "after\n"),
        ("bash -c 'cat; echo inner'; echo after", "inner\nafter\n"),
    ] {
        let ran = run(vec![look(":"), look(script)]);
        assert_eq!(ran.stdout(1), expected, "{script:?}");
    }
    // The suite itself may have inherited some.
    let list = "ls /proc/self/fd";
    let plain = std::process::Command::new("bash").args(["-c", list]).output().expect("bash is everywhere");
    assert_eq!(run(vec![look(":"), look(list)]).stdout(1), String::from_utf8_lossy(&plain.stdout));
}

#[test]
fn error_messages_point_into_the_document() {
    for (line, script, expected) in [
        (1, "nosuch1", "doc.md: line 1: nosuch1: command not found\n"),
        (4711, "true\n\nnosuch2", "doc.md: line 4713: nosuch2: command not found\n"),
        (7, "f() {\n  nosuch3\n}\nf", "environment: line 8: nosuch3: command not found\n"),
        (7, "set -u\necho $nope1", "doc.md: line 8: nope1: unbound variable\n"),
        (7, "cat /nope <<E\nx\nE\n", "cat: /nope: No such file or directory\n"),
    ] {
        let step = running(PlanStep { line, ..observe("1") }, script);
        assert_eq!(run(vec![look(":"), step]).stderr(1), expected, "{script:?}");
    }
}

#[test]
fn tracing_shows_the_steps_commands_only() {
    let ran = run(vec![look("set -x\necho a\necho b"), look("echo c")]);
    assert_eq!(ran.stdout(0), "a\nb\n");
    let trace = |step| ran.stderr(step).replace('+', "");
    assert_eq!((trace(0).as_str(), trace(1).as_str()), (" echo a\n echo b\n", " echo c\n"));
}

#[test]
fn an_exit_trap_runs_once_at_the_end_of_the_run() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let log = dir.path().join("log");
    let set = format!("trap 'echo bye; echo ran >>{}' EXIT", log.display());
    for steps in [vec![look(&set), look("echo next")], vec![look(&set), look("exit 3"), look("echo next")]] {
        let ran = run(steps);
        let last =
            ran.events.iter().filter(|event| matches!(event, crate::event::EventBody::StepFinished(_)));
        let last = last.count() as u32 - 1;
        assert_eq!(ran.stdout(0), "", "{:#?}", ran.events);
        assert_eq!(ran.stdout(last), "next\nbye\n");
        assert_eq!(std::fs::read_to_string(&log).expect("it ran"), "ran\n");
        std::fs::remove_file(&log).expect("it is there");
    }
    let cancelled = run(vec![look(&set), look("trap - EXIT")]);
    assert_eq!((cancelled.stdout(1).as_str(), log.exists()), ("", false));
    let own = run(vec![look("trap 'echo own' EXIT; exit 0"), look("echo next")]);
    assert_eq!((own.stdout(0).as_str(), own.stdout(1).as_str()), ("own\n", "next\n"));
    assert_eq!(own.result(0), &StepResult::Passed);
}
