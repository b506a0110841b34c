//! `roamhub users`: who may use the console, through the control socket, or on the ledger itself where no hub runs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use http::Method;
use roamhub_core::access::Role;
use roamhub_core::account::UserName;
use roamhub_core::contact::Secret;
use roamhub_services::accounts::random_password;
use serde_json::json;

use crate::door;
use crate::settings::default_data;
use crate::table::Table;

/// Options of `users`.
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, global = true, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// List all users
    List,
    /// Add a user; without --password-file a password is made and printed
    Add {
        /// The name to log in with
        name: String,
        #[command(flatten)]
        role: RoleArgs,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Remove a user, with log-ins and tokens
    Remove {
        /// Who
        name: String,
    },
    /// Give a user another password and end the log-ins
    Password {
        /// Who
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give a user another role, end the log-ins, and revoke the tokens that may do more
    Role {
        /// Who
        name: String,
        #[command(flatten)]
        role: RoleArgs,
    },
}

/// A role on the command line.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// read, operate, administer or partner
    #[arg(long)]
    pub(crate) role: String,
    /// Whose, for the role partner: DE-DCB or DE*ABC
    #[arg(long, value_name = "ID")]
    pub(crate) partner: Option<String>,
}

impl RoleArgs {
    /// What it says, checked.
    pub(crate) fn read(&self) -> anyhow::Result<Role> {
        Ok(Role::read(&self.role, self.partner.as_deref())?)
    }
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// The password's file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// A password, and whether it has to be shown because nobody knows it yet.
enum Password {
    Given(Secret),
    Made(Secret),
}

impl Password {
    fn secret(&self) -> &Secret {
        match self {
            Self::Given(secret) | Self::Made(secret) => secret,
        }
    }

    fn made(&self) -> Option<&str> {
        match self {
            Self::Given(_) => None,
            Self::Made(secret) => Some(secret.expose()),
        }
    }
}

impl PasswordArgs {
    fn read(&self) -> anyhow::Result<Password> {
        let Some(file) = &self.password_file else { return Ok(Password::Made(random_password()?)) };
        let text = if file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input is not text")?;
            text
        } else {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        };
        let text = text.trim_end_matches(['\r', '\n']);
        ensure!(!text.is_empty(), "there is no password in {}", file.display());
        Ok(Password::Given(Secret::new(text.to_owned())))
    }
}

/// Runs it.
pub(crate) fn run(args: &UsersArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        UsersCommand::List => list(args),
        UsersCommand::Add { name, role, password } => add(args, &user(name)?, role, &password.read()?),
        UsersCommand::Remove { name } => {
            let name = user(name)?;
            ended(args, Method::DELETE, &format!("/users/{name}"), &json!({}), &format!("{name} is removed"))
        }
        UsersCommand::Password { name, password } => {
            let (name, password) = (user(name)?, password.read()?);
            let body = json!({ "password": password.secret().expose() });
            let said = format!("{name} has another password");
            let code = ended(args, Method::PUT, &format!("/users/{name}/password"), &body, &said)?;
            show(args, &password);
            Ok(code)
        }
        UsersCommand::Role { name, role } => {
            let (name, read) = (user(name)?, role.read()?);
            let body = json!({ "role": role.role, "partner": role.partner });
            let said = format!("{name} has the role {read}");
            ended(args, Method::PUT, &format!("/users/{name}/role"), &body, &said)
        }
    }
}

fn user(name: &str) -> anyhow::Result<UserName> {
    Ok(UserName::parse(name)?)
}

fn list(args: &UsersArgs) -> anyhow::Result<ExitCode> {
    let answer = door::ask(&args.data, Method::GET, "/users", &json!({}))?;
    if args.json {
        println!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["NAME", "ROLE", "PARTNER", "ADDED", "LAST LOG-IN"]);
    for user in answer["users"].as_array().into_iter().flatten() {
        let text = |name: &str| user[name].as_str().unwrap_or("-").to_owned();
        table.row([text("name"), text("role"), text("partner"), text("addedAt"), text("lastLogIn")]);
    }
    print!("{table}");
    Ok(ExitCode::SUCCESS)
}

fn add(args: &UsersArgs, name: &UserName, role: &RoleArgs, password: &Password) -> anyhow::Result<ExitCode> {
    let read = role.read()?;
    let body = json!({
        "name": name.as_str(),
        "role": role.role,
        "partner": role.partner,
        "password": password.secret().expose(),
    });
    let mut answer = door::ask(&args.data, Method::POST, "/users", &body)?;
    if args.json {
        if let Some(made) = password.made() {
            answer["password"] = made.into();
        }
        println!("{answer}");
    } else {
        println!("{name} is added with the role {read}");
        show(args, password);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a password that was made here, this once.
fn show(args: &UsersArgs, password: &Password) {
    if let (Some(made), false) = (password.made(), args.json) {
        println!("password: {made}");
    }
}

fn ended(
    args: &UsersArgs,
    method: Method,
    path: &str,
    body: &serde_json::Value,
    said: &str,
) -> anyhow::Result<ExitCode> {
    let answer = door::ask(&args.data, method, path, body)?;
    if args.json {
        println!("{answer}");
    } else {
        println!(
            "{said}; log-ins ended: {}, tokens revoked: {}",
            answer["logInsEnded"], answer["tokensRevoked"]
        );
    }
    Ok(ExitCode::SUCCESS)
}
