//! One event, one line: steps by their number as text, and the hash of the line before.
//!
//! Within the engine a step is its index; a person who reads the journal knows it by its number in
//! the plan (`"step":"3.1"`). The numbers come from `run_started`, so a line needs nothing else.

use crate::event::{Event, EventBody, VERSION};
use crate::plan::StepId;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `prev` of the first line.
pub const FIRST_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of `line` (without its newline) in hex.
pub fn hash(line: &str) -> String {
    let digest = Sha256::digest(line.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Turns events into lines, each carrying the hash of the one before.
#[derive(Clone, Debug)]
pub struct Chain {
    ids: Vec<String>,
    seq: u64,
    prev: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { ids: Vec::new(), seq: 0, prev: FIRST_PREV.to_owned() }
    }
}

impl Chain {
    /// A chain that goes on behind line number `seq` (from 1), whose hash is `prev`, of a plan whose steps
    /// are numbered `ids`.
    pub(super) fn after(ids: Vec<String>, seq: u64, prev: String) -> Self {
        Self { ids, seq, prev }
    }

    /// The next event and its line, without a newline. Nothing is remembered until
    /// [`Chain::accept`]: a line that could not be written is no link of the chain.
    pub fn link(&mut self, body: EventBody, at: String, mono_ms: u64) -> (Event, String) {
        if let EventBody::RunStarted(started) = &body {
            self.ids = started.steps.iter().map(|step| step.id.clone()).collect();
        }
        let event = Event { v: VERSION, seq: self.seq, at, mono_ms, body, prev: self.prev.clone() };
        let line = encode(&event, &self.ids);
        (event, line)
    }

    /// Makes `line` the head of the chain.
    pub fn accept(&mut self, line: &str) {
        self.seq += 1;
        self.prev = hash(line);
    }

    /// Hash of the last line; [`FIRST_PREV`] while there is none.
    pub fn head(&self) -> &str {
        &self.prev
    }

    /// Number of lines so far.
    pub fn events(&self) -> u64 {
        self.seq
    }
}

/// The event as a line.
pub(super) fn encode(event: &Event, ids: &[String]) -> String {
    let line = serde_json::to_string(event).expect("an event has only string keys and finite numbers");
    match &event.body {
        EventBody::RunStarted(_) => name_all(&line, "\"fallback_of\":", ids),
        EventBody::RunFinished(_) => name_all(&line, "\"step\":", ids),
        EventBody::Resume { .. } => {
            let line = name_all(&line, "\"unknown\":", ids);
            name_all(&line, "\"from\":", ids)
        }
        EventBody::StepStarted { .. }
        | EventBody::Output { .. }
        | EventBody::StepFinished(_)
        | EventBody::StepRetrying { .. }
        | EventBody::StepSkipped { .. }
        | EventBody::Decision { .. }
        | EventBody::Confirmation { .. }
        | EventBody::Note { .. } => name_first(line, "\"step\":", ids),
        EventBody::Target { .. }
        | EventBody::Stage { .. }
        | EventBody::Fault { .. }
        | EventBody::Notification { .. }
        | EventBody::Cancel { .. }
        | EventBody::Unknown => line,
    }
}

/// Replaces the index behind the first `key`. The key stands right behind the event's type, before
/// any text that others wrote, so nothing long is searched.
fn name_first(mut line: String, key: &str, ids: &[String]) -> String {
    if let Some((from, to, id)) = index_behind(&line, 0, key, ids) {
        line.replace_range(from..to, &serde_json::Value::from(id).to_string());
    }
    line
}

/// Replaces the index behind every `key`. A quote within a JSON string is escaped, so the key with
/// both its quotes is found only where it is one.
fn name_all(line: &str, key: &str, ids: &[String]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut done = 0;
    while let Some(at) = line[done..].find(key).map(|at| at + done) {
        let end = match index_behind(line, at, key, ids) {
            Some((from, to, id)) if from == at + key.len() => {
                out.push_str(&line[done..from]);
                out.push_str(&serde_json::Value::from(id).to_string());
                to
            }
            _ => {
                out.push_str(&line[done..at + key.len()]);
                at + key.len()
            }
        };
        done = end;
    }
    out.push_str(&line[done..]);
    out
}

fn index_behind<'ids>(
    line: &str,
    start: usize,
    key: &str,
    ids: &'ids [String],
) -> Option<(usize, usize, &'ids str)> {
    let from = line[start..].find(key)? + start + key.len();
    let digits = line[from..].bytes().take_while(u8::is_ascii_digit).count();
    let index: usize = line[from..from + digits].parse().ok()?;
    Some((from, from + digits, ids.get(index)?))
}

/// The event a line holds. `ids` is filled from `run_started`.
///
/// # Errors
/// Says in a few words why the line is no event.
pub(super) fn decode(line: &str, ids: &mut Vec<String>) -> Result<Event, String> {
    let mut value: Value = serde_json::from_str(line).map_err(|_| "it is not JSON".to_owned())?;
    let Some(object) = value.as_object_mut() else { return Err("it is not a JSON object".to_owned()) };
    let started = object.get("type").and_then(Value::as_str) == Some("run_started");
    if started {
        let Some(steps) = object.get_mut("steps").and_then(Value::as_array_mut) else {
            return Err("`run_started` has no steps".to_owned());
        };
        *ids = steps
            .iter()
            .map(|step| step.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
            .collect();
        for step in steps.iter_mut().filter_map(Value::as_object_mut) {
            unname(step.get_mut("fallback_of"), ids)?;
        }
    }
    for exercised in object.get_mut("exercised").and_then(Value::as_array_mut).into_iter().flatten() {
        unname(exercised.get_mut("step"), ids)?;
    }
    unname(object.get_mut("step"), ids)?;
    unname(object.get_mut("unknown"), ids)?;
    unname(object.get_mut("from"), ids)?;
    serde_json::from_value(value).map_err(|error| format!("it is no event: {error}"))
}

fn unname(value: Option<&mut Value>, ids: &[String]) -> Result<(), String> {
    let Some(value) = value else { return Ok(()) };
    let Some(name) = value.as_str() else { return Ok(()) };
    let index = ids
        .iter()
        .position(|id| id == name)
        .ok_or_else(|| format!("it names step `{name}`, which the plan does not have"))?;
    let index = u32::try_from(index).map_err(|_| "it has too many steps".to_owned())?;
    *value = serde_json::to_value(StepId(index)).expect("a number is JSON");
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::event::{Exercised, PlanPart, Purpose, RunStarted, StepHeader, Stream};
    use crate::runbook::Role;
    use crate::shell::Effect;
    use std::collections::BTreeMap;

    pub(in crate::journal) fn started() -> EventBody {
        let step = |id: &str, fallback_of| StepHeader {
            id: id.into(),
            slug: format!("step-{id}"),
            label: format!("Step \"fallback_of\":1 {id}"),
            line: 7,
            role: Role::Act,
            effect: Effect::Changes,
            fallback_of,
        };
        EventBody::RunStarted(Box::new(RunStarted {
            run: "20260102T030405Z-abcdef".into(),
            procedure: "deploy".into(),
            title: "Deploy".into(),
            file: "deploy.md".into(),
            line: 3,
            document_sha256: "ab".into(),
            severity: None,
            escalation_row: None,
            detected_at: None,
            before_ms: 0,
            verify_timeout_ms: None,
            targets: vec![],
            parameters: BTreeMap::from([("fallback_of".into(), "0".into())]),
            mode: "exec".into(),
            unattended: true,
            workdir: "/srv".into(),
            user: "ann".into(),
            host: "box".into(),
            engine: "0.1.0".into(),
            pid: 42,
            steps: vec![step("1", None), step("1.1", Some(StepId(0)))],
        }))
    }

    pub(in crate::journal) fn lines(bodies: Vec<EventBody>) -> Vec<String> {
        let mut chain = Chain::default();
        let mut lines = Vec::new();
        for (index, body) in (0..).zip(bodies) {
            let (_, line) = chain.link(body, "2026-01-02T03:04:05.000Z".into(), index);
            chain.accept(&line);
            lines.push(line);
        }
        lines
    }

    #[test]
    fn steps_are_written_by_number_and_read_back() {
        let bodies = vec![
            started(),
            EventBody::StepStarted {
                step: StepId(1),
                attempt: 1,
                purpose: Purpose::Fallback,
                script: Some("echo '\"step\":0'".into()),
                timeout_ms: 1,
            },
            EventBody::Output {
                step: StepId(0),
                stream: Stream::Stdout,
                text: "{\"step\":1}\n".into(),
                late: false,
            },
            EventBody::Note { step: None, text: "\"step\":1".into() },
            EventBody::Resume {
                after: 3,
                document_sha256: "ab".into(),
                unknown: Some(StepId(1)),
                from: Some(StepId(0)),
            },
        ];
        let lines = lines(bodies.clone());
        assert!(lines[0].contains(r#""fallback_of":"1"}"#), "{}", lines[0]);
        assert!(lines[0].contains(r#""parameters":{"fallback_of":"0"}"#), "{}", lines[0]);
        assert_eq!(
            lines[1],
            format!(
                r#"{{"v":1,"seq":1,"at":"2026-01-02T03:04:05.000Z","mono_ms":1,"type":"step_started","step":"1.1","attempt":1,"purpose":"fallback","script":"echo '\"step\":0'","timeout_ms":1,"prev":"{}"}}"#,
                hash(&lines[0])
            )
        );
        assert!(lines[4].contains(r#""unknown":"1.1","from":"1""#), "{}", lines[4]);
        let mut ids = Vec::new();
        let read: Vec<EventBody> =
            lines.iter().map(|line| decode(line, &mut ids).expect("is an event").body).collect();
        assert_eq!(read, bodies);
    }

    #[test]
    fn what_was_exercised_is_written_by_number_too() {
        let exercised = |step, times| Exercised {
            step: StepId(step),
            part: PlanPart::Fallback,
            times,
            at: "\"step\":0".into(),
            passed: true,
        };
        let finished = super::super::verify::tests::end(1);
        let EventBody::RunFinished(mut finished) = finished else { unreachable!("it is an end") };
        finished.exercised = Some(vec![exercised(1, 2), exercised(0, 1)]);
        let bodies = vec![started(), EventBody::RunFinished(finished)];
        let lines = lines(bodies.clone());
        assert!(
            lines[1].contains(
                r#""exercised":[{"step":"1.1","part":"fallback","times":2,"at":"\"step\":0","passed":true},{"step":"1","#
            ),
            "{}",
            lines[1]
        );
        let mut ids = Vec::new();
        let read: Vec<EventBody> =
            lines.iter().map(|line| decode(line, &mut ids).expect("is an event").body).collect();
        assert_eq!(read, bodies);
    }

    #[test]
    fn a_line_that_is_no_event_says_why() {
        let mut ids = vec!["1".to_owned()];
        assert_eq!(decode("{", &mut ids).expect_err("is cut"), "it is not JSON");
        assert_eq!(decode("[]", &mut ids).expect_err("is a list"), "it is not a JSON object");
        assert_eq!(
            decode(r#"{"type":"step_skipped","step":"9"}"#, &mut ids).expect_err("has no such step"),
            "it names step `9`, which the plan does not have"
        );
    }
}
