//! Chunks of output → whole lines, in bounded memory.

use std::io;

/// A line that never ends is shown in pieces of this many bytes.
const LONGEST: usize = 8 * 1024;

/// One stream's unfinished line.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    rest: String,
}

impl Lines {
    /// Takes `text` in and gives every line that is whole now.
    pub(super) fn push(
        &mut self,
        text: &str,
        mut show: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut text = text;
        while let Some(end) = text.find('\n') {
            if self.rest.is_empty() {
                show(&text[..end])?;
            } else {
                self.rest.push_str(&text[..end]);
                show(&std::mem::take(&mut self.rest))?;
            }
            text = &text[end + 1..];
        }
        self.rest.push_str(text);
        if self.rest.len() > LONGEST {
            show(&std::mem::take(&mut self.rest))?;
        }
        Ok(())
    }

    /// Gives the last line, if it has no newline.
    pub(super) fn end(&mut self, mut show: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        if self.rest.is_empty() { Ok(()) } else { show(&std::mem::take(&mut self.rest)) }
    }
}
