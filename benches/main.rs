//! What the engine costs, as ratios against yardsticks of the same machine in the same run.
//!
//! `cargo bench` prints a table; each row names the budget it is held to. Absolute times of two
//! machines say nothing about each other, so nothing here is a test.

#![expect(clippy::disallowed_methods, reason = "a program of its own that measures another from outside")]
#![expect(clippy::disallowed_types, reason = "a program of its own that measures another from outside")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod bed;
mod rows;

use std::time::Duration;

fn main() {
    let bed = bed::Bed::new();
    println!("{:<38} {:>10} {:>10} {:>7}  budget", "what", "ours", "yardstick", "ratio");
    for row in rows::all(&bed) {
        let ratio = row.ours.as_secs_f64() / row.yardstick.as_secs_f64();
        let verdict = if row.ours <= row.budget { "within" } else { "BEYOND" };
        println!(
            "{:<38} {:>10} {:>10} {:>6.2}x  {verdict} {} ({})",
            row.what,
            shown(row.ours),
            shown(row.yardstick),
            ratio,
            shown(row.budget),
            row.rule
        );
    }
}

fn shown(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 100.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
