//! Doc-tests, beside scrut and cram where they are installed.

use crate::bed::{Bed, children_cpu, in_turn, median, peak, timed};
use crate::rows::{Row, document};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Every row about doc-tests.
pub(crate) const ROWS: [fn(&Bed) -> Row; 6] =
    [thousand_blocks, ten_thousand_blocks, hundred_documents, a_sandbox_each, large_passing, large_failing];

/// A hundred million bytes, in lines of a hundred.
const LARGE: usize = 1_000_000;

fn thousand_blocks(bed: &Bed) -> Row {
    bed.write("blocks/a.md", &document(1000, "true"));
    bed.write("scrut/a.md", &scrut(1000));
    bed.write("cram/a.t", &"  $ true\n".repeat(1000));
    let mut ours = test(bed, &["blocks"]);
    let (ours, yardstick, peers) = beside(bed, 3, &mut ours, "scrut test scrut", "cram cram/a.t");
    let rule = format!("1 s as for 1,000 steps; nothing is synced; {peers}");
    Row { what: "1,000 doc-test blocks", ours, yardstick, budget: Duration::from_secs(1), rule }
}

fn ten_thousand_blocks(bed: &Bed) -> Row {
    bed.write("one/a.md", &document(1000, "true"));
    bed.write("ten/a.md", &document(10_000, "true"));
    let (ours, yardstick) = in_turn(1, &mut test(bed, &["ten"]), &mut test(bed, &["one"]));
    let rule = "linear: 11x of 1,000 blocks, the yardstick".to_owned();
    Row { what: "10,000 doc-test blocks", ours, yardstick: Some(yardstick), budget: yardstick * 11, rule }
}

fn hundred_documents(bed: &Bed) -> Row {
    for number in 0..100 {
        bed.write(&format!("many/{number}.md"), &document(10, "true"));
        bed.write(&format!("scrut-many/{number}.md"), &scrut(10));
        bed.write(&format!("cram-many/{number}.t"), &"  $ true\n".repeat(10));
    }
    let mut ours = test(bed, &["--no-isolation", "many"]);
    let (ours, yardstick, peers) = beside(bed, 3, &mut ours, "scrut test scrut-many", "cram cram-many");
    let rule = format!("0.8 s on 2 cores, without sandboxes; {peers}");
    Row { what: "100 documents of 10 blocks", ours, yardstick, budget: Duration::from_millis(800), rule }
}

/// CPU time, which a busy machine does not change: with sandboxes, and without.
fn a_sandbox_each(bed: &Bed) -> Row {
    let cpu = |args: &[&str]| {
        median((0..3).map(|_| {
            let before = children_cpu();
            assert!(test(bed, args).status().expect("it can start").success());
            children_cpu() - before
        }))
    };
    let (ours, yardstick) = (cpu(&["many"]), cpu(&["--no-isolation", "many"]));
    let more = ours.saturating_sub(yardstick) / 100;
    let rule = format!("CPU time; 10 ms more a document with a sandbox each: {more:.1?}");
    let budget = yardstick + Duration::from_secs(1);
    Row { what: "the same in sandboxes", ours, yardstick: Some(yardstick), budget, rule }
}

fn large_passing(bed: &Bed) -> Row {
    large(bed, "a 100 MB output that is expected", "...")
}

fn large_failing(bed: &Bed) -> Row {
    large(bed, "a 100 MB output that is not", "another")
}

fn large(bed: &Bed, what: &'static str, expected: &str) -> Row {
    bed.write(
        "large/a.md",
        &format!(
            "# A\n\n```bash\nyes {0} | head -n {LARGE}\n```\n\n```output\n{expected}\n```\n",
            "x".repeat(99)
        ),
    );
    let mut bare = bed.bash(&format!("yes {} | head -n {LARGE} | wc -c", "x".repeat(99)));
    let mut pairs = Vec::new();
    let mut said = 0;
    for _ in 0..3 {
        let mut output = None;
        let ours = timed(|| output = test(bed, &["large"]).stdout(Stdio::piped()).output().ok());
        said = output.expect("it can start").stdout.len();
        pairs.push((ours, timed(|| drop(bare.status()))));
    }
    let memory = peak(&mut test(bed, &["--no-isolation", "large"]));
    let ours = median(pairs.iter().map(|pair| pair.0));
    let yardstick = median(pairs.iter().map(|pair| pair.1));
    let memory = memory as f64 / 1_048_576.0;
    let rule = format!("2x of `| wc -c`; peak {memory:.1} MiB, budget 20; {said} bytes said, budget 100 kB");
    Row { what, ours, yardstick: Some(yardstick), budget: yardstick * 2, rule }
}

/// `runbook test` with `args`.
fn test(bed: &Bed, args: &[&str]) -> Command {
    bed.runbook(&[&["test"], args].concat())
}

/// `blocks` trivial blocks as scrut has them.
fn scrut(blocks: usize) -> String {
    let mut text = "# Bench\n\n".to_owned();
    for number in 1..=blocks {
        let _ = write!(text, "## Step {number}\n\n```scrut\n$ true\n```\n\n");
    }
    text
}

/// Ours beside its peers: medians of ours and scrut, and what is to be said of both peers.
fn beside(
    bed: &Bed,
    times: u32,
    ours: &mut Command,
    scrut: &str,
    cram: &str,
) -> (Duration, Option<Duration>, String) {
    let [scrut, cram] = [("scrut", scrut, "cargo install scrut"), ("cram", cram, "pip install cram")].map(
        |(name, command, install)| match bed.bash(&format!("command -v {name}")).status() {
            Ok(status) if status.success() => Ok(bed.bash(command)),
            _ => Err(format!("{name} is not installed (`{install}`)")),
        },
    );
    let mut own = Vec::new();
    let mut of = |peer: Result<Command, String>| match peer {
        Ok(mut peer) => {
            let (ours, theirs) = in_turn(times, ours, &mut peer);
            own.push(ours);
            Ok(theirs)
        }
        Err(why) => Err(why),
    };
    let (scrut, cram) = (of(scrut), of(cram));
    if own.is_empty() {
        own.push(in_turn(times, ours, &mut bed.bash("true")).0);
    }
    let said = |name: &str, time: &Result<Duration, String>| match time {
        Ok(time) => format!("{name} {time:.2?}"),
        Err(why) => why.clone(),
    };
    let peers = format!("{}, {}", said("scrut", &scrut), said("cram", &cram));
    (median(own.into_iter()), scrut.ok(), peers)
}
