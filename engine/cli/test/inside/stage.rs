//! A procedure on its declared stage: up, broken if the test says so, run, judged, put right.

use super::collect::Collector;
use super::{Case, RUN};
use crate::check::outcome::Problem;
use crate::cli::Host;
use crate::cli::project::Project;
use crate::cli::theatre::{Theatre, is_inside, service_log, session_at};
use crate::event::{RunFinished, RunStarted};
use crate::host::processes::become_subreaper;
use crate::host::surroundings::real_path;
use crate::host::watch::Watch;
use crate::plan::Plan;
use crate::run::{Recorder, SessionSetup};
use crate::stage::sequence::{Conclusion, Verdict};
use crate::stage::{Rehearsal, rehearse};
use std::io;

/// What is to be said of a test besides its steps.
#[derive(Default)]
pub(super) struct Judged {
    /// Why it could not be judged.
    pub(super) error: Option<String>,
    /// What the procedure did not do.
    pub(super) problems: Vec<Problem>,
}

/// A procedure and its stage.
pub(super) struct OnStage<'a> {
    pub(super) declared: &'a Project,
    pub(super) case: &'a Case<'a>,
    pub(super) plan: &'a Plan,
    pub(super) started: &'a RunStarted,
}

impl OnStage<'_> {
    /// Runs the procedure by `run` on the stage.
    ///
    /// # Errors
    /// When a process cannot be started at all.
    pub(super) fn perform(
        &self,
        session: SessionSetup,
        run: &mut dyn FnMut(SessionSetup, &mut dyn Recorder) -> io::Result<RunFinished>,
        collector: &mut Collector<'_>,
        host: &Host<'_>,
    ) -> io::Result<Judged> {
        let Self { declared, case, plan, started } = self;
        let (stage, test) = (&declared.stage, &case.procedure.test);
        let theatre = match is_inside(RUN, host) {
            true => Theatre::in_sandbox(),
            false if !case.on_host => return Err(io::Error::other("this is no sandbox")),
            false => {
                let source = real_path(&declared.folder().join(&stage.workdir.value))?;
                Theatre::on_host(case.directory.to_owned(), source, declared, host)
            }
        };
        let fault = match &test.fault {
            None => None,
            Some(name) => {
                let found = declared.file.fault(&case.procedure.title, Some(name));
                Some(found.map_err(|none| io::Error::other(none.message))?)
            }
        };
        let place = theatre.place(declared, plan, host)?;
        let session = session_at(&place, session);
        let mut watch = Watch::new()?;
        become_subreaper()?;
        let rehearsal = Rehearsal {
            stage,
            fault,
            place,
            source: &theatre.source,
            log: service_log(&theatre, case.directory),
            started: RunStarted::clone(started),
            targets: &plan.procedure.targets,
            run: &mut |recorder| run(session.clone(), recorder),
            recorder: collector,
            clock: host.clock,
        };
        let rehearsed = rehearse(rehearsal, &mut watch);
        if theatre.ends_alone {
            // The sandbox ends with this process, and all that is in it.
            return Ok(self.judged(&rehearsed?.conclusion, collector));
        }
        let judged = rehearsed.and_then(|rehearsed| {
            if let Some(service) = &rehearsed.service {
                service.stop(&mut watch)?;
            }
            Ok(self.judged(&rehearsed.conclusion, collector))
        });
        watch.end_everything();
        judged
    }

    fn judged(&self, conclusion: &Conclusion, collector: &Collector<'_>) -> Judged {
        let reasons = conclusion.reasons.iter().map(ToString::to_string);
        match conclusion.verdict {
            Verdict::Passed => Judged::default(),
            Verdict::Failed => {
                let line = self.case.procedure.line;
                let problems = reasons.map(|what| Problem { what, line, diff: None }).collect();
                Judged { error: None, problems }
            }
            Verdict::NotJudged => {
                let said = collector.told.iter().filter(|text| text.starts_with("the service said"));
                let lines: Vec<String> = reasons.chain(said.cloned()).collect();
                Judged { error: Some(lines.join("\n")), problems: Vec::new() }
            }
            Verdict::Interrupted(signal) => {
                Judged { error: Some(format!("stopped by signal {signal}")), problems: Vec::new() }
            }
        }
    }
}
