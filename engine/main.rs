//! `runbook`: argv in, exit code out.

use runbook::cli::{self, Host, Person};
use runbook::host::{SystemClock, SystemEnvironment, SystemFiles, SystemProcesses, editor, terminal};
use std::io::{BufReader, BufWriter};
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "here argv and the standard streams are handed to `cli`")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let (mut out, mut err) = (BufWriter::new(std::io::stdout()), std::io::stderr());
    let person = Person {
        // A terminal gives a line at a time: nothing meant for a step is read ahead.
        input: Box::new(BufReader::new(std::io::stdin())),
        output: Box::new(std::io::stderr()),
        read_secret: terminal::read_hidden,
        edit: editor::edit,
    };
    let mut host = Host {
        files: &SystemFiles,
        environment: &SystemEnvironment,
        clock: &SystemClock::new(),
        processes: &SystemProcesses,
        out: &mut out,
        err: &mut err,
        person: Some(person),
        command_line: args.clone(),
    };
    let code = cli::main(&args, &mut host);
    // Exit codes of this program are 0 to 255: signals give 128 + n.
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
