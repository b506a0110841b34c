//! The program: subcommands, settings, wiring, start and stop. Everything else lives in the libraries.

mod check;
mod clock;
mod console_settings;
mod console_tls;
mod control;
mod demo;
mod differences;
mod door;
mod erase;
mod ghosts;
mod inspect;
mod keys;
mod lanes;
mod lifecycle;
mod limits_settings;
mod load_metrics;
mod mail;
mod mandates;
mod node;
mod open_files;
mod outgoing;
mod partners;
mod partners_test;
mod pki;
mod proxy_settings;
mod replay;
mod restore;
mod retention;
mod retention_settings;
mod serve;
mod settings;
mod table;
mod tail;
mod telemetry;
mod tls;
mod tokens;
mod uploads;
mod users;
mod verify;
mod watching;
mod watching_settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use partners::PartnersCommand;

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
    /// Say what became of a message, what happened in a session, or what was refused
    Inspect(inspect::InspectArgs),
    /// The keys that sign receipts
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Follow messages as they pass
    Tail(tail::TailArgs),
    /// Send messages once more whose delivery has ended
    Replay(replay::ReplayArgs),
    /// Overwrite the data of one contract
    Erase(erase::EraseArgs),
    /// Show what retention removes, and when it last did
    Retention(retention::RetentionArgs),
    /// Show the lanes that are paused or in which something waits
    Lanes(lanes::LanesArgs),
    /// Pause a provider's lane: messages are stored, nothing is sent
    Pause(lanes::PauseArgs),
    /// Let a paused lane go on
    Resume(lanes::ResumeArgs),
    /// Set how fast what waits in a lane is sent
    DrainRate(lanes::DrainRateArgs),
    /// List sessions that look like ghosts
    Ghosts(ghosts::GhostsArgs),
    /// List operators that have lost their mandate for Ends on their behalf, or give one back
    Mandates(mandates::MandatesArgs),
    /// List where charge detail records and Ends say something else
    Differences(differences::DifferencesArgs),
    /// Who may use the console
    Users(users::UsersArgs),
    /// Tokens for scripts
    Token(tokens::TokenArgs),
    /// Show who changed what
    Audit(tokens::AuditArgs),
    /// Operators, providers and contracts: check their endpoints, keep them in the ledger
    #[command(subcommand)]
    Partners(PartnersCommand),
    /// Certificates: an authority, the hub's own, those of partners; see `roamhub pki --help`
    #[command(subcommand)]
    Pki(pki::PkiCommand),
}

fn main() -> ExitCode {
    let program = Program::parse();
    let result = match program.command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => return check::run(&args),
        Command::Keys(command) => keys::run(command),
        Command::Inspect(args) => return shown(inspect::run(&args)),
        Command::Tail(args) => return shown(tail::run(&args)),
        Command::Replay(args) => return shown(replay::run(args)),
        Command::Erase(args) => return shown(erase::run(&args)),
        Command::Retention(args) => return shown(retention::run(&args)),
        Command::Lanes(args) => return shown(lanes::list(&args)),
        Command::Pause(args) => return shown(lanes::pause(&args)),
        Command::Resume(args) => return shown(lanes::resume(&args)),
        Command::DrainRate(args) => return shown(lanes::drain_rate(&args)),
        Command::Ghosts(args) => return shown(ghosts::run(&args)),
        Command::Mandates(args) => return shown(mandates::run(&args)),
        Command::Differences(args) => return shown(differences::run(&args)),
        Command::Users(args) => return shown(users::run(&args)),
        Command::Token(args) => return shown(tokens::run(&args)),
        Command::Audit(args) => return shown(tokens::audit(&args)),
        Command::Partners(PartnersCommand::Test(args)) => return shown(partners_test::run(args)),
        Command::Partners(PartnersCommand::Apply(args)) => partners::apply(args),
        Command::Pki(command) => return shown(pki::run(command)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("roamhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Exit codes in the manner of `check`: 0 done, 1 not (all) there, 2 could not.
fn shown(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("roamhub: {error:#}");
        ExitCode::from(2)
    })
}
