//! Which procedures are tested, in which order.

use super::last;
use crate::check::outcome::TestCase;
use crate::cli::book::Book;
use crate::cli::failure::{Failure, USAGE};
use crate::cli::procedure::pairs;
use crate::cli::project::Project;
use crate::cli::{Host, texts};
use crate::plan::fold_name;
use crate::runbook::select::{Selection, select};
use crate::runbook::{Procedure, Runbook};
use clap::ArgMatches;

/// The procedures to test, in document order.
pub(super) struct Selected<'d> {
    pub(super) tests: Vec<Test<'d>>,
}

/// One procedure to test.
pub(super) struct Test<'d> {
    pub(super) runbook: &'d Runbook,
    /// Position of its document.
    pub(super) document: usize,
    pub(super) procedure: &'d Procedure,
    /// The stage it runs on; none is an empty sandbox.
    pub(super) stage: Option<&'d Project>,
    pub(super) case: TestCase,
    /// Values for its parameters from the command line.
    pub(super) given: Vec<(String, String)>,
}

impl<'d> Selected<'d> {
    /// Chooses among the procedures of `book`.
    pub(super) fn new(book: &'d Book, matches: &ArgMatches, host: &Host<'_>) -> Result<Self, Failure> {
        let given = pairs(matches, "param");
        let mut tests: Vec<Test<'d>> = Vec::new();
        let documents = &book.documents;
        for (document, runbook) in documents.runbooks.iter().enumerate() {
            if book.is_page(document) {
                continue;
            }
            for procedure in &runbook.procedures {
                let has =
                    |name: &str| procedure.parameters.iter().any(|it| fold_name(&it.name) == fold_name(name));
                let given: Vec<_> = given.iter().filter(|(name, _)| has(name)).cloned().collect();
                let stage = book.stage_of(document);
                let case = case(runbook, procedure, stage.is_some(), &given, matches);
                tests.push(Test { runbook, document, procedure, stage, case, given });
            }
        }
        if let Some((name, _)) = given
            .iter()
            .find(|(name, _)| !tests.iter().any(|test| test.given.iter().any(|(has, _)| has == name)))
        {
            let message = format!("no procedure has a parameter `{name}`");
            return Err(Failure::new(USAGE, message, "`runbook list` shows them"));
        }
        let names = texts(matches, "procedure");
        if !names.is_empty() {
            let mut wanted = Vec::new();
            for name in &names {
                match select(&documents.runbooks, name) {
                    Selection::Found(runbook, procedure) => {
                        wanted.push((std::ptr::from_ref(runbook), std::ptr::from_ref(procedure)));
                    }
                    nothing => return Err(Failure { code: USAGE, text: format!("error: {nothing}\n") }),
                }
            }
            tests.retain(|test| {
                wanted.contains(&(std::ptr::from_ref(test.runbook), std::ptr::from_ref(test.procedure)))
            });
        }
        if matches.get_flag("failed") {
            let failed = last::failed(host);
            tests.retain(|test| failed.contains(&last::name(&test.case, host)));
            if tests.is_empty() {
                let hint = "`runbook test` without --failed tests everything";
                return Err(Failure::new(USAGE, "nothing that was tested here the last time failed", hint));
            }
        }
        if tests.is_empty() {
            return Err(book.without_procedure());
        }
        Ok(Self { tests })
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = &TestCase> {
        self.tests.iter().map(|test| &test.case)
    }
}

fn case(
    runbook: &Runbook,
    procedure: &Procedure,
    stage: bool,
    given: &[(String, String)],
    matches: &ArgMatches,
) -> TestCase {
    let file = runbook.source.path().display().to_string();
    let mut rerun = format!("runbook test {} --procedure {}", quoted(&file), procedure.id);
    for (name, value) in given {
        rerun += &format!(" --param {}", quoted(&format!("{name}={value}")));
    }
    for flag in ["no-isolation", "no-prepare"].into_iter().filter(|flag| matches.get_flag(flag)) {
        rerun += &format!(" --{flag}");
    }
    TestCase {
        file,
        line: procedure.line,
        procedure: procedure.id.clone(),
        title: procedure.title.clone(),
        stage,
        fault: procedure.test.fault.clone(),
        rerun,
    }
}

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
