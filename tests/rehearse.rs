//! Rehearsals as a person runs them: LeviBot, a service that is not LeviBot, and everything that can go wrong.

use crate::harness::rehearsal::{QUICK, judge_passed, our_stage_of_its_own, ours, reasons, run_all};
use crate::harness::{Finished, OnTerminal, Test};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

#[test]
fn a_cure_that_does_nothing_and_exits_0_fails() {
    // Like the original system's: the script says that all is well.
    let broken = "echo recovered: every engine runs";
    let test = our_stage_of_its_own(QUICK)
        .script("work/scripts/auto_recover.sh", broken)
        .file("doc.md", "# Recover\n\n1. Recover:\n   ```bash\n   ./scripts/auto_recover.sh\n   ```\n")
        .args(&["rehearse", "Recover", "--no-prepare", "--fault", "engine-stopped", "--file", "doc.md"]);
    let finished = test.run().exit(1);
    let reason = reasons(&finished);
    assert!(
        reason.starts_with(
            "the procedure says `every step succeeded, not verified: the document has no verify step`, but the \
             symptom is still there: `passes_when` does not hold 100 ms later"
        ),
        "{reason}"
    );
    finished.says("rehearsal failed with fault `engine-stopped` (exit 1)").leaves_nothing();
}

const SITE: &str = "procedures: [site.md]
stage:
  workdir: ../site
  service: echo serving; touch up; exec sleep 600
  ready: test -e up
faults:
  broken:
    procedures: [Site Down]
    inject: touch broken
    symptom: test -e broken
    revert: rm -f broken
    passes_when: test ! -e broken
";

/// What is not cured is not waited for.
const SOON: (&str, &str) = ("    passes_when:", "    passes_within: 200ms\n    passes_when:");

/// A stage without LeviBot, whose procedure runs `script`.
fn site(script: &str, changes: &[(&str, &str)], args: &[&str]) -> Test {
    let mut yaml = SITE.to_owned();
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replace(from, to);
    }
    let indented = script.replace('\n', "\n   ");
    Test::new()
        .file("runbooks/runbook.yaml", yaml)
        .file(
            "runbooks/site.md",
            format!("# Site Down\n\n1. Repair it:\n   ```bash\n   {indented}\n   ```\n"),
        )
        .file("site/index.html", "hello")
        .args(&["rehearse", "Site Down"])
        .args(args)
}

#[test]
fn what_cannot_be_rehearsed_is_refused_with_its_reason() {
    for (changes, args, exit, error) in [
        (
            &[][..],
            &["--fault", "brokn"][..],
            2,
            "error: there is no fault `brokn`\nhint: a fault named `broken` exists\n",
        ),
        (
            &[("[Site Down]", "[]")],
            &[],
            2,
            "error: no fault belongs to `Site Down`\nhint: choose one with --fault: `broken`\n",
        ),
        (
            &[("  ready:", "  redy:")],
            &[],
            3,
            "error: unknown key `redy`\n  --> runbooks/runbook.yaml:5:3\n    |\n  5 |   redy: test -e up\n    |   ^^^^\n\
             hint: a key named `ready` exists\n",
        ),
        (
            &[("../site", "../sight")],
            &[],
            6,
            "error: `workdir` names `../sight`, which does not exist\n  --> runbooks/runbook.yaml:3:12\n    |\n  \
             3 |   workdir: ../sight\n    |            ^^^^^^^^\nhint: paths count from the folder of this file; \
             what `prepare` builds is there only after it\n",
        ),
        (
            &[("  workdir:", "  prepare: echo compiling; echo no compiler >&2; exit 4\n  workdir:")],
            &[],
            6,
            "preparing the stage\nerror: `prepare` ended with 4; it said last:\n  compiling\n  no compiler\nhint: run it \
             by hand, or rehearse what was built before with --no-prepare\n",
        ),
    ] {
        let finished = site("rm broken", changes, args).run().exit(exit);
        assert_eq!(finished.stderr, error);
        assert!(!finished.test.state().join("runs").exists(), "nothing was run");
    }
    let nothing =
        Test::new().file("a.md", "# A\n\n```bash\ntrue\n```\n").args(&["rehearse", "A", "--file", "a.md"]);
    let finished = nothing.run().exit(6);
    assert_eq!(
        finished.stderr,
        "error: nothing can be rehearsed: there is no `runbooks/runbook.yaml` here or above\nhint: declare a stage; \
         the book's page `Rehearse your own system` shows one of ten lines\n"
    );
}

#[test]
fn a_rehearsal_that_cannot_be_judged_is_an_error() {
    for (changes, reason) in [
        (
            &[("inject: touch broken", "symptom_within: 200ms\n    inject: 'true'")],
            "the symptom was never seen within 200 ms",
        ),
        (
            &[("touch up; exec sleep 600", "echo no port; exit 3")],
            "the service ended before it was ready (exit 3: no port)",
        ),
        (
            &[("touch up; exec", "touch up broken; exec")],
            "the symptom was there before the fault was injected",
        ),
        (&[("inject: touch broken", "inject: exit 9")], "the fault could not be injected: exit 9"),
    ] {
        let changes = [changes[0], ("  ready: test", "  ready_within: 2s\n  ready: test")];
        let finished = site("rm broken", &changes, &[]).run().exit(6);
        assert!(reasons(&finished).starts_with(reason), "{}", reasons(&finished));
        finished
            .says("nothing was rehearsed with fault `broken` (exit 6)")
            .says("stage: the service said:")
            .leaves_nothing();
    }
}

#[test]
fn a_revert_that_fails_turns_the_result_red() {
    let finished = site("rm broken", &[("revert: rm -f", "revert: rm")], &[]).run().exit(1);
    finished
        .says("the fault could not be taken away: exit 1: rm: cannot remove 'broken'")
        .says("rehearsal failed with fault `broken` (exit 1)")
        .leaves_nothing();
}

#[test]
fn a_rehearsal_that_fails_notifies_nobody() {
    let notifiers = ("stage:", "notifiers:\n  page: {command: touch told}\nstage:");
    let finished = site("false", &[notifiers, SOON], &["--no-isolation"]).run().exit(1).never_says("notif");
    assert!(!finished.test.path("runbooks/told").exists());
}

#[test]
fn a_fault_that_expires_proves_nothing() {
    let changes = [("    passes_when", "    expires: 1s\n    passes_when")];
    let finished = site("while [ -e broken ]; do sleep 0.05; done", &changes, &[]).run().exit(1);
    finished.says("the fault had ended by itself before the procedure was judged").leaves_nothing();
}

#[test]
fn a_preparation_runs_on_the_host_and_is_left_out_on_request() {
    let prepare = [("  workdir:", "  prepare: echo $RUNBOOK >../prepared\n  workdir:")];
    let finished = site("rm broken", &prepare, &["--no-prepare"]).run().exit(0);
    assert_eq!(finished.test.read("prepared"), "");
    let finished = site("rm broken", &prepare, &[]).run().exit(0);
    assert!(
        finished.test.read("prepared").trim().ends_with("/runbook"),
        "{}",
        finished.test.read("prepared")
    );
    finished.leaves_nothing();
}

#[test]
fn a_preparation_is_shown_while_it_goes_on_and_stops_at_ctrl_c() {
    let prepare = [("  workdir:", "  prepare: echo compiling it; sleep 600\n  workdir:")];
    let test = site("rm broken", &prepare, &[]);
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("preparing the stage");
    screen.wait_for("compiling it");
    screen.type_in("\u{3}");
    let (code, _) = screen.finish();
    assert_eq!((code, test.leftovers()), (130, Vec::new()));
    assert!(!test.state().join("runs").exists(), "nothing was run");
}

#[test]
fn on_a_terminal_a_rehearsal_shows_its_story_and_asks_what_the_document_leaves_open() {
    let test = site("rm broken", &[], &[]).file(
        "runbooks/site.md",
        "# Site Down\n\n1. Repair it:\n   ```bash\n   rm broken\n   ```\n2. If the disk is full, make room:\n   \
         ```bash\n   touch room\n   ```\n",
    );
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("the symptom is there after");
    screen.wait_for("is it so?");
    screen.type_in("y\n");
    screen.wait_for("taken away");
    let (code, text) = screen.finish();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("rehearsal passed"), "{text}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn values_come_from_the_command_line_and_else_from_the_stage() {
    let stage = [("  ready:", "  parameters: {name: broken}\n  ready:")];
    site("rm <name>", &stage, &[]).run().exit(0).says("name = broken");
    site("rm <name>", &[stage[0], SOON], &["--name", "up"]).run().exit(1).says("name = up");
    let none = site("rm <name>", &[], &[]).run().exit(2);
    assert!(none.stderr.starts_with("error: `Site Down` needs a value for `name`"), "{}", none.stderr);
}

#[test]
fn events_are_written_as_json() {
    let finished = site("rm broken", &[], &["--format", "json"]).run().exit(0);
    let events: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(events, finished.test.journal());
    assert_eq!(events[0]["mode"], "rehearse");
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types,
        [
            "run_started",
            "stage",
            "fault",
            "fault",
            "step_started",
            "step_finished",
            "stage",
            "fault",
            "stage",
            "run_finished"
        ]
    );
}

#[test]
fn no_line_about_the_stage_is_longer_than_a_terminal() {
    let long = "    description: a file that stands in the way of everything that anybody would ever want to do\n    \
                procedures: [Site";
    let finished = site("true", &[("    procedures: [Site", long), SOON], &[]).run().exit(1);
    for line in finished.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!finished.stdout.contains('\u{1b}') && !finished.stderr.contains('\u{1b}'));
}

#[test]
fn eight_rehearsals_at_once_do_not_see_one_another() {
    for finished in run_all((0..8).map(|_| ours("MTTR Exceeded", &[])).collect()) {
        judge_passed(finished, "engine-stopped", 0, "succeeded, verified by step 4");
    }
}

/// Network namespaces of `pids` other than the test's own, each held open: the kernel gives the number of a
/// namespace that is gone to the next one, which may be a sandbox of a test beside this one.
fn namespaces(pids: impl IntoIterator<Item = u32>) -> BTreeMap<u64, OwnedFd> {
    let open = |pid: &str| {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let held = nix::fcntl::open(format!("/proc/{pid}/ns/net").as_str(), flags, Mode::empty()).ok()?;
        Some((nix::sys::stat::fstat(&held).expect("it is open").st_ino, held))
    };
    let (own, _) = open("self").expect("Linux has namespaces");
    pids.into_iter()
        .filter_map(|pid| open(&pid.to_string()))
        .filter(|(namespace, _)| *namespace != own)
        .collect()
}

/// Processes in one of `namespaces` after the few seconds that the kernel may need to bury the last of them.
fn processes_in(namespaces: &BTreeMap<u64, OwnedFd>) -> Vec<u32> {
    let inside = |pid: &u32| {
        let namespace = std::fs::metadata(format!("/proc/{pid}/ns/net"));
        namespace.is_ok_and(|namespace| namespaces.contains_key(&namespace.ino()))
    };
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let found: Vec<u32> = all_processes().into_iter().filter(inside).collect();
        if found.is_empty() || Instant::now() > end {
            return found;
        }
        std::thread::yield_now();
    }
}

fn all_processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has /proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The pids in what [`Test::leftovers`] says.
fn pids(lines: &[String]) -> Vec<u32> {
    lines.iter().filter_map(|line| line.split_once(':')?.0.parse().ok()).collect()
}

/// Starts a rehearsal whose step waits, lets `end` end something of it, and expects that nothing is left: no
/// process, no namespace, no mount, no file but the record.
fn ended_by(end: impl FnOnce(&[String], u32), exit: i32) -> Finished {
    let test = site("echo waiting; sleep 600", &[SOON], &[]);
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").expect("Linux has mounts");
    let before = mounts();
    let mut running = test.spawn();
    running.wait_for("    waiting");
    let inside = test.marked();
    let namespaces_inside = namespaces(pids(&inside));
    assert_eq!(namespaces_inside.len(), 1, "{inside:?} {namespaces_inside:?}");
    end(&inside, running.pid());
    let (status, stdout, stderr) = running.finish(Duration::from_secs(60));
    let code = crate::harness::exit_code(status);
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(code, exit, "{}{}", text[0], text[1]);
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert_eq!(processes_in(&namespaces_inside), Vec::<u32>::new());
    assert_eq!(mounts(), before);
    let mut names: Vec<String> = Vec::new();
    for run in std::fs::read_dir(test.state().join("runs")).expect("a run was recorded") {
        let files = std::fs::read_dir(run.expect("is readable").path()).expect("is readable");
        names.extend(files.map(|file| file.expect("is readable").file_name().to_string_lossy().into_owned()));
    }
    names.sort();
    assert_eq!(names, ["document.md", "journal.jsonl", "lock", "service.log"]);
    let [stdout, stderr] = text;
    Finished { test, code, stdout, stderr }
}

/// The process whose command line holds `part`.
fn pid_of(lines: &[String], part: &str) -> Pid {
    let line =
        lines.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {lines:?}"));
    let (pid, _) = line.split_once(':').expect("begins with a pid");
    Pid::from_raw(pid.parse().expect("is a number"))
}

#[test]
fn ctrl_c_takes_the_fault_away_and_leaves_nothing() {
    let outer =
        |_: &[String], pid: u32| kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT).expect("it runs");
    let finished = ended_by(outer, 130);
    finished
        .says("fault `broken`: taken away")
        .says("stage: well again without the fault")
        .says("rehearsal stopped with fault `broken` (exit 130)");
}

#[test]
fn a_killed_engine_leaves_nothing() {
    let engine = |inside: &[String], outer: u32| {
        let engines: Vec<String> = inside
            .iter()
            .filter(|line| line.contains("runbook rehearse") && !line.contains("--unshare"))
            .cloned()
            .collect();
        let engine = pids(&engines).into_iter().find(|pid| *pid != outer).expect("is in the sandbox");
        kill(Pid::from_raw(engine.cast_signed()), Signal::SIGKILL).expect("it runs");
    };
    ended_by(engine, 137)
        .says("error: the engine in the sandbox was killed; nothing that it started is left");
}

#[test]
fn a_killed_sandbox_leaves_nothing() {
    ended_by(|inside, _| kill(pid_of(inside, "--unshare-user"), Signal::SIGKILL).expect("it runs"), 137);
}

#[test]
fn a_killed_caller_leaves_nothing() {
    ended_by(|_, outer| kill(Pid::from_raw(outer.cast_signed()), Signal::SIGKILL).expect("it runs"), 137);
}

#[test]
fn a_killed_service_is_no_end_of_the_rehearsal() {
    let service = |inside: &[String], outer: u32| {
        let sleeps: Vec<String> =
            inside.iter().filter(|line| line.trim_end().ends_with("sleep 600")).cloned().collect();
        for pid in pids(&sleeps) {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it runs");
        }
        let _ = outer;
    };
    // The step's own sleep is killed with it: the step fails, and the fault is still there.
    ended_by(service, 1)
        .says("rehearsal failed with fault `broken` (exit 1)")
        .says("fault `broken`: taken away");
}

#[test]
fn a_stage_that_is_kept_stays_until_it_is_left() {
    let test = site("rm broken", &[], &["--keep"]);
    let mut running = test.spawn();
    running.wait_for("the stage stays up until Ctrl-C; to enter it from another terminal:");
    running.wait_for("bash /run/runbook/enter\n");
    assert!(test.marked().iter().any(|line| line.contains("sleep 600")), "{:?}", test.marked());
    running.signal(Signal::SIGINT);
    let (status, stdout, _) = running.finish(Duration::from_secs(60));
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success() && stdout.contains("rehearsal passed"), "{stdout}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn without_isolation_a_taken_port_is_refused_and_nothing_is_left() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("is bound").port();
    let ports = format!("  ports: [{port}]\n  ready:");
    let test = || site("rm broken", &[("  ready:", &ports)], &["--no-isolation"]);
    let finished = test().run().exit(6);
    assert!(finished.stderr.starts_with("warning: NO ISOLATION: "), "{}", finished.stderr);
    finished
        .says(&format!("error: port {port} is taken: the procedure would meet whatever listens there"))
        .says("hint: stop that, or rehearse in the sandbox, where every port is free");
    drop(listener);
    // A daemon that leaves its group and its parent is ended all the same.
    let daemon =
        ("service: echo serving;", "service: setsid bash -c 'sleep 600 & sleep 600' & echo serving;");
    let finished = site("rm broken", &[("  ready:", &ports), daemon], &["--no-isolation"]).run().exit(0);
    assert_eq!(finished.test.read("site/broken"), "");
    let runs = std::fs::read_dir(finished.test.state().join("runs")).expect("a run was recorded");
    for run in runs {
        assert!(!run.expect("is readable").path().join("stage").exists(), "the copy is removed");
    }
    finished.leaves_nothing();
}

#[test]
fn without_isolation_a_killed_engine_takes_the_fault_and_the_service_away() {
    let test = site("echo waiting; sleep 600", &[SOON], &["--no-isolation"]);
    let mut running = test.spawn();
    running.wait_for("    waiting");
    let runs = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let stages: Vec<_> = runs.map(|run| run.expect("is readable").path().join("stage")).collect();
    assert!(stages[0].join("broken").exists(), "{stages:?}");
    running.signal(Signal::SIGKILL);
    assert!(!running.wait().success());
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert!(!stages[0].join("broken").exists(), "{stages:?}");
}

/// The fenced blocks of a page, with their tags.
fn fences(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in page.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &mut open {
            Some((fence, tag, text)) if *fence == line => {
                found.push((std::mem::take(tag), std::mem::take(text)));
                open = None;
            }
            Some((_, _, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if ticks.len() >= 3 => {
                open = Some((ticks.clone(), line[ticks.len()..].to_owned(), String::new()))
            }
            None => {}
        }
    }
    found
}

/// What two rehearsals have in common: no numbers, no ids, no blanks that make columns.
fn timeless(text: &str) -> Vec<String> {
    let alike = |line: &str| {
        let words: Vec<String> =
            line.split_whitespace()
                .filter(|word| !matches!(word.trim_end_matches([':', ',']), "ms" | "s"))
                .map(|word| {
                    if word.contains(|c: char| c.is_ascii_digit()) { "0".to_owned() } else { word.to_owned() }
                })
                .collect();
        words.join(" ")
    };
    let varies = |line: &&str| ["  run ", "  record:", "  head "].iter().any(|start| line.starts_with(start));
    text.lines().filter(|line| !varies(line)).map(alike).collect()
}

#[test]
fn the_books_page_can_be_followed() {
    let fences = fences(include_str!("../runbooks/rehearse.md"));
    let tagged = |tag: &str| {
        fences.iter().filter(|(found, _)| found == tag).map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    let (commands, shown) = (tagged("bash"), tagged("text"));
    let test = Test::new();
    let made = test.other("bash").args(["-ec", commands[0]]).status().expect("bash is there");
    assert!(made.success());
    assert_eq!(commands[1], "runbook rehearse \"Page Missing\"\n");
    let stage = tagged("yaml")[0];
    assert!(stage.lines().count() <= 12, "ten lines and the names of two sections");
    let finished = test
        .file("runbooks/site.md", tagged("markdown")[0])
        .file("runbooks/runbook.yaml", stage)
        .args(&["rehearse", "Page Missing"])
        .run()
        .exit(0);
    assert_eq!(timeless(&finished.stdout), timeless(shown[0]), "{}", finished.stdout);
    assert_eq!(finished.test.read("site/index.html"), "<h1>It works</h1>\n");
    finished.leaves_nothing();
}

#[test]
fn what_the_page_promises_of_a_broken_cure_is_true() {
    let fences = fences(include_str!("../runbooks/rehearse.md"));
    let of = |tag: &str, number: usize| {
        let tagged = fences.iter().filter(|(found, _)| found == tag).nth(number);
        tagged.map(|(_, text)| text.clone()).expect("is there")
    };
    assert_eq!(of("bash", 2), "runbook rehearse \"Page Missing\" --verify-timeout 10s\n");
    let document = of("markdown", 0);
    let line = document.lines().nth(13).expect("has a line 14");
    let broken = line.strip_suffix('l').expect("ends with the letter that is taken away");
    assert_eq!(format!("{broken}\n"), of("text", 1));
    let finished = Test::new()
        .file("site/index.html", "x")
        .file("site/backup/index.html", "x")
        .file("runbooks/site.md", document.replace(&format!("{line}\n"), &of("text", 1)))
        .file(
            "runbooks/runbook.yaml",
            of("yaml", 0).replace("    revert", "    passes_within: 200ms\n    revert"),
        )
        .args(&["rehearse", "Page Missing", "--verify-timeout", "300ms"])
        .run()
        .exit(1);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let end = words(&of("text", 2)).replace("10 s later", "200 ms later");
    assert!(words(&finished.stdout).contains(&end), "{}", finished.stdout);
}
