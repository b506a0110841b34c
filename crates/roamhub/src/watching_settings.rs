//! `[watchdog]`, `[notify]` and `[smtp]` in `roamhub.toml`, each setting also as `ROAMHUB_…`, which goes first.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use roamhub_core::address::Reach;
use roamhub_core::contact::{Contact, Secret, Webhook, is_mail_address};
use roamhub_core::trouble::Pace;
use roamhub_core::watchdog::Limits;
use roamhub_services::partners_file::parse_duration;
use roamhub_services::people::PeopleSettings;
use roamhub_services::secret_text::{SecretText, read_file};
use serde::Deserialize;

use crate::mail::{Encryption, SmtpSettings};
use crate::watching::Watching;

/// The port of mail servers that take mails to hand on.
const SUBMISSION: u16 = 587;

/// `[watchdog]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchdogSection {
    every: Option<String>,
    never_started: Option<String>,
    without_end: Option<String>,
    progress_every: Option<String>,
    silent_progress: Option<u32>,
    undecided: Option<String>,
    forget_after: Option<String>,
    certificate_expires: Option<String>,
}

/// `[notify]`: the people who run the hub, and when anybody hears of anything.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifySection {
    webhook: Option<String>,
    secret: Option<SecretText>,
    secret_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    #[serde(default)]
    allow_private: bool,
    mail: Option<String>,
    after: Option<String>,
    remind_after: Option<String>,
    remind_at_most: Option<String>,
    look_every: Option<String>,
    ghosts: Option<u64>,
}

/// `[smtp]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpSection {
    host: Option<String>,
    port: Option<u16>,
    encryption: Option<String>,
    ca: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    from: Option<String>,
}

/// Puts environment, file and defaults together.
pub(crate) fn settle(
    watchdog: WatchdogSection,
    notify: NotifySection,
    smtp: SmtpSection,
) -> anyhow::Result<Watching> {
    let usual = Watching::default();
    let every = duration("WATCHDOG_EVERY", watchdog.every.clone(), usual.every)?;
    let smtp = mail_server(smtp)?;
    let notice = notice(watchdog.certificate_expires.clone(), usual.people.certificate_notice)?;
    let people = PeopleSettings { certificate_notice: notice, ..people(notify, usual.people)? };
    if people.contact.mail.is_some() && smtp.is_none() {
        bail!("notify.mail needs a mail server: say [smtp] host in roamhub.toml, or ROAMHUB_SMTP_HOST");
    }
    Ok(Watching { limits: limits(watchdog, usual.limits)?, every, people, smtp, ..usual })
}

fn limits(section: WatchdogSection, usual: Limits) -> anyhow::Result<Limits> {
    let silent_progress = number("WATCHDOG_SILENT_PROGRESS", section.silent_progress, usual.silent_progress)?;
    ensure!(silent_progress > 0, "watchdog.silent_progress is at least 1");
    Ok(Limits {
        never_started: duration("WATCHDOG_NEVER_STARTED", section.never_started, usual.never_started)?,
        without_end: duration("WATCHDOG_WITHOUT_END", section.without_end, usual.without_end)?,
        progress_every: duration("WATCHDOG_PROGRESS_EVERY", section.progress_every, usual.progress_every)?,
        silent_progress,
        undecided: duration("WATCHDOG_UNDECIDED", section.undecided, usual.undecided)?,
        forget_after: duration("WATCHDOG_FORGET_AFTER", section.forget_after, usual.forget_after)?,
    })
}

fn people(section: NotifySection, usual: PeopleSettings) -> anyhow::Result<PeopleSettings> {
    let pace = usual.pace;
    let webhook =
        match (text("NOTIFY_WEBHOOK", section.webhook), webhook_secret(section.secret, section.secret_file)?)
        {
            (None, _) => None,
            (Some(url), secret) => {
                let fine = url.starts_with("https://") || url.starts_with("http://");
                ensure!(fine && !url.contains(char::is_whitespace), "notify.webhook: {url:?} is not a URL");
                let secret = secret.filter(|secret| secret.expose().len() >= 16);
                let secret = secret.context("notify.webhook needs a secret of at least 16 characters")?;
                let reach = Reach::allowing_private(section.allow_private);
                Some(Webhook { url, secret, ca: section.ca, reach })
            }
        };
    let mail = text("NOTIFY_MAIL", section.mail);
    if let Some(mail) = &mail {
        ensure!(is_mail_address(mail), "notify.mail: {mail:?} is no mail address");
    }
    Ok(PeopleSettings {
        pace: Pace {
            settle: duration("NOTIFY_AFTER", section.after, pace.settle)?,
            first_reminder: duration("NOTIFY_REMIND_AFTER", section.remind_after, pace.first_reminder)?,
            longest: duration("NOTIFY_REMIND_AT_MOST", section.remind_at_most, pace.longest)?,
        },
        look_every: duration("NOTIFY_LOOK_EVERY", section.look_every, usual.look_every)?,
        ghosts: number("NOTIFY_GHOSTS", section.ghosts, usual.ghosts)?.max(1),
        contact: Contact { webhook, mail },
        ..usual
    })
}

/// The webhook's secret: the environment's, or the file's; each says it, or names a file that holds it.
fn webhook_secret(said: Option<SecretText>, file: Option<PathBuf>) -> anyhow::Result<Option<Secret>> {
    let path = match (text("NOTIFY_SECRET", None), text("NOTIFY_SECRET_FILE", None)) {
        (Some(secret), _) => return Ok(Some(Secret::new(secret))),
        (None, Some(path)) => PathBuf::from(path),
        (None, None) => match (said, file) {
            (Some(_), Some(_)) => bail!("say notify.secret or notify.secret_file, not both"),
            (Some(SecretText(secret)), None) => return Ok(Some(secret)),
            (None, Some(path)) => path,
            (None, None) => return Ok(None),
        },
    };
    let read = read_file(&path).map_err(|problem| anyhow!("notify.secret_file: {problem}"))?;
    Ok(Some(read))
}

/// How long before its end a certificate is worth a word: in days too, and "0" for never.
fn notice(from_file: Option<String>, usual: Duration) -> anyhow::Result<Duration> {
    const DAY: u64 = 24 * 60 * 60;
    const VARIABLE: &str = "WATCHDOG_CERTIFICATE_EXPIRES";
    let Some(said) = text(VARIABLE, from_file.clone()) else { return Ok(usual) };
    if said == "0" {
        return Ok(Duration::ZERO);
    }
    match said.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()) {
        Some(days) => {
            let seconds = days.checked_mul(DAY).context("watchdog.certificate_expires: too many days")?;
            Ok(Duration::from_secs(seconds))
        }
        None => duration(VARIABLE, from_file, usual),
    }
}

fn mail_server(section: SmtpSection) -> anyhow::Result<Option<SmtpSettings>> {
    let Some(host) = text("SMTP_HOST", section.host) else { return Ok(None) };
    let encryption = match text("SMTP_ENCRYPTION", section.encryption).as_deref() {
        None | Some("starttls") => Encryption::StartTls,
        Some("tls") => Encryption::Tls,
        Some("none") => Encryption::None,
        Some(other) => {
            bail!("smtp.encryption: {other:?} is not \"starttls\", \"tls\" or \"none\"")
        }
    };
    let from = text("SMTP_FROM", section.from).context("smtp.from: say whose mails they are")?;
    let file = text("SMTP_PASSWORD_FILE", None).map(PathBuf::from).or(section.password_file);
    let password = match (text("SMTP_PASSWORD", None), file) {
        (Some(password), _) => Some(Secret::new(password)),
        (None, Some(file)) => {
            Some(read_file(&file).map_err(|problem| anyhow!("smtp.password_file: {problem}"))?)
        }
        (None, None) => None,
    };
    let login = match (text("SMTP_USER", section.user), password) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            bail!("smtp.user needs a password: smtp.password_file, or ROAMHUB_SMTP_PASSWORD")
        }
        (None, _) => None,
    };
    ensure!(
        login.is_none() || encryption != Encryption::None || is_this_machine(&host),
        "smtp: a password does not go over the network in the clear; choose another smtp.encryption"
    );
    let port = number("SMTP_PORT", section.port, SUBMISSION)?;
    Ok(Some(SmtpSettings { host, port, encryption, ca: section.ca, login, from }))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the file calls it: `WATCHDOG_EVERY` is `watchdog.every`.
fn in_file(variable: &str) -> String {
    variable.to_ascii_lowercase().replacen('_', ".", 1)
}

/// The environment's word, or the file's.
fn text(variable: &str, from_file: Option<String>) -> Option<String> {
    std::env::var(format!("ROAMHUB_{variable}")).ok().filter(|value| !value.is_empty()).or(from_file)
}

fn duration(variable: &str, from_file: Option<String>, usual: Duration) -> anyhow::Result<Duration> {
    let Some(text) = text(variable, from_file) else { return Ok(usual) };
    parse_duration(&text).ok_or_else(|| {
        let name = in_file(variable);
        anyhow!(
            "{name} (ROAMHUB_{variable}): {text:?} is no duration; say a number with a unit: 200ms, 5s, 2m or 4h"
        )
    })
}

fn number<N: FromStr>(variable: &str, from_file: Option<N>, usual: N) -> anyhow::Result<N> {
    match text(variable, None) {
        Some(text) => text.parse().map_err(|_| anyhow!("ROAMHUB_{variable}: {text:?} is no such number")),
        None => Ok(from_file.unwrap_or(usual)),
    }
}
