//! Rehearsals of LeviBot, from our runbook and from the one that the project was drawn from.

use super::{Finished, LEVIBOT, Test, root};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The document that the project was drawn from, where it is at hand.
pub(crate) fn seed() -> Option<PathBuf> {
    let seed = root().join("../shared/seed/chaos-recovery-runbook.md");
    seed.exists().then_some(seed)
}

/// Our runbook with shorter pauses, whose reader watches for a shorter time.
fn hurried() -> String {
    let watch = "   ```bash\n   watch";
    assert!(LEVIBOT.contains(watch));
    let hurried = format!("   <!-- runbook: timeout=2s -->\n{watch}");
    LEVIBOT.replace("sleep 5", "sleep 0.1").replace(watch, &hurried)
}

/// A rehearsal of `procedure` in the repository, with our runbook whose pauses are shortened.
pub(crate) fn ours(procedure: &str, args: &[&str]) -> Test {
    let test = Test::new().file("levibot.md", hurried());
    let document = test.path("levibot.md");
    rehearsal(test, procedure, args).args(&[Path::new("--file"), &document])
}

/// A rehearsal of `procedure` in the repository.
pub(crate) fn rehearsal(test: Test, procedure: &str, args: &[&str]) -> Test {
    test.in_directory(root()).args(&["rehearse", procedure, "--no-prepare"]).args(args)
}

/// What `runbook.yaml` says of the repository `root`, with `changes`, in a test's own directory.
pub(crate) fn our_stage(test: Test, root: &Path, changes: &[(&str, &str)]) -> Test {
    let root = root.display().to_string();
    let mut text = include_str!("../../runbooks/runbook.yaml")
        .replace("$RUNBOOK_DIR/..", &root)
        .replace(" ../fixtures", &format!(" {root}/fixtures"))
        .replace("[../target]", &format!("[{root}/target]"))
        .replace("profile=release", "profile=debug");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    test.file("runbooks/runbook.yaml", text).file("runbooks/levibot.md", hurried())
}

/// The lines of a rehearsal that are about the stage and the fault, without times.
pub(crate) fn story(finished: &Finished) -> Vec<String> {
    let about = |line: &&str| line.starts_with("stage:") || line.starts_with("fault ");
    let untimed = |line: &str| line.split_once(" after ").map_or(line, |(before, _)| before).to_owned();
    finished.stdout.lines().filter(about).map(untimed).collect()
}

/// Runs all of them, eight at once; answers in their order.
pub(crate) fn run_all(tests: Vec<Test>) -> Vec<Finished> {
    let waiting = Mutex::new(tests.into_iter().enumerate());
    let finished = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some((index, test)) = waiting.lock().expect("no worker panics with it").next() else {
                return;
            };
            let ran = test.run();
            finished.lock().expect("no worker panics with it").push((index, ran));
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(work))));
    let mut finished = finished.into_inner().expect("no worker panicked");
    finished.sort_by_key(|(index, _)| *index);
    finished.into_iter().map(|(_, ran)| ran).collect()
}

/// Expects a rehearsal that passed and in which everything happened in its order.
#[track_caller]
pub(crate) fn judge_passed(finished: Finished, fault: &str, exec_exit: i32, summary: &str) -> Finished {
    let finished = finished.exit(0);
    let story = story(&finished);
    let mut whole = vec![
        "stage: up".to_owned(),
        format!("fault `{fault}`: injected"),
        format!("fault `{fault}`: the symptom is there"),
    ];
    if SHOWN.contains(&fault) {
        whole.push("stage: a step showed ".to_owned());
    }
    if !ONLY_LOOKED_AT.contains(&fault) {
        whole.push("stage: `passes_when` holds".to_owned());
    }
    whole.push(format!("fault `{fault}`: taken away"));
    whole.push("stage: well again without the fault".to_owned());
    assert_eq!(story.len(), whole.len(), "{}", finished.stdout);
    for (line, start) in story.iter().zip(&whole) {
        assert!(line.starts_with(start.as_str()), "{line}: {start}\n{}", finished.stdout);
    }
    let last = finished.test.journal().pop().expect("has an end");
    assert_eq!(last["rehearsal"]["exec_exit"], exec_exit, "{}", finished.stdout);
    let said = last["summary"].as_str().unwrap_or_default();
    assert!(said.starts_with(summary), "{said}\n{}", finished.stdout);
    finished.says(&format!("rehearsal passed with fault `{fault}` (exit 0)")).leaves_nothing()
}

/// Why the rehearsal did not pass.
pub(crate) fn reasons(finished: &Finished) -> String {
    let last = finished.test.journal().pop().expect("has an end");
    let reasons = last["rehearsal"]["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().filter_map(|reason| reason.as_str()).collect::<Vec<_>>().join("\n")
}

/// The faults that a step must show.
pub(crate) const SHOWN: &[&str] =
    &["feed-slow", "audit-unwritable", "audit-read-only", "audit-no-space", "cure-broken"];

/// The faults whose procedure shows them and does nothing else.
pub(crate) const ONLY_LOOKED_AT: &[&str] =
    &["feed-slow", "audit-unwritable", "audit-read-only", "audit-no-space"];

/// What is not cured is not waited for.
pub(crate) const QUICK: &[(&str, &str)] = &[
    ("    passes_within: 20s\n", ""),
    ("    passes_within: 5s\n", ""),
    ("passes_when:", "passes_within: 100ms\n    passes_when:"),
];

/// A copy of LeviBot's working directory, for a test to change.
pub(crate) fn copy_work(to: &Path) {
    std::fs::create_dir_all(to).expect("is ours");
    let from = root().join("fixtures/levibot/work/.");
    let status =
        std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp is everywhere");
    assert!(status.success());
}

/// [`our_stage`] in a repository of the test's own with `scenarios`: the one of the suite may lie where an
/// ordinary user may not look.
pub(crate) fn our_stage_elsewhere(scenarios: &[&str]) -> Test {
    let test = Test::new();
    let repository = test.path("repository");
    let program = repository.join("target/debug/examples/levibot");
    std::fs::create_dir_all(program.parent().expect("is below")).expect("is ours");
    std::fs::copy(root().join("target/debug/examples/levibot"), program).expect("cargo test built it");
    copy_work(&repository.join("fixtures/levibot/work"));
    for name in scenarios {
        let file = format!("fixtures/levibot/scenarios/{name}.yaml");
        let to = repository.join(&file);
        std::fs::create_dir_all(to.parent().expect("is below")).expect("is ours");
        std::fs::copy(root().join(&file), to).expect("is there");
    }
    our_stage(test, &repository, &[])
}

/// [`our_stage`] of a copy of LeviBot's working directory in `work`, for a test to change.
pub(crate) fn our_stage_of_its_own(changes: &[(&str, &str)]) -> Test {
    let test = our_stage(Test::new(), root(), changes);
    copy_work(&test.path("work"));
    let yaml = test.read("runbooks/runbook.yaml");
    let (before, after) = yaml.split_once("  workdir: /").expect("names the working directory");
    let (_, after) = after.split_once('\n').expect("is a line");
    test.file("runbooks/runbook.yaml", format!("{before}  workdir: ../work\n{after}"))
}
