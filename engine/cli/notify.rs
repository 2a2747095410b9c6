//! The notifiers of `runbook.yaml`: after a run that somebody must be told about, they are.
//!
//! Nothing that goes wrong here changes what came of the run; it is said and recorded. A person waits for no longer
//! than the file says, and Ctrl-C ends the wait. Rehearsals and tests come here never.

use super::Host;
use super::documents::Documents;
use super::exec::{DEPTH, PARAMETERS, depth};
use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::event::EventBody;
use crate::host::Clock;
use crate::host::post::Post;
use crate::host::processes::End;
use crate::host::watch::{Again, Came, Errand, Fed, Watch};
use crate::journal::Store;
use crate::report::delivery::{Answer, Delivery, Next, Told};
use crate::report::escalation::Escalation;
use crate::report::notification::{SIGNATURE_HEADER, payload, signature};
use crate::report::notifiers::{Address, Kept, Notifier, Way, check_address, notifiers};
use crate::report::record::Record;
use crate::report::style::{Style, WIDTH, fit, printable, wrap};
use crate::run::Mask;
use crate::source::Source;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest configuration, and longest file with a secret in it, that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What a command said is shown up to this many columns.
const MAX_SAID: usize = 200;

/// Who is told.
#[derive(Debug, Default)]
pub(super) struct Notifiers {
    list: Vec<Notifier>,
    /// The folder of the file that names them: there commands run, and from there paths count.
    folder: PathBuf,
}

/// The run that somebody must be told about.
pub(super) struct Occasion<'a> {
    /// Its id.
    pub(super) run: &'a str,
    /// What is on record of it.
    pub(super) record: &'a Record,
    /// Why, and whom its document would tell.
    pub(super) due: &'a Escalation,
    /// Values that appear nowhere.
    pub(super) secrets: Vec<String>,
}

impl Notifiers {
    /// Those of the project's configuration. What is wrong with them is said before the run; it stops nothing, but
    /// then nobody will be told.
    pub(super) fn of(documents: &Documents, host: &mut Host<'_>) -> Self {
        let Some((path, config)) = &documents.config else { return Self::default() };
        if config.notifiers.is_none() {
            return Self::default();
        }
        Self::read(path, host).unwrap_or_else(|failure| {
            let said = format!("{}warning: nobody will be notified of this run\n", failure.text);
            // Where standard error is closed nobody is there to be told.
            let _ = host.err.write_all(said.as_bytes());
            Self::default()
        })
    }

    /// Those of the configuration at `path`.
    fn read(path: &Path, host: &Host<'_>) -> Result<Self, Failure> {
        let source = configuration(path, host)?;
        // A secret that should not stand there is not shown, too.
        let list = notifiers(&source).map_err(|mistakes| Failure {
            code: super::failure::DOCUMENT,
            text: mistakes.iter().map(|mistake| mistake.render_without_line(&source)).collect(),
        })?;
        Ok(Self { list, folder: path.parent().unwrap_or(Path::new("/")).to_owned() })
    }

    /// What is wrong with those of the configuration at `path`, whose lines are not to be shown.
    pub(super) fn mistakes(path: &Path, host: &Host<'_>) -> Result<(Source, Vec<Diagnostic>), Failure> {
        let source = configuration(path, host)?;
        let mistakes = notifiers(&source).err().unwrap_or_default();
        Ok((source, mistakes))
    }

    /// Tells them all, side by side; says and records what came of it.
    pub(super) fn tell(&self, occasion: Occasion<'_>, store: &Store<'_>, host: &mut Host<'_>) {
        let Some(body) = payload(occasion.record, occasion.due) else { return };
        let mut secrets = occasion.secrets;
        let mut deliveries = Vec::new();
        let mut errands = Vec::new();
        let mut impossible = Vec::new();
        for notifier in &self.list {
            let mut delivery = Delivery::new(notifier.schedule.clone());
            match self.errand(notifier, &body, &mut secrets, host) {
                Ok(errand) => {
                    errands.push((errand, delivery.limit()));
                    deliveries.push((notifier, delivery));
                }
                Err(why) => match delivery.answered(Duration::ZERO, &Answer::Impossible(why)) {
                    Next::Over(told) => impossible.push((notifier, told)),
                    Next::Attempt { .. } => {}
                },
            }
        }
        if !errands.is_empty() && host.environment.stderr_is_terminal() {
            let _ = host.err.write_all(wait(&deliveries).as_bytes());
        }
        let mut scribe = Scribe {
            run: occasion.run,
            store,
            clock: host.clock,
            mask: Mask::new(secrets),
            err: &mut *host.err,
        };
        for (notifier, told) in impossible {
            scribe.write(&notifier.name, &told);
        }
        let done = Watch::new().and_then(|mut watch| {
            watch.errands(&errands, &mut |which, at, came| {
                let (notifier, delivery) = &mut deliveries[which];
                match delivery.answered(at, &answer(came)) {
                    Next::Attempt { after, limit } => Some(Again { after, limit }),
                    Next::Over(told) => {
                        scribe.write(&notifier.name, &told);
                        None
                    }
                }
            })
        });
        if let Err(error) = done {
            scribe.say(&format!("warning: nobody could be notified: {error}"));
        }
    }

    /// What is to be done for `notifier`; what must appear nowhere is added to `secrets`.
    fn errand(
        &self,
        notifier: &Notifier,
        body: &str,
        secrets: &mut Vec<String>,
        host: &Host<'_>,
    ) -> Result<Errand, String> {
        let body = body.as_bytes().to_vec();
        match &notifier.way {
            Way::Command(script) => {
                let path = host.environment.var("PATH").unwrap_or_default();
                let bash = host.processes.find_program("bash", &path, Path::new("/"));
                let bash = bash.ok_or("there is no `bash` on the PATH")?;
                let mut variables = host.environment.vars();
                // What holds the values of parameters, secret ones among them, is none of its business.
                variables.retain(|(name, _)| !name.starts_with(PARAMETERS) && name != DEPTH);
                // A notifier that starts a run which fails, and so on, ends like a procedure that runs itself.
                variables.push((DEPTH.to_owned(), (depth(host).unwrap_or_default() + 1).to_string()));
                Ok(Errand::Command(Fed {
                    program: bash.into(),
                    arguments: vec!["-c".into(), script.into()],
                    directory: self.folder.clone(),
                    variables,
                    input: body,
                }))
            }
            Way::Webhook { address, secret } => {
                let address = match address {
                    Address::Given(address) => address.clone(),
                    Address::Kept(kept) => {
                        let address = self.value(kept, host)?;
                        secrets.push(address.clone());
                        check_address(&address).map_err(|why| format!("{} holds {why}", name_of(kept)))?;
                        address
                    }
                };
                let mut headers = vec![("Content-Type", "application/json".to_owned())];
                if let Some(kept) = secret {
                    let secret = self.value(kept, host)?;
                    headers.push((SIGNATURE_HEADER, signature(secret.as_bytes(), &body)));
                    secrets.push(secret);
                }
                Ok(Errand::Post(Post { address, headers, body }))
            }
        }
    }

    /// What is kept in a variable or a file, without the line end behind it.
    fn value(&self, kept: &Kept, host: &Host<'_>) -> Result<String, String> {
        let value = match kept {
            Kept::Variable(name) => {
                host.environment.var(name).ok_or_else(|| format!("{} is not set", name_of(kept)))?
            }
            Kept::File(path) => {
                let bytes = host.files.read(&self.folder.join(path), MAX_FILE);
                let bytes =
                    bytes.map_err(|error| format!("{} cannot be read: {}", name_of(kept), error.kind()))?;
                String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", name_of(kept)))?
            }
        };
        match value.trim_end_matches(['\r', '\n']) {
            "" => Err(format!("{} is empty", name_of(kept))),
            value => Ok(value.to_owned()),
        }
    }
}

/// The text of the configuration at `path`.
fn configuration(path: &Path, host: &Host<'_>) -> Result<Source, Failure> {
    let cwd = host.environment.cwd();
    let shown = path.strip_prefix(&cwd).unwrap_or(path);
    let unreadable = |why: String| {
        let message = format!("`{}` cannot be read: {why}", shown.display());
        Failure::new(super::failure::DOCUMENT, message, "may you read it?")
    };
    let bytes = host.files.read(path, MAX_FILE).map_err(|error| unreadable(error.to_string()))?;
    Source::new(shown, bytes).map_err(|error| unreadable(error.to_string()))
}

fn name_of(kept: &Kept) -> String {
    match kept {
        Kept::Variable(name) => format!("the variable `{name}`"),
        Kept::File(path) => format!("the file `{path}`"),
    }
}

/// What a person on a terminal waits for, how long, and how not to.
fn wait(deliveries: &[(&Notifier, Delivery)]) -> String {
    let names: Vec<String> = deliveries.iter().map(|(notifier, _)| format!("`{}`", notifier.name)).collect();
    let within = deliveries.iter().map(|(notifier, _)| notifier.schedule.within).max().unwrap_or_default();
    let within = crate::report::style::millis(within.as_millis() as u64);
    let text = format!("notifying {}: at most {within}, Ctrl-C ends it", names.join(", "));
    wrap(&text, WIDTH).join("\n") + "\n"
}

fn answer(came: Came) -> Answer {
    match came {
        Came::Status(status) => Answer::Status(status),
        Came::Ended(End::Exited(status), said) => Answer::Exited(status, said),
        Came::Ended(end @ End::Signaled(_), said) => Answer::Exited(end.status(), said),
        Came::TooSlow => Answer::TooSlow,
        Came::Failed(why) => Answer::None(why),
        Came::Never(why) => Answer::Impossible(why),
        Came::Interrupted => Answer::Interrupted,
    }
}

/// Says and records what came of each notifier.
struct Scribe<'a> {
    run: &'a str,
    store: &'a Store<'a>,
    clock: &'a dyn Clock,
    mask: Mask,
    err: &'a mut dyn Write,
}

impl Scribe<'_> {
    fn write(&mut self, notifier: &str, told: &Told) {
        let how = fit(&printable(&self.mask.text(&told.how), Style::Plain), MAX_SAID);
        let (said, result) = match told.delivered {
            true => (format!("notified `{notifier}`: {how}"), format!("delivered, {how}")),
            false => {
                (format!("warning: could not notify `{notifier}`: {how}"), format!("not delivered: {how}"))
            }
        };
        self.say(&said);
        let body = EventBody::Notification { notifier: notifier.to_owned(), result };
        if let Err(error) = self.store.add(self.run, body, self.clock) {
            self.say(&format!("warning: this could not be recorded: {error}"));
        }
    }

    fn say(&mut self, text: &str) {
        // Where standard error is closed nobody is there to be told.
        let _ = writeln!(self.err, "{}", wrap(text, WIDTH).join("\n"));
    }
}
