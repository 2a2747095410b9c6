//! The last lines of an output that is not shown while it comes, in bounded memory.

use std::collections::VecDeque;

/// Lines that are kept.
const KEPT: usize = 20;

/// The last lines of an output.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    dropped: u64,
}

impl Tail {
    /// Takes one more line in.
    pub(super) fn push(&mut self, line: &str) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line.to_owned());
    }

    /// The lines, behind one that says how many came before them; then it is empty.
    pub(super) fn take(&mut self) -> Vec<String> {
        let dropped = std::mem::take(&mut self.dropped);
        let what = if dropped == 1 { "line" } else { "lines" };
        let before = (dropped > 0).then(|| format!("… {dropped} {what} before, see the record"));
        before.into_iter().chain(self.lines.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_others_counted() {
        let mut tail = Tail::default();
        assert_eq!(tail.take(), Vec::<String>::new());
        (1..=22).for_each(|number| tail.push(&number.to_string()));
        let lines = tail.take();
        assert_eq!((lines.len(), &*lines[0], &*lines[1]), (21, "… 2 lines before, see the record", "3"));
        tail.push("a");
        assert_eq!(tail.take(), ["a"]);
    }
}
