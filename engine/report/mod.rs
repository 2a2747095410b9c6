//! Events, plans and listings → text for people and machines, one file per output form. Reporters only
//! consume and write to a given writer; nothing here decides, runs or reads anything.

pub mod cast;
pub mod chaos;
pub mod coverage;
pub mod delivery;
pub mod escalation;
pub mod gantt;
pub mod html;
pub mod incident;
pub mod json;
pub mod junit;
pub mod lint;
pub mod listing;
pub mod markdown_text;
pub mod md;
pub mod notification;
pub mod notifiers;
pub mod outputs;
pub mod plan_graph;
pub mod plan_json;
pub mod plan_text;
pub mod progress;
pub mod proposal;
pub mod record;
pub mod removal;
pub mod run_junit;
pub mod runs;
pub mod scale;
pub mod show;
pub mod stats;
pub mod step_notes;
pub mod story;
pub mod style;
pub mod terminal;
pub mod test_json;
pub mod test_text;
pub mod text;
pub mod timeline;
mod words;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod schema;
#[cfg(test)]
mod test_sample;
