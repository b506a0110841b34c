//! What `roamhub pki` prints: where things are, the line for the partners file, the next step.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;

use super::authority::Issued;
use super::facts::{Facts, read_file};
use super::folder::{Folder, Pair};
use crate::table::Table;

/// Where the private key of a partner's certificate is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    /// Made here.
    Here,
    /// Where it was made.
    WithThePartner,
}

pub(crate) fn authority(facts: &Facts, folder: &Folder, now: Timestamp) {
    let pair = folder.authority();
    println!("authority    {}", facts.subject);
    println!("certificate  {}", pair.certificate.display());
    println!(
        "private key  {} (readable by you alone: back it up, and let nobody have it)",
        pair.key.display()
    );
    println!("expires      {}", facts.expiry(now));
    println!();
    println!("Partners that call the hub trust {}; it is no secret.", pair.certificate.display());
    println!(
        "Next: roamhub pki server --name HOST, where HOST is the name under which partners call the hub."
    );
}

pub(crate) fn server(issued: &Issued, folder: &Folder, now: Timestamp) {
    let pair = folder.server();
    kept(issued, &pair, now);
    println!("names        {}", issued.facts.names.join(", "));
    println!();
    println!("In roamhub.toml:");
    println!("  [tls]");
    println!("  certificate = {:?}", pair.certificate.display().to_string());
    println!("  key = {:?}", pair.key.display().to_string());
    println!();
    println!("Next: partners trust {} when they call", folder.authority().certificate.display());
    println!("(curl --cacert), and each has a certificate of its own:");
    println!("  roamhub pki sign partner.csr --id 'DE*ABC'     or, for trials: roamhub pki partner 'DE*ABC'");
}

pub(crate) fn outgoing(issued: &Issued, folder: &Folder, now: Timestamp) {
    let pair = folder.outgoing();
    kept(issued, &pair, now);
    println!();
    println!("In roamhub.toml, for calls to all partners (or per partner: client_certificate, client_key):");
    println!("  [outgoing]");
    println!("  certificate = {:?}", pair.certificate.display().to_string());
    println!("  key = {:?}", pair.key.display().to_string());
    println!();
    println!(
        "Next: partners that want to know who calls them trust {},",
        folder.authority().certificate.display()
    );
    println!("or pin this one: {}", issued.facts.fingerprint);
    println!("Then: roamhub partners test ID");
}

pub(crate) fn partner(id: &str, issued: &Issued, pair: &Pair, key: Key, folder: &Folder, now: Timestamp) {
    let ca = folder.authority().certificate;
    match key {
        Key::Here => kept(issued, pair, now),
        Key::WithThePartner => {
            println!("certificate  {}", pair.certificate.display());
            println!("expires      {}", expiry(issued, now));
        }
    }
    println!();
    println!("In the partners file, in the entry of {id}:");
    println!("  certificates = [\"{}\"]", issued.facts.fingerprint);
    println!(
        "While an older certificate is still in use, name both there; take the old one out once it is not."
    );
    println!();
    match key {
        Key::Here => println!(
            "Next: give the partner {}, {} (over a way that nobody reads along) and {}. It calls with",
            pair.certificate.display(),
            pair.key.display(),
            ca.display()
        ),
        Key::WithThePartner => println!(
            "Next: send {} and {} back to the partner; neither is a secret. It calls with",
            pair.certificate.display(),
            ca.display()
        ),
    }
    let key = match key {
        Key::Here => pair.key.display().to_string(),
        Key::WithThePartner => "partner-key.pem".to_owned(),
    };
    println!(
        "  curl --cert {} --key {key} --cacert {} https://HOST/…",
        pair.certificate.display(),
        ca.display()
    );
}

fn kept(issued: &Issued, pair: &Pair, now: Timestamp) {
    println!("certificate  {}", pair.certificate.display());
    println!("private key  {} (readable by you alone)", pair.key.display());
    println!("expires      {}", expiry(issued, now));
}

fn expiry(issued: &Issued, now: Timestamp) -> String {
    let expiry = issued.facts.expiry(now);
    if issued.cut_short { format!("{expiry}, together with the authority") } else { expiry }
}

/// Everything that was issued.
pub(crate) fn list(folder: &Folder, as_json: bool, now: Timestamp) -> anyhow::Result<ExitCode> {
    let mut all = issued(folder)?;
    all.sort_by_key(|facts| (facts.expires_at, facts.serial.clone()));
    if as_json {
        let certificates: Vec<_> = all.iter().map(|facts| facts.to_json(now)).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "certificates": certificates }))?);
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        println!("nothing was issued in {}; begin with: roamhub pki init", folder.path().display());
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["EXPIRES", "DAYS LEFT", "USE", "SUBJECT", "SERIAL", "FINGERPRINT"]);
    for facts in &all {
        let left = facts.days_left(now);
        let left = match left {
            ..0 => "expired".to_owned(),
            left if facts.ends_soon(now) => format!("{left} !"),
            left => left.to_string(),
        };
        table.row([
            facts.expires_at.strftime("%Y-%m-%d").to_string(),
            left,
            facts.r#use.as_str().to_owned(),
            facts.subject.clone(),
            facts.serial.clone(),
            facts.fingerprint.clone(),
        ]);
    }
    print!("{table}");
    Ok(ExitCode::SUCCESS)
}

/// What is known of everything that was issued; none where there is no folder.
pub(crate) fn issued(folder: &Folder) -> anyhow::Result<Vec<Facts>> {
    let issued = folder.issued();
    if !issued.exists() {
        return Ok(Vec::new());
    }
    let cannot = || format!("cannot read {}", issued.display());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&issued).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|end| end == "pem") {
            for certificate in read_file(&path)? {
                all.push(
                    Facts::of(&certificate).with_context(|| format!("{} is not right", path.display()))?,
                );
            }
        }
    }
    Ok(all)
}

/// What the certificates in a file say.
pub(crate) fn file(path: &Path, as_json: bool, now: Timestamp) -> anyhow::Result<ExitCode> {
    let certificates = read_file(path)?;
    let all = certificates.iter().map(|certificate| Facts::of(certificate));
    let all =
        all.collect::<Result<Vec<_>, _>>().with_context(|| format!("{} is not right", path.display()))?;
    if as_json {
        let certificates: Vec<_> = all.iter().map(|facts| facts.to_json(now)).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "certificates": certificates }))?);
        return Ok(ExitCode::SUCCESS);
    }
    for (at, facts) in all.iter().enumerate() {
        if at > 0 {
            println!();
        }
        let clean =
            |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        println!("certificates = [\"{}\"]", facts.fingerprint);
        println!("  subject  {}", clean(&facts.subject));
        println!("  issuer   {}", clean(&facts.issuer));
        if !facts.names.is_empty() {
            println!("  names    {}", clean(&facts.names.join(", ")));
        }
        println!("  use      {}, {}", facts.r#use.as_str(), facts.key);
        println!("  serial   {}", facts.serial);
        println!("  begins   {}", facts.begins_at.strftime("%Y-%m-%d"));
        println!("  expires  {}", facts.expiry(now));
    }
    if all.len() > 1 {
        println!();
        println!("Pin the first one, the partner's own; the others are authorities above it.");
    }
    Ok(ExitCode::SUCCESS)
}
