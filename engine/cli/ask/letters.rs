//! The letters and words by which a person chooses, and what each choice means.
//!
//! Which of them a question takes is the question's own.

use crate::event::Choice;

/// The letter that stands for `choice`.
pub(super) fn letter(choice: Choice) -> char {
    match choice {
        Choice::Yes => 'y',
        Choice::No => 'n',
        Choice::Retry => 'r',
        Choice::Edit => 'e',
        Choice::DoneByHand => 'd',
        Choice::Fallback => 'f',
        Choice::Skip => 's',
        Choice::Abort => 'a',
    }
}

/// The word that does.
pub(super) fn word(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Retry => "retry",
        Choice::Edit => "edit",
        Choice::DoneByHand => "done",
        Choice::Fallback => "fallback",
        Choice::Skip => "skip",
        Choice::Abort => "abort",
    }
}

/// What it leads to, in the list of choices after a failure.
pub(super) fn meaning(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Retry => "retry it",
        Choice::Edit => "edit the command and retry",
        Choice::DoneByHand => "it was done by hand: go on",
        Choice::Fallback => "take the fallback",
        Choice::Skip => "skip it and go on",
        Choice::Abort => "abort the run",
    }
}
