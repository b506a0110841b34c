//! Where the partners come from: a file that is the truth and is watched, or the ledger.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::{Args, Subcommand};
use roamhub_core::directory::Directory;
use roamhub_core::ports::{Clock, Ledger};
use roamhub_services::{Partners, partners_file};
use tokio::task::spawn_blocking;

use crate::clock::SystemClock;
use crate::node;
use crate::partners_test::TestArgs;
use crate::settings::default_data;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `roamhub partners …`
#[derive(Debug, Subcommand)]
pub(crate) enum PartnersCommand {
    /// Check a partners file and keep it in the ledger (while no hub is running on it)
    Apply(ApplyArgs),
    /// Check one partner's settings step by step, from its name to its answer: what is wrong, and what to do
    Test(TestArgs),
}

/// Options of `partners apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The partners file (TOML)
    file: PathBuf,
    /// Only check it
    #[arg(long)]
    dry_run: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Keeps a partners file in the ledger.
pub(crate) fn apply(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let ApplyArgs { file, dry_run, data } = args;
    let (text, directory) = read_file(&file)?;
    println!("{}: {}", file.display(), counted(&directory));
    if dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (ledger, _gone) = node::open_ledger(&data)?;
        ledger.store_partners(text, SystemClock.now()).await?;
        println!("kept in the ledger in {}", data.display());
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads and checks a partners file.
pub(crate) fn read_file(file: &Path) -> anyhow::Result<(String, Directory)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let directory =
        partners_file::read(&text, folder).with_context(|| format!("{} is not right", file.display()))?;
    Ok((text, directory))
}

/// The partners that the ledger keeps, where no file is the truth.
pub(crate) async fn from_ledger(ledger: &dyn Ledger) -> anyhow::Result<Directory> {
    match ledger.load_partners().await? {
        Some(text) => {
            partners_file::read(&text, Path::new(".")).context("the partners in the ledger are not right")
        }
        None => Ok(Directory::default()),
    }
}

/// "2 operators, 1 provider".
pub(crate) fn counted(directory: &Directory) -> String {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (operators, providers) = (directory.operators().count(), directory.providers().count());
    format!("{}, {}", count(operators, "operator"), count(providers, "provider"))
}

/// A partners file that is the truth.
pub(crate) struct PartnersFile {
    path: PathBuf,
    partners: Arc<Partners>,
    seen: Option<(SystemTime, u64)>,
}

impl PartnersFile {
    /// Follows this file into these partners.
    pub(crate) fn follow(path: PathBuf, partners: Arc<Partners>) -> Self {
        let seen = stamp(&path);
        Self { path, partners, seen }
    }

    /// Resolves when the file has changed.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let path = self.path.clone();
            let now = spawn_blocking(move || stamp(&path)).await.ok().flatten();
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    /// Reads it again. What is wrong with it is said, and the partners stay as they were.
    pub(crate) async fn reload(&self) {
        let path = self.path.clone();
        // Not on a thread that serves partners: the file may lie on a disk that is slow to answer.
        let read = spawn_blocking(move || read_file(&path)).await;
        match read.unwrap_or_else(|error| Err(error.into())) {
            Ok((_, directory)) => {
                let partners = counted(&directory);
                self.partners.replace(directory);
                tracing::info!(partners, "partners read again");
            }
            Err(error) => tracing::error!("the partners stay as they were: {error:#}"),
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
