//! Lets the person at the terminal edit a text with their own editor.

use std::fs::{OpenOptions, read_to_string, remove_file};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

/// Starts `VISUAL`, `EDITOR` or `vi` on the terminal, whatever standard output is.
const EDITOR: &str = "exec ${VISUAL:-${EDITOR:-vi}} \"$1\" </dev/tty >/dev/tty 2>&1";

/// What the person made of `text`.
///
/// # Errors
/// When there is no terminal or no editor, when it fails, or when its text is not UTF-8. The person's file is
/// gone in any case: it may hold what the record does not.
pub fn edit(text: &str) -> io::Result<String> {
    let path = write(text)?;
    // In the engine's own process group, so that the terminal is its, too.
    let ran =
        duct::cmd("sh", ["-c".as_ref(), EDITOR.as_ref(), "sh".as_ref(), path.as_os_str()]).unchecked().run();
    let edited = read_to_string(&path);
    remove_file(&path)?;
    match ran?.status.code() {
        Some(0) => edited,
        Some(127) => Err(io::Error::other("there is no such editor: set EDITOR")),
        code => {
            let how =
                code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with status {code}"));
            Err(io::Error::other(format!("the editor {how}")))
        }
    }
}

/// Writes the text to a new file that only its owner may read.
fn write(text: &str) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = format!("runbook-{}-{}.sh", std::process::id(), now.as_nanos());
    let path = std::env::temp_dir().join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}
