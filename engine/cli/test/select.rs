//! Which procedures are tested, in which order.

use super::last;
use crate::check::outcome::TestCase;
use crate::cli::documents::Documents;
use crate::cli::failure::{Failure, USAGE};
use crate::cli::procedure::pairs;
use crate::cli::{Host, texts};
use crate::plan::fold_name;
use crate::runbook::select::{Selection, select};
use crate::runbook::{Procedure, Runbook};
use clap::ArgMatches;
use std::path::Path;

/// Documents in one directory tree, at most.
const MAX_FILES: usize = 20_000;

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
    pub(super) case: TestCase,
    /// Values for its parameters from the command line.
    pub(super) given: Vec<(String, String)>,
}

impl<'d> Selected<'d> {
    /// Chooses among the procedures of `documents`.
    pub(super) fn new(
        documents: &'d Documents,
        matches: &ArgMatches,
        host: &Host<'_>,
    ) -> Result<Self, Failure> {
        let given = pairs(matches, "param");
        let mut tests: Vec<Test<'d>> = Vec::new();
        for (document, runbook) in documents.runbooks.iter().enumerate() {
            for procedure in &runbook.procedures {
                let has =
                    |name: &str| procedure.parameters.iter().any(|it| fold_name(&it.name) == fold_name(name));
                let given: Vec<_> = given.iter().filter(|(name, _)| has(name)).cloned().collect();
                let case = case(runbook, procedure, &given);
                tests.push(Test { runbook, document, procedure, case, given });
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
            let message = match documents.runbooks.as_slice() {
                [] => "there are no documents here".to_owned(),
                [only] => format!("`{}` has no procedure", only.source.path().display()),
                many => format!("none of the {} documents has a procedure", many.len()),
            };
            let hint =
                "a procedure is a section with steps to run; the book's page `What is understood` says how";
            return Err(Failure::new(USAGE, message, hint));
        }
        Ok(Self { tests })
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = &TestCase> {
        self.tests.iter().map(|test| &test.case)
    }
}

fn case(runbook: &Runbook, procedure: &Procedure, given: &[(String, String)]) -> TestCase {
    let file = runbook.source.path().display().to_string();
    let mut rerun = format!("runbook test {} --procedure {}", quoted(&file), procedure.id);
    for (name, value) in given {
        rerun += &format!(" --param {}", quoted(&format!("{name}={value}")));
    }
    TestCase {
        file,
        line: procedure.line,
        procedure: procedure.id.clone(),
        title: procedure.title.clone(),
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

/// The documents `paths` name: files as they are, of directories every Markdown file below.
pub(super) fn files(paths: &[String], host: &Host<'_>) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        let absolute = host.environment.cwd().join(path);
        if !host.files.is_dir(&absolute) {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        // `./x.md` is `x.md` to a person.
        let mut rest = vec![crate::cli::documents::tidy(path.as_ref())];
        while let Some(directory) = rest.pop() {
            let listed = host.files.list(&host.environment.cwd().join(&directory)).map_err(|error| {
                let message = format!("`{}` cannot be read: {error}", directory.display());
                Failure::new(USAGE, message, "may you read it?")
            })?;
            let mut below = Vec::new();
            for entry in listed {
                let Some(name) = entry.path.file_name() else { continue };
                // Hidden directories are a tool's, not a person's.
                if name.to_string_lossy().starts_with('.') {
                    continue;
                }
                let path = directory.join(name);
                match entry.directory {
                    true => below.push(path),
                    false if is_markdown(&path) => found.push(path.display().to_string()),
                    false => {}
                }
            }
            if found.len() + below.len() > MAX_FILES {
                let message = format!("`{path}` holds more than {MAX_FILES} files and directories");
                return Err(Failure::new(USAGE, message, "name a directory further down"));
            }
            rest.extend(below.into_iter().rev());
        }
        found[before..].sort();
        if found.len() == before {
            let message = format!("there is no Markdown file in `{path}`");
            return Err(Failure::new(USAGE, message, "name a directory that has some"));
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "markdown")
}
