//! `notify = { webhook = "https://…", secret = "…", mail = "ops@…" }` of a partner: how its people hear of troubles.

use std::path::PathBuf;

use roamhub_core::address::Reach;
use roamhub_core::contact::{Contact, Secret, Webhook, is_mail_address};
use serde::Deserialize;
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};
use crate::secret_text::{SecretText, read_file};

/// The shortest secret: shorter ones are guessed.
const SHORTEST_SECRET: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifyEntry {
    webhook: Option<Spanned<String>>,
    secret: Option<Spanned<SecretText>>,
    secret_file: Option<Spanned<PathBuf>>,
    ca: Option<PathBuf>,
    #[serde(default)]
    allow_private: bool,
    mail: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(crate) fn contact(&self, entry: Option<&NotifyEntry>) -> Result<Contact, PartnersError> {
        let Some(entry) = entry else { return Ok(Contact::default()) };
        let webhook = match (&entry.webhook, self.secret(entry)?) {
            (None, None) => None,
            (Some(url), Some((_, secret))) if secret.expose().len() >= SHORTEST_SECRET => Some(Webhook {
                url: self.url_without(url, &['#', '@'], "a URL like https://partner.example/alerts")?,
                secret,
                ca: entry.ca.as_ref().map(|path| self.folder.join(path)),
                reach: Reach::allowing_private(entry.allow_private),
            }),
            (Some(_), Some((place, _))) => {
                return Err(self.wrong(&place, "a webhook's secret has at least 16 characters"));
            }
            (Some(url), None) => {
                return Err(self.wrong(url, "a webhook needs a secret, with which its messages are signed"));
            }
            (None, Some((place, _))) => {
                return Err(self.wrong(&place, "a secret without a webhook is of no use"));
            }
        };
        let mail = match &entry.mail {
            Some(mail) if !is_mail_address(mail.get_ref()) => {
                return Err(self.wrong(mail, format!("{:?} is no mail address", mail.get_ref())));
            }
            mail => mail.as_ref().map(|mail| mail.get_ref().clone()),
        };
        Ok(Contact { webhook, mail })
    }

    /// The secret, from the document or from its file, and its place in the document.
    fn secret(&self, entry: &NotifyEntry) -> Result<Option<(Spanned<()>, Secret)>, PartnersError> {
        match (&entry.secret, &entry.secret_file) {
            (None, None) => Ok(None),
            (Some(secret), None) => Ok(Some((Spanned::new(secret.span(), ()), secret.get_ref().0.clone()))),
            (None, Some(file)) => {
                let secret = read_file(&self.folder.join(file.get_ref()));
                Ok(Some((
                    Spanned::new(file.span(), ()),
                    secret.map_err(|problem| self.wrong(file, problem))?,
                )))
            }
            (Some(_), Some(file)) => Err(self.wrong(file, "say secret or secret_file, not both")),
        }
    }
}
