//! An invocation on a pseudo-terminal of 80 columns: what a person sees, and what they type.

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs on a terminal.
pub(crate) struct OnTerminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    said: String,
    /// How much of what was said was waited for already.
    seen: usize,
}

impl OnTerminal {
    /// Starts `command` on a terminal of its own.
    pub(crate) fn start(command: &Command) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal can be had");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in command.get_envs() {
            builder.env(name, value.expect("the harness only sets variables"));
        }
        builder.env("TERM", "xterm");
        builder.cwd(command.get_current_dir().expect("the harness sets it"));
        let child = pair.slave.spawn_command(builder).expect("it can start");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("is open");
        let keyboard = pair.master.take_writer().expect("is ours");
        let (send, screen) = channel();
        thread::spawn(move || {
            let master = pair.master;
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
            drop(master);
        });
        Self { child, keyboard, screen, said: String::new(), seen: 0 }
    }

    /// Waits until `text` appears behind what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.said[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.said.push_str(&String::from_utf8_lossy(&bytes)),
                Err(why) => panic!("`{text}` never came ({why}); so far:\n{}", self.said),
            }
        }
    }

    /// Everything that was on the screen up to what was waited for.
    pub(crate) fn so_far(&self) -> String {
        self.said.clone()
    }

    /// Types `keys`.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is open");
        self.keyboard.flush().expect("the terminal is open");
    }

    /// Waits for its end; returns the exit code and all that was on the screen.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (u32, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.said.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    drop(self.child.kill());
                    panic!("it did not end:\n{}", self.said);
                }
            }
        }
        let status = self.child.wait().expect("is our child");
        (status.exit_code(), std::mem::take(&mut self.said))
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}
