//! Questions to the person at the terminal: what is shown, and what counts as an answer.
//!
//! An answer that is not understood is asked for again; the end of the input is the safe answer.

mod letters;

use super::Host;
use super::exec::secrets;
use crate::event::Choice;
use crate::plan::{Plan, PlanStep};
use crate::report::proposal;
use crate::report::style::{Style, WIDTH, commands, time, wrap};
use crate::run::{Ask, Mask, Question, QuestionKind, Reply};
use letters::{letter, meaning, word};
use std::io::{self, BufRead, Write};
use std::time::Duration;

/// The person at the terminal.
pub struct Person {
    /// What they type.
    pub input: Box<dyn BufRead + Send>,
    /// What they see.
    pub output: Box<dyn Write + Send>,
    /// Asks, with the given words, for a line that is not shown while it is typed.
    pub read_secret: fn(&str) -> io::Result<String>,
    /// Lets them edit a text.
    pub edit: fn(&str) -> io::Result<String>,
}

/// Columns of a prompt, with room for the letter that answers it.
const COLUMNS: usize = WIDTH - 3;

/// What a secret is shown as.
const MASK: &str = "******";

/// Asks that person, if there is one.
pub(super) struct Asker {
    person: Option<Person>,
    steps: Vec<PlanStep>,
    /// Each step's command as it is shown, or as it was edited.
    commands: Vec<Option<String>>,
    mask: Mask,
    /// The time to recovery that is wanted, and how much of it was gone when the run started.
    target: Option<(Duration, Duration)>,
}

impl Asker {
    /// Asks `person` about the steps of `plan`. The alert fired `before_ms` before the run started.
    pub(super) fn new(person: Option<Person>, plan: &Plan, before_ms: u64) -> Self {
        let commands = plan.steps.iter().map(|step| step.shell().map(|work| work.shown.clone()));
        let (commands, mask) = (commands.collect(), Mask::new(secrets(plan)));
        let target = plan.recovery_limit().map(|limit| (limit, Duration::from_millis(before_ms)));
        Self { person, steps: plan.steps.clone(), commands, mask, target }
    }

    /// What would run if the person says so: nothing does that they were not shown.
    fn proposal(&self, question: &Question) -> Vec<String> {
        let lines = question.shows().and_then(|step| {
            let command = self.commands.get(step.index())?.as_deref()?;
            Some(proposal::lines(self.steps.get(step.index())?, &self.mask.text(command)))
        });
        lines.unwrap_or_default()
    }
}

impl Ask for Asker {
    fn ask(&mut self, question: &Question, mono_ms: u64) -> io::Result<Reply> {
        let mut proposal = self.proposal(question);
        let gone = Duration::from_millis(mono_ms);
        proposal.extend(self.target.map(|(limit, before)| left_of_target(limit, before + gone)));
        let person = self.person.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let command = self.commands.get_mut(question.step.index()).and_then(Option::as_mut);
        let mask = &self.mask;
        let number = self.steps.get(question.step.index()).map_or("?", |step| step.id.as_str());
        let (input, out, edit) = (&mut person.input, &mut person.output, person.edit);
        let mut desk = Desk { input, out, edit, mask, number };
        desk.ask(question, &proposal, command)
    }
}

/// How much of the target is left where `gone` of it is.
fn left_of_target(limit: Duration, gone: Duration) -> String {
    match limit.checked_sub(gone) {
        Some(left) => format!("target: {} of {} gone, {} left", time(gone), time(limit), time(left)),
        None => format!("target: missed by {} of {}", time(gone - limit), time(limit)),
    }
}

/// Where questions are put and answered.
struct Desk<'a> {
    input: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
    edit: fn(&str) -> io::Result<String>,
    mask: &'a Mask,
    /// The number of the step that the question is about.
    number: &'a str,
}

impl Desk<'_> {
    /// Asks one question and returns the answer. `proposal` is what a yes leads to, `command` what the
    /// step runs.
    ///
    /// # Errors
    /// Whatever reading or writing gives.
    fn ask(
        &mut self,
        question: &Question,
        proposal: &[String],
        mut command: Option<&mut String>,
    ) -> io::Result<Reply> {
        show(question, proposal, self.out)?;
        loop {
            write!(self.out, "{} ", wrap(&prompt(question, self.number), COLUMNS).join("\n"))?;
            self.out.flush()?;
            let Some(line) = read_line(self.input)? else {
                writeln!(self.out)?;
                return Ok(reply(at_the_end(question)));
            };
            let choice = match understand(question, line.trim()) {
                Some(Answer::Arm(arm)) => {
                    let choice = if arm == 0 { Choice::No } else { Choice::Yes };
                    return Ok(Reply { choice, arm: Some(arm), note: None });
                }
                Some(Answer::Choice(choice)) => choice,
                None => {
                    writeln!(self.out, "please answer with one of the letters in brackets")?;
                    continue;
                }
            };
            let note = match (choice, wants(question, choice)) {
                (Choice::Edit, _) => self.edited(command.as_deref_mut())?,
                (_, Some(what)) => read_note(what, self.input, self.out)?,
                (_, None) => return Ok(reply(choice)),
            };
            if note.is_some() {
                return Ok(Reply { choice, arm: None, note });
            }
        }
    }

    /// The command as the person edits it; none if nothing came of it.
    fn edited(&mut self, command: Option<&mut String>) -> io::Result<Option<String>> {
        let Some(command) = command else { return Ok(None) };
        let edited = match (self.edit)(command) {
            Ok(edited) => edited,
            Err(error) => {
                writeln!(self.out, "it cannot be edited: {error}")?;
                return Ok(None);
            }
        };
        if edited.trim() == command.trim() || edited.trim().is_empty() {
            writeln!(self.out, "nothing was changed, so nothing is decided")?;
            return Ok(None);
        }
        if edited.contains(MASK) && command.contains(MASK) {
            writeln!(self.out, "it holds a masked secret and cannot run like this")?;
            return Ok(None);
        }
        writeln!(self.out, "it is now:")?;
        for line in commands(&self.mask.text(&edited), Style::Plain) {
            writeln!(self.out, "{}", format!("    {line}").trim_end())?;
        }
        command.clone_from(&edited);
        Ok(Some(edited))
    }
}

/// Whether nobody can be asked.
pub(super) fn nobody_is_there(host: &Host<'_>) -> bool {
    let environment = host.environment;
    let ci = environment.var("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let terminal = environment.stdin_is_terminal() && environment.stderr_is_terminal();
    !terminal || ci
}

/// Asks for the value of a parameter of the procedure `of`; a secret one is not shown while it is typed.
///
/// # Errors
/// Whatever reading or writing gives.
pub(super) fn ask_value(
    person: &mut Person,
    of: &str,
    name: &str,
    line: usize,
    secret: bool,
) -> io::Result<Option<String>> {
    let hidden = if secret { ", not shown" } else { "" };
    let prompt = wrap(&format!("`{of}` needs {name} (line {line}{hidden}):"), COLUMNS).join("\n") + " ";
    let value = if secret {
        Some((person.read_secret)(&prompt)?)
    } else {
        write!(person.output, "{prompt}")?;
        person.output.flush()?;
        read_line(&mut person.input)?
    };
    Ok(value.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()).filter(|value| !value.is_empty()))
}

/// Asks for a yes; anything else is a no.
///
/// # Errors
/// Whatever reading or writing gives.
pub(super) fn ask_yes(person: &mut Person, question: &str) -> io::Result<bool> {
    write!(person.output, "{question}? [y]es, [N]o: ")?;
    person.output.flush()?;
    let answer = read_line(&mut person.input)?.unwrap_or_default();
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

enum Answer {
    Choice(Choice),
    Arm(usize),
}

fn reply(choice: Choice) -> Reply {
    Reply { choice, arm: None, note: None }
}

fn show(question: &Question, proposal: &[String], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let say = |text: &str, indent: &str, out: &mut dyn Write| {
        let lines = wrap(text, COLUMNS - indent.len());
        lines.iter().try_for_each(|line| writeln!(out, "{}", format!("{indent}{line}").trim_end()))
    };
    match &question.kind {
        QuestionKind::Choose { .. } => say(&format!("{}:", question.text), "", out)?,
        QuestionKind::Manual { .. } => {
            writeln!(out, "by hand:")?;
            say(&question.text, "  ", out)?;
        }
        QuestionKind::Failure { .. } => say(&question.text, "", out)?,
        QuestionKind::Confirm | QuestionKind::Decide => {}
    }
    proposal.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if let QuestionKind::Failure { doubt: Some(doubt), .. } = &question.kind {
        say(&format!("warning: {doubt}"), "", out)?;
    }
    match &question.kind {
        QuestionKind::Choose { arms } => {
            for (number, (_, text)) in (1..).zip(arms) {
                say(&format!("[{number}] {text}"), "  ", out)?;
            }
            writeln!(out, "  [0] none of them")
        }
        QuestionKind::Failure { .. } => question
            .choices
            .iter()
            .try_for_each(|choice| writeln!(out, "  [{}] {}", letter(*choice), meaning(*choice))),
        QuestionKind::Manual { .. } | QuestionKind::Confirm | QuestionKind::Decide => Ok(()),
    }
}

fn prompt(question: &Question, number: &str) -> String {
    match &question.kind {
        QuestionKind::Choose { .. } => "which one?".to_owned(),
        QuestionKind::Manual { .. } => "is it done? [y]es, [N]o, [a]bort:".to_owned(),
        QuestionKind::Failure { .. } => "what now?".to_owned(),
        QuestionKind::Confirm => format!("{}? [y]es, [N]o, [a]bort:", question.text),
        QuestionKind::Decide => {
            let text = question.text.trim_end_matches(':');
            format!("step {number}: {text}: is it so? [y]es, [N]o, [a]bort:")
        }
    }
}

fn understand(question: &Question, line: &str) -> Option<Answer> {
    if let QuestionKind::Choose { arms } = &question.kind {
        let number: usize = line.parse().ok()?;
        return (number <= arms.len()).then_some(Answer::Arm(number));
    }
    let lower = line.to_lowercase();
    if lower.is_empty() {
        return match question.kind {
            QuestionKind::Failure { .. } => None,
            _ => question.choices.last().copied().map(Answer::Choice),
        };
    }
    let fits = |choice: &&Choice| {
        let letter = letter(**choice).to_string();
        lower == letter || lower == word(**choice)
    };
    question.choices.iter().find(fits).copied().map(Answer::Choice)
}

/// What the person is asked for along with a choice.
fn wants(question: &Question, choice: Choice) -> Option<&'static str> {
    match (&question.kind, choice) {
        (QuestionKind::Failure { .. }, Choice::DoneByHand) => Some("what was done?"),
        (QuestionKind::Failure { .. }, Choice::Skip) => Some("why may it be skipped?"),
        _ => None,
    }
}

fn read_note(what: &str, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<Option<String>> {
    write!(out, "{what} ")?;
    out.flush()?;
    let line = read_line(input)?;
    let note = line.map(|line| line.trim().to_owned()).filter(|note| !note.is_empty());
    if note.is_none() {
        writeln!(out, "nothing was said, so nothing is decided")?;
    }
    Ok(note)
}

fn read_line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    Ok((input.read_line(&mut line)? > 0).then_some(line))
}

/// The safe answer where nobody can answer any more.
fn at_the_end(question: &Question) -> Choice {
    if question.choices.contains(&Choice::Abort) { Choice::Abort } else { Choice::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StepId;

    fn asked(kind: QuestionKind, choices: &[Choice], input: &str) -> (Reply, String) {
        asked_about(None, &[], kind, choices, input)
    }

    fn asked_about(
        command: Option<&str>,
        proposal: &[&str],
        kind: QuestionKind,
        choices: &[Choice],
        input: &str,
    ) -> (Reply, String) {
        let text = match kind {
            QuestionKind::Decide => "If latency persists:",
            QuestionKind::Failure { .. } => "step 2 `Force restart` failed",
            _ => "run step 2 `Force restart`",
        };
        let question = Question { kind, step: StepId(1), text: text.into(), choices: choices.to_vec() };
        let mut out = Vec::new();
        let edit = |text: &str| match text {
            "broken" => Err(io::Error::other("there is no such editor: set EDITOR")),
            text => Ok(text.replace("restart", "repair")),
        };
        let mask = &Mask::new(["s3cret".to_owned()]);
        let mut desk = Desk { input: &mut input.as_bytes(), out: &mut out, edit, mask, number: "2" };
        let mut command = command.map(str::to_owned);
        let proposal: Vec<String> = proposal.iter().map(|&line| line.to_owned()).collect();
        let reply = desk.ask(&question, &proposal, command.as_mut()).expect("memory");
        (reply, String::from_utf8(out).expect("is text"))
    }

    const FAILURE: QuestionKind = QuestionKind::Failure { fallback: None, doubt: None };

    const YES_NO: &[Choice] = &[Choice::Yes, Choice::Abort, Choice::No];

    #[test]
    fn a_confirmation_is_no_unless_somebody_says_yes() {
        for (input, choice) in [
            ("y\n", Choice::Yes),
            ("YES\n", Choice::Yes),
            ("\n", Choice::No),
            ("n\n", Choice::No),
            ("a\n", Choice::Abort),
            ("what\ny\n", Choice::Yes),
            ("", Choice::Abort),
        ] {
            assert_eq!(asked(QuestionKind::Confirm, YES_NO, input).0, reply(choice), "{input:?}");
        }
        let (_, said) = asked(QuestionKind::Confirm, YES_NO, "x\ny\n");
        assert_eq!(
            said,
            "\nrun step 2 `Force restart`? [y]es, [N]o, [a]bort: please answer with one of the letters in brackets\n\
             run step 2 `Force restart`? [y]es, [N]o, [a]bort: "
        );
        let proposal = ["step 2 destroys (line 7):", "    $ rm -rf cache"];
        let (_, said) = asked_about(None, &proposal, QuestionKind::Confirm, YES_NO, "y\n");
        assert_eq!(
            said,
            "\nstep 2 destroys (line 7):\n    $ rm -rf cache\nrun step 2 `Force restart`? [y]es, [N]o, [a]bort: "
        );
        let (_, said) = asked(QuestionKind::Decide, YES_NO, "y\n");
        assert_eq!(said, "\nstep 2: If latency persists: is it so? [y]es, [N]o, [a]bort: ");
    }

    #[test]
    fn prompts_break_between_words() {
        let text =
            "If the restart of the engine does not help within the next two or three minutes, restore it";
        let asked = |kind| {
            let question = Question { kind, step: StepId(1), text: text.into(), choices: YES_NO.to_vec() };
            let mut out = Vec::new();
            let (mask, edit) = (&Mask::default(), |_: &str| Err(io::Error::other("none")));
            let mut desk = Desk { input: &mut "".as_bytes(), out: &mut out, edit, mask, number: "2" };
            desk.ask(&question, &[], None).expect("memory");
            String::from_utf8(out).expect("is text")
        };
        assert_eq!(
            asked(QuestionKind::Decide),
            "\nstep 2: If the restart of the engine does not help within the next two or\nthree minutes, restore it: is it so? \
             [y]es, [N]o, [a]bort: \n"
        );
        let arms = vec![(StepId(0), text.to_owned()), (StepId(1), "Or".to_owned())];
        for kind in [
            QuestionKind::Confirm,
            QuestionKind::Manual { attempt: 1 },
            FAILURE,
            QuestionKind::Choose { arms },
        ] {
            let said = asked(kind);
            assert!(said.lines().all(|line| line.chars().count() <= 78), "{said}");
            assert_eq!(said.matches("restore").count(), said.matches("If the").count(), "{said}");
        }
    }

    #[test]
    fn what_is_left_of_the_target_is_said() {
        let seconds = Duration::from_secs;
        assert_eq!(left_of_target(seconds(120), seconds(34)), "target: 34 s of 2 min gone, 1 min 26 s left");
        assert_eq!(left_of_target(seconds(120), seconds(132)), "target: missed by 12 s of 2 min");
    }

    #[test]
    fn a_choice_is_a_number() {
        let arms =
            || QuestionKind::Choose { arms: vec![(StepId(0), "If A".into()), (StepId(1), "If B".into())] };
        for (input, arm) in [("2\n", 2), ("0\n", 0), ("3\nx\n1\n", 1)] {
            assert_eq!(asked(arms(), YES_NO, input).0.arm, Some(arm), "{input:?}");
        }
    }

    #[test]
    fn after_a_failure_nothing_is_the_default_and_words_are_asked_for() {
        let choices = [Choice::Fallback, Choice::Retry, Choice::DoneByHand, Choice::Skip, Choice::Abort];
        for (input, choice, note) in [
            ("\nf\n", Choice::Fallback, None),
            ("r\n", Choice::Retry, None),
            ("d\nrestarted it\n", Choice::DoneByHand, Some("restarted it")),
            ("s\n\ns\nknown\n", Choice::Skip, Some("known")),
            ("abort\n", Choice::Abort, None),
            ("", Choice::Abort, None),
        ] {
            let reply = asked(FAILURE, &choices, input).0;
            assert_eq!((reply.choice, reply.note.as_deref()), (choice, note), "{input:?}");
        }
        let (_, said) =
            asked_about(None, &["step 3 changes (line 9):", "    $ ./kill"], FAILURE, &choices, "a\n");
        assert_eq!(
            said,
            "\nstep 2 `Force restart` failed\nstep 3 changes (line 9):\n    $ ./kill\n  [f] take the fallback\n  [r] retry it\n  \
             [d] it was done by hand: go on\n  [s] skip it and go on\n  [a] abort the run\nwhat now? "
        );
    }

    #[test]
    fn a_command_is_edited_and_shown_before_it_runs_again() {
        let choices = [Choice::Retry, Choice::Edit, Choice::Abort];
        let asked = |command: &str| asked_about(Some(command), &[], FAILURE, &choices, "e\na\n");
        let (reply, said) = asked("./restart.sh\n");
        assert_eq!((reply.choice, reply.note.as_deref()), (Choice::Edit, Some("./repair.sh\n")));
        assert!(said.ends_with("what now? it is now:\n    $ ./repair.sh\n"), "{said}");
        for (command, why) in [
            ("true\n", "nothing was changed, so nothing is decided\n"),
            ("restart ******\n", "it holds a masked secret and cannot run like this\n"),
            ("broken", "it cannot be edited: there is no such editor: set EDITOR\n"),
        ] {
            let (reply, said) = asked(command);
            assert_eq!((reply.choice, reply.note), (Choice::Abort, None), "{command}");
            assert!(said.ends_with(&format!("what now? {why}what now? ")), "{said}");
        }
    }
}
