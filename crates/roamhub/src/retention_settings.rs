//! `[retention]` in `roamhub.toml`, each setting also as `ROAMHUB_RETENTION_…`, which goes first.

use std::time::Duration;

use anyhow::{Context, anyhow};
use roamhub_core::retention::{Age, Ages, DAY};
use roamhub_services::partners_file::parse_duration;
use roamhub_services::retention::RetentionSettings;
use serde::Deserialize;

/// `[retention]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionSection {
    bodies: Option<String>,
    records: Option<String>,
    messages: Option<String>,
    unconfirmed: Option<String>,
    records_without_identification: Option<String>,
    cards: Option<String>,
    refusals: Option<String>,
    audit: Option<String>,
    every: Option<String>,
}

/// Puts environment, file and defaults together.
pub(crate) fn settle(section: RetentionSection) -> anyhow::Result<RetentionSettings> {
    let usual = RetentionSettings::default();
    let ages = Ages {
        bodies: age("bodies", section.bodies, usual.ages.bodies)?,
        records: age("records", section.records, usual.ages.records)?,
        messages: age("messages", section.messages, usual.ages.messages)?,
        unconfirmed: age("unconfirmed", section.unconfirmed, usual.ages.unconfirmed)?,
        records_without_identification: age(
            "records_without_identification",
            section.records_without_identification,
            usual.ages.records_without_identification,
        )?,
        cards: age("cards", section.cards, usual.ages.cards)?,
        refusals: age("refusals", section.refusals, usual.ages.refusals)?,
        audit: age("audit", section.audit, usual.ages.audit)?,
    };
    ages.check()?;
    let every = match said("every", section.every) {
        Some(text) => duration(&text).with_context(|| wrong("every", &text))?,
        None => usual.every,
    };
    Ok(RetentionSettings { ages, every })
}

fn age(name: &str, from_file: Option<String>, usual: Age) -> anyhow::Result<Age> {
    match said(name, from_file).as_deref() {
        None => Ok(usual),
        Some("forever") => Ok(Age::Forever),
        Some(text) => duration(text).map(Age::After).ok_or_else(|| anyhow!(wrong(name, text))),
    }
}

/// The environment's word, or the file's.
fn said(name: &str, from_file: Option<String>) -> Option<String> {
    let variable = format!("ROAMHUB_RETENTION_{}", name.to_ascii_uppercase());
    std::env::var(variable).ok().filter(|value| !value.is_empty()).or(from_file)
}

fn wrong(name: &str, text: &str) -> String {
    format!("retention.{name}: {text:?} is no age; say a number with a unit: 90d or 36h, or \"forever\"")
}

/// Days too.
fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => DAY.checked_mul(days),
        None => parse_duration(text),
    }
}
