//! `notify = { webhook = "https://…", secret = "…", mail = "ops@…" }` of a partner: how its people hear of troubles.

use std::path::PathBuf;

use roamhub_core::address::Reach;
use roamhub_core::contact::{Contact, Secret, Webhook, is_mail_address};
use serde::Deserialize;
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};

/// The shortest secret: shorter ones are guessed.
const SHORTEST_SECRET: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifyEntry {
    webhook: Option<Spanned<String>>,
    secret: Option<Spanned<String>>,
    ca: Option<PathBuf>,
    #[serde(default)]
    allow_private: bool,
    mail: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(crate) fn contact(&self, entry: Option<&NotifyEntry>) -> Result<Contact, PartnersError> {
        let Some(entry) = entry else { return Ok(Contact::default()) };
        let webhook = match (&entry.webhook, &entry.secret) {
            (None, None) => None,
            (Some(url), Some(secret)) if secret.get_ref().len() >= SHORTEST_SECRET => Some(Webhook {
                url: self.url_without(url, &['#', '@'], "a URL like https://partner.example/alerts")?,
                secret: Secret::new(secret.get_ref().clone()),
                ca: entry.ca.as_ref().map(|path| self.folder.join(path)),
                reach: Reach::allowing_private(entry.allow_private),
            }),
            (Some(_), Some(secret)) => {
                return Err(self.wrong(secret, "a webhook's secret has at least 16 characters"));
            }
            (Some(url), None) => {
                return Err(self.wrong(url, "a webhook needs a secret, with which its messages are signed"));
            }
            (None, Some(secret)) => return Err(self.wrong(secret, "a secret without a webhook is of no use")),
        };
        let mail = match &entry.mail {
            Some(mail) if !is_mail_address(mail.get_ref()) => {
                return Err(self.wrong(mail, format!("{:?} is no mail address", mail.get_ref())));
            }
            mail => mail.as_ref().map(|mail| mail.get_ref().clone()),
        };
        Ok(Contact { webhook, mail })
    }
}
