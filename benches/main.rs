//! What the engine costs, as ratios against yardsticks of the same machine in the same run.
//!
//! `cargo bench` prints a table; each row names the budget it is held to. Absolute times of two
//! machines say nothing about each other, so nothing here is a test.

#![expect(clippy::disallowed_methods, reason = "a program of its own that measures another from outside")]
#![expect(clippy::disallowed_types, reason = "a program of its own that measures another from outside")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod bed;
mod doctests;
mod rows;

use std::time::Duration;

fn main() {
    let bed = bed::Bed::new();
    println!("{:<38} {:>10} {:>10} {:>7}  budget", "what", "ours", "yardstick", "ratio");
    // `cargo bench -- doctests` measures just these.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for row in rows::all(&bed, only.as_deref()) {
        let ratio = row.yardstick.map(|yardstick| row.ours.as_secs_f64() / yardstick.as_secs_f64());
        let verdict = if row.ours <= row.budget { "within" } else { "BEYOND" };
        println!(
            "{:<38} {:>10} {:>10} {:>7}  {verdict} {} ({})",
            row.what,
            shown(row.ours),
            row.yardstick.map_or_else(|| "-".to_owned(), shown),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x")),
            shown(row.budget),
            row.rule
        );
    }
}

fn shown(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 100.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
