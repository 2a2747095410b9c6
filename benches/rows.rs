//! One function a row of the table.

use crate::bed::{Bed, in_turn, median, peak, timed};
use crate::doctests;
use pulldown_cmark::{Options, Parser};
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Stdio;
use std::time::Duration;

/// One comparison.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) ours: Duration,
    /// None where it is not installed.
    pub(crate) yardstick: Option<Duration>,
    pub(crate) budget: Duration,
    pub(crate) rule: String,
}

/// Every row, measured as it is asked for.
pub(crate) fn all<'b>(bed: &'b Bed, only: Option<&str>) -> impl Iterator<Item = Row> + 'b {
    let doctests_only = only == Some("doctests");
    let rows: [fn(&Bed) -> Row; 7] = [version, one_step, thousand_steps, large_output, parsing, stage, suite];
    let rows = rows.into_iter().filter(move |_| !doctests_only).chain(doctests::ROWS);
    let runs = move || (!doctests_only).then(|| ten_thousand_runs(bed)).into_iter().flatten();
    rows.map(move |row| row(bed)).chain(std::iter::once_with(runs).flatten())
}

fn version(bed: &Bed) -> Row {
    let (ours, yardstick) = in_turn(200, &mut bed.runbook(&["--version"]), &mut bed.bash("true"));
    let rule = "`--version`: 1.2x of `just --version`, itself 0.9x of `bash -c true`".to_owned();
    Row {
        what: "start-up",
        ours,
        yardstick: Some(yardstick),
        budget: yardstick.mul_f64(1.2 * 1.6 / 1.8),
        rule,
    }
}

fn one_step(bed: &Bed) -> Row {
    bed.write("one.md", &document(1, "true"));
    let sync = bed.fdatasync();
    let mut exec = bed.runbook(&["exec", "Bench", "--file", "one.md", "--yes"]);
    let (ours, yardstick) = in_turn(200, &mut exec, &mut bed.bash("true"));
    let rule = format!("4 ms where bash takes 1.7, and one fdatasync of {sync:.2?}");
    let budget = yardstick.mul_f64(4.0 / 1.7) + sync;
    Row { what: "one trivial step, whole process", ours, yardstick: Some(yardstick), budget, rule }
}

fn thousand_steps(bed: &Bed) -> Row {
    bed.write("thousand.md", &document(1000, "true"));
    let sync = bed.fdatasync();
    let mut exec = bed.runbook(&["exec", "Bench", "--file", "thousand.md", "--yes"]);
    let (ours, yardstick) = in_turn(5, &mut exec, &mut bed.bash("for i in {1..1000}; do (true); done"));
    let rule = format!("1 s and 1,000 fdatasyncs of {sync:.2?}; the yardstick forks 1,000 times");
    Row {
        what: "1,000 steps of one document",
        ours,
        yardstick: Some(yardstick),
        budget: Duration::from_secs(1) + sync * 1000,
        rule,
    }
}

fn large_output(bed: &Bed) -> Row {
    bed.write("large.txt", &format!("{}\n", "x".repeat(99)).repeat(1_000_000));
    bed.write("large.md", &document(1, "cat large.txt"));
    let mut exec = bed.runbook(&["exec", "Bench", "--file", "large.md", "--yes"]);
    let (ours, yardstick) = in_turn(5, &mut exec, &mut bed.bash("cat large.txt | wc -c"));
    let memory = peak(&mut exec);
    let rule = format!("2x of `| wc -c`; peak memory {:.1} MiB, budget 20", memory as f64 / 1048576.0);
    Row { what: "100 MB of output", ours, yardstick: Some(yardstick), budget: yardstick * 2, rule }
}

fn parsing(_: &Bed) -> Row {
    let text = include_str!("../runbooks/levibot.md").repeat(50);
    let source = runbook::source::Source::new("bench.md", text.clone().into_bytes()).expect("is UTF-8");
    let mut pairs = Vec::new();
    for _ in 0..20 {
        // Until it is there: what either builds is let go behind the clock.
        let mut read = None;
        let ours = timed(|| read = Some(black_box(runbook::document::read(black_box(&source)))));
        // What the engine asks of it.
        let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
        let mut events = None;
        let theirs = timed(|| {
            let events = events.insert(Parser::new_ext(black_box(&text), options).into_offset_iter());
            black_box(events.count());
        });
        pairs.push((ours, theirs));
    }
    let ours = median(pairs.iter().map(|pair| pair.0));
    let yardstick = median(pairs.iter().map(|pair| pair.1));
    let rule = format!("half of pulldown-cmark's speed on the same {} kB", text.len() / 1000);
    Row { what: "reading Markdown", ours, yardstick: Some(yardstick), budget: yardstick * 2, rule }
}

/// From the start of the engine to a stage that is up, with a service that is ready at once.
fn stage(bed: &Bed) -> Row {
    let stage = "procedures: [bench.md]\nstage:\n  workdir: ../stage\n  service: exec sleep 60\nfaults:\n  \
                 f:\n    procedures: [Bench]\n    inject: touch f\n    symptom: test -e f\n    revert: rm -f f\n    \
                 passes_when: test -e f\n";
    bed.write("runbooks/runbook.yaml", stage);
    bed.write("runbooks/bench.md", &document(1, "true"));
    bed.write("stage/empty", "");
    let mut bare = bed.bash("bwrap --ro-bind / / --unshare-all true");
    let mut pairs = Vec::new();
    for _ in 0..20 {
        let began = std::time::SystemTime::now();
        let output = bed.runbook(&["rehearse", "Bench", "--format", "json"]).stdout(Stdio::piped()).output();
        let output = output.expect("it can start");
        let events = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{events}");
        pairs.push((up_after(&events, began), timed(|| drop(bare.status()))));
    }
    let ours = median(pairs.iter().map(|pair| pair.0));
    let yardstick = median(pairs.iter().map(|pair| pair.1));
    let rule = "60 ms beyond the service's own start; the yardstick is a bare `bwrap`".to_owned();
    Row { what: "a stage is up", ours, yardstick: Some(yardstick), budget: Duration::from_millis(60), rule }
}

/// Twelve scenarios three times on the stage of the row before, whose steps wait for nothing.
fn suite(bed: &Bed) -> Row {
    for number in 1..=12 {
        let scenario = format!("name: s{number}\nprocedure: Bench\nfault: f\nbranch: main\n");
        bed.write(&format!("scenarios/{number}.yaml"), &scenario);
    }
    let mut chaos = bed.runbook(&["chaos", "scenarios", "--trials", "3"]);
    let mut bare = bed.bash("for i in {1..36}; do bwrap --ro-bind / / --unshare-all true; done");
    let (ours, yardstick) = in_turn(3, &mut chaos, &mut bare);
    let rule = "a minute beyond the steps' own time; the yardstick is 36 bare `bwrap`s in turn".to_owned();
    Row {
        what: "a suite of 12 scenarios, 3 times each",
        ours,
        yardstick: Some(yardstick),
        budget: Duration::from_secs(60),
        rule,
    }
}

/// What reads the ends of every record, over copies of one real run.
fn ten_thousand_runs(bed: &Bed) -> Vec<Row> {
    let first = "echo one; seq 200";
    bed.write("records.md", &format!("{}## Other\n\n```bash\ntrue\n```\n", document(8, first)));
    let home = bed.path("records");
    let runbook = |args: &[&str]| {
        let mut command = bed.runbook(args);
        command.env("RUNBOOK_HOME", &home);
        command
    };
    let ran = runbook(&["exec", "Bench", "--file", "records.md", "--yes"]).status().expect("it can start");
    assert!(ran.success());
    bed.multiply(&home.join("runs"), 10_000);
    let mut yardstick = bed.bash("cd records/runs && find . -name journal.jsonl -print0 | xargs -0 wc -l");
    [
        ("`runs` over 10,000 of them", &["runs"][..]),
        ("`stats` over 10,000 runs", &["stats"]),
        ("`coverage` over 10,000 runs", &["coverage", "--file", "records.md"]),
        ("`list` over 10,000 runs", &["list", "--file", "records.md"]),
    ]
    .map(|(what, args)| {
        let (ours, yardstick) = in_turn(5, &mut runbook(args), &mut yardstick);
        let rule = "half a second; the yardstick counts the lines of every journal".to_owned();
        Row { what, ours, yardstick: Some(yardstick), budget: Duration::from_millis(500), rule }
    })
    .into()
}

/// How long after `began` the stage was up, by the run's own record.
fn up_after(events: &str, began: std::time::SystemTime) -> Duration {
    let up = events.lines().find(|line| line.contains(r#""type":"stage""#)).expect("the stage is up");
    let at = up.split_once(r#""at":""#).and_then(|(_, rest)| rest.split_once('"')).expect("has a time").0;
    let up: jiff::Timestamp = at.parse().expect("is a time");
    let began = jiff::Timestamp::try_from(began).expect("is a time");
    Duration::try_from(up.duration_since(began)).unwrap_or_default()
}

/// A document with one procedure of `steps` steps that each run `command`.
pub(crate) fn document(steps: usize, command: &str) -> String {
    let mut text = "# Bench\n\n".to_owned();
    for number in 1..=steps {
        let _ = write!(text, "{number}. Step {number}:\n   ```bash\n   {command}\n   ```\n\n");
    }
    text
}
