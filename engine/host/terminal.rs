//! The terminal, lent to a process group for as long as an interactive step runs.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, tcgetpgrp, tcsetpgrp};
use std::fs::File;
use std::io;

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
