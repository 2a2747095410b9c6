//! The steps of a run over time, with the line of its target, as inline SVG.
//!
//! Horizontal places are percentages and texts keep their size, so it fits a telephone and a wall.
//! Colours are the page's: every mark has a class and none a colour.

use super::scale::{mark, round_step};
use super::story::Story;
use super::style::{fit, millis, one_line};
use crate::event::{Purpose, StepResult};
use std::fmt::Write;

/// Height of a step's row: its label, then its bars.
const ROW: usize = 40;
/// Height of the axis.
const AXIS: usize = 22;
/// A target this many times as long as the run is named at the edge, or the bars would vanish.
const TOO_FAR: u64 = 4;

/// The chart; empty for a run in which no step ran.
pub fn svg(story: &Story) -> String {
    let ran: Vec<_> = story.steps().filter(|(_, step)| !step.attempts.is_empty()).collect();
    if ran.is_empty() {
        return String::new();
    }
    let total = story.record.last_ms.max(1);
    let limit = limit(story).map(|limit| limit.saturating_sub(story.started.before_ms));
    // One that was over before the run began has no place here.
    let within = limit.filter(|limit| *limit > 0).filter(|limit| *limit <= total.saturating_mul(TOO_FAR));
    let end = total.max(within.unwrap_or(0));
    let end = end.saturating_add(end / 50).saturating_add(1);
    let percent = |ms: u64| ms.min(end) as f64 * 100.0 / end as f64;
    let height = AXIS + ran.len() * ROW;
    let mut out = format!(
        "<svg class=\"gantt\" role=\"img\" width=\"100%\" height=\"{height}\" aria-label=\"steps over time\">\n"
    );
    let (ticks, step) = ticks(end);
    for tick in ticks {
        let x = percent(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{AXIS}\" y2=\"{height}\"/>"
        );
        let anchor = if x < 5.0 {
            "start"
        } else if x > 92.0 {
            "end"
        } else {
            "middle"
        };
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{x:.2}%\" y=\"14\" text-anchor=\"{anchor}\">{}</text>",
            mark(tick, step)
        );
    }
    for (index, (header, step)) in ran.iter().enumerate() {
        let y = AXIS + index * ROW;
        let label = escape(&fit(&one_line(&format!("{} {}", header.id, header.label)), 48));
        let _ = writeln!(out, "<text class=\"label\" x=\"0\" y=\"{}\">{label}</text>", y + 14);
        for attempt in &step.attempts {
            let until = attempt.ended_ms.unwrap_or(total);
            let (from, width) = (percent(attempt.started_ms), percent(until) - percent(attempt.started_ms));
            let result = attempt.finished.as_ref().map(|end| &end.result);
            let class = class(result, attempt.purpose);
            let took = millis(until.saturating_sub(attempt.started_ms));
            let _ = writeln!(
                out,
                "<rect class=\"bar {class}\" x=\"{from:.2}%\" y=\"{}\" width=\"{:.2}%\" height=\"13\" rx=\"2\">\
                 <title>{took}</title></rect>",
                y + 20,
                width.max(0.6),
            );
        }
    }
    if let Some(limit) = within {
        let x = percent(limit);
        let _ =
            writeln!(out, "<line class=\"target\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{height}\"/>");
    }
    out + "</svg>\n"
}

/// What the target's line says below the chart, if there is a limit.
pub fn legend(story: &Story) -> Option<String> {
    let limit = limit(story)?;
    let total = story.record.last_ms.max(1);
    let from = if story.started.before_ms > 0 { " from the alert" } else { "" };
    let target = format!("the target, {}{from}", millis(limit));
    Some(match limit.checked_sub(story.started.before_ms) {
        None | Some(0) => format!("{target}, was over before the run began"),
        Some(left) if left <= total.saturating_mul(TOO_FAR) => format!("the dashed line is {target}"),
        Some(_) => format!("{target}, lies far to the right of this chart"),
    })
}

/// The shortest target that is a time.
fn limit(story: &Story) -> Option<u64> {
    story.record.targets.iter().filter_map(|target| target.limit_ms).min()
}

fn class(result: Option<&StepResult>, purpose: Purpose) -> &'static str {
    match (result, purpose) {
        (None | Some(StepResult::Unknown), _) => "unknown",
        (Some(StepResult::Passed | StepResult::Done { .. }), Purpose::Fallback) => "fallback",
        (Some(StepResult::Passed | StepResult::Done { .. }), _) => "good",
        (
            Some(
                StepResult::Failed { .. }
                | StepResult::Mismatched { .. }
                | StepResult::TimedOut { .. }
                | StepResult::Signaled { .. }
                | StepResult::CouldNotStart { .. },
            ),
            _,
        ) => "bad",
        (Some(StepResult::Cancelled | StepResult::LeftOpen), _) => "open",
    }
}

/// Three to six round times from 0 up to `end`, and how far they are apart.
fn ticks(end: u64) -> (Vec<u64>, u64) {
    let step = round_step(end, 4, 10);
    let ticks = std::iter::successors(Some(0_u64), |tick| tick.checked_add(step))
        .take_while(|tick| *tick <= end)
        .collect();
    (ticks, step)
}

fn escape(text: &str) -> String {
    handlebars::html_escape(text)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn bars_stand_at_their_time_and_the_target_is_a_line() {
        let mut story = Story::of(&sample::recovered()).expect("has started");
        story.started.before_ms = 0;
        let chart = svg(&story);
        // The axis ends 2 % behind the target of 30 s; step 2 took from 4.041 s to 9.041 s.
        for part in [
            "height=\"142\"",
            "<rect class=\"bar bad\" x=\"0.00%\" y=\"42\" width=\"0.60%\"",
            "<rect class=\"bar good\" x=\"13.21%\" y=\"82\" width=\"16.34%\"",
            "<line class=\"target\" x1=\"98.04%\"",
            ">2 Force restart</text>",
            ">10 s</text>",
        ] {
            assert!(chart.contains(part), "{part} in {chart}");
        }
        assert_eq!(chart.matches("<rect").count(), 4);
        assert_eq!(legend(&story).as_deref(), Some("the dashed line is the target, 30 s"));
        story.record.targets[0].limit_ms = Some(3_600_000);
        assert!(!svg(&story).contains("class=\"target\""));
        assert_eq!(legend(&story).as_deref(), Some("the target, 1 h, lies far to the right of this chart"));
    }

    #[test]
    fn a_target_counts_from_the_alert() {
        let mut story = Story::of(&sample::recovered()).expect("has started");
        assert!(svg(&story).contains("<line class=\"target\" x1=\"98.03%\""), "{}", svg(&story));
        assert_eq!(legend(&story).as_deref(), Some("the dashed line is the target, 30 s from the alert"));
        story.started.before_ms = 30_000;
        assert!(!svg(&story).contains("class=\"target\""));
        let over = "the target, 30 s from the alert, was over before the run began";
        assert_eq!(legend(&story).as_deref(), Some(over));
    }

    #[test]
    fn a_fallback_and_an_open_step_look_different() {
        let chart = svg(&Story::of(&sample::events()).expect("has started"));
        assert!(chart.contains("bar fallback"), "{chart}");
        let chart = svg(&Story::of(&sample::events()[..6]).expect("has started"));
        assert!(chart.contains("bar unknown"), "{chart}");
        assert_eq!(svg(&Story::of(&sample::events()[..1]).expect("has started")), "");
    }

    #[test]
    fn an_axis_has_few_round_times() {
        assert_eq!(ticks(31_000).0, [0, 10_000, 20_000, 30_000]);
        assert_eq!(ticks(1).0, [0]);
        assert_eq!(ticks(5_500).0, [0, 2_000, 4_000]);
        assert_eq!(ticks(100 * 86_400_000).0.len(), 4);
        assert!(ticks(u64::MAX).0.len() <= 6);
    }
}
