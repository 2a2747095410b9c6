//! How each step is reached: in turn, as a fallback, by a decision, only when asked for.
//!
//! A fallback is inferred only where the text points back at what was done before; every other "If …"
//! is a decision. Each inference keeps its line, so that a person can see and correct it.

mod clause;

use self::clause::{Kind, clause, continues, optional, telling};
use super::raw::{Body, Raw};
use super::{Decision, Inference, Phase, Reach, Role, prose};
use crate::shell::Effect;
use std::collections::HashMap;

/// What a step's texts say of when it is done.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    found: Option<Found>,
    /// It is made optional by these words, in this line.
    optional: Option<(String, usize)>,
}

#[derive(Clone, Debug)]
struct Found {
    clause: clause::Clause,
    line: usize,
    group: usize,
    /// The text begins an ordered item.
    ordered: bool,
}

impl Condition {
    /// Whether the step is not simply done in its turn.
    pub(super) fn is_conditional(&self) -> bool {
        self.found.is_some() || self.optional.is_some()
    }
}

/// How a step is reached.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// The way to it.
    pub(super) reach: Reach,
    /// Only when asked for.
    pub(super) optional: bool,
    /// Labelled emergency or last resort.
    pub(super) emergency: bool,
    /// It is nothing but a question and notes.
    pub(super) notes: bool,
    /// What was inferred.
    pub(super) inferred: Vec<Inference>,
}

/// Reads what the texts of a step say of when it is done; `effect` is none for a person's work.
pub(super) fn condition(raw: &Raw, effect: Option<Effect>) -> Condition {
    let declared = raw.directive.when.is_some();
    if declared || raw.arm.is_some() {
        return Condition::default();
    }
    let mut condition = Condition::default();
    for (distance, lead) in raw.leads.iter().enumerate() {
        if let Some(words) = optional(&lead.text) {
            if raw.directive.optional.is_none() {
                condition.optional.get_or_insert((words, lead.line));
            }
            continue;
        }
        // The last of several sentences far above tells what something means, unless it leads on.
        let tells = distance > 0 && !prose::leads_on(&lead.text) && prose::sentences(&lead.text).len() > 1;
        let Some(clause) = clause(&lead.text).filter(|_| !tells) else { continue };
        // A text behind an instruction changes nothing for who only looks, and a person reads it.
        if clause.kind == Kind::Postposed && effect.is_none_or(|effect| effect == Effect::Reads) {
            continue;
        }
        // Whoever reads "If …, do this, otherwise that" decides both.
        let both = lead.text.to_lowercase().contains("otherwise") && clause.kind != Kind::Otherwise;
        if both && effect.is_none() {
            continue;
        }
        // What is only done when asked for needs no second question.
        if !raw.directive.optional.unwrap_or(raw.optional) || clause.kind == Kind::Emergency {
            condition.found =
                Some(Found { clause, line: lead.line, group: lead.group, ordered: lead.ordered });
        }
        break;
    }
    condition
}

/// What is known of a step when its way is decided.
pub(super) struct Known<'a> {
    /// The step as it is written.
    pub(super) raw: &'a Raw,
    /// Its number in the plan.
    pub(super) id: &'a str,
    /// What it is for.
    pub(super) role: Role,
    /// What its texts say.
    pub(super) condition: &'a Condition,
}

/// Decides how each step of a procedure is reached.
pub(super) fn branches(steps: &[Known<'_>]) -> Vec<Branch> {
    let mut finder = Finder {
        steps,
        found: Vec::with_capacity(steps.len()),
        first: HashMap::new(),
        rollback: None,
        nearest: None,
    };
    for (index, step) in steps.iter().enumerate() {
        let branch = finder.branch(index);
        if matches!(step.role, Role::Act | Role::Verify) && !branch.optional {
            finder.nearest = Some(index);
        }
        finder.found.push(branch);
    }
    finder.found
}

struct Finder<'a> {
    steps: &'a [Known<'a>],
    found: Vec<Branch>,
    /// The first step that each conditional text leads to.
    first: HashMap<usize, usize>,
    /// The first step of the rollback the last step belongs to.
    rollback: Option<usize>,
    /// The nearest act or verify so far that is not optional.
    nearest: Option<usize>,
}

impl Finder<'_> {
    fn branch(&mut self, index: usize) -> Branch {
        let step = &self.steps[index];
        let mut branch = Branch {
            reach: Reach::Plain,
            optional: step.raw.directive.optional.unwrap_or(step.raw.optional),
            emergency: false,
            notes: false,
            inferred: Vec::new(),
        };
        if let Some((words, line)) = &step.condition.optional {
            branch.optional = true;
            branch.infer(format!("optional, from `{words}`"), *line);
        }
        if let Some(arm) = step.raw.arm {
            let group = step.id.rsplit_once('.').map_or(step.id, |(group, _)| group).to_owned();
            branch.reach = Reach::Arm { group, arm, text: step.raw.label.clone() };
        } else if step.raw.directive.when.is_none() {
            match &step.condition.found {
                Some(found) => self.conditional(index, found, &mut branch),
                None if self.goes_on(index) => self.go_on(index, &mut branch),
                None => self.rollback(index, &mut branch),
            }
        }
        if step.raw.phase != Phase::Rollback {
            self.rollback = None;
        }
        branch
    }

    fn conditional(&mut self, index: usize, found: &Found, branch: &mut Branch) {
        let step = &self.steps[index];
        branch.emergency = found.clause.kind == Kind::Emergency;
        if let Some(&first) = self.first.get(&found.group) {
            branch.reach = Reach::With { of: first };
            branch.infer(format!("part of step {}'s branch", self.steps[first].id), found.line);
            return;
        }
        self.first.insert(found.group, index);
        let text = &found.clause.text;
        let before = self.nearest;
        let of = match &found.clause.kind {
            Kind::Failed | Kind::Emergency => before,
            Kind::SubjectFailed(subject) => self.predecessor(index, found, subject),
            _ => None,
        };
        // A list of things to look at is no cure: as a fallback it would seem to have worked.
        let is_notes =
            matches!(&step.raw.body, Body::Manual { bullets: true, text } if prose::leads_on(text));
        if let Some(of) = of.filter(|_| !is_notes) {
            branch.reach = Reach::Fallback { of };
            let kind = if branch.emergency { "emergency fallback" } else { "fallback" };
            branch.infer(format!("{kind} of step {}, from `{text}`", self.steps[of].id), found.line);
            return;
        }
        branch.notes = is_notes;
        let known_by = if found.clause.kind == Kind::Persists { before } else { of };
        let otherwise_of = self.otherwise(index, found);
        let what = match (known_by, otherwise_of) {
            (Some(by), _) => format!("decision, yes if step {} fails, from `{text}`", self.steps[by].id),
            (_, Some(of)) => format!("decision, the opposite of step {}, from `{text}`", self.steps[of].id),
            _ => format!("decision, from `{text}`"),
        };
        branch.infer(what, found.line);
        branch.reach = Reach::Decision(Decision { question: text.clone(), known_by, otherwise_of });
    }

    /// Whether a text goes on with what the conditional step right before it began: "Then delete it:".
    fn goes_on(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return false };
        let conditional = matches!(
            self.found[before].reach,
            Reach::Decision(_) | Reach::With { .. } | Reach::Fallback { .. }
        );
        let (raw, last) = (self.steps[index].raw, self.steps[before].raw);
        let same_place = raw.leads.get(1..) == last.leads.get(1..) && raw.phase == last.phase;
        let nearest = raw.leads.first().filter(|lead| !lead.ordered);
        conditional && same_place && nearest.is_some_and(|lead| continues(&lead.text))
    }

    fn go_on(&self, index: usize, branch: &mut Branch) {
        let of = match self.found[index - 1].reach {
            Reach::With { of } => of,
            _ => index - 1,
        };
        branch.reach = Reach::With { of };
        let lead = &self.steps[index].raw.leads[0];
        branch.infer(format!("part of step {}'s branch, from `Then`", self.steps[of].id), lead.line);
    }

    /// Steps under a rollback heading are done when what is before them failed.
    fn rollback(&mut self, index: usize, branch: &mut Branch) {
        let step = &self.steps[index];
        if step.raw.phase != Phase::Rollback {
            return;
        }
        if let Some(first) = self.rollback {
            branch.reach = Reach::With { of: first };
            branch.infer(format!("part of step {}'s rollback", self.steps[first].id), step.raw.line);
        } else if let Some(of) = self.nearest {
            self.rollback = Some(index);
            branch.reach = Reach::Fallback { of };
            let what = format!("fallback of step {}, from the rollback heading above", self.steps[of].id);
            branch.infer(what, step.raw.line);
        }
    }

    /// The step right before an ordered item, if the failing subject is what that step is about.
    fn predecessor(&self, index: usize, found: &Found, subject: &[String]) -> Option<usize> {
        let before = index.checked_sub(1).filter(|_| found.ordered)?;
        let step = &self.steps[before];
        if !matches!(step.role, Role::Act | Role::Verify) {
            return None;
        }
        let mut words = telling(&step.raw.label);
        for lead in step.raw.leads.iter().filter(|lead| lead.ordered) {
            words.extend(telling(&lead.text));
        }
        subject.iter().all(|word| words.contains(word)).then_some(before)
    }

    /// The decision right before a step that is its opposite.
    fn otherwise(&self, index: usize, found: &Found) -> Option<usize> {
        if found.clause.kind != Kind::Otherwise {
            return None;
        }
        let mut before = index.checked_sub(1)?;
        if let Reach::With { of } = self.found[before].reach {
            before = of;
        }
        match &self.found[before].reach {
            Reach::Decision(Decision { otherwise_of: None, .. }) => Some(before),
            _ => None,
        }
    }
}

impl Branch {
    fn infer(&mut self, what: String, line: usize) {
        self.inferred.push(Inference { what, line });
    }
}
