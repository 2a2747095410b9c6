//! The terminal: lent to a process group for as long as an interactive step runs, and asked for a line
//! that is not shown.

use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices as Key, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, tcgetpgrp, tcsetpgrp};
use std::fs::File;
use std::io::{self, Read, Write};

/// The terminal this process runs on, lent to a group. Dropping it takes the terminal back and
/// restores its settings, whatever the borrower left.
#[derive(Debug)]
pub struct LentTerminal {
    terminal: File,
    owner: Pid,
    settings: Termios,
}

impl LentTerminal {
    /// Makes `group` the foreground group of the terminal.
    ///
    /// # Errors
    /// When there is no terminal, or it may not be given away.
    pub fn lend(group: i32) -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let lent = Self { owner: tcgetpgrp(&terminal)?, settings: tcgetattr(&terminal)?, terminal };
        tcsetpgrp(&lent.terminal, Pid::from_raw(group))?;
        Ok(lent)
    }
}

impl Drop for LentTerminal {
    fn drop(&mut self) {
        // From the background, taking it back would stop this very process.
        let mut stops = SigSet::empty();
        stops.add(Signal::SIGTTOU);
        let Ok(mask) = stops.thread_swap_mask(SigmaskHow::SIG_BLOCK) else { return };
        let _ = tcsetpgrp(&self.terminal, self.owner);
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.settings);
        let _ = mask.thread_set_mask();
    }
}

/// Asks for a line on the terminal this process runs on, without showing what is typed. The terminal is
/// told so before the prompt appears, so nothing typed in answer to it can be seen; what was typed before
/// is dropped, as it was meant for something else. A Ctrl-C restores the terminal before it ends the process.
///
/// # Errors
/// When there is no terminal, or what is typed is no UTF-8; `Interrupted` if a Ctrl-C did not end the process.
pub fn read_hidden(prompt: &str) -> io::Result<String> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let settings = tcgetattr(&terminal)?;
    let mut hidden = settings.clone();
    // Keys come one at a time, a Ctrl-C among them: a signal would end the process with the terminal mute.
    hidden.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
    (hidden.control_chars[Key::VMIN as usize], hidden.control_chars[Key::VTIME as usize]) = (1, 0);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &hidden)?;
    let line = write!(terminal, "{prompt}").and_then(|()| keys(&mut terminal, &settings));
    tcsetattr(&terminal, SetArg::TCSADRAIN, &settings)?;
    writeln!(terminal)?;
    if line.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        raise(Signal::SIGINT)?;
    }
    line
}

/// Reads keys to the end of a line; `settings` say which of them erase, end and interrupt.
fn keys(terminal: &mut impl Read, settings: &Termios) -> io::Result<String> {
    let means = |key: u8, index: Key| key == settings.control_chars[index as usize];
    let (mut line, mut key) = (Vec::new(), [0]);
    loop {
        if terminal.read(&mut key)? == 0 {
            break;
        }
        match key[0] {
            b'\r' | b'\n' => break,
            key if means(key, Key::VINTR) => return Err(io::ErrorKind::Interrupted.into()),
            key if means(key, Key::VEOF) => break,
            key if means(key, Key::VERASE) || matches!(key, 8 | 127) => erase(&mut line),
            key if means(key, Key::VKILL) => line.clear(),
            key => line.push(key),
        }
    }
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Takes the last character away, however many bytes it has.
fn erase(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn keys_make_a_line() {
        let terminal = File::open("/dev/ptmx").expect("a new terminal can be had");
        let settings = tcgetattr(&terminal).expect("is one");
        let cases: [(&[u8], Result<&str, io::ErrorKind>); 8] = [
            (b"secret\rmore", Ok("secret")),
            (b"secret\n", Ok("secret")),
            ("s\u{e9}\u{20ac}\u{7f}\u{7f}\u{7f}\u{7f}x\n".as_bytes(), Ok("x")),
            (b"wrong\x15right\n", Ok("right")),
            (b"begun\x04", Ok("begun")),
            (b"begun", Ok("begun")),
            (b"begun\x03\n", Err(io::ErrorKind::Interrupted)),
            (b"\xff\n", Err(io::ErrorKind::InvalidData)),
        ];
        for (typed, expected) in cases {
            let line = keys(&mut &*typed, &settings).map_err(|error| error.kind());
            assert_eq!(line.as_deref().map_err(|kind| *kind), expected, "{typed:?}");
        }
    }
}
