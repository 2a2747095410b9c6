use super::*;
use crate::host::{Files as _, SystemClock, SystemFiles};
use crate::source::Source;
use crate::stage::config::StageFile;
use std::collections::BTreeMap;

/// A stage whose service is up while `up` is there, and a fault that makes a file.
const FILE: &str = "stage:
  workdir: .
  service: echo serving; touch up; exec sleep 60
  ready: test -e up
  ready_within: 20s
  targets:
    - {procedure: Engine Down, probe: echo 120ms}
faults:
  broken:
    description: a file is in the way
    procedures: [Engine Down]
    inject: touch broken
    symptom: test -e broken
    revert: rm -f broken; touch reverted
    passes_when: test ! -e broken
    after: test -e reverted
    expires: 60s
";

struct Recorded {
    lines: Vec<String>,
    finished: Option<RunFinished>,
    /// The n-th event cannot be recorded.
    fails_at: Option<usize>,
}

impl Recorder for Recorded {
    fn record(&mut self, body: EventBody, _mono_ms: u64, _durable: bool) -> Result<(), RecordError> {
        if self.fails_at == Some(self.lines.len()) {
            return Err(RecordError::Journal(io::ErrorKind::StorageFull.into()));
        }
        self.lines.push(match body {
            EventBody::RunStarted(started) => format!("run {}", started.title),
            EventBody::Stage { text } => text,
            EventBody::Fault { fault, what } => format!("{fault}: {what}"),
            EventBody::Output { text, .. } => text,
            EventBody::Target { text, verdict, .. } => format!("{text}: {verdict:?}"),
            EventBody::RunFinished(finished) => {
                self.finished = Some(*finished);
                "finished".to_owned()
            }
            other => format!("{other:?}"),
        });
        Ok(())
    }
}

/// Rehearses with what a test changes in the file; the procedure runs `cure` in the copy.
fn rehearse_with(
    changes: &[(&str, &str)],
    cure: &str,
    fails_at: Option<usize>,
) -> (Recorded, Option<RunFinished>) {
    let mut text = FILE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = StageFile::read(&Source::new("runbook.yaml", text.into_bytes()).unwrap()).unwrap();
    let stage = file.stage.clone().unwrap();
    let (name, fault) = file.fault("Engine Down", None).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let [source, copy] = ["source", "copy"].map(|name| scratch.path().join(name));
    for directory in [&source, &copy] {
        SystemFiles.create_private_dir(directory).unwrap();
    }
    let target = Target {
        text: "answers".to_owned(),
        metric: crate::runbook::Metric::Latency,
        comparator: Some(crate::runbook::Comparator::Less),
        quantity: Some(crate::runbook::Quantity {
            value: 0.5,
            low: None,
            unit: crate::runbook::Unit::Seconds,
        }),
        span: crate::source::Span::new(0, 0),
        probe: None,
    };
    let started = RunStarted {
        run: "7".into(),
        procedure: "engine-down".into(),
        title: "Engine Down".into(),
        file: "x.md".into(),
        line: 1,
        document_sha256: String::new(),
        severity: None,
        targets: Vec::new(),
        parameters: BTreeMap::new(),
        mode: "rehearse".into(),
        unattended: true,
        workdir: String::new(),
        user: String::new(),
        host: String::new(),
        engine: String::new(),
        pid: 1,
        escalation_row: None,
        detected_at: None,
        before_ms: 0,
        verify_timeout_ms: None,
        steps: Vec::new(),
    };
    let place = Place { bash: "bash".into(), directory: copy, variables: Vec::new(), without: Vec::new() };
    let mut recorder = Recorded { lines: Vec::new(), finished: None, fails_at };
    let mut watch = Watch::new().unwrap();
    let (cured_in, mut watch_cure) = (place.clone(), Watch::new().unwrap());
    let mut run = |recorder: &mut dyn Recorder| {
        let outcome = watch_cure.run(cured_in.command(cure), None, Heed::Nothing, &mut |_| {})?;
        let half = outcome.said.len() / 2;
        for text in [&outcome.said[..half], &outcome.said[half..]] {
            let (step, stream) = (crate::plan::StepId(0), crate::event::Stream::Stdout);
            let body = EventBody::Output { step, stream, text: text.to_owned(), late: false };
            recorder.record(body, 5, false).unwrap();
        }
        let exit = match outcome.waited {
            Waited::Ended(end) => end.status(),
            other => panic!("{other:?}"),
        };
        let nothing = Conclusion { verdict: Verdict::NotJudged, reasons: Vec::new() };
        let finished = RunFinished { exit, summary: "recovered".into(), ..not_run(&nothing, 9) };
        recorder.record(EventBody::RunFinished(Box::new(finished.clone())), 9, true).unwrap();
        Ok(finished)
    };
    let rehearsal = Rehearsal {
        stage: &stage,
        fault: Some((name, fault)),
        place,
        source: &source,
        log: scratch.path().join("log"),
        started,
        targets: &[target],
        run: &mut run,
        recorder: &mut recorder,
        clock: &SystemClock::new(),
    };
    let rehearsed = rehearse(rehearsal, &mut watch);
    (recorder, rehearsed.ok().map(|rehearsed| rehearsed.finished))
}

fn rehearsed(changes: &[(&str, &str)], cure: &str) -> (Vec<String>, RunFinished) {
    let (recorder, finished) = rehearse_with(changes, cure, None);
    let finished = finished.expect("is recorded");
    assert_eq!(recorder.finished.as_ref(), Some(&finished));
    let lines = recorder.lines.iter().map(|line| untimed(line)).collect();
    (lines, finished)
}

/// A line without the time at its end.
fn untimed(line: &str) -> String {
    line.split_once(" after ").map_or(line, |(before, _)| before).to_owned()
}

fn reasons(finished: &RunFinished) -> Vec<&str> {
    let rehearsal = finished.rehearsal.as_ref().expect("is a rehearsal");
    assert_eq!(rehearsal.passed, finished.exit == 0);
    rehearsal.reasons.iter().map(String::as_str).collect()
}

#[test]
fn a_procedure_that_cures_passes() {
    let (lines, finished) = rehearsed(&[], "echo removing it; rm broken");
    assert_eq!(
        lines,
        [
            "run Engine Down",
            "up",
            "broken: injected: a file is in the way",
            "broken: the symptom is there",
            "removi",
            "ng it\n",
            "`passes_when` holds",
            "answers: Met",
            "broken: taken away",
            "well again without the fault",
            "finished",
        ]
    );
    assert_eq!((finished.exit, reasons(&finished)), (0, vec![]));
    assert_eq!(finished.targets.len(), 1);
    assert_eq!(finished.rehearsal.map(|rehearsal| rehearsal.exec_exit), Some(Some(0)));
}

/// Makes a window short, for what never comes.
fn short(key: &'static str) -> (&'static str, &'static str) {
    match key {
        "symptom" => ("    symptom: ", "    symptom_within: 200ms\n    symptom: "),
        "passes_when" => ("    passes_when: ", "    passes_within: 200ms\n    passes_when: "),
        _ => ("    after: ", "    after_within: 200ms\n    after: "),
    }
}

/// A reason without what a probe said last: on a busy machine it may have had no time to say it.
fn without_last_words(reason: &str) -> &str {
    reason.rsplit_once(" (").map_or(reason, |(before, _)| before)
}

#[test]
fn a_cure_that_does_nothing_and_exits_0_fails() {
    let (lines, finished) = rehearsed(&[short("passes_when")], "true");
    let reasons = reasons(&finished);
    assert_eq!(
        reasons.iter().copied().map(without_last_words).collect::<Vec<_>>(),
        [
            "the procedure says `recovered`, but the symptom is still there: `passes_when` does not hold 200 ms \
             later"
        ]
    );
    assert_eq!(finished.exit, 1);
    assert!(lines.contains(&"broken: taken away".to_owned()), "{lines:?}");
    assert!(lines.contains(&"the service said: serving".to_owned()), "{lines:?}");
}

#[test]
fn each_thing_that_goes_wrong_is_said() {
    for (changes, cure, exit, why) in [
        (
            &[("touch up; exec sleep 60", "echo no port >&2; exit 3")][..],
            "true",
            6,
            "the service ended before it was ready (exit 3: no port)",
        ),
        (
            &[("ready_within: 20s", "ready_within: 100ms"), ("touch up;", "")],
            "true",
            6,
            "the service was not ready within 100 ms",
        ),
        (
            &[("touch up;", "touch broken up;"), ("ready_within: 20s", "ready_within: 2s")],
            "true",
            6,
            "the symptom was there before the fault was injected",
        ),
        (
            &[("inject: touch broken", "inject: echo denied; exit 4")],
            "true",
            6,
            "the fault could not be injected: exit 4: denied",
        ),
        (
            &[("inject: touch broken", "inject: 'true'"), short("symptom")],
            "true",
            6,
            "the symptom was never seen within 200 ms",
        ),
        (&[], "rm broken; exit 6", 6, "the procedure could not run: recovered"),
        (
            &[("revert: rm -f broken; touch reverted", "revert: rm broken")],
            "rm broken",
            1,
            "the fault could not be taken away: exit 1: rm: cannot remove 'broken': No such file or directory",
        ),
        (
            &[("; touch reverted", ""), short("after")],
            "rm broken",
            1,
            "`after` does not hold 200 ms after the fault was taken away",
        ),
        (
            &[("expires: 60s", "expires: 1s")],
            "while [ -e broken ]; do sleep 0.05; done",
            1,
            "the fault had ended by itself before the procedure was judged: what holds now proves nothing",
        ),
        (
            &[("passes_when: test ! -e broken", "shows: read-only")],
            "echo writable; rm broken",
            1,
            "no step showed the fault in its output: `read-only`",
        ),
    ] {
        let (_, finished) = rehearsed(changes, cure);
        let found =
            reasons(&finished).iter().any(|reason| *reason == why || without_last_words(reason) == why);
        assert!(found, "{why}: {:?}", finished.rehearsal);
        assert_eq!(finished.exit, exit, "{why}");
    }
}

#[test]
fn a_text_that_comes_in_two_parts_is_seen() {
    let (_, finished) = rehearsed(
        &[("passes_when: test ! -e broken", "shows: read-only")],
        "echo is read-only now; rm broken",
    );
    assert_eq!(finished.exit, 0, "{:?}", finished.rehearsal);
}

#[test]
fn a_stage_without_a_service_is_up_at_once() {
    let changes = [("  service: echo serving; touch up; exec sleep 60\n  ready: test -e up\n", "")];
    let (_, finished) = rehearsed(&changes, "rm broken");
    assert_eq!(finished.exit, 0, "{:?}", finished.rehearsal);
}

#[test]
fn what_cannot_be_recorded_is_taken_back() {
    // The events: run, up, injected, seen, …
    for fails_at in [0, 2, 3, 6] {
        let (recorder, finished) = rehearse_with(&[], "rm broken", Some(fails_at));
        assert_eq!(finished, None);
        assert_eq!(recorder.lines.len(), fails_at);
    }
}
