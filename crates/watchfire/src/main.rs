//! The command line: arguments in, one command run, an exit code out.
//!
//! Data goes to standard output, all else to standard error. Exit codes are the same everywhere: 0 done and nothing
//! found, 1 found, 2 could not do it. Everything that knows anything lives in the libraries.

mod arguments;
mod commands;
mod content;
mod intel;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// How a command ended, short of failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done; nothing found, valid, a match.
    Clear,
    /// Done; something found, invalid, no match.
    Found,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Hunt(arguments) => commands::hunt::run(&arguments),
        Command::Intel(arguments) => commands::intel::run(&arguments),
        Command::Node(arguments) => commands::node::run(&arguments),
        Command::Rules(arguments) => commands::rules::run(&arguments),
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Stix(arguments) => commands::stix::run(&arguments),
        Command::Pattern(arguments) => commands::pattern::run(&arguments),
    };
    match outcome {
        Ok(Status::Clear) => ExitCode::SUCCESS,
        Ok(Status::Found) => ExitCode::from(1),
        Err(error) if terminal::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(2)
        }
    }
}
