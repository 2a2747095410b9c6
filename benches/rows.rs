//! One function a row of the table.

use crate::bed::{Bed, in_turn, median, peak, timed};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

/// One comparison.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) ours: Duration,
    pub(crate) yardstick: Duration,
    pub(crate) budget: Duration,
    pub(crate) rule: String,
}

/// Every row, measured as it is asked for.
pub(crate) fn all(bed: &Bed) -> impl Iterator<Item = Row> + '_ {
    let rows: [fn(&Bed) -> Row; 5] = [version, one_step, thousand_steps, large_output, parsing];
    rows.into_iter().map(move |row| row(bed))
}

fn version(bed: &Bed) -> Row {
    let (ours, yardstick) = in_turn(200, &mut bed.runbook(&["--version"]), &mut bed.bash("true"));
    let rule = "`--version`: 1.2x of `just --version`, itself 0.9x of `bash -c true`".to_owned();
    Row { what: "start-up", ours, yardstick, budget: yardstick.mul_f64(1.2 * 1.6 / 1.8), rule }
}

fn one_step(bed: &Bed) -> Row {
    bed.write("one.md", &document(1, "true"));
    let sync = bed.fdatasync();
    let mut exec = bed.runbook(&["exec", "Bench", "--file", "one.md", "--yes"]);
    let (ours, yardstick) = in_turn(200, &mut exec, &mut bed.bash("true"));
    let rule = format!("4 ms where bash takes 1.7, and one fdatasync of {sync:.2?}");
    let budget = yardstick.mul_f64(4.0 / 1.7) + sync;
    Row { what: "one trivial step, whole process", ours, yardstick, budget, rule }
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
        yardstick,
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
    Row { what: "100 MB of output", ours, yardstick, budget: yardstick * 2, rule }
}

fn parsing(_: &Bed) -> Row {
    let text = include_str!("../runbooks/levibot.md").repeat(50);
    let source = runbook::source::Source::new("bench.md", text.clone().into_bytes()).expect("is UTF-8");
    let mut pairs = Vec::new();
    for _ in 0..20 {
        let ours = timed(|| {
            black_box(runbook::document::read(black_box(&source)));
        });
        let events =
            || pulldown_cmark::Parser::new_ext(black_box(&text), pulldown_cmark::Options::ENABLE_TABLES);
        let theirs = timed(|| {
            black_box(events().into_offset_iter().count());
        });
        pairs.push((ours, theirs));
    }
    let ours = median(pairs.iter().map(|pair| pair.0));
    let yardstick = median(pairs.iter().map(|pair| pair.1));
    let rule = format!("half of pulldown-cmark's speed on the same {} kB", text.len() / 1000);
    Row { what: "reading Markdown", ours, yardstick, budget: yardstick * 2, rule }
}

/// A document with one procedure of `steps` steps that each run `command`.
fn document(steps: usize, command: &str) -> String {
    let mut text = "# Bench\n\n".to_owned();
    for number in 1..=steps {
        let _ = write!(text, "{number}. Step {number}:\n   ```bash\n   {command}\n   ```\n\n");
    }
    text
}
