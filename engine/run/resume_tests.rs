//! A run cut off at every event and resumed: what passed is not done again, what is unknown never silently.

use super::{ConfirmPolicy, FailurePolicy, Machine, Next, Policy, Question, QuestionKind, Reply};
use crate::event::{CancelCause, Choice, EventBody, Outcome, Purpose, StepFinished, StepResult};
use crate::plan::testing::{
    act, always, decision, destroying, fallback, manual, notes, observe, optional, plan, verify,
};
use crate::plan::{Plan, PlanStep, StepId};
use std::collections::BTreeMap;
use std::sync::Arc;

const UNATTENDED: Policy = Policy {
    confirm: ConfirmPolicy::Changes,
    yes: true,
    unattended: true,
    stage: false,
    failing: FailurePolicy::ByRole,
};
const ATTENDED: Policy = Policy { unattended: false, yes: false, ..UNATTENDED };

/// What happens outside: the results of a step's attempts in order, then it passes; answers by question.
#[derive(Clone)]
struct World {
    policy: Policy,
    results: BTreeMap<u32, Vec<StepResult>>,
    on_failure: Choice,
}

impl World {
    /// The step's next result: an attempt without an end took none.
    fn result(&self, step: StepId, events: &[(u64, EventBody)]) -> StepResult {
        let ends = events
            .iter()
            .filter(|(_, event)| matches!(event, EventBody::StepFinished(end) if end.step == step));
        let results = self.results.get(&step.0);
        results.and_then(|all| all.get(ends.count())).cloned().unwrap_or(StepResult::Passed)
    }

    fn reply(&self, question: &Question) -> Reply {
        let choice = match question.kind {
            QuestionKind::Failure { .. } => self.on_failure,
            _ => Choice::Yes,
        };
        let choice = if question.choices.contains(&choice) { choice } else { Choice::Retry };
        Reply { choice, arm: Some(1), note: Some("because".into()) }
    }

    /// Runs on from where `events` leave `machine`, and gives the events in full.
    fn run(&self, machine: &mut Machine, mut events: Vec<(u64, EventBody)>) -> Vec<(u64, EventBody)> {
        let mut now = events.last().map_or(0, |(at, _)| *at);
        let record = |machine: &mut Machine, events: &mut Vec<_>, now: u64, event: EventBody| {
            machine.apply(&event, now);
            events.push((now, event));
        };
        for _ in 0..300 {
            match machine.next(now) {
                Next::Record(all) => {
                    for event in all {
                        record(machine, &mut events, now, event);
                    }
                }
                Next::Start(start) => {
                    let started = EventBody::StepStarted {
                        step: start.step,
                        attempt: start.attempt,
                        purpose: start.purpose,
                        script: Some("true".into()),
                        timeout_ms: 1,
                    };
                    record(machine, &mut events, now, started);
                    now += 1000;
                    let result = self.result(start.step, &events);
                    record(machine, &mut events, now, finished(start.step, start.attempt, result));
                }
                Next::Ask(question) => {
                    let reply = self.reply(&question);
                    assert_eq!(question.problem(&reply), None, "{question:?}");
                    for event in question.answered(reply, 1) {
                        record(machine, &mut events, now, event);
                    }
                }
                Next::Wait { until_ms } => now = until_ms,
                Next::Finish(end) => {
                    record(machine, &mut events, now, EventBody::RunFinished(end));
                    return events;
                }
            }
        }
        panic!("the machine does not come to an end: {events:?}");
    }
}

fn finished(step: StepId, attempt: u32, result: StepResult) -> EventBody {
    EventBody::StepFinished(Box::new(StepFinished {
        step,
        attempt,
        result,
        wall_ms: 1000,
        human_ms: 0,
        output_bytes: [0, 0],
        dropped_bytes: [0, 0],
        statements: Vec::new(),
        not_run: Vec::new(),
        http: Vec::new(),
        shell_ended: false,
        leaked: Vec::new(),
        state: None,
    }))
}

fn failed() -> StepResult {
    StepResult::Failed { status: 1, not_tried: None }
}

fn machine(plan: &Arc<Plan>, policy: Policy, events: &[(u64, EventBody)]) -> Machine {
    let mut machine = Machine::new(Arc::clone(plan), policy);
    for (at, event) in events {
        machine.apply(event, *at);
    }
    machine
}

/// The steps whose start has no end in `events`.
fn running(events: &[(u64, EventBody)]) -> Option<StepId> {
    events.iter().rev().find_map(|(_, event)| match event {
        EventBody::StepStarted { step, .. } => Some(Some(*step)),
        EventBody::StepFinished(_) => Some(None),
        _ => None,
    })?
}

fn passed(events: &[(u64, EventBody)]) -> Vec<StepId> {
    let mut passed = Vec::new();
    for (_, event) in events {
        if let EventBody::StepFinished(end) = event {
            passed.retain(|id| *id != end.step);
            if end.result.passed() {
                passed.push(end.step);
            }
        }
    }
    passed
}

/// Cuts `whole` at every event and goes on, with `--rerun-unknown` where nobody is there.
fn resume_everywhere(name: &str, plan: &Arc<Plan>, world: &World, whole: &[(u64, EventBody)]) {
    let end = |events: &[(u64, EventBody)]| match events.last() {
        Some((_, EventBody::RunFinished(end))) => end.exit,
        _ => panic!("{name}: it has no end"),
    };
    for cut in 0..whole.len() {
        let mut events = whole[..cut].to_vec();
        let now = events.last().map_or(0, |(at, _)| *at) + 60_000;
        let unknown = running(&events).filter(|id| plan.step(*id).shell().is_some());
        let mut added = vec![EventBody::Resume {
            after: cut as u64,
            document_sha256: String::new(),
            unknown,
            from: None,
        }];
        if let Some(step) = unknown.filter(|_| world.policy.unattended) {
            added.push(EventBody::Confirmation {
                step: Some(step),
                question: String::new(),
                answer: Choice::Retry,
                by: "--rerun-unknown".into(),
                waited_ms: 0,
                note: None,
            });
        }
        events.extend(added.into_iter().map(|event| (now, event)));
        let from = events.len();
        let before = passed(&events);
        let mut resumed = machine(plan, world.policy, &events);
        let told = World { on_failure: Choice::Retry, ..world.clone() };
        let world = if unknown.is_some() { &told } else { world };
        let events = world.run(&mut resumed, events);
        let mut answered = world.policy.unattended;
        for (_, event) in &events[from..] {
            match event {
                EventBody::Confirmation { step, .. } if *step == unknown => answered = true,
                EventBody::StepStarted { step, purpose, .. } => {
                    assert!(
                        *purpose == Purpose::Evidence || !before.contains(step),
                        "{name}, cut at {cut}: step {} passed and runs again",
                        plan.step(*step).id
                    );
                    assert!(
                        Some(*step) != unknown || answered,
                        "{name}, cut at {cut}: step {} is unknown and runs again silently",
                        plan.step(*step).id
                    );
                }
                _ => {}
            }
        }
        assert_eq!(end(&events), end(whole), "{name}, cut at {cut}: {events:?}");
    }
}

/// Results of a step's attempts, by the step's index.
type Results = BTreeMap<u32, Vec<StepResult>>;

fn cases() -> Vec<(&'static str, Vec<PlanStep>, Results)> {
    let mttr = || vec![observe("1"), act("2"), fallback("3", 1), verify("4"), optional(observe("5"))];
    let slow_verify = PlanStep { retry: 2, ..act("1") };
    vec![
        ("all well", mttr(), BTreeMap::new()),
        ("a fallback", mttr(), BTreeMap::from([(1, vec![failed()])])),
        ("a verify that needs three attempts", mttr(), BTreeMap::from([(3, vec![failed(); 2])])),
        ("a verify that needs its fallback", mttr(), BTreeMap::from([(3, vec![failed(); 12])])),
        ("no verify", vec![observe("1"), act("2"), act("3"), fallback("4", 1)], BTreeMap::new()),
        (
            "contained",
            vec![observe("1"), act("2"), destroying(fallback("3", 1))],
            BTreeMap::from([(1, vec![failed()])]),
        ),
        (
            "retries and steps that always run",
            vec![slow_verify, act("2"), always(observe("3"))],
            BTreeMap::from([(0, vec![failed()])]),
        ),
        (
            "decisions and notes",
            vec![act("1"), notes("2", Some(0)), destroying(fallback("3", 0)), verify("4")],
            BTreeMap::from([(0, vec![failed()])]),
        ),
        ("an open decision", vec![act("1"), decision("2", None), verify("3")], BTreeMap::new()),
    ]
}

#[test]
fn an_unattended_run_goes_on_from_every_event() {
    for (name, steps, results) in cases() {
        let plan = Arc::new(plan(steps));
        let world = World { policy: UNATTENDED, results, on_failure: Choice::Abort };
        let whole = world.run(&mut machine(&plan, UNATTENDED, &[]), Vec::new());
        resume_everywhere(name, &plan, &world, &whole);
    }
}

#[test]
fn an_attended_run_goes_on_from_every_event() {
    for (name, mut steps, results) in cases() {
        steps.push(manual("9"));
        let plan = Arc::new(plan(steps));
        for on_failure in [Choice::Fallback, Choice::Retry, Choice::DoneByHand] {
            let world = World { policy: ATTENDED, results: results.clone(), on_failure };
            let whole = world.run(&mut machine(&plan, ATTENDED, &[]), Vec::new());
            // With another answer to the unknown step the run may end elsewhere: only retries compare.
            if on_failure == Choice::Retry {
                resume_everywhere(name, &plan, &world, &whole);
            }
            let replayed = machine(&plan, ATTENDED, &whole[..whole.len() - 1]);
            let end = whole.last().expect("has an end").clone();
            assert_eq!(
                EventBody::RunFinished(match replayed.next(end.0) {
                    Next::Finish(end) => end,
                    other => panic!("{name}: {other:?}"),
                }),
                end.1
            );
        }
    }
}

/// A run whose engine died in step `at`.
fn died_in(plan: &Arc<Plan>, world: &World, at: u32) -> Vec<(u64, EventBody)> {
    let mut events = world.run(&mut machine(plan, world.policy, &[]), Vec::new());
    let start = events
        .iter()
        .position(|(_, event)| matches!(event, EventBody::StepStarted { step, .. } if *step == StepId(at)));
    events.truncate(start.expect("it started") + 1);
    let resume = EventBody::Resume {
        after: events.len() as u64,
        document_sha256: String::new(),
        unknown: Some(StepId(at)),
        from: None,
    };
    events.push((90_000, resume));
    events
}

fn log(plan: &Plan, events: &[(u64, EventBody)]) -> String {
    let id = |step: &StepId| plan.step(*step).id.clone();
    let said = events.iter().filter_map(|(_, event)| match event {
        EventBody::StepStarted { step, purpose: Purpose::Evidence, .. } => {
            Some(format!("{} evidence", id(step)))
        }
        EventBody::StepStarted { step, .. } => Some(id(step)),
        EventBody::StepSkipped { step, reason, .. } => Some(format!("{}-{reason:?}", id(step))),
        EventBody::Confirmation { step: Some(step), answer, .. } => Some(format!("{answer:?} {}", id(step))),
        EventBody::RunFinished(end) => Some(format!("{:?} {}", end.outcome, end.exit)),
        _ => None,
    });
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_person_says_what_to_do_about_an_unknown_step() {
    let steps = || vec![observe("1"), act("2"), fallback("3", 1), verify("4")];
    let plan = Arc::new(plan(steps()));
    let died = |at: u32, results, on_failure| {
        let world = World { policy: ATTENDED, results, on_failure };
        let events = died_in(&plan, &world, at);
        let from = events.len();
        let events = world.run(&mut machine(&plan, ATTENDED, &events), events);
        log(&plan, &events[from..])
    };
    let none = BTreeMap::new;
    assert_eq!(died(1, none(), Choice::Retry), "Retry 2, 2, 4, 3-NotNeeded, Verified 0");
    assert_eq!(died(1, none(), Choice::Edit), "Edit 2, 2, 4, 3-NotNeeded, Verified 0");
    assert_eq!(died(1, none(), Choice::DoneByHand), "DoneByHand 2, 4, 3-NotNeeded, Verified 0");
    assert_eq!(died(1, none(), Choice::Skip), "Skip 2, 4, 3-NotTaken, Verified 0");
    assert_eq!(died(1, none(), Choice::Fallback), "Fallback 2, 3, 4, RecoveredByFallback 0");
    assert_eq!(died(1, none(), Choice::Abort), "Abort 2, 3-NotTaken, 4-Cancelled, Failed 1");
    // An observing step is unknown, too, and so is a fallback: neither is passed over silently.
    assert_eq!(died(0, none(), Choice::Skip), "Skip 1, Yes 2, 2, 4, 3-NotNeeded, Verified 0");
    let act_fails = || BTreeMap::from([(1, vec![failed()])]);
    let world = World { policy: ATTENDED, results: act_fails(), on_failure: Choice::Fallback };
    let events = died_in(&plan, &world, 2);
    let world = World { on_failure: Choice::DoneByHand, ..world };
    let from = events.len();
    let events = world.run(&mut machine(&plan, ATTENDED, &events), events);
    assert_eq!(log(&plan, &events[from..]), "DoneByHand 3, 4, RecoveredByFallback 0");
}

#[test]
fn an_unknown_step_asks_in_its_own_words() {
    let plan = Arc::new(plan(vec![act("1"), fallback("2", 0)]));
    let world = World { policy: ATTENDED, results: BTreeMap::new(), on_failure: Choice::Retry };
    let mut events = died_in(&plan, &world, 0);
    let question = |events: &[(u64, EventBody)]| match machine(&plan, ATTENDED, events).next(90_000) {
        Next::Ask(question) => question,
        other => panic!("{other:?}"),
    };
    let asked = question(&events);
    assert_eq!(
        asked.text,
        "step 1 `Step 1` was running when the engine died: what it did is unknown; its fallback is step 2 `Step 2`"
    );
    let choices =
        [Choice::Fallback, Choice::Retry, Choice::Edit, Choice::DoneByHand, Choice::Skip, Choice::Abort];
    assert_eq!(asked.choices, choices);
    let resume = events.pop().expect("is there");
    events.push((80_000, finished(StepId(0), 1, StepResult::Cancelled)));
    events.push((80_000, EventBody::Cancel { cause: CancelCause::Signal { signal: 2 } }));
    events.push(resume);
    assert_eq!(
        question(&events).text,
        "step 1 `Step 1` was stopped before it was over; its fallback is step 2 `Step 2`"
    );
}

#[test]
fn an_unattended_run_does_nothing_about_an_unknown_step() {
    let plan = Arc::new(plan(vec![act("1"), fallback("2", 0), verify("3"), always(observe("4"))]));
    let world = World { policy: UNATTENDED, results: BTreeMap::new(), on_failure: Choice::Abort };
    let events = died_in(&plan, &world, 0);
    let from = events.len();
    let events = world.run(&mut machine(&plan, UNATTENDED, &events), events);
    assert_eq!(log(&plan, &events[from..]), "4, 2-Blocked, 3-Blocked, Failed 1");
}

#[test]
fn a_stopped_run_goes_on_and_a_named_step_is_done_anew() {
    let plan = Arc::new(plan(vec![observe("1"), act("2"), act("3"), verify("4")]));
    let world = World { policy: UNATTENDED, results: BTreeMap::new(), on_failure: Choice::Abort };
    let mut stopped = machine(&plan, UNATTENDED, &[]);
    let mut events: Vec<(u64, EventBody)> = vec![
        (
            0,
            EventBody::StepStarted {
                step: StepId(0),
                attempt: 1,
                purpose: Purpose::Plan,
                script: None,
                timeout_ms: 1,
            },
        ),
        (1, finished(StepId(0), 1, StepResult::Passed)),
        (1, EventBody::Cancel { cause: CancelCause::Signal { signal: 15 } }),
    ];
    for (at, event) in &events {
        stopped.apply(event, *at);
    }
    events = world.run(&mut stopped, events);
    assert_eq!(log(&plan, &events), "1, 2-Cancelled, 3-Cancelled, 4-Cancelled, Cancelled 143");
    let resume = |from| EventBody::Resume {
        after: events.len() as u64,
        document_sha256: String::new(),
        unknown: None,
        from,
    };
    let go_on = |mut events: Vec<(u64, EventBody)>, resume: EventBody| {
        events.push((9_000, resume));
        let from = events.len();
        let events = world.run(&mut machine(&plan, UNATTENDED, &events), events);
        (log(&plan, &events[from..]), events)
    };
    let (said, whole) = go_on(events.clone(), resume(None));
    assert_eq!(said, "2, 3, 4, Verified 0");
    let (said, again) = go_on(whole, resume(Some(StepId(2))));
    assert_eq!(said, "3, 4, Verified 0");
    let attempts: Vec<u32> = again
        .iter()
        .filter_map(|(_, event)| match event {
            EventBody::StepStarted { step: StepId(2), attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn evidence_that_broke_off_is_taken_again_when_asked_for() {
    let plan = Arc::new(plan(vec![observe("1"), act("2")]));
    let world = World { policy: UNATTENDED, results: BTreeMap::new(), on_failure: Choice::Abort };
    let whole = world.run(&mut machine(&plan, UNATTENDED, &[]), Vec::new());
    assert_eq!(log(&plan, &whole), "1, 2, 1 evidence, NotVerified 0");
    let at = whole.iter().rposition(|(_, event)| matches!(event, EventBody::StepStarted { .. }));
    let mut events = whole[..=at.expect("it started")].to_vec();
    let after = events.len() as u64;
    let resume =
        EventBody::Resume { after, document_sha256: String::new(), unknown: Some(StepId(0)), from: None };
    events.push((9_000, resume));
    let unattended = world.run(&mut machine(&plan, UNATTENDED, &events), events.clone());
    assert_eq!(log(&plan, &unattended[events.len()..]), "NotVerified 0");
    let world = World { policy: ATTENDED, on_failure: Choice::Retry, ..world };
    let attended = world.run(&mut machine(&plan, ATTENDED, &events), events.clone());
    assert_eq!(log(&plan, &attended[events.len()..]), "Retry 1, 1 evidence, NotVerified 0");
}

#[test]
fn a_failed_fallback_is_asked_about_and_each_answer_has_its_way() {
    let plan = Arc::new(plan(vec![act("1"), fallback("2", 0), fallback("3", 0), verify("4")]));
    let results = BTreeMap::from([(0, vec![failed()]), (1, vec![failed()])]);
    let run = |choice: Choice| {
        let world = World { policy: ATTENDED, results: results.clone(), on_failure: Choice::Fallback };
        let mut events = world.run(&mut machine(&plan, ATTENDED, &[]), Vec::new());
        let at = events
            .iter()
            .position(|(_, event)| matches!(event, EventBody::StepFinished(end) if end.step == StepId(1)));
        events.truncate(at.expect("it failed") + 1);
        let from = events.len();
        let world = World { on_failure: choice, ..world };
        let events = world.run(&mut machine(&plan, ATTENDED, &events), events);
        log(&plan, &events[from..])
    };
    assert_eq!(run(Choice::Retry), "Retry 2, 2, 4, 3-NotNeeded, RecoveredByFallback 0");
    assert_eq!(run(Choice::DoneByHand), "DoneByHand 2, 4, 3-NotNeeded, RecoveredByFallback 0");
    assert_eq!(run(Choice::Fallback), "Fallback 2, 3, 4, RecoveredByFallback 0");
    assert_eq!(run(Choice::Skip), "Skip 2, Yes 3, 3, 4, RecoveredByFallback 0");
    assert_eq!(run(Choice::Abort), "Abort 2, 3-NotTaken, 4-Cancelled, Failed 1");
}

#[test]
fn an_edited_command_is_what_runs_from_then_on() {
    let plan = Arc::new(plan(vec![act("1")]));
    let mut run = machine(&plan, Policy { yes: true, ..ATTENDED }, &[]);
    let start = EventBody::StepStarted {
        step: StepId(0),
        attempt: 1,
        purpose: Purpose::Plan,
        script: Some("false".into()),
        timeout_ms: 1,
    };
    run.apply(&start, 0);
    run.apply(&finished(StepId(0), 1, failed()), 1);
    let Next::Ask(question) = run.next(1) else { panic!("it asks") };
    for event in question.answered(Reply { choice: Choice::Edit, arm: None, note: Some("true".into()) }, 1) {
        run.apply(&event, 2);
    }
    assert_eq!(run.edited(StepId(0)), Some("true"));
    assert!(matches!(run.next(2), Next::Start(_)));
}

#[test]
fn what_a_person_says_they_verified_is_not_verified() {
    let ended = |steps: Vec<PlanStep>, results| {
        let plan = Arc::new(plan(steps));
        let policy = Policy { yes: true, ..ATTENDED };
        let world = World { policy, results, on_failure: Choice::DoneByHand };
        let events = world.run(&mut machine(&plan, world.policy, &[]), Vec::new());
        let Some((_, EventBody::RunFinished(end))) = events.last() else { panic!("it has an end") };
        assert_eq!(end.recovered_ms, None);
        (end.outcome, end.exit, end.summary.clone())
    };
    let fails = |step| BTreeMap::from([(step, vec![failed(); 99])]);
    let contained = "contained, not recovered: fallback step 2 ran and nothing verified it; the verify step 3 was \
                     done by hand: nothing checked it";
    for (steps, results, expected) in [
        (
            vec![act("1"), verify("2")],
            fails(1),
            (Outcome::NotVerified, 0, "not verified; the verify step 2 was done by hand: nothing checked it"),
        ),
        (
            vec![act("1"), verify("2"), verify("3")],
            BTreeMap::from([(1, vec![failed(); 99]), (2, vec![failed(); 99])]),
            (
                Outcome::NotVerified,
                0,
                "not verified; the verify step 2, the verify step 3 were done by hand: nothing checked it",
            ),
        ),
        // What a run is judged by a look, and the verify before it was a person's word.
        (
            vec![observe("1"), verify("2")],
            fails(1),
            (
                Outcome::Observed,
                0,
                "observed: no command changed anything, and nothing verified what people did; the verify step 2 was \
                 done by hand: nothing checked it",
            ),
        ),
        (
            vec![act("1")],
            fails(0),
            (Outcome::NotVerified, 0, "not verified: the document has no verify step"),
        ),
    ] {
        let (outcome, exit, summary) = ended(steps, results);
        assert_eq!((outcome, exit, summary.as_str()), expected);
    }
    let plan = Arc::new(plan(vec![act("1"), fallback("2", 0), verify("3")]));
    let policy = Policy { yes: true, unattended: true, ..ATTENDED };
    let world = World { policy, results: fails(0), on_failure: Choice::DoneByHand };
    let mut events = world.run(&mut machine(&plan, policy, &[]), Vec::new());
    let verified = |(_, event): &(u64, EventBody)| matches!(event, EventBody::StepFinished(end) if end.step == StepId(2));
    events.truncate(events.iter().position(verified).expect("it was verified"));
    events.push((9_000, finished(StepId(2), 1, StepResult::Signaled { signal: 9 })));
    let world = World { policy: Policy { yes: true, ..ATTENDED }, ..world };
    let events = world.run(&mut machine(&plan, world.policy, &events), events);
    let Some((_, EventBody::RunFinished(end))) = events.last() else { panic!("it has an end") };
    assert_eq!((end.outcome, end.exit, end.summary.as_str()), (Outcome::Contained, 5, contained));
}
