//! clap arguments → settings → calls, one file per subcommand. The only module that knows clap.
//!
//! A subcommand's file has `command()`, which declares its arguments, and `run()`, which reads them
//! and calls the engine. A procedure's own parameters become flags before clap sees the arguments.

mod aftermath;
mod ask;
mod book;
mod chaos;
mod coverage;
mod detected;
mod documents;
mod evidence;
mod exec;
mod failure;
mod findings;
mod incident;
mod lint;
mod list;
mod note;
mod notify;
mod opening;
mod opinion;
mod plan;
mod prescan;
mod procedure;
mod project;
mod prose;
mod recorder;
mod rehearse;
mod replay;
mod report;
mod resume;
mod run_id;
mod runs;
mod show;
mod staging;
mod stats;
mod test;
mod theatre;
mod upkeep;
mod verify;

use crate::host::{Clock, Environment, Files, Processes};
use crate::report::style::{self, ColourChoice, Style};
pub use ask::Person;
use clap::{Arg, ArgAction, ArgMatches, Command};
use failure::{Outcome, USAGE};
use std::ffi::OsString;
use std::io::Write;

/// Everything a command may touch.
pub struct Host<'a> {
    /// Files.
    pub files: &'a dyn Files,
    /// Variables, directory, terminal.
    pub environment: &'a dyn Environment,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The process table.
    pub processes: &'a dyn Processes,
    /// Standard output.
    pub out: &'a mut (dyn Write + Send),
    /// Standard error.
    pub err: &'a mut (dyn Write + Send),
    /// Who can be asked.
    pub person: Option<Person>,
    /// The whole command line, for a sandbox in which it runs again.
    pub command_line: Vec<OsString>,
}

/// A subcommand: how it is declared, and what it does.
struct Subcommand {
    name: &'static str,
    command: fn() -> Command,
    run: fn(&ArgMatches, &mut Host<'_>, Option<procedure::Wanted>) -> Outcome,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "list", command: list::command, run: list::run },
    Subcommand { name: "show", command: show::command, run: show::run },
    Subcommand { name: "plan", command: plan::command, run: plan::run },
    Subcommand { name: "exec", command: exec::command, run: exec::run },
    Subcommand { name: "rehearse", command: rehearse::command, run: rehearse::run },
    Subcommand { name: "test", command: test::command, run: test::run },
    Subcommand { name: "chaos", command: chaos::command, run: chaos::run },
    Subcommand { name: "lint", command: lint::command, run: lint::run },
    Subcommand { name: "runs", command: runs::command, run: runs::run },
    Subcommand { name: "report", command: report::command, run: report::run },
    Subcommand { name: "resume", command: resume::command, run: resume::run },
    Subcommand { name: "replay", command: replay::command, run: replay::run },
    Subcommand { name: "verify", command: verify::command, run: verify::run },
    Subcommand { name: "note", command: note::command, run: note::run },
    Subcommand { name: "stats", command: stats::command, run: stats::run },
    Subcommand { name: "coverage", command: coverage::command, run: coverage::run },
];

/// Does what `args` say and returns the exit code.
pub fn main(args: &[OsString], host: &mut Host<'_>) -> i32 {
    let mut command = command(args);
    let wanted = prescan::wanted(&command, args).map(|request| procedure::Wanted::load(&request, host));
    if let Some(wanted) = &wanted {
        command = wanted.extend(command);
    }
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            let behind = || wanted.and_then(|wanted| wanted.behind(&error));
            if let Some(failure) = incident::apart(&error, args).or_else(behind) {
                let style = style_of(None, host, host.environment.stderr_is_terminal());
                // Where standard error is closed, the exit code is all that is left.
                let _ = host.err.write_all(coloured(&failure.text, style).as_bytes());
                return failure.code;
            }
            return usage(&error, host);
        }
    };
    let Some((name, given)) = matches.subcommand() else { return USAGE };
    let Some(subcommand) = SUBCOMMANDS.iter().find(|it| it.name == name) else {
        return USAGE;
    };
    let outcome = (subcommand.run)(given, host, wanted);
    let flushed = host.out.flush().map_err(|error| failure::Failure::output(&error));
    match outcome.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            // Where even standard error is closed, the exit code is all that is left to say.
            let _ = host.err.write_all(coloured(&failure.text, error_style(given, host)).as_bytes());
            failure.code
        }
    }
}

/// The subcommand that `args` name; none where they ask for the list of all, or name none.
fn named(args: &[OsString]) -> Option<&'static str> {
    let words = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    let mut words = words.take_while(|word| !matches!(word.as_ref(), "-h" | "--help" | "help"));
    words.find_map(|word| SUBCOMMANDS.iter().find(|it| it.name == word)).map(|it| it.name)
}

/// What clap is to understand. Of the subcommands, only the one that `args` name is declared in full, unless they
/// name none: all of them together take longer than the rest of a start.
fn command(args: &[OsString]) -> Command {
    let named = named(args);
    let versions = args.get(1).is_some_and(|arg| arg == "--version" || arg == "-V");
    let mut command = Command::new("runbook")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs the Markdown runbooks that on-call engineers already have")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(80)
        .arg(
            Arg::new("color")
                .long("color")
                .value_name("WHEN")
                .value_parser(["auto", "always", "never"])
                .default_value("auto")
                .hide_possible_values(true)
                .global(true)
                .help("Colour the output: auto, always or never"),
        )
        .arg(flag("quiet", "Say only what failed, and the summary").short('q').global(true))
        .arg(flag("verbose", "Say more").short('v').conflicts_with("quiet").global(true));
    for subcommand in SUBCOMMANDS {
        let is_meant = named.map_or(!versions, |named| named == subcommand.name);
        let declared = if is_meant { (subcommand.command)() } else { Command::new(subcommand.name) };
        command = command.subcommand(declared);
    }
    command
}

/// A flag without a value, named as it is written.
fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// `--format` with these forms, the first being the default.
fn format(forms: &'static [&'static str]) -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORM")
        .value_parser(clap::builder::PossibleValuesParser::new(forms))
        .default_value(forms[0])
        .help("Form of the output")
}

fn form(matches: &ArgMatches) -> &str {
    matches.get_one::<String>("format").map_or("text", String::as_str)
}

/// Every value of a repeatable option.
fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

fn usage(error: &clap::Error, host: &mut Host<'_>) -> i32 {
    let text = error.render().to_string();
    let help = !error.use_stderr();
    let stream = if help { &mut host.out } else { &mut host.err };
    // A closed stream leaves only the exit code to say it with.
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if help && error.kind() == std::io::ErrorKind::BrokenPipe => failure::OUTPUT_CLOSED,
        _ if help => 0,
        _ => USAGE,
    }
}

/// How standard output is styled.
fn output_style(matches: &ArgMatches, host: &Host<'_>) -> Style {
    chosen(matches, host, host.environment.stdout_is_terminal())
}

fn error_style(matches: &ArgMatches, host: &Host<'_>) -> Style {
    chosen(matches, host, host.environment.stderr_is_terminal())
}

fn chosen(matches: &ArgMatches, host: &Host<'_>, terminal: bool) -> Style {
    style_of(matches.get_one::<String>("color").map(String::as_str), host, terminal)
}

fn style_of(colour: Option<&str>, host: &Host<'_>, terminal: bool) -> Style {
    let choice = match colour {
        Some("always") => ColourChoice::Always,
        Some("never") => ColourChoice::Never,
        _ => ColourChoice::Auto,
    };
    style::choose(choice, terminal, |name| host.environment.var(name))
}

/// Colours the first word of each message.
fn coloured(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let painted = ["error:", "warning:", "hint:"].into_iter().find_map(|word| {
            let rest = line.strip_prefix(word)?;
            let word = match word {
                "error:" => style.bad(word),
                "warning:" => style.warn(word),
                _ => style.bold(word),
            };
            Some(word + rest)
        });
        out.push_str(painted.as_deref().unwrap_or(line));
    }
    out
}

#[cfg(test)]
mod declarations {
    use super::*;

    fn args(words: &str) -> Vec<OsString> {
        words.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn subcommands_have_the_names_they_are_listed_with() {
        for subcommand in SUBCOMMANDS {
            assert_eq!((subcommand.command)().get_name(), subcommand.name);
        }
    }

    #[test]
    fn the_subcommand_that_is_named_is_declared_in_full() {
        let full = |words: &str| -> Vec<String> {
            let command = command(&args(words));
            let full = command.get_subcommands().filter(|it| it.get_about().is_some());
            full.map(|it| it.get_name().to_owned()).collect()
        };
        for (words, meant) in [
            ("runbook exec list --help", "exec"),
            ("runbook --color never -q list", "list"),
            ("runbook lits list", "list"),
        ] {
            assert_eq!(full(words), [meant], "{words}");
        }
        for words in ["runbook", "runbook exce", "runbook --help exec", "runbook help exec", "runbook -h"] {
            assert_eq!(full(words).len(), SUBCOMMANDS.len(), "{words}");
        }
        assert_eq!(full("runbook --version"), Vec::<String>::new());
    }
}
