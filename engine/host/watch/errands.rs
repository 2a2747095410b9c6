//! Several errands at once: commands that are fed and requests that are posted, each again for as long as its
//! owner says.
//!
//! What is tried again, and when, is the owner's to decide. Ctrl-C ends them all; a terminal that was closed
//! does not.

use super::Watch;
use super::several::Captured;
use crate::host::adopted::reap_orphans;
use crate::host::post::{NoStatus, Post};
use crate::host::processes::{Command, End};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How much of what a command says is read for its last line, in bytes.
const SAID: usize = 1 << 20;

/// What is done.
#[derive(Clone, Debug)]
pub enum Errand {
    /// A command.
    Command(Fed),
    /// A request.
    Post(Post),
}

/// A command with its input.
#[derive(Clone, Debug)]
pub struct Fed {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it starts.
    pub directory: PathBuf,
    /// All of its variables.
    pub variables: Vec<(String, String)>,
    /// Its standard input.
    pub input: Vec<u8>,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// An HTTP status.
    Status(u16),
    /// The command ended: how, and the last line it said.
    Ended(End, String),
    /// Nothing within its time.
    TooSlow,
    /// Nothing this time: why.
    Failed(String),
    /// Nothing ever: why.
    Never(String),
    /// A person did not want to wait.
    Interrupted,
}

/// Another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// After this pause.
    pub after: Duration,
    /// For at most this long.
    pub limit: Duration,
}

impl Watch {
    /// Does every errand, the first time for at most the time that stands with it. After each attempt `next` is
    /// told which errand it was, how long all of it has taken, and what came; it says whether to try again. After an
    /// interruption nothing is tried again. When this returns, nothing of any command is left.
    ///
    /// # Errors
    /// Where no signal can be listened for.
    pub fn errands(
        &mut self,
        errands: &[(Errand, Duration)],
        next: &mut dyn FnMut(usize, Duration, Came) -> Option<Again>,
    ) -> io::Result<()> {
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            let began = Instant::now();
            let mut running = JoinSet::new();
            let mut open = vec![true; errands.len()];
            for (which, (errand, limit)) in errands.iter().enumerate() {
                running.spawn(attempt(which, errand.clone(), Duration::ZERO, *limit, ear()?));
            }
            let rest = loop {
                let ended = tokio::select! {
                    biased;
                    () = interrupted(&mut ears.stop) => break Came::Interrupted,
                    ended = running.join_next() => ended,
                };
                let (which, came) = match ended {
                    Some(Ok(ended)) => ended,
                    // One that broke off is among the rest.
                    Some(Err(_)) => continue,
                    None => break Came::Failed("the attempt broke off".to_owned()),
                };
                match next(which, began.elapsed(), came) {
                    Some(Again { after, limit }) => {
                        let errand = errands[which].0.clone();
                        running.spawn(attempt(which, errand, after, limit, ear()?));
                    }
                    None => open[which] = false,
                }
            };
            // Dropping them ends the commands, too.
            running.shutdown().await;
            for which in (0..errands.len()).filter(|which| open[*which]) {
                next(which, began.elapsed(), rest.clone());
            }
            Ok(())
        })
    }
}

fn ear() -> io::Result<Signal> {
    signal(SignalKind::child())
}

/// Returns when a person wants it to end. A closed terminal is no such wish.
async fn interrupted(stop: &mut [(i32, Signal); 4]) {
    let [(_, int), (_, term), _, (_, quit)] = stop;
    tokio::select! {
        _ = int.recv() => (),
        _ = term.recv() => (),
        _ = quit.recv() => (),
    }
}

async fn attempt(
    which: usize,
    errand: Errand,
    after: Duration,
    limit: Duration,
    child: Signal,
) -> (usize, Came) {
    sleep(after).await;
    let came = match errand {
        Errand::Command(fed) => fed
            .run(limit, child)
            .await
            .unwrap_or_else(|error| Came::Failed(format!("the command could not be started: {error}"))),
        Errand::Post(post) => posted(post, limit).await,
    };
    (which, came)
}

/// Posts on a thread of its own, which is left alone when the time is over or a person does not want to wait.
async fn posted(post: Post, limit: Duration) -> Came {
    let (send, receive) = oneshot::channel();
    std::thread::spawn(move || drop(send.send(post.send(limit))));
    match timeout(limit, receive).await {
        Ok(Ok(Ok(status))) => Came::Status(status),
        Ok(Ok(Err(NoStatus::Now(why)))) => Came::Failed(why),
        Ok(Ok(Err(NoStatus::Never(why)))) => Came::Never(why),
        Ok(Ok(Err(NoStatus::TooSlow))) | Err(_) => Came::TooSlow,
        Ok(Err(_)) => Came::Failed("the request failed".to_owned()),
    }
}

impl Fed {
    async fn run(self, limit: Duration, mut child: Signal) -> io::Result<Came> {
        let input = File::from(memfd_create("input", MFdFlags::MFD_CLOEXEC)?);
        input.write_all_at(&self.input, 0)?;
        let captured = Captured::start(Command {
            program: self.program,
            arguments: self.arguments,
            directory: self.directory,
            variables: self.variables,
            without: Vec::new(),
            descriptors: vec![(0, input.into())],
        })?;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(end) = captured.ended()? {
                let said = captured.said(SAID)?;
                let said = said.iter().rev().map(|said| String::from_utf8_lossy(said));
                let last = |said: std::borrow::Cow<'_, str>| {
                    let mut lines = said.lines().rev().map(str::trim);
                    lines.find(|line| !line.is_empty()).map(str::to_owned)
                };
                let last = said.filter_map(last).next().unwrap_or_default();
                return Ok(Came::Ended(end, last));
            }
            tokio::select! {
                _ = child.recv() => reap_orphans(),
                () = sleep_until(deadline) => return Ok(Came::TooSlow),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn command(script: &str) -> Errand {
        Errand::Command(Fed {
            program: "/bin/bash".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: "/".into(),
            variables: vec![("GREETING".into(), "hello".into())],
            input: b"the message".to_vec(),
        })
    }

    fn came(errands: &[(Errand, Duration)]) -> Vec<(usize, Came)> {
        let mut all = Vec::new();
        let mut watch = Watch::new().unwrap();
        watch
            .errands(errands, &mut |which, _, came| {
                all.push((which, came));
                None
            })
            .unwrap();
        all
    }

    #[test]
    fn a_command_gets_its_input_and_its_last_line_is_heard() {
        for (script, end, said) in [
            ("cat; echo; echo $GREETING ${HOME-none}", 0, "hello none"),
            ("cat; exit 3", 3, "the message"),
            ("echo out; echo err >&2; echo >&2; exit 1", 1, "err"),
            ("exit 2", 2, ""),
        ] {
            let wanted = Came::Ended(End::Exited(end), said.to_owned());
            assert_eq!(came(&[(command(script), LONG)]), [(0, wanted)], "{script}");
        }
        let nothing = Errand::Command(Fed {
            program: "/nowhere/x".into(),
            arguments: vec![],
            directory: "/".into(),
            variables: vec![],
            input: vec![],
        });
        let [(0, Came::Failed(why))] = &came(&[(nothing, LONG)])[..] else { panic!("it started") };
        assert!(why.starts_with("the command could not be started: "), "{why}");
    }

    #[test]
    fn errands_run_side_by_side_and_each_is_tried_as_often_as_its_owner_says() {
        let errands = [
            (command("sleep 60"), Duration::from_millis(20)),
            (command("exit 1"), LONG),
            (command("exit 0"), LONG),
        ];
        let mut tries = [0; 3];
        let mut watch = Watch::new().unwrap();
        watch
            .errands(&errands, &mut |which, _, came| {
                tries[which] += 1;
                assert_eq!(which == 0, came == Came::TooSlow);
                let again = Again { after: Duration::from_millis(1), limit: Duration::from_millis(20) };
                (tries[which] < [3, 2, 1][which]).then_some(again)
            })
            .unwrap();
        assert_eq!(tries, [3, 2, 1]);
    }
}
