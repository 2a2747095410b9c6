//! When a notifier is tried, tried again, and given up. Pure: it is told what time it is and what came back.
//!
//! Sends nothing and waits for nothing.

use std::time::Duration;

/// Pauses between the attempts at a webhook: one attempt more than there are pauses.
pub const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// How often, and for how long, a notifier is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Longest time of one attempt.
    pub timeout: Duration,
    /// Pauses between attempts: one attempt more than there are pauses.
    pub pauses: Vec<Duration>,
    /// Longest time of all of it: a person waits for no longer.
    pub within: Duration,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A webhook's HTTP status.
    Status(u16),
    /// A command's exit status, and the last line it said.
    Exited(i32, String),
    /// Nothing within the time of the attempt.
    TooSlow,
    /// Nothing at all: why, such as `connection refused`.
    None(String),
    /// It cannot be tried at all, now or later: why.
    Impossible(String),
    /// A person did not want to wait.
    Interrupted,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another one.
    Attempt {
        /// After this pause.
        after: Duration,
        /// For at most this long.
        limit: Duration,
    },
    /// Nothing: it is delivered or given up.
    Over(Told),
}

/// What came of it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The notifier took it.
    pub delivered: bool,
    /// What it said, or why not: `HTTP 202, 1 attempt`.
    pub how: String,
}

/// The attempts at one notifier.
#[derive(Clone, Debug)]
pub struct Delivery {
    schedule: Schedule,
    /// The number of the attempt that is under way, from 1.
    attempt: usize,
    /// Longest time of it.
    limit: Duration,
}

impl Schedule {
    /// Of a webhook where the file says nothing else.
    pub fn of_webhook() -> Self {
        Self { timeout: Duration::from_secs(5), pauses: PAUSES.to_vec(), within: Duration::from_secs(20) }
    }

    /// Of a command where the file says nothing else: it may have told somebody before it failed, so it is
    /// tried once.
    pub fn of_command() -> Self {
        Self { timeout: Duration::from_secs(10), pauses: Vec::new(), within: Duration::from_secs(20) }
    }
}

impl Delivery {
    /// Nothing has been tried yet.
    pub fn new(schedule: Schedule) -> Self {
        let limit = schedule.timeout.min(schedule.within);
        Self { schedule, attempt: 1, limit }
    }

    /// Longest time of the attempt that is under way.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// What follows the attempt under way, which was answered so at `at` after the beginning.
    pub fn answered(&mut self, at: Duration, answer: &Answer) -> Next {
        let delivered = matches!(answer, Answer::Status(200..=299) | Answer::Exited(0, _));
        let over = |how: String| Next::Over(Told { delivered, how });
        let attempts = match (self.attempt, answer) {
            (_, Answer::Impossible(_)) => String::new(),
            (1, _) => ", 1 attempt".to_owned(),
            (attempts, _) => format!(", {attempts} attempts"),
        };
        let how = format!("{}{attempts}", said(answer, self.limit));
        if delivered || !may_pass(answer) {
            return over(how);
        }
        let Some(&after) = self.schedule.pauses.get(self.attempt - 1) else { return over(how) };
        let left = self.schedule.within.saturating_sub(at + after);
        if left.is_zero() {
            return over(how);
        }
        self.attempt += 1;
        self.limit = self.schedule.timeout.min(left);
        Next::Attempt { after, limit: self.limit }
    }
}

/// Whether what stood in the way may be gone at the next attempt.
fn may_pass(answer: &Answer) -> bool {
    match answer {
        Answer::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
        Answer::Exited(..) | Answer::TooSlow | Answer::None(_) => true,
        Answer::Impossible(_) | Answer::Interrupted => false,
    }
}

fn said(answer: &Answer, limit: Duration) -> String {
    match answer {
        Answer::Status(status) => format!("HTTP {status}"),
        Answer::Exited(0, _) => "the command took it".to_owned(),
        Answer::Exited(status, said) if said.is_empty() => format!("the command failed with status {status}"),
        Answer::Exited(status, said) => format!("the command failed with status {status}: {said}"),
        Answer::TooSlow => format!("no answer within {}", super::style::millis(limit.as_millis() as u64)),
        Answer::None(why) | Answer::Impossible(why) => why.clone(),
        Answer::Interrupted => "interrupted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Tries until it is over, each attempt being answered after `takes`; gives the starts of the attempts
    /// in seconds, when it was over, and what came of it.
    fn tried(schedule: Schedule, takes: Duration, answers: &[Answer]) -> (Vec<f64>, f64, Told) {
        let mut delivery = Delivery::new(schedule);
        let (mut at, mut starts, mut limit) = (Duration::ZERO, vec![0.0], delivery.limit());
        let mut answers = answers.iter().cycle();
        loop {
            at += takes.min(limit);
            match delivery.answered(at, answers.next().expect("never ends")) {
                Next::Attempt { after, limit: next } => {
                    at += after;
                    limit = next;
                    starts.push(at.as_secs_f64());
                }
                Next::Over(told) => return (starts, at.as_secs_f64(), told),
            }
        }
    }

    fn told(delivered: bool, how: &str) -> Told {
        Told { delivered, how: how.to_owned() }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_was_refused_is_not() {
        let refused = || Answer::None("connection refused".to_owned());
        for (answer, how) in [
            (refused(), "connection refused, 5 attempts"),
            (Answer::Status(408), "HTTP 408, 5 attempts"),
            (Answer::Status(429), "HTTP 429, 5 attempts"),
            (Answer::Status(503), "HTTP 503, 5 attempts"),
        ] {
            let (starts, _, came) = tried(Schedule::of_webhook(), Duration::ZERO, &[answer]);
            assert_eq!((starts, came), (vec![0.0, 1.0, 3.0, 7.0, 15.0], told(false, how)));
        }
        for (answer, came) in [
            (Answer::Status(200), told(true, "HTTP 200, 1 attempt")),
            (Answer::Status(204), told(true, "HTTP 204, 1 attempt")),
            (Answer::Status(302), told(false, "HTTP 302, 1 attempt")),
            (Answer::Status(404), told(false, "HTTP 404, 1 attempt")),
            (Answer::Interrupted, told(false, "interrupted, 1 attempt")),
            (
                Answer::Impossible("the variable `X` is not set".into()),
                told(false, "the variable `X` is not set"),
            ),
        ] {
            assert_eq!(tried(Schedule::of_webhook(), Duration::ZERO, &[answer]), (vec![0.0], 0.0, came));
        }
    }

    #[test]
    fn one_that_recovers_is_told() {
        let answers = [Answer::Status(500), Answer::TooSlow, Answer::Status(202)];
        let (starts, _, came) = tried(Schedule::of_webhook(), Duration::ZERO, &answers);
        assert_eq!((starts.len(), came), (3, told(true, "HTTP 202, 3 attempts")));
    }

    #[test]
    fn nobody_waits_longer_than_the_schedule_says() {
        // Attempts of 5 s that hang, with pauses of 1, 2 and 4 s between them: the fourth would begin at 22 s.
        let (starts, over, came) = tried(Schedule::of_webhook(), s(60), &[Answer::TooSlow]);
        assert_eq!((starts, over), (vec![0.0, 6.0, 13.0], 18.0));
        assert_eq!(came, told(false, "no answer within 5.0 s, 3 attempts"));
        // What is left of the time is used, and no more.
        let schedule = Schedule { timeout: s(5), pauses: vec![s(1); 9], within: s(8) };
        assert_eq!(tried(schedule, s(60), &[Answer::TooSlow]).1, 8.0);
        let schedule = Schedule { timeout: s(60), pauses: vec![], within: s(3) };
        assert_eq!(tried(schedule, s(60), &[Answer::TooSlow]).1, 3.0);
    }

    #[test]
    fn a_command_is_tried_once_unless_the_file_says_otherwise() {
        let failed = |said: &str| Answer::Exited(3, said.to_owned());
        let (starts, _, came) = tried(Schedule::of_command(), Duration::ZERO, &[failed("no route")]);
        assert_eq!(starts, [0.0]);
        assert_eq!(came, told(false, "the command failed with status 3: no route, 1 attempt"));
        let schedule = Schedule { pauses: vec![s(2)], ..Schedule::of_command() };
        let (starts, _, came) = tried(schedule, Duration::ZERO, &[failed("")]);
        assert_eq!(starts, [0.0, 2.0]);
        assert_eq!(came, told(false, "the command failed with status 3, 2 attempts"));
        let (_, _, came) = tried(Schedule::of_command(), s(1), &[Answer::Exited(0, "sent".into())]);
        assert_eq!(came, told(true, "the command took it, 1 attempt"));
    }
}
