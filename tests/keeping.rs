//! Who may touch the record, that two runs never mix, and how old runs are forgotten.

use crate::harness::{OnTerminal, Test};
use nix::sys::signal::Signal;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DOCUMENT: &str = "# Deploy\n\n1. Deploy:\n   ```bash\n   touch x; echo deployed\n   ```\n";
const EXEC: &[&str] = &["exec", "Deploy", "--file", "doc.md"];

/// The user called nobody, on every Linux.
const NOBODY: u32 = 65534;

fn ran() -> Test {
    Test::new().file("doc.md", DOCUMENT).args(EXEC).run().exit(0).test
}

fn runs(test: &Test) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let mut runs: Vec<PathBuf> = listed.map(|entry| entry.expect("is readable").path()).collect();
    runs.sort();
    runs
}

fn id(run: &Path) -> String {
    run.file_name().expect("has a name").to_string_lossy().into_owned()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("is ours");
}

/// `path` as messages of `test` show it once they are redacted.
fn shown(path: &Path, test: &Test) -> String {
    path.display().to_string().replace(&test.place().display().to_string(), "[PLACE]")
}

/// Every command that believes the record of one run.
const BELIEVERS: [&[&str]; 5] = [
    &["report", "last"],
    &["replay", "last"],
    &["verify", "last"],
    &["note", "last", "seen"],
    &["resume", "last", "--from", "1", "--unattended"],
];

#[test]
fn a_run_that_others_can_write_to_is_refused() {
    let mut test = ran();
    let run = runs(&test).remove(0);
    let id = id(&run);
    for (path, loose, tight) in [
        (run.clone(), 0o702, 0o700),
        (run.join("document.md"), 0o602, 0o600),
        (run.join("journal.jsonl"), 0o606, 0o600),
    ] {
        set_mode(&path, loose);
        let shown = shown(&path, &test);
        let said = format!(
            "error: everybody may write to `{shown}`: run `{id}` may not be what was written\n\
             hint: if nobody changed what is in it: chmod go-w {shown}; else set RUNBOOK_HOME to another directory\n"
        );
        for args in BELIEVERS {
            test = test.again(args).run().exit(6).stdout("").stderr(&said).test;
        }
        set_mode(&path, tight);
    }
    set_mode(&run, 0o755);
    test = test.again(&["report", "last"]).run().exit(0).says("deployed").test;
    // Its record is not believed, the others are.
    set_mode(&run, 0o777);
    let warning =
        format!("warning: run `{id}` is left out: everybody may write to `{}`\n", shown(&run, &test));
    test = test.again(EXEC).run().exit(0).test;
    test = test.again(&["runs"]).run().exit(0).says("Deploy").stderr(&warning).test;
    let figures = test.again(&["stats", "--format", "json"]).run().exit(0).stderr(&warning);
    assert_eq!(figures.json()["procedures"][0]["runs"], 1, "{}", figures.stdout);
}

#[test]
fn a_state_directory_that_others_can_write_to_is_refused() {
    let mut test = ran();
    for (path, mode) in [(test.state(), 0o770), (test.state().join("runs"), 0o1777)] {
        set_mode(&path, mode);
        for args in
            BELIEVERS.into_iter().chain([EXEC, &["runs"], &["stats"], &["coverage", "--file", "doc.md"]])
        {
            let refused = test.again(args).run().exit(6).stdout("");
            let start = if mode == 0o770 {
                "error: everybody in the group `"
            } else {
                "error: everybody may write to `"
            };
            assert!(refused.stderr.starts_with(start), "{}", refused.stderr);
            test = refused.says("what is on record there may not be what was written\n").test;
        }
        set_mode(&path, 0o700);
    }
    test = test.again(EXEC).run().exit(0).test;
    assert_eq!(runs(&test).len(), 2);
}

#[test]
fn what_belongs_to_another_user_is_refused_also_by_root() {
    if !nix::unistd::geteuid().is_root() {
        // Nobody but root can give a file away, and without that there is nothing to refuse.
        return;
    }
    let mut test = ran();
    let run = runs(&test).remove(0);
    let id = id(&run);
    chown(&run, Some(NOBODY), Some(NOBODY)).expect("root may");
    let path = shown(&run, &test);
    for args in BELIEVERS {
        let said = format!(
            "error: `{path}` belongs to another user, `nobody`: run `{id}` may not be what was written\n\
             hint: set RUNBOOK_HOME to a directory of your own\n"
        );
        test = test.again(args).run().exit(6).stderr(&said).test;
    }
    chown(test.state(), Some(NOBODY), Some(NOBODY)).expect("root may");
    let said = "error: `[PLACE]/state` belongs to another user, `nobody`: what is on record there may not be what \
                was written\nhint: set RUNBOOK_HOME to a directory of your own\n";
    test.again(EXEC).run().exit(6).stdout("").stderr(said);
}

#[test]
fn what_another_user_put_above_a_document_is_not_taken_for_its_project() {
    if !nix::unistd::geteuid().is_root() {
        // Nobody but root can give a file away.
        return;
    }
    let text = "# Deploy\n\n```bash\ntrue\n```\n";
    let test = Test::on("# Here\n", &["exec", "Deploy", "--file", "../shared/doc.md"])
        .file("../shared/doc.md", text)
        .file("../shared/runbooks/runbook.yaml", "procedures: []\n");
    let test = test.run().exit(0).test;
    let config = test.path("../shared/runbooks/runbook.yaml");
    chown(&config, Some(NOBODY), Some(NOBODY)).expect("root may");
    let left_out = "what the project sets (working directory, notifiers, escalation) is left out here";
    let ran = test.again(&["exec", "Deploy", "--file", "../shared/doc.md"]).run().exit(0);
    let ran = ran.stderr(&format!(
        "warning: `[PLACE]/shared/runbooks/runbook.yaml` belongs to another user, `nobody`, and `../shared/doc.md` does not\n\
         hint: copy `../shared/doc.md` to a directory of your own, or have that file removed\n\
         warning: {left_out}\n"
    ));
    // Whoever runs somebody's document trusts them.
    chown(ran.test.path("../shared/doc.md"), Some(NOBODY), Some(NOBODY)).expect("root may");
    ran.test.again(&["exec", "Deploy", "--file", "../shared/doc.md"]).run().exit(0).stderr("");
}

#[test]
fn runs_at_the_same_time_never_mix() {
    let text = "# Deploy\n\n1. Deploy:\n   ```bash\n   echo mine-{who}; : > up-{who}; until test -e go; do sleep 0.02; done; seq 200; touch x\n   ```\n";
    let test = Test::new().file("doc.md", text);
    let names: Vec<String> = (0..6).map(|number| format!("w{number}")).collect();
    let mut test = test.again(&[]);
    let mut running = Vec::new();
    for name in &names {
        test = test.again(&["exec", "Deploy", "--file", "doc.md", "--allow-concurrent", "--who", name]);
        running.push(test.spawn());
    }
    for run in &mut running {
        run.wait_for("mine-");
    }
    let test = test.again(&["runs"]).run().exit(0);
    assert_eq!(test.stdout.matches("running").count(), names.len(), "{}", test.stdout);
    std::fs::write(test.test.path("go"), "").expect("is ours");
    for run in running {
        assert!(run.finish(Duration::from_secs(60)).0.success());
    }
    let mut test = test.test;
    let mut said = Vec::new();
    for run in runs(&test) {
        let journal = std::fs::read_to_string(run.join("journal.jsonl")).expect("every run has a journal");
        said.extend(names.iter().filter(|name| journal.contains(&format!("mine-{name}\\n"))).cloned());
        test = test.again(&["verify", &id(&run)]).run().exit(0).says("is intact").test;
    }
    said.sort();
    assert_eq!(said, names);
}

/// Makes the run look as if it had been recorded on this day of the year `year`.
fn backdate(run: &Path, year: &str) -> PathBuf {
    let journal = run.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("every run has a journal");
    let at = text.find("\"at\":\"").expect("events have a time") + "\"at\":\"".len();
    let now = text[at..at + 5].to_owned();
    let text = text.replace(&format!("\"at\":\"{now}"), &format!("\"at\":\"{year}-"));
    std::fs::write(&journal, text).expect("is ours");
    let moved = run.with_file_name(id(run).replacen(now.trim_end_matches('-'), year, 1));
    std::fs::rename(run, &moved).expect("is ours");
    moved
}

/// A place with an old run that ended, an old one whose engine was killed, an old record of nothing, something
/// that is no run, and a new run; and the first three.
fn years() -> (Test, [PathBuf; 3]) {
    let ended = |test: &Test| backdate(&runs(test).remove(0), "2019");
    let test = ran();
    let ended = ended(&test);
    let test = test.file("wait.md", "# Wait\n\n```bash\necho begun; touch y; sleep 60\n```\n");
    let test = test.again(&["exec", "Wait", "--file", "wait.md"]);
    let mut run = test.spawn();
    run.wait_for("    begun");
    run.signal(Signal::SIGKILL);
    run.wait();
    let killed = backdate(&runs(&test).remove(1), "2020");
    let empty = test.state().join("runs/20180102T030405Z-abcdef");
    std::fs::create_dir(&empty).expect("is ours");
    std::fs::write(empty.join("journal.jsonl"), "").expect("is ours");
    std::fs::create_dir(test.state().join("runs/notes")).expect("is ours");
    let test = test.again(EXEC).run().exit(0).test;
    (test, [ended, killed, empty])
}

const PRUNE: &[&str] = &["runs", "prune", "--older-than", "365d"];

#[test]
fn old_runs_are_listed_and_removed_only_when_somebody_says_so() {
    let (test, [ended, killed, empty]) = years();
    let size = |run: &Path| -> u64 {
        let files = std::fs::read_dir(run).expect("is ours");
        files.map(|file| file.expect("is readable").metadata().expect("is there").len()).sum()
    };
    let shown = format!("{:.1} kB", size(&ended) as f64 / 1000.0);
    let (ended_id, killed_id) = (id(&ended), id(&killed));
    let day = format!("2019-{}-{}", &ended_id[4..6], &ended_id[6..8]);
    let listed = format!(
        "kept: run `{killed_id}` has no end and can be resumed (--unfinished removes it)\n\
         run                      procedure                last event  size     outcome\n\
         {ended_id}  Deploy                   {day}  {shown}   not veri…\n\
         20180102T030405Z-abcdef  nothing was started      2018-01-02  0 B      -\n\
         to be removed: 2 runs from 2018-01-02 to {day}, {shown}\n"
    );
    let test = test.again(PRUNE).args(&["--dry-run"]).run().exit(0).stdout(&listed).stderr("").test;
    let test = test.again(PRUNE).run().exit(5).stdout(&listed);
    let test = test.stderr(
        "error: nobody is there to ask: remove 2 runs for good?\nhint: add --yes; nothing was removed\n",
    );
    assert_eq!(runs(&test.test).len(), 5);
    let test = test.test.again(PRUNE).args(&["--yes"]).run().exit(0);
    let test = test.stdout(&format!("{listed}removed 2 runs, {shown}\n")).test;
    assert!(!ended.exists() && !empty.exists() && killed.exists());
    let said = format!(
        "kept: run `{killed_id}` has no end and can be resumed (--unfinished removes it)\n\
         nothing to remove: nothing else was recorded before "
    );
    let nothing = test.again(PRUNE).args(&["--yes"]).run().exit(0);
    assert!(nothing.stdout.starts_with(&said), "{}", nothing.stdout);
    let all = nothing.test.again(PRUNE).args(&["--yes", "--unfinished"]).run().exit(0);
    let test = all.says("unknown\n").says("removed 1 run, ").test;
    // What is no run, and the new one.
    assert_eq!(runs(&test).len(), 2);
    assert!(!killed.exists());
}

#[test]
fn a_person_is_asked_before_anything_is_removed() {
    let (test, [ended, ..]) = years();
    let test = test.again(PRUNE);
    for (keys, code, kept) in [("\r", 5, true), ("y\r", 0, false)] {
        let mut screen = OnTerminal::start(&test.command());
        screen.wait_for("to be removed: 2 runs from 2018-01-02 to 2019-");
        screen.wait_for("remove 2 runs for good? [y]es, [N]o:");
        screen.type_in(keys);
        let (exit, said) = screen.finish();
        assert_eq!((exit, ended.exists()), (code, kept), "{said}");
        assert_eq!(said.contains("nothing was removed"), kept, "{said}");
    }
}

#[test]
fn a_run_that_goes_on_is_never_removed() {
    let test = Test::on(
        "# Wait\n\n```bash\necho begun; touch y; until test -e go; do sleep 0.02; done\n```\n",
        &["exec", "Wait"],
    );
    let mut run = test.spawn();
    run.wait_for("    begun");
    let id = id(&backdate(&runs(&test).remove(0), "2019"));
    let pruned = test.again(PRUNE).args(&["--yes", "--unfinished"]).run().exit(0);
    let said = format!("kept: run `{id}` is running\nnothing to remove: ");
    assert!(pruned.stdout.starts_with(&said), "{}", pruned.stdout);
    std::fs::write(pruned.test.path("go"), "").expect("is ours");
    assert!(run.finish(Duration::from_secs(60)).0.success());
    assert_eq!(runs(&pruned.test).len(), 1);
}

#[test]
fn an_age_that_is_none_is_refused() {
    for age in ["90", "soon", "3 parsecs", "1x", "1w"] {
        let refused = Test::new().args(&["runs", "prune", "--older-than", age]).run().exit(2);
        refused.says(&format!(
            "error: invalid value '{age}' for '--older-than <TIME>': it is no time: units are ms, s, min, h and d, as \
             in 500ms, 30s, 5m, 12h, 90d\n"
        ));
    }
    Test::new().args(&["runs", "prune"]).run().exit(2).says("--older-than <TIME>");
    Test::new()
        .args(&["runs", "prune", "--older-than", "9999999d"])
        .run()
        .exit(2)
        .stderr("error: nothing can be as old as --older-than says\nhint: give it in days: 90d\n");
}
