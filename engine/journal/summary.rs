//! Runs as a listing needs them: of each journal only the first and the last line is read.
//!
//! There is no index that could be wrong: the last line tells what a run came to, and a record is opened
//! once. Only the fields that a listing needs are taken out of a line; whether the record is as it was
//! written is [`super::verify`]'s.

use super::exercises::Exercises;
use super::guard::Intruded;
use super::store::Store;
use crate::event::{JudgedTarget, Outcome, PlanPart, RehearsalVerdict, RunFinished, RunStarted};
use crate::host::Ends;
use crate::runbook::Role;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

/// How much of a journal's ends is read at first, in bytes: most first and last lines fit.
const END: u64 = 8192;

/// A run without its events.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// The run's id.
    pub run: String,
    /// What its first event says.
    pub started: Start,
    /// When that was recorded.
    pub started_at: String,
    /// What its last event says, if it is over.
    pub finished: Option<End>,
    /// When the last complete event was recorded.
    pub last_at: String,
    /// Milliseconds at the last complete event.
    pub last_ms: u64,
    /// Its engine lives.
    pub running: bool,
}

/// What listings need of a run's first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Slug of the procedure.
    pub procedure: String,
    /// Its title.
    pub title: String,
    /// The document's path.
    pub file: String,
    /// SHA-256 of the document.
    pub document_sha256: String,
    /// `exec`, `rehearse`, …
    pub mode: String,
    /// How long before the start the alert fired, in milliseconds.
    pub before_ms: u64,
    /// Parameters, secrets masked.
    pub parameters: BTreeMap<String, String>,
}

impl Start {
    /// Whether it is a run of this procedure of a document that is called like `file`: where it lies may
    /// change, and what it says.
    pub fn is_of(&self, procedure: &str, file: &Path) -> bool {
        self.procedure == procedure && Path::new(&self.file).file_name() == file.file_name()
    }
}

impl From<&RunStarted> for Start {
    fn from(started: &RunStarted) -> Self {
        Self {
            procedure: started.procedure.clone(),
            title: started.title.clone(),
            file: started.file.clone(),
            document_sha256: started.document_sha256.clone(),
            mode: started.mode.clone(),
            before_ms: started.before_ms,
            parameters: started.parameters.clone(),
        }
    }
}

/// What listings need of a run's last event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct End {
    /// What came of it.
    pub outcome: Outcome,
    /// The exit code.
    pub exit: i32,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// When the recovery was verified, in milliseconds of the run's clock.
    #[serde(default)]
    pub recovered_ms: Option<u64>,
    /// Every target's last verdict.
    #[serde(default)]
    pub targets: Vec<JudgedTarget>,
    /// What the rehearsal came to, if it was one.
    #[serde(default)]
    pub rehearsal: Option<RehearsalVerdict>,
}

impl End {
    /// Whether a step of `role` that failed in a run of `mode` is nothing against the procedure: it only looked,
    /// and the run ended well. In a test every step's status counts.
    pub fn excuses(&self, role: Role, mode: &str) -> bool {
        let well = match (&self.rehearsal, self.outcome) {
            (Some(rehearsal), _) => rehearsal.passed,
            (None, outcome) => outcome.is_good(),
        };
        well && role == Role::Observe && mode != "test"
    }
}

impl From<&RunFinished> for End {
    fn from(finished: &RunFinished) -> Self {
        Self {
            outcome: finished.outcome,
            exit: finished.exit,
            wall_ms: finished.wall_ms,
            recovered_ms: finished.recovered_ms,
            targets: finished.targets.clone(),
            rehearsal: finished.rehearsal.clone(),
        }
    }
}

/// What a run exercised of one part of its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practised {
    /// The step's slug.
    pub slug: String,
    /// What of it.
    pub part: PlanPart,
    /// How often.
    pub times: u32,
    /// When the last time.
    pub at: String,
    /// It passed, the last time.
    pub passed: bool,
    /// It failed, and only looked, in a run that ended well: it saw what was wrong.
    pub as_found: bool,
}

/// Every run there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Those that started, the newest first.
    pub runs: Vec<RunSummary>,
    /// Ids of records without a complete first event: nothing was started.
    pub empty: Vec<String>,
    /// What is not believed or cannot be read, by the run's id.
    pub left_out: Vec<(String, LeftOut)>,
}

/// Why a listing is without a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Somebody else can write to its record.
    Intruded(Intruded),
    /// What reading it gave.
    Unreadable(String),
}

/// The first line.
#[derive(Deserialize)]
struct First {
    #[serde(rename = "type")]
    kind: String,
    at: String,
    mono_ms: u64,
    procedure: String,
    title: String,
    file: String,
    document_sha256: String,
    mode: String,
    #[serde(default)]
    before_ms: u64,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// The last line, whatever it is.
#[derive(Deserialize)]
struct Last {
    #[serde(rename = "type")]
    kind: String,
    at: String,
    mono_ms: u64,
}

/// The plan's steps as the first line names them.
#[derive(Deserialize)]
struct Steps {
    steps: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    slug: String,
    role: Role,
}

/// What was exercised as the last line names it.
#[derive(Deserialize)]
struct Sum {
    exercised: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    step: String,
    part: PlanPart,
    times: u32,
    at: String,
    passed: bool,
}

/// The first and the last complete line of a journal.
struct Lines {
    first: String,
    last: String,
}

impl Store<'_> {
    /// Every run, the newest first.
    ///
    /// # Errors
    /// Whatever listing gives; what reading one of them gives is told with the others.
    pub fn listing(&self) -> io::Result<Listing> {
        self.walk(&mut |_, _| {})
    }

    /// Every run, and what each that started as `wanted` exercised of its plan: a list for each run. Where a
    /// last line does not tell, since the run has no end, its whole journal is read.
    ///
    /// # Errors
    /// As [`Store::listing`].
    pub fn practised(&self, wanted: &dyn Fn(&Start) -> bool) -> io::Result<(Listing, Vec<Vec<Practised>>)> {
        let mut practised = Vec::new();
        let listing = self.walk(&mut |run, lines| {
            practised.push(if wanted(&run.started) { self.practised_of(run, lines) } else { Vec::new() });
        })?;
        Ok((listing, practised))
    }

    /// Hands each run that is listed to `each`, with its lines.
    fn walk(&self, each: &mut dyn FnMut(&RunSummary, &Lines)) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            let lines = match self.believed(&id) {
                Ok(Ok(lines)) => lines,
                Ok(Err(intruded)) => {
                    listing.left_out.push((id, LeftOut::Intruded(intruded)));
                    continue;
                }
                Err(error) => {
                    listing.left_out.push((id, LeftOut::Unreadable(error.to_string())));
                    continue;
                }
            };
            match lines.and_then(|lines| Some((self.summed_up(&id, &lines)?, lines))) {
                Some((summary, lines)) => {
                    each(&summary, &lines);
                    listing.runs.push(summary);
                }
                None => listing.empty.push(id),
            }
        }
        Ok(listing)
    }

    /// What a listing says of run `id`. None when it has no complete first event.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn summary(&self, id: &str) -> io::Result<Option<RunSummary>> {
        let lines = self.lines(id)?.and_then(|(lines, _)| lines);
        Ok(lines.and_then(|lines| self.summed_up(id, &lines)))
    }

    /// What `run`, whose journal has these ends, exercised of its plan.
    fn practised_of(&self, run: &RunSummary, lines: &Lines) -> Vec<Practised> {
        let Ok(Steps { steps }) = serde_json::from_str(&lines.first) else { return Vec::new() };
        let practised = |step: &Named, part, times, at, passed: bool| {
            let excuses = |end: &End| end.excuses(step.role, &run.started.mode);
            let as_found = !passed && run.finished.as_ref().is_some_and(excuses);
            Practised { slug: step.slug.clone(), part, times, at, passed, as_found }
        };
        let sum = serde_json::from_str(&lines.last).ok().and_then(|sum: Sum| sum.exercised);
        if let Some(parts) = sum {
            let parts = parts.into_iter().filter_map(|it| {
                let step = steps.iter().find(|step| step.id == it.step)?;
                Some(practised(step, it.part, it.times, it.at, it.passed))
            });
            return parts.collect();
        }
        // A run that somebody removes meanwhile is no run any more.
        let events = self.read(&run.run).map(|journal| journal.events).unwrap_or_default();
        let parts = Exercises::of(&events).list().into_iter().filter_map(|it| {
            Some(practised(steps.get(it.step.index())?, it.part, it.times, it.at, it.passed))
        });
        parts.collect()
    }

    /// The ends of a journal that nobody else could have written; none where there is no first line.
    fn believed(&self, id: &str) -> io::Result<Result<Option<Lines>, Intruded>> {
        if let Some(intruded) = self.intruded_directory(id)? {
            return Ok(Err(intruded));
        }
        Ok(match self.lines(id)? {
            Some((_, Some(to))) => Err(Intruded { path: self.journal(id), to }),
            Some((lines, None)) => Ok(lines),
            None => Ok(None),
        })
    }

    fn summed_up(&self, id: &str, lines: &Lines) -> Option<RunSummary> {
        let first: First = serde_json::from_str(&lines.first).ok()?;
        if first.kind != "run_started" {
            return None;
        }
        let last: Option<Last> = serde_json::from_str(&lines.last).ok();
        let over = last.as_ref().is_some_and(|last| last.kind == "run_finished");
        let finished: Option<End> = if over { serde_json::from_str(&lines.last).ok() } else { None };
        let running = finished.is_none() && self.is_running(id);
        let last = last.map_or_else(|| (first.at.clone(), first.mono_ms), |last| (last.at, last.mono_ms));
        let started = Start {
            procedure: first.procedure,
            title: first.title,
            file: first.file,
            document_sha256: first.document_sha256,
            mode: first.mode,
            before_ms: first.before_ms,
            parameters: first.parameters,
        };
        Some(RunSummary {
            run: id.to_owned(),
            started,
            started_at: first.at,
            finished,
            last_at: last.0,
            last_ms: last.1,
            running,
        })
    }

    /// The first and the last complete line, if there are any, and who else may write to them. A torn line
    /// behind the last one is passed over. None without a journal: the directory is made before it, and a
    /// removed one may be gone.
    fn lines(&self, id: &str) -> io::Result<Option<(Option<Lines>, Option<crate::host::Exposed>)>> {
        let path = self.journal(id);
        let mut length = END;
        loop {
            let ends = match self.files().ends(&path, length) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                ends => ends?,
            };
            let whole = ends.size <= length;
            let (first, last) = (first_line(&ends), last_line(&ends, whole));
            match (first, last) {
                (Some(first), Some(last)) => {
                    return Ok(Some((Some(Lines { first, last }), ends.exposed)));
                }
                _ if whole => return Ok(Some((None, ends.exposed))),
                _ => length *= 8,
            }
        }
    }

    /// The first line of the journal of run `id`, if it is complete.
    pub(super) fn first_line_of(&self, id: &str) -> io::Result<Option<String>> {
        match self.lines(id)? {
            None => Err(ErrorKind::NotFound.into()),
            Some((lines, _)) => Ok(lines.map(|lines| lines.first)),
        }
    }
}

fn first_line(ends: &Ends) -> Option<String> {
    let end = ends.first.iter().position(|&byte| byte == b'\n')?;
    Some(text(&ends.first[..end]))
}

/// The last complete line; where the bytes are not the `whole` file, only one whose begin is among them.
fn last_line(ends: &Ends, whole: bool) -> Option<String> {
    let end = ends.last.iter().rposition(|&byte| byte == b'\n')?;
    let start = ends.last[..end].iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
    let start = start.or(whole.then_some(0))?;
    Some(text(&ends.last[start..end]))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::started;
    use super::super::store::tests::{RUN, stage, written};
    use super::super::verify::tests::end;
    use super::*;
    use crate::event::{EventBody, Purpose, StepFinished, StepResult};
    use crate::host::fake::{FakeClock, FakeFiles};
    use crate::host::{Exposed, Files};
    use crate::plan::StepId;

    #[test]
    fn a_run_without_an_end_is_running_while_its_engine_lives() {
        let files = FakeFiles::default();
        let writer = written(&files, RUN, vec![started(), stage(&"x".repeat(9000)), stage("up")]);
        let store = Store::new(&files, "/home");
        let summary = || store.summary(RUN).expect("is readable").expect("has started");
        assert!(summary().running);
        assert_eq!((&*summary().started.title, summary().last_ms, summary().finished), ("Deploy", 2, None));
        drop(writer);
        assert!(!summary().running);
    }

    #[test]
    fn a_listing_tells_runs_from_what_is_none() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        assert_eq!(store.listing().expect("there is nothing"), Listing::default());
        for id in ["1", "2", "3"] {
            drop(written(&files, id, vec![started()]));
        }
        drop(written(&files, "4", vec![]));
        // The record of a rehearsal whose engine is still opening its sandbox.
        files.create_private_dir(&store.directory("5")).expect("memory has room");
        files.create_private_dir(&store.directory(".removed-6")).expect("memory has room");
        files.expose(&store.directory("2"), Exposed::Everyone);
        let listing = store.listing().expect("is readable");
        let runs: Vec<&str> = listing.runs.iter().map(|run| run.run.as_str()).collect();
        assert_eq!((runs, listing.empty), (vec!["3", "1"], vec!["5".to_owned(), "4".to_owned()]));
        let intruded = Intruded { path: store.directory("2"), to: Exposed::Everyone };
        assert_eq!(listing.left_out, [("2".to_owned(), LeftOut::Intruded(intruded))]);
    }

    #[test]
    fn what_was_practised_is_told_by_the_last_line_or_else_by_all_of_them() {
        let start = EventBody::StepStarted {
            step: StepId(1),
            attempt: 1,
            purpose: Purpose::Fallback,
            script: None,
            timeout_ms: 1,
        };
        let result = StepResult::Passed;
        let ended = StepFinished { result, ..StepFinished::blank(StepId(1), 1) };
        let ended = EventBody::StepFinished(Box::new(ended));
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        let bodies = vec![started(), start, ended];
        let mut writer = written(&files, RUN, bodies);
        let practised = || {
            let (listing, practised) =
                store.practised(&|start| start.title == "Deploy").expect("is readable");
            assert_eq!((listing.runs.len(), practised.len()), (1, 1));
            practised.into_iter().flatten().collect::<Vec<_>>()
        };
        let from_all = practised();
        let slugs: Vec<_> = from_all.iter().map(|it| (&*it.slug, it.part, it.times, it.passed)).collect();
        assert_eq!(slugs, [("step-1.1", PlanPart::Fallback, 1, true)]);
        let EventBody::RunFinished(mut end) = end(3) else { unreachable!("it is an end") };
        end.exercised = Some(Exercises::of(&store.read(RUN).expect("is there").events).list());
        let end = EventBody::RunFinished(end);
        writer.record(&FakeClock::default(), end, 9, true).2.expect("memory has room");
        // What stands between the first and the last line is not even looked at.
        let text = store.text(RUN).expect("is there").replace("\"type\":\"step_finished\"", "");
        files.replace(&store.journal(RUN), text.as_bytes()).expect("memory has room");
        assert_eq!(practised(), from_all);
        let finished = store.summary(RUN).expect("is readable").and_then(|run| run.finished);
        assert_eq!(finished.map(|end| end.outcome), Some(Outcome::Observed));
        assert_eq!(store.practised(&|_| false).expect("is readable").1, [vec![]]);
    }

    #[test]
    fn lines_longer_than_what_is_read_at_first_are_found() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        let EventBody::RunStarted(mut long) = started() else { unreachable!("it is a start") };
        long.workdir = "w".repeat(100_000);
        drop(written(
            &files,
            RUN,
            vec![EventBody::RunStarted(long), stage(&"x".repeat(300_000)), stage("up")],
        ));
        let torn = format!("{{\"v\":1,{}", "y".repeat(20_000));
        files.append(&store.journal(RUN)).and_then(|mut it| it.append(torn.as_bytes())).expect("has room");
        let summary = store.summary(RUN).expect("is readable").expect("has started");
        assert_eq!((&*summary.started.title, summary.last_ms, summary.finished), ("Deploy", 2, None));
    }
}
