//! Which procedure a person means by a name. Nothing is ever guessed.

use super::near::{distance, near};
use super::title::{fold, title};
use super::{Procedure, Runbook};
use std::fmt;

/// The most near misses that are listed.
const MAX_NEAR: usize = 5;

/// A procedure and the runbook it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// The procedure.
    pub procedure: &'a Procedure,
}

/// What a name selects. Its text is an error message with a hint, unless something was found.
#[derive(Clone, Debug)]
pub enum Selection<'a> {
    /// Exactly one procedure has the name.
    Found(&'a Runbook, &'a Procedure),
    /// More than one has it.
    Ambiguous {
        /// The name as it was given.
        wanted: String,
        /// All that have it, in order.
        matches: Vec<Candidate<'a>>,
    },
    /// None has it.
    Missing {
        /// The name as it was given.
        wanted: String,
        /// Those whose names are similar, the most similar first.
        near: Vec<Candidate<'a>>,
    },
}

/// Finds the procedure called `wanted`.
///
/// Names are compared without case, spaces, hyphens, underscores, CamelCase, emoji and a leading
/// `Alert:` or the like. Titles and ids come first; only if none fits, the aliases (file stem, H1,
/// front-matter title) count, and those of a document stand for all of its procedures. `FILE:LINE`, as listings print it, names the procedure headed there.
pub fn select<'a>(runbooks: &'a [Runbook], wanted: &str) -> Selection<'a> {
    let all: Vec<Candidate<'a>> = runbooks
        .iter()
        .flat_map(|runbook| runbook.procedures.iter().map(move |procedure| Candidate { runbook, procedure }))
        .collect();
    if let Some(found) = all.iter().find(|candidate| candidate.place() == wanted) {
        return Selection::Found(found.runbook, found.procedure);
    }
    let names = [fold(wanted), fold(&title(wanted).name)];
    let is_wanted = |name: &str| !name.is_empty() && names.iter().any(|wanted| wanted == name);
    let by_title = all.iter().filter(|candidate| candidate.titles().iter().any(|name| is_wanted(name)));
    let mut matches: Vec<Candidate<'a>> = by_title.copied().collect();
    if matches.is_empty() {
        let called = |runbook: &Runbook| runbook.names().iter().any(|name| is_wanted(name));
        for runbook in runbooks {
            let own = || all.iter().filter(|candidate| std::ptr::eq(candidate.runbook, runbook));
            let before = matches.len();
            matches.extend(own().filter(|it| it.aliases().any(|name| is_wanted(&name))));
            // The document's name stands for what is in it: its only procedure, or a list to choose from.
            if matches.len() == before && called(runbook) {
                matches.extend(own());
            }
        }
    }
    match matches.as_slice() {
        [only] => Selection::Found(only.runbook, only.procedure),
        [] => Selection::Missing { wanted: wanted.to_owned(), near: similar(&all, &names) },
        _ => Selection::Ambiguous { wanted: wanted.to_owned(), matches },
    }
}

/// The candidates whose names are similar to one of `names`, the most similar first.
fn similar<'a>(all: &[Candidate<'a>], names: &[String; 2]) -> Vec<Candidate<'a>> {
    let mut found: Vec<(usize, Candidate<'a>)> = Vec::new();
    for candidate in all {
        let own = candidate.titles().into_iter().chain(candidate.aliases());
        let costs = own.flat_map(|own| names.iter().filter_map(move |name| cost(name, &own)));
        if let Some(cost) = costs.min() {
            found.push((cost, *candidate));
        }
    }
    found.sort_by_key(|(cost, _)| *cost);
    found.truncate(MAX_NEAR);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// How far `own` is from `wanted`: a small edit distance, or else one is a part of the other.
fn cost(wanted: &str, own: &str) -> Option<usize> {
    const PART: usize = 1000;
    if let [only] = near(wanted, [own]).as_slice() {
        return distance(wanted, only, usize::MAX);
    }
    let long_enough = wanted.chars().count() >= 3 && own.chars().count() >= 3;
    let part = own.contains(wanted) || wanted.contains(own);
    (long_enough && part).then(|| PART + own.len().abs_diff(wanted.len()))
}

impl Runbook {
    /// The names of the whole document, folded.
    fn names(&self) -> Vec<String> {
        let stem = self.source.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let front = self.front_title.clone();
        [Some(self.title.clone()), stem, front].into_iter().flatten().map(|name| fold(&name)).collect()
    }
}

impl Candidate<'_> {
    /// `FILE:LINE` of its heading.
    pub fn place(&self) -> String {
        format!("{}:{}", self.runbook.source.path().display(), self.procedure.line)
    }

    fn titles(&self) -> [String; 2] {
        [fold(&self.procedure.title), fold(&self.procedure.id)]
    }

    fn aliases(&self) -> impl Iterator<Item = String> {
        self.procedure.aliases.iter().flat_map(|alias| [fold(alias), fold(&title(alias).name)])
    }
}

impl fmt::Display for Selection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(runbook, procedure) => {
                let found = Candidate { runbook, procedure };
                write!(f, "`{}` at {}", procedure.title, found.place())
            }
            Self::Ambiguous { wanted, matches } => {
                writeln!(f, "`{wanted}` names {} procedures", matches.len())?;
                listed(f, matches)?;
                let first = matches.first().map(Candidate::place).unwrap_or_default();
                write!(f, "hint: give the place instead of the name, such as `{first}`")
            }
            Self::Missing { wanted, near } if near.is_empty() => {
                writeln!(f, "no procedure is called `{wanted}`")?;
                write!(f, "hint: `runbook list` shows all procedures")
            }
            Self::Missing { wanted, near } => {
                writeln!(f, "no procedure is called `{wanted}`; similar names:")?;
                listed(f, near)?;
                write!(f, "hint: nothing was run; give the name as listed")
            }
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, candidates: &[Candidate<'_>]) -> fmt::Result {
    for candidate in candidates {
        writeln!(f, "  {}  {}", candidate.place(), candidate.procedure.title)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::{Metadata, TestDirective, title};
    use crate::source::{Source, Span};

    fn runbook(path: &str, headings: &[(&str, usize, &[&str])]) -> Runbook {
        let procedure = |(heading, line, aliases): &(&str, usize, &[&str])| {
            let title = title::title(heading);
            Procedure {
                id: title::slug(&title.name),
                title: title.name,
                kind: title.kind,
                heading: Span::default(),
                line: *line,
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                metadata: Metadata::default(),
                severity: None,
                targets: Vec::new(),
                symptoms: Vec::new(),
                steps: Vec::new(),
                possible: Vec::new(),
                notes: Vec::new(),
                parameters: Vec::new(),
                test: TestDirective::default(),
            }
        };
        Runbook {
            source: Source::new(path, Vec::new()).expect("is UTF-8"),
            title: path.rsplit('/').next().map(|name| format!("About {name}")).unwrap_or_default(),
            front_title: (path == "d/wiki.md").then(|| "The Wiki".to_owned()),
            metadata: Metadata::default(),
            procedures: headings.iter().map(procedure).collect(),
            escalation: Vec::new(),
            post_incident: Vec::new(),
        }
    }

    fn runbooks() -> Vec<Runbook> {
        vec![
            runbook(
                "a/chaos.md",
                &[
                    ("🚨 Alert: MTTR Exceeded", 7, &[]),
                    ("🔌 Alert: Engine Restart Failed", 42, &[]),
                    ("Restart", 90, &[]),
                ],
            ),
            runbook(
                "b/KubePodCrashLooping.md",
                &[("Pod keeps crashing", 1, &["KubePodCrashLooping", "🔁 Runbook: Crash loop"])],
            ),
            runbook("c/db.md", &[("Restart", 3, &["db"]), ("Back up", 9, &["db", "MTTR Exceeded"])]),
            runbook("d/wiki.md", &[("Flush", 5, &[]), ("Trim", 8, &[])]),
            runbook("e/only.md", &[("Compact", 4, &[])]),
        ]
    }

    #[test]
    fn one_name_in_many_spellings_is_found() {
        let runbooks = runbooks();
        for (wanted, place) in [
            ("Engine Restart Failed", "a/chaos.md:42"),
            ("EngineRestartFailed", "a/chaos.md:42"),
            ("engine-restart-failed", "a/chaos.md:42"),
            ("engine_restart_failed", "a/chaos.md:42"),
            ("🔌 Alert: `Engine Restart Failed`", "a/chaos.md:42"),
            ("alert: engine restart failed", "a/chaos.md:42"),
            ("MTTRExceeded", "a/chaos.md:7"),
            ("kubepodcrashlooping", "b/KubePodCrashLooping.md:1"),
            ("Crash Loop", "b/KubePodCrashLooping.md:1"),
            ("c/db.md:3", "c/db.md:3"),
            ("only", "e/only.md:4"),
            ("about only.md", "e/only.md:4"),
        ] {
            let Selection::Found(runbook, procedure) = select(&runbooks, wanted) else { panic!("{wanted}") };
            assert_eq!(Candidate { runbook, procedure }.place(), place, "{wanted}");
        }
    }

    #[test]
    fn what_is_not_exactly_one_is_listed_and_not_guessed() {
        let runbooks = runbooks();
        for (wanted, text) in [
            (
                "restart",
                "`restart` names 2 procedures\n  a/chaos.md:90  Restart\n  c/db.md:3  Restart\n\
                 hint: give the place instead of the name, such as `a/chaos.md:90`",
            ),
            (
                "db",
                "`db` names 2 procedures\n  c/db.md:3  Restart\n  c/db.md:9  Back up\n\
                 hint: give the place instead of the name, such as `c/db.md:3`",
            ),
            (
                "wiki",
                "`wiki` names 2 procedures\n  d/wiki.md:5  Flush\n  d/wiki.md:8  Trim\n\
                 hint: give the place instead of the name, such as `d/wiki.md:5`",
            ),
            (
                "the wiki",
                "`the wiki` names 2 procedures\n  d/wiki.md:5  Flush\n  d/wiki.md:8  Trim\n\
                 hint: give the place instead of the name, such as `d/wiki.md:5`",
            ),
            (
                "Engin Restart Faild",
                "no procedure is called `Engin Restart Faild`; similar names:\n  \
                 a/chaos.md:42  Engine Restart Failed\n  a/chaos.md:90  Restart\n  c/db.md:3  Restart\n\
                 hint: nothing was run; give the name as listed",
            ),
            (
                "mttr",
                "no procedure is called `mttr`; similar names:\n  a/chaos.md:7  MTTR Exceeded\n  \
                 c/db.md:9  Back up\nhint: nothing was run; give the name as listed",
            ),
            ("xyz", "no procedure is called `xyz`\nhint: `runbook list` shows all procedures"),
            ("", "no procedure is called ``\nhint: `runbook list` shows all procedures"),
            ("🚨", "no procedure is called `🚨`\nhint: `runbook list` shows all procedures"),
        ] {
            assert_eq!(select(&runbooks, wanted).to_string(), text, "{wanted}");
        }
        assert_eq!(select(&runbooks, "a/chaos.md:7").to_string(), "`MTTR Exceeded` at a/chaos.md:7");
    }
}
