//! A check that is repeated until it passes: of its attempts only the first and the last are shown, and between
//! them now and then how many there were. All of them are in the record.

use crate::event::StepFinished;
use crate::plan::StepId;

/// The attempts of a step from the second one on.
#[derive(Clone, Debug)]
pub(super) struct Repeats {
    /// Which step.
    pub(super) step: StepId,
    /// Milliseconds of the run's clock when the first one started.
    pub(super) since_ms: u64,
    /// The end of the last one, while it is not known whether another follows; and when that was.
    pub(super) held: Option<(StepFinished, u64)>,
}

impl Repeats {
    /// Whether it is told that there were `attempts` so far: at the second, fourth, eighth and so on, for at a
    /// steady pace the lines would fill the screen.
    pub(super) fn tells(attempts: u32) -> bool {
        attempts.is_power_of_two()
    }
}
