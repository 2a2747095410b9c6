//! The end of a run: the document's last trap, what must not be left, and the last event.

use super::super::session::{Session, farewell};
use super::super::signals::Heard;
use super::super::stop::{Stop, Why};
use super::super::stream::{CHUNK, Read, StepStream};
use super::Driver;
use crate::event::{EventBody, RunFinished, Stream};
use crate::host::adopted::{are_alone, group_exists, reap_orphans};
use crate::host::pipes::{blocking, has_writers};
use crate::host::processes::{Command, Processes as _, SystemProcesses, kill_process};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long what was killed may still seem to be there.
const SETTLE: Duration = Duration::from_millis(10);
/// How long the EXIT trap of a document may take at the run's end.
const FAREWELL: Duration = Duration::from_secs(10);

impl Driver<'_> {
    /// Ends the session and records the last event.
    pub(super) async fn finish(&mut self, mut finished: RunFinished) -> RunFinished {
        let mut groups = Vec::new();
        let mut dying = None;
        if let Some(mut session) = self.session.take() {
            if self.is_last(&session) && session.kill().await.is_ok() {
                dying = Some(session);
            } else {
                groups.extend_from_slice(session.groups());
                if !self.session_lost {
                    self.farewell(&mut session).await;
                }
            }
        }
        // A run that was stopped leaves nothing running, and neither does one on a stage.
        if self.stage || self.machine.is_cancelled() {
            let mut stop = Stop::begin(Why::Cancelled, &groups, Vec::new(), self.setup.grace);
            while !stop.is_over(&groups) {
                sleep_until(stop.next()).await;
                reap_orphans();
                stop.go_on(&groups);
            }
        }
        reap_orphans();
        finished.left_running = left_in(&groups);
        if !finished.left_running.is_empty() {
            // What was killed just now may need a moment to be gone.
            tokio::time::sleep(SETTLE).await;
            reap_orphans();
            finished.left_running = left_in(&groups);
        }
        if !finished.left_running.is_empty() {
            self.keep_pipes_open();
        }
        while let Ok(late) = self.late.1.try_recv() {
            self.record(late, false);
        }
        finished.wall_ms = self.now();
        finished.events = self.events;
        self.record(EventBody::RunFinished(Box::new(finished.clone())), true);
        // It has been killed, and had the time that this took to die.
        if let Some(session) = dying {
            self.until_dead(&session, Instant::now() + FAREWELL).await;
        }
        finished
    }

    /// Whether the shell has nothing left to do, and nothing but it is left of the run.
    fn is_last(&mut self, session: &Session) -> bool {
        reap_orphans();
        self.late_pipes.retain(has_writers);
        !self.session_lost
            && session.exit_trap().is_none()
            && self.late_pipes.is_empty()
            && are_alone(&session.processes())
    }

    /// A job that is left running may be the cure; it must not die of writing to a pipe that nobody
    /// reads. What reads it from now on ends with it.
    fn keep_pipes_open(&mut self) {
        for pipe in self.late_pipes.drain(..).filter(has_writers) {
            let sink = Command {
                program: "cat".into(),
                arguments: Vec::new(),
                directory: "/".into(),
                variables: Vec::new(),
                without: Vec::new(),
                descriptors: match blocking(&pipe) {
                    Ok(()) => vec![(0, pipe)],
                    Err(_) => continue,
                },
            };
            // Without it the job may still live, if it does not write.
            let _ = sink.start();
        }
    }

    /// Waits for the end of the shell, and of its copies that were killed.
    async fn until_dead(&mut self, session: &Session, until: Instant) {
        loop {
            reap_orphans();
            if !matches!(session.ended(), Ok(None)) && session.is_settled() {
                return;
            }
            match tokio::time::timeout_at(until, self.signals.next()).await {
                Ok(Heard::Child) => {}
                Ok(Heard::Stop(_) | Heard::HangUp(_)) | Err(_) => return,
            }
        }
    }

    /// Lets the shell run its EXIT trap, if the document set one, and end.
    async fn farewell(&mut self, session: &mut Session) {
        let mut streams = None;
        let sent = match (session.exit_trap(), self.last_step) {
            (Some(trap), Some(step)) => {
                let both = [Stream::Stdout, Stream::Stderr]
                    .map(|stream| StepStream::new(stream, &self.mask, self.setup.output));
                let [Ok(out), Ok(err)] = both else { return };
                let bytes = farewell(trap, out.path(), err.path());
                streams = Some((step, [out, err]));
                session.hand_over(&bytes)
            }
            // It waits for a word, and has none to say.
            _ => session.kill().await,
        };
        let until = Instant::now() + FAREWELL;
        if sent.is_ok() {
            self.until_dead(session, until).await;
        }
        let Some((step, streams)) = streams else { return };
        kill_process(session.pid());
        if session.drop_spare().await.is_ok() {
            self.until_dead(session, until).await;
        }
        for mut stream in streams {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(CHUNK, 0);
            stream.let_go();
            while stream.read(&mut buffer) == Read::Some && Instant::now() < until {}
            self.buffer = buffer;
            let late = stream.take(step, true);
            let rest = stream.finish(step);
            late.into_iter().chain(rest).for_each(|event| self.record(event, false));
        }
    }
}

/// The processes of these groups, for people.
fn left_in(groups: &[i32]) -> Vec<String> {
    let groups = groups.iter().filter(|group| group_exists(**group));
    groups.flat_map(|group| SystemProcesses.group(*group)).map(|job| job.to_string()).collect()
}
