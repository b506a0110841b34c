//! The program: subcommands, settings, wiring, start and stop. Everything else lives in the libraries.

mod check;
mod clock;
mod demo;
mod inspect;
mod lifecycle;
mod node;
mod open_files;
mod partners;
mod serve;
mod settings;
mod telemetry;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Messages are born on one thread and die on another; the system's allocator pays for that with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An open e-roaming hub for EV charging, compatible with OICP 2.3.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play one charging session on this machine, then stay up to be tried
    Demo(demo::DemoArgs),
    /// Run the hub
    Serve(settings::ServeArgs),
    /// Say what the hub would find in a message
    Check(check::CheckArgs),
    /// Say what became of a message
    Inspect(inspect::InspectArgs),
    /// Operators, providers and contracts kept in the ledger
    #[command(subcommand)]
    Partners(partners::PartnersCommand),
}

fn main() -> ExitCode {
    let program = Program::parse();
    let result = match program.command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => return check::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Partners(command) => partners::run(command),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("roamhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
