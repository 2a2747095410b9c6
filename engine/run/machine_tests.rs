//! Every transition of design §6.3 to §6.8, without processes: scripted results in, a log out.

use super::{ConfirmPolicy, FailurePolicy, Machine, Next, Policy, Question, Reply};
use crate::event::{
    CancelCause, Choice, EventBody, NotTried, Outcome, RunFinished, StepFinished, StepResult, TargetVerdict,
};
use crate::plan::testing::{
    act, always, decision, destroying, fallback, manual, notes, observe, optional, step, verify,
};
use crate::plan::{Plan, PlanReach, PlanStep, StepId, Work};
use crate::runbook::{Expectation, Matching, Role};
use crate::source::Span;
use std::collections::VecDeque;
use std::sync::Arc;

const UNATTENDED: Policy = Policy {
    confirm: ConfirmPolicy::Changes,
    yes: false,
    unattended: true,
    stage: false,
    failing: FailurePolicy::ByRole,
};
const ATTENDED: Policy = Policy { unattended: false, ..UNATTENDED };
const ATTENDED_YES: Policy = Policy { yes: true, ..ATTENDED };

fn plan(steps: Vec<PlanStep>, recovery: Option<u64>) -> Plan {
    let target = recovery.map(crate::plan::testing::target);
    let mut plan = crate::plan::testing::plan(steps);
    plan.procedure.targets.extend(target);
    plan
}

fn failed() -> StepResult {
    StepResult::Failed { status: 1, not_tried: None }
}

/// Runs a plan: results are taken by step number in order, then every attempt passes; each attempt takes
/// one second. `cancel_in` cancels while that step runs.
struct Script<'a> {
    policy: Policy,
    results: Vec<(&'a str, StepResult)>,
    replies: Vec<(Choice, Option<usize>)>,
    cancel_in: Option<(&'a str, CancelCause)>,
}

impl Script<'_> {
    fn run(mut self, plan: Plan) -> (String, RunFinished) {
        let plan = Arc::new(plan);
        let mut machine = Machine::new(Arc::clone(&plan), self.policy);
        let mut replayed = machine.clone();
        let mut replies: VecDeque<_> = std::mem::take(&mut self.replies).into();
        let mut log = Vec::new();
        let mut now = 0;
        let mut record = |machine: &mut Machine, event: EventBody, now: u64, log: &mut Vec<String>| {
            log.extend(line(&plan, &event));
            machine.apply(&event, now);
            replayed.apply(&event, now);
        };
        for _ in 0..500 {
            match machine.next(now) {
                Next::Record(events) => {
                    for event in events {
                        record(&mut machine, event, now, &mut log);
                    }
                }
                Next::Start(start) => {
                    let id = plan.step(start.step).id.clone();
                    let started = EventBody::StepStarted {
                        step: start.step,
                        attempt: start.attempt,
                        purpose: start.purpose,
                        script: None,
                        timeout_ms: start.timeout.as_millis() as u64,
                    };
                    record(&mut machine, started, now, &mut log);
                    now += 1000;
                    let mut result = match self.results.iter().position(|(of, _)| *of == id) {
                        Some(at) => self.results.remove(at).1,
                        None => StepResult::Passed,
                    };
                    let cancel = self.cancel_in.take_if(|(of, _)| *of == id);
                    if cancel.is_some() {
                        result = StepResult::Cancelled;
                    }
                    record(&mut machine, finished(start.step, start.attempt, result), now, &mut log);
                    if let Some((_, cause)) = cancel {
                        record(&mut machine, EventBody::Cancel { cause }, now, &mut log);
                    }
                }
                Next::Ask(question) => {
                    let (choice, arm) = replies.pop_front().expect("a question has its reply");
                    log.push(format!("ask {:?} {}", kind(&question), plan.step(question.step).id));
                    now += 500;
                    for event in question.answered(Reply { choice, arm, note: None }, 500) {
                        record(&mut machine, event, now, &mut log);
                    }
                }
                Next::Wait { until_ms } => now = until_ms,
                Next::Finish(end) => {
                    // Replay: the journal alone brings a machine to the same verdict.
                    assert_eq!(replayed.next(now), Next::Finish(end.clone()));
                    log.push(format!("{:?} {}", end.outcome, end.exit));
                    assert!(replies.is_empty(), "replies left over: {replies:?}");
                    return (log.join(", "), *end);
                }
            }
        }
        panic!("the machine does not come to an end: {}", log.join(", "));
    }
}

fn kind(question: &Question) -> String {
    format!("{:?}", question.kind).split([' ', '{']).next().unwrap_or_default().to_owned()
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

fn line(plan: &Plan, event: &EventBody) -> Option<String> {
    let id = |step: &StepId| plan.step(*step).id.clone();
    match event {
        EventBody::StepStarted { step, purpose, .. } => {
            Some(format!("{}{}", id(step), format!("{purpose:?}").chars().next()?.to_lowercase()))
        }
        EventBody::StepFinished(end) if !end.result.passed() => Some(format!("{}!", id(&end.step))),
        EventBody::StepSkipped { step, reason, .. } => Some(format!("{}-{reason:?}", id(step))),
        EventBody::StepRetrying { step, .. } => Some(format!("{}~", id(step))),
        EventBody::Decision { step, answer, .. } => Some(format!("{}?{answer:?}", id(step))),
        EventBody::Target { verdict, .. } => Some(format!("{verdict:?}")),
        EventBody::Note { .. } => Some("note".into()),
        EventBody::Cancel { .. } => Some("cancel".into()),
        _ => None,
    }
}

fn unattended(steps: Vec<PlanStep>, results: Vec<(&str, StepResult)>) -> String {
    let script = Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
    script.run(plan(steps, None)).0
}

fn attended(steps: Vec<PlanStep>, results: Vec<(&str, StepResult)>, replies: Vec<Choice>) -> String {
    let replies = replies.into_iter().map(|choice| (choice, None)).collect();
    Script { policy: ATTENDED, results, replies, cancel_in: None }.run(plan(steps, None)).0
}

fn mttr() -> Vec<PlanStep> {
    vec![observe("1"), act("2"), fallback("3", 1), verify("4"), optional(observe("5"))]
}

#[test]
fn a_fallback_is_taken_when_its_act_failed_and_the_verify_follows_on_both_branches() {
    let not_tried = |why| StepResult::Failed { status: 22, not_tried: Some(why) };
    for (results, log) in [
        (vec![], "1p, 2p, 4p, 3-NotNeeded, 5p, Verified 0"),
        (vec![("1", failed())], "1p, 1!, 2p, 4p, 3-NotNeeded, 5p, Verified 0"),
        (vec![("2", failed())], "1p, 2p, 2!, 3f, 4p, 5p, RecoveredByFallback 0"),
        (vec![("2", failed()), ("3", failed())], "1p, 2p, 2!, 3f, 3!, 5p, 4-Blocked, Failed 1"),
        (vec![("2", StepResult::TimedOut { limit_ms: 1 })], "1p, 2p, 2!, 3f, 4p, 5p, RecoveredByFallback 0"),
        (
            vec![("2", not_tried(NotTried::Http { code: 404 }))],
            "1p, 2p, 2!, 5p, 3-NotTried, 4-Blocked, Failed 1",
        ),
        (vec![("2", not_tried(NotTried::EndedEarly))], "1p, 2p, 2!, 5p, 3-NotTried, 4-Blocked, Failed 1"),
    ] {
        assert_eq!(unattended(mttr(), results.clone()), log, "{results:?}");
    }
}

#[test]
fn a_failed_verify_is_retried_then_takes_the_nearest_fallback_once() {
    let always_failing = |times| vec![("4", failed()); times];
    // A fallback stands: 30 s without a target, one attempt each 3 s.
    assert_eq!(
        unattended(mttr(), always_failing(3)),
        "1p, 2p, 4p, 4!, 4~, 4p, 4!, 4~, 4p, 4!, 4~, 4p, 3-NotNeeded, 5p, Verified 0"
    );
    let log = unattended(mttr(), always_failing(11));
    assert!(log.ends_with("4!, 3f, 4p, 4!, 4~, 4p, 5p, RecoveredByFallback 0"), "{log}");
    let log = unattended(mttr(), always_failing(200));
    assert_eq!(log.matches("3f").count(), 1, "{log}");
    assert!(log.ends_with("4!, 5p, Failed 1"), "{log}");
}

#[test]
fn half_of_what_is_left_of_the_target_is_for_the_verify_while_a_fallback_stands() {
    let script = |results| Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
    // 120 s target, 2 s gone: 59 s, so attempts at 2, 5, … 59: twenty of them.
    let (log, _) = script(vec![("4", failed()); 20]).run(plan(mttr(), Some(120)));
    assert_eq!(log.split("3f").next().map(|before| before.matches("4!").count()), Some(20), "{log}");
    assert!(log.ends_with("RecoveredByFallback 0"), "{log}");
}

#[test]
fn a_fallback_with_nothing_to_verify_it_contains() {
    let steps = || vec![observe("1"), act("2"), fallback("3", 1)];
    assert_eq!(unattended(steps(), vec![]), "1p, 2p, 3-NotNeeded, 1e, NotVerified 0");
    assert_eq!(unattended(steps(), vec![("2", failed())]), "1p, 2p, 2!, 3f, 1e, Contained 5");
    assert_eq!(unattended(steps(), vec![("2", failed()), ("3", failed())]), "1p, 2p, 2!, 3f, 3!, Failed 1");
    assert_eq!(
        unattended(
            vec![act("1"), fallback("2", 0), fallback("3", 1)],
            vec![("1", failed()), ("2", failed())]
        ),
        "1p, 1!, 2f, 2!, 3f, Contained 5"
    );
    assert_eq!(
        unattended(
            vec![act("1"), fallback("2", 0), fallback("3", 0)],
            vec![("1", failed()), ("2", failed())]
        ),
        "1p, 1!, 2f, 2!, 3f, Contained 5"
    );
}

#[test]
fn plain_steps_between_a_failed_act_and_its_fallback_do_not_run_those_behind_do() {
    let steps = vec![act("1"), act("2"), fallback("3", 0), act("4"), verify("5")];
    assert_eq!(
        unattended(steps, vec![("1", failed())]),
        "1p, 1!, 3f, 2-Blocked, 4p, 5p, RecoveredByFallback 0"
    );
}

#[test]
fn what_a_branch_began_goes_on_with_it() {
    let with = |id: &str, of| PlanStep { reach: PlanReach::With { of: StepId(of) }, ..act(id) };
    let looks = |first: PlanStep| PlanStep { role: Role::Observe, ..first };
    let branch = || vec![act("1"), fallback("2", 0), with("3", 1), act("4")];
    assert_eq!(unattended(branch(), vec![]), "1p, 2-NotNeeded, 3-NotNeeded, 4p, NotVerified 0");
    assert_eq!(unattended(branch(), vec![("1", failed())]), "1p, 1!, 2f, 3p, 4p, Contained 5");
    assert_eq!(
        unattended(branch(), vec![("1", failed()), ("3", failed())]),
        "1p, 1!, 2f, 3p, 3!, 4-Blocked, Failed 1"
    );
    assert_eq!(
        unattended(vec![act("0"), looks(decision("1", Some(0))), with("2", 1)], vec![]),
        "0p, 1?No, 1-NotNeeded, 2-NotNeeded, NotVerified 0"
    );
    assert_eq!(
        unattended(vec![looks(decision("1", None)), with("2", 0)], vec![]),
        "1?Undecided, 1-Undecided, 2-NotNeeded, NeedsPerson 5"
    );
    assert_eq!(
        attended(
            vec![looks(decision("1", None)), with("2", 0)],
            vec![("1", failed())],
            vec![Choice::Yes, Choice::Yes]
        ),
        // That it is so is no word yet on what is then run.
        "ask \"Decide\" 1, 1?Yes, ask \"Confirm\" 1, 1p, 1!, 2p, NotVerified 0"
    );
    // A rollback is taken whole before the verify it was taken for is tried again.
    let rollback = || vec![act("1"), verify("2"), fallback("3", 0), with("4", 2)];
    let log = unattended(rollback(), vec![("2", failed()); 10]);
    assert!(log.ends_with("2!, 3f, 4p, 2p, RecoveredByFallback 0"), "{log}");
}

#[test]
fn decisions_known_by_a_step_answer_themselves_others_are_not_taken_unattended() {
    let latency = || vec![act("1"), notes("2", Some(0)), destroying(fallback("3", 0))];
    assert_eq!(unattended(latency(), vec![]), "1p, 2?No, 2-NotNeeded, 3-NotNeeded, NotVerified 0");
    assert_eq!(unattended(latency(), vec![("1", failed())]), "1p, 1!, 2?Yes, note, 2-Notes, 3f, Contained 5");
    assert_eq!(
        unattended(vec![notes("1", None), act("2")], vec![]),
        "1?Undecided, note, 1-Notes, 2p, NotVerified 0"
    );
    assert_eq!(
        unattended(vec![act("1"), decision("2", None)], vec![]),
        "1p, 2?Undecided, 2-Undecided, NeedsPerson 5"
    );
    assert_eq!(
        unattended(vec![act("1"), decision("2", None), verify("3")], vec![]),
        "1p, 2?Undecided, 2-Undecided, 3p, Verified 0"
    );
    let given = |answer| PlanStep {
        reach: PlanReach::Decision {
            question: "If so".into(),
            known_by: None,
            otherwise_of: None,
            given: Some(answer),
        },
        ..act("1")
    };
    let otherwise = || PlanStep {
        reach: PlanReach::Decision {
            question: "Otherwise".into(),
            known_by: None,
            otherwise_of: Some(StepId(0)),
            given: None,
        },
        ..act("2")
    };
    assert_eq!(
        unattended(vec![given(true), otherwise()], vec![]),
        "1?Yes, 1p, 2?No, 2-NotNeeded, NotVerified 0"
    );
    assert_eq!(
        unattended(vec![given(false), otherwise()], vec![]),
        "1?No, 1-NotNeeded, 2?Yes, 2p, NotVerified 0"
    );
}

#[test]
fn a_person_decides_and_chooses_arms() {
    assert_eq!(
        attended(vec![decision("1", None)], vec![], vec![Choice::No]),
        "ask \"Decide\" 1, 1?No, 1-NotNeeded, Observed 0"
    );
    let arm = |id: &str, arm| PlanStep {
        reach: PlanReach::Arm { group: "1".into(), arm, text: "Or".into(), given: None },
        ..act(id)
    };
    let script = Script {
        policy: ATTENDED_YES,
        results: vec![],
        replies: vec![(Choice::Yes, Some(2))],
        cancel_in: None,
    };
    assert_eq!(
        script.run(plan(vec![arm("1.1", 1), arm("1.2", 2)], None)).0,
        "ask \"Choose\" 1.1, 1.1?No, 1.2?Yes, 1.1-NotNeeded, 1.2p, NotVerified 0"
    );
}

#[test]
fn confirmations_are_asked_where_the_policy_says() {
    let yes = Choice::Yes;
    let steps = || vec![observe("1"), act("2"), act("3"), destroying(act("4"))];
    assert_eq!(
        attended(steps(), vec![], vec![yes, yes]),
        "1p, ask \"Confirm\" 2, 2p, 3p, ask \"Confirm\" 4, 4p, 1e, NotVerified 0"
    );
    assert_eq!(
        attended(steps(), vec![], vec![Choice::No]),
        "1p, ask \"Confirm\" 2, 2-Declined, 3-Blocked, 4-Blocked, NeedsPerson 5"
    );
    assert_eq!(
        attended(steps(), vec![], vec![Choice::Abort]),
        "1p, ask \"Confirm\" 2, cancel, 2-Cancelled, 3-Cancelled, 4-Cancelled, Cancelled 5"
    );
    for (confirm, asked) in [
        (ConfirmPolicy::Every, 4),
        (ConfirmPolicy::Changes, 2),
        (ConfirmPolicy::Destroys, 1),
        (ConfirmPolicy::Never, 0),
    ] {
        let script = Script {
            policy: Policy { confirm, ..ATTENDED },
            results: vec![],
            replies: vec![(yes, None); asked],
            cancel_in: None,
        };
        assert_eq!(script.run(plan(steps(), None)).0.matches("ask").count(), asked, "{confirm:?}");
    }
    // A fallback that was chosen is confirmed by that, unless it destroys.
    let chosen = |fallback, replies| attended(vec![act("1"), fallback], vec![("1", failed())], replies);
    assert_eq!(
        chosen(fallback("2", 0), vec![yes, Choice::Fallback]),
        "ask \"Confirm\" 1, 1p, 1!, ask \"Failure\" 1, 2f, Contained 5"
    );
    assert_eq!(
        chosen(destroying(fallback("2", 0)), vec![yes, Choice::Fallback, yes]),
        "ask \"Confirm\" 1, 1p, 1!, ask \"Failure\" 1, ask \"Confirm\" 2, 2f, Contained 5"
    );
}

#[test]
fn the_notes_of_a_persons_step_are_said_once_it_is_their_turn() {
    let noted = PlanStep { notes: notes("1", None).notes, ..manual("1") };
    let replies = vec![Choice::No, Choice::Retry, Choice::Yes];
    assert_eq!(
        attended(vec![noted], vec![], replies),
        "1p, note, ask \"Manual\" 1, 1!, ask \"Failure\" 1, 1p, ask \"Manual\" 1, Observed 0"
    );
}

#[test]
fn on_failure_a_person_may_retry_go_on_do_it_by_hand_or_stop() {
    let run = |choices: Vec<Choice>| {
        let replies = choices.into_iter().map(|choice| (choice, None)).collect();
        let results = vec![("1", failed())];
        let script = Script { policy: ATTENDED_YES, results, replies, cancel_in: None };
        script.run(plan(vec![act("1"), act("2"), verify("3")], None)).0
    };
    assert_eq!(run(vec![Choice::Retry]), "1p, 1!, ask \"Failure\" 1, 1p, 2p, 3p, Verified 0");
    assert_eq!(run(vec![Choice::Skip]), "1p, 1!, ask \"Failure\" 1, 2p, 3p, Verified 0");
    assert_eq!(run(vec![Choice::DoneByHand]), "1p, 1!, ask \"Failure\" 1, 2p, 3p, Verified 0");
    assert_eq!(
        run(vec![Choice::Abort]),
        "1p, 1!, ask \"Failure\" 1, cancel, 2-Cancelled, 3-Cancelled, Failed 1"
    );
}

#[test]
fn a_look_that_failed_is_not_said_to_have_succeeded() {
    let said = |steps: Vec<PlanStep>, results| {
        let script = Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
        script.run(plan(steps, None)).1.summary
    };
    let none = "every step succeeded, not verified: the document has no verify step";
    assert_eq!(said(vec![observe("1"), act("2")], vec![]), none);
    assert_eq!(
        said(vec![observe("1"), act("2")], vec![("1", failed())]),
        "not verified: the document has no verify step; step 1 failed, which only looked"
    );
    assert_eq!(
        said(vec![observe("1"), observe("2"), act("3")], vec![("1", failed()), ("2", failed())]),
        "not verified: the document has no verify step; steps 1, 2 failed, which only looked"
    );
}

#[test]
fn the_fallback_of_a_step_that_was_never_really_tried_is_doubted_and_asked_about_once_more() {
    let bound = |name: &str, value: &str, secret| crate::plan::BoundParameter {
        name: name.into(),
        flag: name.into(),
        value: Some(value.into()),
        origin: None,
        secret,
        variable: None,
        line: 1,
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let question = |why, used: &[&str]| {
        let doubtful = PlanStep { parameters: names(used), ..act("1") };
        let mut plan = plan(vec![doubtful, fallback("2", 0)], None);
        plan.parameters = vec![bound("engine_id", "33", false), bound("token", "s3cret", true)];
        let mut machine = Machine::new(Arc::new(plan), ATTENDED_YES);
        let not_tried = Some(why);
        let Next::Start(start) = machine.next(0) else { panic!("it starts") };
        let started = EventBody::StepStarted {
            step: start.step,
            attempt: 1,
            purpose: start.purpose,
            script: None,
            timeout_ms: 1,
        };
        machine.apply(&started, 0);
        machine.apply(&finished(StepId(0), 1, StepResult::Failed { status: 22, not_tried }), 1);
        let Next::Ask(question) = machine.next(1) else { panic!("it asks") };
        let super::QuestionKind::Failure { doubt, .. } = question.kind else { panic!("of the failure") };
        (question.choices, doubt.expect("it is doubted"))
    };
    for (why, used, doubt) in [
        (
            NotTried::Http { code: 404 },
            &["engine_id"][..],
            "its own request was refused (HTTP 404): is `engine_id = 33` right? The fallback would act on a step \
             that was never really tried",
        ),
        (
            NotTried::Http { code: 401 },
            &["engine_id", "token"],
            "its own request was refused (HTTP 401): are `engine_id = 33`, `token = ******` right? The fallback \
             would act on a step that was never really tried",
        ),
        (
            NotTried::MissingCommand { command: "kubectl".into() },
            &["engine_id"],
            "`kubectl` is missing or not executable. The fallback would act on a step that was never really tried",
        ),
        (
            NotTried::EndedEarly,
            &[],
            "it stopped before its last command. The fallback would act on a step that did not come to its end",
        ),
    ] {
        let (choices, said) = question(why, used);
        assert_eq!(said, doubt);
        let last = [Choice::Skip, Choice::Fallback, Choice::Abort];
        assert!(choices.ends_with(&last) && choices[0] == Choice::Retry, "{choices:?}");
    }
    let run = |replies: Vec<Choice>| {
        let refused = StepResult::Failed { status: 22, not_tried: Some(NotTried::Http { code: 404 }) };
        let replies = replies.into_iter().map(|choice| (choice, None)).collect();
        let script = Script { policy: ATTENDED_YES, results: vec![("1", refused)], replies, cancel_in: None };
        script.run(plan(vec![act("1"), fallback("2", 0), verify("3")], None)).0
    };
    assert_eq!(
        run(vec![Choice::Fallback, Choice::Yes]),
        "1p, 1!, ask \"Failure\" 1, ask \"Confirm\" 2, 2f, 3p, RecoveredByFallback 0"
    );
    assert_eq!(
        run(vec![Choice::Fallback, Choice::No]),
        "1p, 1!, ask \"Failure\" 1, ask \"Confirm\" 2, 2-Declined, 3-Blocked, Failed 1"
    );
}

#[test]
fn a_fallback_that_was_offered_and_not_taken_says_why() {
    let skips = |steps: Vec<PlanStep>, results: Vec<(u32, StepResult)>, answer| {
        let mut machine = Machine::new(Arc::new(plan(steps, None)), ATTENDED_YES);
        // Long after the start no verify is tried again.
        for (step, result) in results {
            let purpose = crate::event::Purpose::Plan;
            let (step, script, timeout_ms) = (StepId(step), None, 1);
            machine.apply(&EventBody::StepStarted { step, attempt: 1, purpose, script, timeout_ms }, 0);
            machine.apply(&finished(step, 1, result), 900_000);
        }
        let Next::Ask(question) = machine.next(900_000) else { panic!("it asks") };
        for event in question.answered(Reply { choice: answer, arm: None, note: Some("x".into()) }, 1) {
            machine.apply(&event, 900_000);
        }
        let mut skips = Vec::new();
        while let Next::Record(events) = machine.next(900_000) {
            for event in events {
                machine.apply(&event, 900_000);
                if let EventBody::StepSkipped { step, reason, detail } = event {
                    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
                    skips.push(format!("{}-{reason:?}{detail}", step.0 + 1));
                }
            }
        }
        skips.join(", ")
    };
    let not_tried = StepResult::Failed { status: 22, not_tried: Some(NotTried::Http { code: 404 }) };
    let restart = || vec![act("1"), fallback("2", 0), verify("3")];
    for (results, answer, expected) in [
        (vec![(0, failed())], Choice::Abort, "2-NotTaken: the operator aborted, 3-Cancelled"),
        (vec![(0, not_tried)], Choice::Abort, "2-NotTaken: the operator aborted, 3-Cancelled"),
        (vec![(0, StepResult::Passed), (2, failed())], Choice::Abort, "2-NotTaken: the operator aborted"),
        (vec![(0, StepResult::Passed), (2, failed())], Choice::Skip, "2-NotTaken: step 3 was skipped"),
        (vec![(0, StepResult::Passed), (2, failed())], Choice::DoneByHand, "2-NotNeeded"),
    ] {
        assert_eq!(skips(restart(), results.clone(), answer), expected, "{results:?} {answer:?}");
    }
}

#[test]
fn a_verify_that_is_stopped_before_its_next_attempt_is_not_said_not_to_have_run() {
    let mut machine = Machine::new(Arc::new(plan(vec![act("1"), verify("2"), act("3")], None)), UNATTENDED);
    let mut now = 0;
    for (step, result) in [(0, StepResult::Passed), (1, failed())] {
        let Next::Start(start) = machine.next(now) else { panic!("it starts") };
        assert_eq!(start.step, StepId(step));
        let (attempt, purpose, script, timeout_ms) = (start.attempt, start.purpose, None, 1);
        let started = EventBody::StepStarted { step: start.step, attempt, purpose, script, timeout_ms };
        machine.apply(&started, now);
        now += 1000;
        machine.apply(&finished(start.step, attempt, result), now);
    }
    let Next::Record(retrying) = machine.next(now) else { panic!("it is tried again") };
    assert!(matches!(retrying.as_slice(), [EventBody::StepRetrying { .. }]), "{retrying:?}");
    machine.apply(&retrying[0], now);
    assert!(matches!(machine.next(now), Next::Wait { .. }));
    machine.apply(&EventBody::Cancel { cause: CancelCause::Signal { signal: 2 } }, now);
    let skipped =
        EventBody::StepSkipped { step: StepId(2), reason: crate::event::SkipReason::Cancelled, detail: None };
    assert_eq!(machine.next(now), Next::Record(vec![skipped.clone()]));
    machine.apply(&skipped, now);
    let Next::Finish(end) = machine.next(now) else { panic!("it ends") };
    assert_eq!(
        (end.outcome, end.exit, end.summary.as_str()),
        (Outcome::Cancelled, 130, "stopped by signal 2")
    );
}

#[test]
fn what_a_person_skipped_is_not_said_to_have_succeeded() {
    let skipped = |failing: &str, steps: Vec<PlanStep>| {
        let results = vec![(failing, failed())];
        let script =
            Script { policy: ATTENDED_YES, results, replies: vec![(Choice::Skip, None)], cancel_in: None };
        script.run(plan(steps, None)).1.summary
    };
    let changing = |id| PlanStep { effect: crate::shell::Effect::Changes, ..verify(id) };
    assert_eq!(
        skipped("1", vec![act("1"), verify("2")]),
        "succeeded, verified by step 2; a person skipped step 1"
    );
    assert_eq!(skipped("2", vec![act("1"), changing("2")]), "not verified; a person skipped step 2");
    assert_eq!(skipped("1", vec![act("1"), act("2")]), "not verified; a person skipped step 1");
    let left = Script {
        policy: ATTENDED,
        results: vec![],
        replies: vec![(Choice::No, None), (Choice::Skip, None)],
        cancel_in: None,
    };
    assert_eq!(
        left.run(plan(vec![manual("1")], None)).1.summary,
        "observed: nothing was changed; a person skipped step 1"
    );
}

#[test]
fn optional_steps_that_change_wait_for_a_person() {
    let steps = || vec![act("1"), optional(act("2"))];
    assert_eq!(unattended(steps(), vec![]), "1p, 2-Optional, NotVerified 0");
    assert_eq!(
        attended(steps(), vec![], vec![Choice::Yes, Choice::No]),
        "ask \"Confirm\" 1, 1p, ask \"Confirm\" 2, 2-Declined, NotVerified 0"
    );
}

#[test]
fn manual_steps_are_done_assumed_or_left_open() {
    assert_eq!(unattended(vec![manual("1"), act("2")], vec![]), "1p, 1!, 2-Blocked, NeedsPerson 5");
    let assumed = PlanStep {
        work: Work::Manual { text: "do it".into(), assumed_done: true },
        ..step("1", Role::Manual)
    };
    assert_eq!(unattended(vec![assumed], vec![]), "1p, Observed 0");
    assert_eq!(attended(vec![manual("1")], vec![], vec![Choice::Yes]), "1p, ask \"Manual\" 1, Observed 0");
    assert_eq!(
        attended(vec![manual("1")], vec![], vec![Choice::No, Choice::Skip]),
        "1p, ask \"Manual\" 1, 1!, ask \"Failure\" 1, Observed 0"
    );
}

#[test]
fn always_steps_run_after_a_failure_and_a_stop() {
    let steps = || vec![act("1"), act("2"), always(observe("3"))];
    assert_eq!(unattended(steps(), vec![("1", failed())]), "1p, 1!, 3a, 2-Blocked, Failed 1");
    let script = Script {
        policy: UNATTENDED,
        results: vec![],
        replies: vec![],
        cancel_in: Some(("1", CancelCause::Signal { signal: 2 })),
    };
    let (log, end) = script.run(plan(steps(), None));
    assert_eq!(log, "1p, 1!, cancel, 3a, 2-Cancelled, Cancelled 130");
    assert_eq!(end.summary, "stopped by signal 2");
}

#[test]
fn targets_are_judged_on_the_runs_clock() {
    let run = |steps, seconds, results| {
        let script = Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
        script.run(plan(steps, Some(seconds))).0
    };
    let acts = || vec![act("1"), act("2")];
    assert_eq!(run(vec![act("1"), verify("2")], 2, vec![]), "1p, 2p, Met, Verified 0");
    assert_eq!(run(vec![act("1"), verify("2")], 1, vec![]), "1p, 2p, Missed, Verified 4");
    assert_eq!(run(acts(), 2, vec![]), "1p, 2p, WithinNotVerified, NotVerified 0");
    assert_eq!(run(acts(), 1, vec![]), "1p, 2p, Missed, NotVerified 4");
    assert_eq!(run(acts(), 9, vec![("1", failed())]), "1p, 1!, 2-Blocked, NotReached, Failed 1");
    assert_eq!(run(acts(), 1, vec![("2", failed())]), "1p, 2p, 2!, Missed, Failed 1");
    assert_eq!(run(vec![observe("1")], 1, vec![]), "1p, NotMeasured, Observed 0");
}

#[test]
fn a_run_that_needed_a_fallback_recovered_when_it_was_verified_after_it() {
    let steps = || vec![act("1"), verify("2"), act("3"), fallback("4", 2), verify("5")];
    let run = |results| {
        let script = Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
        script.run(plan(steps(), Some(4))).1
    };
    let end = run(vec![]);
    assert_eq!((end.recovered_ms, end.targets[0].verdict), (Some(2000), TargetVerdict::Met));
    let end = run(vec![("3", failed())]);
    assert_eq!((end.recovered_ms, end.targets[0].verdict), (Some(5000), TargetVerdict::Missed));
    assert_eq!((end.outcome, end.exit), (Outcome::RecoveredByFallback, 4));
    assert_eq!(run(vec![("1", failed())]).recovered_ms, None);
}

#[test]
fn a_run_that_ends_badly_after_a_destroying_step_says_what_is_down() {
    let steps = vec![act("1"), destroying(act("2")), act("3"), act("4")];
    let script =
        Script { policy: UNATTENDED, results: vec![("3", failed())], replies: vec![], cancel_in: None };
    let (_, end) = script.run(plan(steps, None));
    assert_eq!(end.summary, "failed: step 3 `Step 3` ended with status 1");
    assert_eq!(end.warnings, ["may be down or lost, by step 2 `Step 2`", "did not run: step 4 `Step 4`"]);
}

#[test]
fn a_look_that_the_document_judges_the_run_by_fails_it_only_behind_the_acts() {
    let text = "a".to_owned();
    let promised =
        Expectation { matching: Matching::Lines, text, span: Span::new(0, 0), line: 1, example: false };
    let judged = |id: &str| PlanStep { expectation: Some(promised.clone()), ..observe(id) };
    let other = StepResult::Mismatched { diff: "-a\n+b\n".into() };
    for (steps, expected) in [
        (vec![judged("1")], (1, "failed: step 1 `Step 1` printed something else than the document says")),
        (
            vec![act("1"), judged("2")],
            (1, "failed: step 2 `Step 2` printed something else than the document says"),
        ),
        (vec![judged("1"), act("2"), verify("3")], (0, "succeeded, verified by step 3")),
    ] {
        let name = steps.iter().find(|step| step.expectation.is_some()).expect("one is").id.clone();
        let results = vec![(name.as_str(), other.clone())];
        let script = Script { policy: UNATTENDED, results, replies: vec![], cancel_in: None };
        let (_, end) = script.run(plan(steps, None));
        assert_eq!((end.exit, end.summary.as_str()), expected);
    }
}

#[test]
fn acts_behind_the_last_verify_are_named() {
    let script = Script { policy: UNATTENDED, results: vec![], replies: vec![], cancel_in: None };
    let (_, end) = script.run(plan(vec![act("1"), verify("2"), act("3")], None));
    assert_eq!(end.summary, "succeeded, verified by step 2; not verified after it: step 3");
}

#[test]
fn an_act_is_retried_as_often_as_declared() {
    let retried = PlanStep { retry: 2, ..act("1") };
    let results = vec![("1", failed()); 2];
    assert_eq!(unattended(vec![retried], results), "1p, 1!, 1~, 1p, 1!, 1~, 1p, NotVerified 0");
}

#[test]
fn a_test_stops_at_the_first_step_that_fails_whatever_its_role() {
    let policy = Policy { failing: FailurePolicy::StopAtFirst, ..UNATTENDED };
    for (results, log) in [
        // Nothing is looked at again: every step of a test is evidence.
        (vec![], "1p, 2p, 3-NotNeeded, 4a, 5p, NotVerified 0"),
        (vec![("1", failed())], "1p, 1!, 4a, 2-Blocked, 3-Blocked, 5-Blocked, NotVerified 0"),
        (vec![("2", failed())], "1p, 2p, 2!, 4a, 3-Blocked, 5-Blocked, Failed 1"),
    ] {
        let steps = vec![observe("1"), act("2"), fallback("3", 1), always(act("4")), optional(observe("5"))];
        let script = Script { policy, results, replies: vec![], cancel_in: None };
        assert_eq!(script.run(plan(steps, None)).0, log);
    }
}

#[test]
fn a_test_repeats_what_the_document_repeats_before_it_stops() {
    let policy = Policy { failing: FailurePolicy::StopAtFirst, ..UNATTENDED };
    let steps = vec![PlanStep { retry: 1, ..act("1") }, act("2")];
    let run = |results| Script { policy, results, replies: vec![], cancel_in: None };
    assert_eq!(
        run(vec![("1", failed())]).run(plan(steps.clone(), None)).0,
        "1p, 1!, 1~, 1p, 2p, NotVerified 0"
    );
    assert_eq!(
        run(vec![("1", failed()), ("1", failed())]).run(plan(steps, None)).0,
        "1p, 1!, 1~, 1p, 1!, 2-Blocked, Failed 1"
    );
}

#[test]
fn a_test_of_a_fallback_takes_it_and_stops_at_any_other_failure() {
    let policy = Policy { failing: FailurePolicy::FallbackOrStop, ..UNATTENDED };
    for (results, log) in [
        (vec![], "1p, 2p, 3-NotNeeded, 4p, NotVerified 0"),
        (vec![("1", failed())], "1p, 1!, 2-Blocked, 3-Blocked, 4-Blocked, Observed 0"),
        (vec![("2", failed())], "1p, 2p, 2!, 3f, 4p, Contained 5"),
        (vec![("2", failed()), ("3", failed())], "1p, 2p, 2!, 3f, 3!, 4-Blocked, Failed 1"),
        (vec![("2", failed()), ("4", failed())], "1p, 2p, 2!, 3f, 4p, 4!, Failed 1"),
    ] {
        let steps = vec![observe("1"), act("2"), fallback("3", 1), act("4")];
        let script = Script { policy, results, replies: vec![], cancel_in: None };
        assert_eq!(script.run(plan(steps, None)).0, log);
    }
}

#[test]
fn what_needs_a_terminal_is_passed_over_where_nobody_is_there() {
    let interactive = |mut step: PlanStep| {
        if let Work::Shell(work) = &mut step.work {
            work.mode = crate::plan::RunMode::Interactive;
        }
        step
    };
    for (steps, log) in [
        (vec![interactive(observe("1")), act("2")], "1-NoTerminal, 2p, NotVerified 0"),
        (vec![interactive(act("1")), act("2")], "1-NoTerminal, 2-Blocked, NeedsPerson 5"),
    ] {
        assert_eq!(unattended(steps, vec![]), log);
    }
}
