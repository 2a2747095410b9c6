use super::*;

/// A world in which each step of a rehearsal comes out as a test wants it.
#[derive(Clone)]
struct World {
    start: Result<(), String>,
    service_ends: bool,
    ready: bool,
    symptom_before: bool,
    inject: Result<(), String>,
    symptom: bool,
    exit: i32,
    shown: bool,
    expires: bool,
    passes: bool,
    symptom_after_cure: bool,
    revert: Result<(), String>,
    symptom_after_revert: bool,
    after: bool,
    /// A signal that comes while the n-th thing of the trace is done.
    signals: Vec<&'static str>,
}

fn good() -> World {
    World {
        start: Ok(()),
        service_ends: false,
        ready: true,
        symptom_before: false,
        inject: Ok(()),
        symptom: true,
        exit: 0,
        shown: true,
        expires: false,
        passes: true,
        symptom_after_cure: false,
        revert: Ok(()),
        symptom_after_revert: false,
        after: true,
        signals: Vec::new(),
    }
}

const TERMS: Terms = Terms { ready_within: Duration::from_secs(30), fault: Some(FAULT) };
const FAULT: FaultTerms = FaultTerms {
    symptom_within: Duration::from_secs(10),
    passes_within: Duration::from_secs(5),
    after_within: Duration::from_millis(1500),
    passes_when: true,
    after: true,
};

impl World {
    fn missing(&self) -> Option<String> {
        (!self.shown).then(|| "disk full".to_owned())
    }
}

/// Plays a rehearsal; answers what was done, in order, and how it ended.
fn play(world: &World, terms: Terms) -> (String, Conclusion) {
    let (trace, conclusion, _) = play_for_milestones(world, terms);
    (trace, conclusion)
}

fn play_for_milestones(world: &World, terms: Terms) -> (String, Conclusion, Vec<Milestone>) {
    let mut reached = Vec::new();
    let mut sequence = Sequence::new(terms);
    let mut trace: Vec<&str> = Vec::new();
    let mut signals = world.signals.clone();
    let (mut now, mut injected, mut ran, mut reverted) = (0, false, false, false);
    let mut apply = |sequence: &mut Sequence, fact, now| reached.extend(sequence.apply(fact, now));
    for _ in 0..10_000 {
        let next = sequence.next(now);
        let name = match &next {
            Next::Start => "start",
            Next::Look { look: Look::Ready, .. } => "ready",
            Next::Look { look: Look::Symptom, .. } => "symptom",
            Next::Look { look: Look::PassesWhen, .. } => "passes",
            Next::Look { look: Look::After, .. } => "after",
            Next::Inject => "inject",
            Next::Run => "run",
            Next::Revert => "revert",
            Next::Wait { until_ms } => {
                assert!(*until_ms > now, "a wait that is over would spin");
                now = *until_ms;
                continue;
            }
            Next::Finish(conclusion) => return (trace.join(" "), conclusion.clone(), reached),
        };
        if trace.last() != Some(&name) {
            trace.push(name);
        }
        if signals.first() == Some(&name) {
            signals.remove(0);
            apply(&mut sequence, Fact::Signal(2), now);
        }
        now += 3;
        let saw = |look, holds| Fact::Saw {
            look,
            holds,
            said: if holds { String::new() } else { "no".to_owned() },
        };
        match next {
            Next::Start => {
                apply(&mut sequence, Fact::Started(world.start.clone()), now);
                if world.service_ends {
                    apply(&mut sequence, Fact::ServiceEnded("address in use".to_owned()), now);
                }
            }
            Next::Look { look: Look::Ready, .. } => apply(&mut sequence, saw(Look::Ready, world.ready), now),
            Next::Look { look: Look::Symptom, .. } => {
                let holds = match (injected, ran, reverted) {
                    (.., true) => world.symptom_after_revert,
                    (_, true, _) => world.symptom_after_cure,
                    (true, ..) => world.symptom,
                    _ => world.symptom_before,
                };
                apply(&mut sequence, saw(Look::Symptom, holds), now);
            }
            Next::Look { look: Look::PassesWhen, .. } => {
                if world.expires {
                    apply(&mut sequence, Fact::Expired, now);
                }
                apply(&mut sequence, saw(Look::PassesWhen, world.passes), now);
            }
            Next::Look { look: Look::After, .. } => apply(&mut sequence, saw(Look::After, world.after), now),
            Next::Inject => {
                injected = true;
                apply(&mut sequence, Fact::Injected(world.inject.clone()), now);
            }
            Next::Run => {
                ran = true;
                let summary = "recovered".to_owned();
                apply(
                    &mut sequence,
                    Fact::Ran(Ran { exit: world.exit, summary, missing: world.missing() }),
                    now,
                );
            }
            Next::Revert => {
                reverted = true;
                apply(&mut sequence, Fact::Reverted(world.revert.clone()), now);
            }
            Next::Wait { .. } | Next::Finish(_) => {}
        }
    }
    panic!("it never ends: {trace:?}");
}

const WHOLE: &str = "start ready symptom inject symptom run passes revert symptom after";

#[test]
fn every_path_ends_as_it_should() {
    let failed = || Err("exit 1: no".to_owned());
    for (what, world, trace, exit, reasons) in [
        ("all is well", good(), WHOLE, 0, vec![]),
        ("exec's code does not matter", World { exit: 5, ..good() }, WHOLE, 0, vec![]),
        ("exec failed, the system is well", World { exit: 1, ..good() }, WHOLE, 0, vec![]),
        (
            "no stage",
            World { start: failed(), ..good() },
            "start",
            6,
            vec!["the stage did not come up: exit 1: no"],
        ),
        (
            "the service ends",
            World { service_ends: true, ..good() },
            "start",
            6,
            vec!["the service ended before it was ready (address in use)"],
        ),
        (
            "never ready",
            World { ready: false, ..good() },
            "start ready",
            6,
            vec!["the service was not ready within 30 s (no)"],
        ),
        (
            "broken before",
            World { symptom_before: true, ..good() },
            "start ready symptom",
            6,
            vec!["the symptom was there before the fault was injected"],
        ),
        (
            "the fault does not work",
            World { inject: failed(), ..good() },
            "start ready symptom inject revert symptom after",
            6,
            vec!["the fault could not be injected: exit 1: no"],
        ),
        (
            "the fault shows nothing",
            World { symptom: false, ..good() },
            "start ready symptom inject symptom revert symptom after",
            6,
            vec!["the symptom was never seen within 10 s (no)"],
        ),
        (
            "exec cannot start",
            World { exit: 6, ..good() },
            "start ready symptom inject symptom run revert symptom after",
            6,
            vec!["the procedure could not run: recovered"],
        ),
        (
            "nothing is cured",
            World { passes: false, symptom_after_cure: true, ..good() },
            "start ready symptom inject symptom run passes symptom revert symptom after",
            1,
            vec![
                "the procedure says `recovered`, but the symptom is still there: `passes_when` does not hold 5 s \
                 later (no)",
            ],
        ),
        (
            "nothing is cured, and exec says so",
            World { exit: 1, passes: false, symptom_after_cure: true, ..good() },
            "start ready symptom inject symptom run passes symptom revert symptom after",
            1,
            vec![
                "the procedure says `recovered` and the symptom is still there: `passes_when` does not hold 5 s \
                 later (no)",
            ],
        ),
        (
            "something else is broken",
            World { passes: false, ..good() },
            "start ready symptom inject symptom run passes symptom revert symptom after",
            1,
            vec![
                "the procedure says `recovered` and the symptom is gone, but `passes_when` does not hold 5 s \
                 later (no)",
            ],
        ),
        (
            "nothing is shown",
            World { shown: false, ..good() },
            WHOLE,
            1,
            vec!["no step showed the fault in its output: `disk full`"],
        ),
        (
            "the fault was gone by itself",
            World { expires: true, ..good() },
            WHOLE,
            1,
            vec![
                "the fault had ended by itself before the procedure was judged: what holds now proves nothing",
            ],
        ),
        (
            "the revert fails",
            World { revert: failed(), ..good() },
            WHOLE,
            1,
            vec!["the fault could not be taken away: exit 1: no"],
        ),
        (
            "the revert changes nothing",
            World { symptom_after_revert: true, ..good() },
            "start ready symptom inject symptom run passes revert symptom",
            1,
            vec!["the symptom is still there 1500 ms after the fault was taken away"],
        ),
        (
            "not well without the fault",
            World { after: false, ..good() },
            WHOLE,
            1,
            vec!["`after` does not hold 1500 ms after the fault was taken away (no)"],
        ),
        (
            "neither cured nor reverted",
            World { passes: false, revert: failed(), symptom_after_revert: true, ..good() },
            "start ready symptom inject symptom run passes symptom revert symptom",
            1,
            vec![
                "the procedure says `recovered` and the symptom is gone, but `passes_when` does not hold 5 s \
                 later (no)",
                "the fault could not be taken away: exit 1: no",
                "the symptom is still there 1500 ms after the fault was taken away",
            ],
        ),
    ] {
        let (did, conclusion) = play(&world, TERMS);
        assert_eq!(did, trace, "{what}");
        let texts: Vec<String> = conclusion.reasons.iter().map(ToString::to_string).collect();
        assert_eq!(texts, reasons, "{what}");
        assert_eq!(conclusion.exit(), exit, "{what}");
    }
}

#[test]
fn a_signal_leads_to_the_revert_and_a_second_one_out() {
    for (signals, trace) in [
        (vec!["start"], "start"),
        (vec!["ready"], "start ready"),
        (vec!["inject"], "start ready symptom inject revert symptom after"),
        (vec!["run"], "start ready symptom inject symptom run revert symptom after"),
        (vec!["passes"], WHOLE),
        (vec!["revert"], WHOLE),
        (vec!["after"], WHOLE),
        (vec!["run", "revert", "symptom"], "start ready symptom inject symptom run revert symptom"),
    ] {
        let (did, conclusion) = play(&World { signals: signals.clone(), ..good() }, TERMS);
        assert_eq!((did.as_str(), conclusion.exit()), (trace, 130), "{signals:?}");
    }
}

#[test]
fn a_run_that_a_signal_ended_is_reverted() {
    let (did, conclusion) = play(&World { exit: 143, ..good() }, TERMS);
    assert_eq!(did, "start ready symptom inject symptom run revert symptom after");
    assert_eq!((conclusion.verdict, conclusion.exit()), (Verdict::Interrupted(15), 143));
}

#[test]
fn what_is_not_declared_is_not_looked_at() {
    let terms = Terms { fault: Some(FaultTerms { passes_when: false, after: false, ..FAULT }), ..TERMS };
    let (did, conclusion) = play(&World { passes: false, after: false, ..good() }, terms);
    assert_eq!(did, "start ready symptom inject symptom run revert symptom");
    assert_eq!(conclusion.verdict, Verdict::Passed);
    let (_, conclusion) = play(&World { shown: false, ..good() }, terms);
    assert_eq!(
        (conclusion.verdict, conclusion.reasons),
        (Verdict::Failed, vec![Reason::NotShown("disk full".to_owned())])
    );
}

#[test]
fn without_a_fault_the_procedure_runs_once_the_stage_is_up() {
    let terms = Terms { fault: None, ..TERMS };
    let (did, conclusion) = play(&good(), terms);
    assert_eq!((did.as_str(), conclusion.verdict), ("start ready run", Verdict::Passed));
    let mut sequence = Sequence::new(terms);
    sequence.apply(Fact::Started(Ok(())), 0);
    let ready = Fact::Saw { look: Look::Ready, holds: true, said: String::new() };
    assert_eq!(sequence.apply(ready, 40), Some(Milestone::Up(40)));
    let mut interrupted = sequence.clone();
    interrupted.apply(Fact::Signal(15), 50);
    assert!(matches!(
        interrupted.next(50),
        Next::Finish(Conclusion { verdict: Verdict::Interrupted(15), .. })
    ));
    let refused = Ran { exit: 6, summary: "no bash".to_owned(), missing: None };
    sequence.apply(Fact::Ran(refused), 50);
    let Next::Finish(conclusion) = sequence.next(50) else { panic!("it is over") };
    assert_eq!(conclusion.verdict, Verdict::NotJudged);
    assert_eq!(conclusion.reasons, [Reason::NotRun("no bash".to_owned())]);
}

#[test]
fn looks_come_quickly_at_first_and_no_later_than_the_window() {
    let mut sequence = Sequence::new(TERMS);
    sequence.apply(Fact::Started(Ok(())), 100);
    let mut now = 100;
    let mut pauses = Vec::new();
    while let Next::Look { limit, .. } = sequence.next(now) {
        assert_eq!(limit, TERMS.ready_within);
        sequence.apply(Fact::Saw { look: Look::Ready, holds: false, said: String::new() }, now);
        if let Next::Wait { until_ms } = sequence.next(now) {
            pauses.push(until_ms - now);
            now = until_ms;
        }
    }
    assert_eq!(&pauses[..2], [10, 10]);
    assert_eq!(pauses.last(), Some(&250));
    assert!((30_100..30_400).contains(&now), "{now}");
}

#[test]
fn what_is_reached_is_told_once() {
    use Milestone::{Passes, Seen, TakenAway, Up, Well};
    let (_, _, reached) = play_for_milestones(&good(), TERMS);
    assert_eq!(reached, [Up(3), Seen(3), Passes, TakenAway, Well]);
    let failed = World { passes: false, revert: Err("no".to_owned()), after: false, ..good() };
    assert_eq!(play_for_milestones(&failed, TERMS).2, [Up(3), Seen(3)]);
    let expired = World { expires: true, ..good() };
    assert_eq!(play_for_milestones(&expired, TERMS).2, [Up(3), Seen(3), TakenAway, Well]);
}
