//! The keys that sign receipts, in `DIR/keys`: one JSON Web Key per file, numbered; readable by the owner alone.
//!
//! The one with the greatest number that has its private half signs. Older ones keep their public half for as long as
//! receipts under them may be shown. A file is written beside its place and moved there, so none is ever half.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use roamhub_services::receipts::Seal;
use roamhub_services::receipts::keys::{KeySet, PublicKey, SigningKey, read_key};

use crate::settings::default_data;

/// `roamhub keys …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a new key for receipts; older ones stay only to check what they have signed. A running hub takes it up at
    /// its next start
    Rotate {
        /// Folder of the ledger
        #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
        data: PathBuf,
    },
}

/// Runs `roamhub keys …`.
pub(crate) fn run(command: KeysCommand) -> anyhow::Result<ExitCode> {
    let KeysCommand::Rotate { data } = command;
    let folder = folder_of(&data);
    let older = read(&folder)?;
    let key = make(&folder, &older)?;
    for old in older.iter().filter(|file| file.signing.is_some()) {
        write(&old.path, &old.public.to_json())?;
    }
    println!("new key {}, in use from the next start of the hub on", key.public().kid());
    Ok(ExitCode::SUCCESS)
}

/// The seal of the hub on this data folder. Its first key is made here.
pub(crate) fn seal(data: &Path, issuer: &str) -> anyhow::Result<Seal> {
    let folder = folder_of(data);
    if !read(&folder)?.iter().any(|file| file.signing.is_some()) {
        make(&folder, &read(&folder)?)?;
    }
    existing_seal(data, issuer)
}

/// The same, where a key must be there already.
pub(crate) fn existing_seal(data: &Path, issuer: &str) -> anyhow::Result<Seal> {
    let folder = folder_of(data);
    let mut files = read(&folder)?;
    let newest = files.iter_mut().rev().find_map(|file| file.signing.take());
    let key = newest.with_context(|| {
        format!("there is no key to sign with in {}; `roamhub serve` makes one", folder.display())
    })?;
    Ok(Seal { issuer: issuer.to_owned(), key, public: public_of(&files).collect() })
}

/// The public keys of a data folder, to check receipts with.
pub(crate) fn public(data: &Path) -> anyhow::Result<KeySet> {
    let folder = folder_of(data);
    let files = read(&folder)?;
    if files.is_empty() {
        bail!(
            "there are no keys in {}; name those of the hub that issued the receipt with --keys",
            folder.display()
        );
    }
    Ok(public_of(&files).collect())
}

/// A key and where it is kept.
struct KeyFile {
    number: u32,
    path: PathBuf,
    public: PublicKey,
    signing: Option<SigningKey>,
}

fn folder_of(data: &Path) -> PathBuf {
    data.join("keys")
}

fn public_of(files: &[KeyFile]) -> impl Iterator<Item = PublicKey> {
    files.iter().map(|file| file.public.clone())
}

/// The keys in a folder, the oldest first; none if there is no folder.
fn read(folder: &Path) -> anyhow::Result<Vec<KeyFile>> {
    let cannot = || format!("cannot read the keys in {}", folder.display());
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("receipts-").and_then(|rest| rest.strip_suffix(".jwk"));
        let Some(number) = number.and_then(|digits| digits.parse().ok()) else { continue };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (public, signing) =
            read_key(&text).with_context(|| format!("{} is not right", path.display()))?;
        files.push(KeyFile { number, path, public, signing });
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

/// Makes the next key.
fn make(folder: &Path, older: &[KeyFile]) -> anyhow::Result<SigningKey> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let number = older.last().map_or(1, |file| file.number.saturating_add(1));
    let key = SigningKey::generate()?;
    write(&folder.join(format!("receipts-{number:04}.jwk")), &key.to_private_json())?;
    Ok(key)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The name is on disk as well, or the first receipts could be signed with a key that is gone after a crash.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}
