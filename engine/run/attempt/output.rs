//! The output of an attempt: recorded while it runs, read to its end when it is over.

use super::super::stream::{Read, StepStream};
use super::Attempt;
use crate::event::{StepFinished, StepResult};
use crate::host::pipes::has_writers;
use crate::host::terminal::LentTerminal;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long output waits for more, before it is recorded.
const GATHER: Duration = Duration::from_millis(20);
/// Beyond this, it waits no more.
const ENOUGH: usize = 32 << 10;
/// How long a step's output is waited for after its end.
const DRAIN: Duration = Duration::from_millis(100);

impl Attempt<'_, '_> {
    pub(super) fn read(&mut self, which: usize) {
        let Some(streams) = &mut self.streams else { return };
        let [first, second] = streams;
        let (this, other) = if which == 0 { (first, second) } else { (second, first) };
        this.read(&mut self.buffer);
        // What the other one said came before.
        let step = self.start.step;
        if !this.pending.is_empty()
            && let Some(event) = other.take(step, false)
        {
            self.driver.record(event, false);
        }
        if this.pending.len() >= ENOUGH {
            let event = this.take(step, false);
            event.into_iter().for_each(|event| self.driver.record(event, false));
        }
        self.flush_at = match (this.pending.is_empty(), self.flush_at) {
            (true, _) => None,
            (false, Some(at)) => Some(at),
            (false, None) => Some(Instant::now() + GATHER),
        };
    }

    pub(super) fn flush(&mut self, late: bool) {
        self.flush_at = None;
        for stream in self.streams.iter_mut().flatten() {
            if let Some(event) = stream.take(self.start.step, late) {
                self.driver.record(event, false);
            }
        }
    }

    /// Reads what is left of the output and makes the event.
    pub(super) async fn finish(
        mut self,
        result: Option<StepResult>,
        began_ms: u64,
        lent: Option<LentTerminal>,
    ) -> io::Result<StepFinished> {
        drop(lent);
        let wall_ms = self.driver.now() - began_ms;
        let leaked = self.drain().await;
        let counts: Vec<(u64, u64)> = match &self.streams {
            Some(streams) => streams.iter().map(StepStream::counts).collect(),
            None => vec![(0, 0); 2],
        };
        let attempted = self.attempted(None);
        let statements = attempted.statements();
        let not_run = attempted.not_run().map(|text| self.driver.mask.text(text)).collect();
        let step = self.start.step;
        let mut result = result.unwrap_or(StepResult::Cancelled);
        for mut stream in self.streams.take().into_iter().flatten() {
            if let (StepResult::Passed, Some(promise)) = (&result, stream.promise.take()) {
                result = promise.judge(&mut self.driver.captures, &self.driver.mask);
            }
            let pipe = stream.go_on(step, &self.driver.mask, self.driver.late.0.clone());
            self.driver.late_pipes.retain(has_writers);
            self.driver.late_pipes.extend(pipe);
        }
        self.driver.buffer = std::mem::take(&mut self.buffer);
        // With the whole terminal, the time is a person's.
        let human_ms = if self.screen { wall_ms } else { 0 };
        Ok(StepFinished {
            step,
            attempt: self.start.attempt,
            result,
            wall_ms,
            human_ms,
            output_bytes: [counts[0].0, counts[1].0],
            dropped_bytes: [counts[0].1, counts[1].1],
            statements,
            not_run,
            http: std::mem::take(&mut self.http),
            shell_ended: self.shell_ended,
            leaked,
            state: None,
        })
    }

    async fn drain(&mut self) -> Vec<String> {
        let Some(streams) = &mut self.streams else { return Vec::new() };
        let until = Instant::now() + DRAIN;
        // What is there by now is the step's own.
        for stream in streams.iter_mut() {
            stream.let_go();
            while stream.read(&mut self.buffer) == Read::Some && Instant::now() < until {}
        }
        self.flush(false);
        loop {
            let Some([out, err]) = &mut self.streams else { return Vec::new() };
            if !out.is_open() && !err.is_open() {
                break;
            }
            let which = tokio::select! {
                () = out.readable() => 0,
                () = err.readable() => 1,
                () = sleep_until(until) => break,
            };
            if which == 0 {
                out.read(&mut self.buffer)
            } else {
                err.read(&mut self.buffer)
            };
        }
        self.flush(true);
        let mut leaked = Vec::new();
        let step = self.start.step;
        for stream in self.streams.iter_mut().flatten() {
            leaked.extend(stream.holders());
            stream.finish(step).into_iter().for_each(|event| self.driver.record(event, false));
        }
        leaked.sort();
        leaked.dedup();
        leaked.iter().map(ToString::to_string).collect()
    }
}
