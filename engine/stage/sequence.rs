//! A rehearsal as a pure state machine: facts in, what to do next out.
//!
//! Stage up, steady state, fault, symptom, procedure, judgement, and always the revert and a second look;
//! without a fault just stage up and procedure.
//! It starts nothing and has no clock; `rehearsal.rs` carries out what it says.

use super::reason::Reason;
use std::time::Duration;

/// Time between two looks at first; later it grows with the time waited.
const EAGER_MS: u64 = 10;
/// Longest time between two looks.
const LAZY_MS: u64 = 250;

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Copy the working directory and start the service; apply [`Fact::Started`].
    Start,
    /// Run this command once, for at most `limit`; apply [`Fact::Saw`].
    Look {
        /// Which command.
        look: Look,
        /// Longest time it may take.
        limit: Duration,
    },
    /// Nothing before this time, in milliseconds of the rehearsal's clock.
    Wait {
        /// When to ask again.
        until_ms: u64,
    },
    /// Inject the fault; apply [`Fact::Injected`].
    Inject,
    /// Run the procedure; apply [`Fact::Ran`].
    Run,
    /// Take the fault away; apply [`Fact::Reverted`].
    Revert,
    /// It is over.
    Finish(Conclusion),
}

/// A command whose success says that something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The service is ready.
    Ready,
    /// The fault's symptom is there.
    Symptom,
    /// The procedure did what it should.
    PassesWhen,
    /// Everything is well without the fault.
    After,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The service was started, or why not.
    Started(Result<(), String>),
    /// The service ended by itself, with what it said last.
    ServiceEnded(String),
    /// A look was taken.
    Saw {
        /// Which.
        look: Look,
        /// Whether it held.
        holds: bool,
        /// What the command said, or how it failed.
        said: String,
    },
    /// The fault was injected, or why not.
    Injected(Result<(), String>),
    /// The procedure ran.
    Ran(Ran),
    /// The fault has taken itself away.
    Expired,
    /// The fault was taken away, or why not.
    Reverted(Result<(), String>),
    /// The engine was told to stop by this signal.
    Signal(i32),
}

/// What a rehearsal needs to know of the procedure's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit code `exec` would have had.
    pub exit: i32,
    /// What came of it, in one line.
    pub summary: String,
    /// The text that a step had to show, if none did.
    pub missing: Option<String>,
}

/// Something that was reached, worth telling at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The service is ready, this many milliseconds after its start.
    Up(u64),
    /// The symptom is there, this many milliseconds after the fault.
    Seen(u64),
    /// `passes_when` holds.
    Passes,
    /// The fault was taken away.
    TakenAway,
    /// Without the fault everything is as it was.
    Well,
}

/// How a rehearsal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// In one word.
    pub verdict: Verdict,
    /// Why it is not [`Verdict::Passed`]; in the order in which they were found.
    pub reasons: Vec<Reason>,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The procedure did what it should, and everything is well without the fault.
    Passed,
    /// It did not.
    Failed,
    /// The procedure could not be judged: no stage, no symptom, or it could not start.
    NotJudged,
    /// Stopped by a signal.
    Interrupted(i32),
}

impl Conclusion {
    /// The exit code.
    pub fn exit(&self) -> i32 {
        match self.verdict {
            Verdict::Passed => 0,
            Verdict::Failed => 1,
            Verdict::NotJudged => 6,
            Verdict::Interrupted(signal) => 128 + signal,
        }
    }
}

/// What the sequence needs to know of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long the service may take to be ready, and to be well.
    pub ready_within: Duration,
    /// What the fault asks for, if there is one.
    pub fault: Option<FaultTerms>,
}

/// What the sequence needs to know of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultTerms {
    /// How long the symptom may take.
    pub symptom_within: Duration,
    /// How long what the procedure did may take.
    pub passes_within: Duration,
    /// How long getting well without the fault may take.
    pub after_within: Duration,
    /// There is a `passes_when`.
    pub passes_when: bool,
    /// There is an `after`.
    pub after: bool,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Ready,
    Steady,
    Inject,
    Symptom,
    Run,
    Judge,
    /// The symptom is looked at once more, to tell how the cure failed.
    Explain,
    Revert,
    Gone,
    After,
    Over,
}

/// The pure state of a rehearsal.
#[derive(Clone, Debug)]
pub struct Sequence {
    terms: Terms,
    phase: Phase,
    /// When the phase began.
    since_ms: u64,
    /// When the next look is due.
    due_ms: u64,
    /// What the last look said.
    said: String,
    claimed: String,
    /// The run claimed that all is well.
    claimed_well: bool,
    reasons: Vec<Reason>,
    judged: bool,
    reverted: bool,
    well: bool,
    interrupted: Option<i32>,
}

impl Sequence {
    /// A rehearsal that has not begun.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            phase: Phase::Start,
            since_ms: 0,
            due_ms: 0,
            said: String::new(),
            claimed: String::new(),
            claimed_well: false,
            reasons: Vec::new(),
            judged: false,
            reverted: false,
            well: false,
            interrupted: None,
        }
    }

    /// What to do at `now_ms`.
    pub fn next(&self, now_ms: u64) -> Next {
        match self.phase {
            Phase::Start => Next::Start,
            Phase::Inject => Next::Inject,
            Phase::Run => Next::Run,
            Phase::Revert => Next::Revert,
            Phase::Over => Next::Finish(self.conclusion()),
            Phase::Ready => self.look(Look::Ready, now_ms),
            Phase::Steady | Phase::Symptom | Phase::Explain | Phase::Gone => self.look(Look::Symptom, now_ms),
            Phase::Judge => self.look(Look::PassesWhen, now_ms),
            Phase::After => self.look(Look::After, now_ms),
        }
    }

    fn look(&self, look: Look, now_ms: u64) -> Next {
        if now_ms < self.due_ms {
            return Next::Wait { until_ms: self.due_ms };
        }
        Next::Look { look, limit: self.window() }
    }

    /// How long the present phase may take.
    fn window(&self) -> Duration {
        match (self.phase, &self.terms.fault) {
            (Phase::Symptom | Phase::Explain, Some(fault)) => fault.symptom_within,
            (Phase::Judge, Some(fault)) => fault.passes_within,
            (Phase::Gone | Phase::After, Some(fault)) => fault.after_within,
            _ => self.terms.ready_within,
        }
    }

    fn enter(&mut self, phase: Phase, now_ms: u64) {
        self.phase = phase;
        self.since_ms = now_ms;
        self.due_ms = now_ms;
        self.said.clear();
    }

    fn fail(&mut self, reason: Reason, phase: Phase, now_ms: u64) {
        self.reasons.push(reason);
        self.enter(phase, now_ms);
    }

    /// Takes in what happened at `now_ms`; answers what was reached by it.
    pub fn apply(&mut self, fact: Fact, now_ms: u64) -> Option<Milestone> {
        let (before, waited) = (self.phase, now_ms.saturating_sub(self.since_ms));
        self.take_in(fact, now_ms);
        match (before, self.phase) {
            (Phase::Ready, Phase::Steady | Phase::Run) => Some(Milestone::Up(waited)),
            (Phase::Symptom, Phase::Run) => Some(Milestone::Seen(waited)),
            (Phase::Judge, Phase::Revert) if self.reasons.is_empty() && self.interrupted.is_none() => {
                Some(Milestone::Passes)
            }
            (Phase::Revert, Phase::Gone) if self.reverted => Some(Milestone::TakenAway),
            (Phase::Gone | Phase::After, Phase::Over) if self.well => Some(Milestone::Well),
            _ => None,
        }
    }

    fn take_in(&mut self, fact: Fact, now_ms: u64) {
        // What was begun before a signal is told of after it.
        match fact {
            Fact::Started(_) if self.phase != Phase::Start => {}
            Fact::Started(Ok(())) => self.enter(Phase::Ready, now_ms),
            Fact::Started(Err(why)) => self.fail(Reason::NoService(why), Phase::Over, now_ms),
            // Later it may be the fault that ended it, or the procedure.
            Fact::ServiceEnded(said) if matches!(self.phase, Phase::Ready | Phase::Steady) => {
                self.fail(Reason::ServiceEnded(said), Phase::Over, now_ms);
            }
            Fact::ServiceEnded(_) => {}
            Fact::Saw { look, holds, said } => self.saw(look, holds, said, now_ms),
            Fact::Injected(_) if self.phase != Phase::Inject => {}
            Fact::Injected(Ok(())) => self.enter(Phase::Symptom, now_ms),
            Fact::Injected(Err(why)) => self.fail(Reason::NotInjected(why), Phase::Revert, now_ms),
            Fact::Ran(ran) if self.phase == Phase::Run => self.ran(ran, now_ms),
            Fact::Ran(_) => {}
            Fact::Expired if matches!(self.phase, Phase::Symptom | Phase::Judge) => {
                self.fail(Reason::Expired, Phase::Revert, now_ms);
            }
            Fact::Expired => {}
            Fact::Reverted(_) if self.phase != Phase::Revert => {}
            Fact::Reverted(outcome) => {
                self.reverted = outcome.is_ok();
                self.reasons.extend(outcome.err().map(Reason::NotReverted));
                self.enter(Phase::Gone, now_ms);
            }
            Fact::Signal(signal) => self.signal(signal, now_ms),
        }
    }

    /// The first signal leads to the revert, a second one past the second look.
    fn signal(&mut self, signal: i32, now_ms: u64) {
        let again = self.interrupted.is_some();
        self.interrupted.get_or_insert(signal);
        match self.phase {
            Phase::Start | Phase::Ready | Phase::Steady => self.enter(Phase::Over, now_ms),
            Phase::Run if self.terms.fault.is_none() => self.enter(Phase::Over, now_ms),
            // What is injected by halves is taken away, too.
            Phase::Inject | Phase::Symptom | Phase::Run | Phase::Judge | Phase::Explain => {
                self.enter(Phase::Revert, now_ms);
            }
            Phase::Gone | Phase::After if again => self.enter(Phase::Over, now_ms),
            Phase::Revert | Phase::Gone | Phase::After | Phase::Over => {}
        }
    }

    fn ran(&mut self, ran: Ran, now_ms: u64) {
        self.claimed = ran.summary;
        // 4 is all well, and too late.
        self.claimed_well = matches!(ran.exit, 0 | 4);
        if ran.exit > 128 {
            self.interrupted.get_or_insert(ran.exit - 128);
        }
        let behind = if self.terms.fault.is_some() { Phase::Revert } else { Phase::Over };
        if self.interrupted.is_some() {
            return self.enter(behind, now_ms);
        }
        if ran.exit == 6 {
            let why = self.claimed.clone();
            return self.fail(Reason::NotRun(why), behind, now_ms);
        }
        self.reasons.extend(ran.missing.map(Reason::NotShown));
        self.judged = true;
        let has_judge = self.terms.fault.is_some_and(|fault| fault.passes_when);
        self.enter(if has_judge { Phase::Judge } else { behind }, now_ms);
    }

    fn saw(&mut self, look: Look, holds: bool, said: String, now_ms: u64) {
        let is_over = now_ms >= self.since_ms + as_ms(self.window());
        self.said = said;
        match (self.phase, look, holds) {
            (Phase::Ready, Look::Ready, true) => {
                let has_fault = self.terms.fault.is_some();
                self.enter(if has_fault { Phase::Steady } else { Phase::Run }, now_ms);
            }
            (Phase::Steady, Look::Symptom, false) => self.enter(Phase::Inject, now_ms),
            (Phase::Symptom, Look::Symptom, true) => self.enter(Phase::Run, now_ms),
            (Phase::Judge, Look::PassesWhen, true) => self.enter(Phase::Revert, now_ms),
            (Phase::Explain, Look::Symptom, symptom) => {
                if let Some(Reason::NotCured { symptom: still, .. }) = self.reasons.last_mut() {
                    *still = symptom;
                }
                self.enter(Phase::Revert, now_ms);
            }
            (Phase::Gone, Look::Symptom, false) => {
                self.well = self.terms.fault.is_none_or(|fault| !fault.after);
                self.enter(if self.well { Phase::Over } else { Phase::After }, now_ms);
            }
            (Phase::After, Look::After, true) => {
                self.well = true;
                self.enter(Phase::Over, now_ms);
            }
            _ if is_over => self.too_late(now_ms),
            _ => {
                let waited = now_ms.saturating_sub(self.since_ms);
                self.due_ms = now_ms + (waited / 4).clamp(EAGER_MS, LAZY_MS);
            }
        }
    }

    fn too_late(&mut self, now_ms: u64) {
        let waited = self.window();
        let said = std::mem::take(&mut self.said);
        match self.phase {
            Phase::Ready => self.fail(Reason::NotReady { waited, said }, Phase::Over, now_ms),
            Phase::Steady => self.fail(Reason::NotSteady, Phase::Over, now_ms),
            Phase::Symptom => self.fail(Reason::NeverSeen { waited, said }, Phase::Revert, now_ms),
            Phase::Judge => {
                let claimed = self.claimed.clone();
                let well = self.claimed_well;
                let reason = Reason::NotCured { waited, said, symptom: false, claimed, well };
                self.fail(reason, Phase::Explain, now_ms);
            }
            Phase::Gone => self.fail(Reason::StillThere { waited }, Phase::Over, now_ms),
            Phase::After => self.fail(Reason::NotWellAfter { waited, said }, Phase::Over, now_ms),
            _ => {}
        }
    }

    fn conclusion(&self) -> Conclusion {
        let verdict = match self.interrupted {
            Some(signal) => Verdict::Interrupted(signal),
            None if self.reasons.is_empty() => Verdict::Passed,
            None if self.judged => Verdict::Failed,
            None => Verdict::NotJudged,
        };
        Conclusion { verdict, reasons: self.reasons.clone() }
    }
}

fn as_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
