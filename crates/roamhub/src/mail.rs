//! Handing mails to a mail server (SMTP), one connection a mail: they are rare.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use roamhub_core::contact::Secret;
use roamhub_core::ports::Task;
use roamhub_core::ports::people::{Mail, MailFailure, Mailer};
use serde::Deserialize;

/// What one command of the conversation may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the conversation is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encryption {
    /// It begins plain and must become encrypted before anything is said (usually port 587).
    #[default]
    StartTls,
    /// From the first byte on (usually port 465).
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

/// A mail server and how it is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct SmtpSettings {
    /// Its name.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How the conversation is encrypted.
    pub(crate) encryption: Encryption,
    /// Extra trust for its certificate (PEM file).
    pub(crate) ca: Option<PathBuf>,
    /// Name and password, where it wants them.
    pub(crate) login: Option<(String, Secret)>,
    /// Whose mails they are.
    pub(crate) from: String,
}

/// Hands mails to one server.
pub(crate) struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Reads what the settings name; talks to nobody yet.
    pub(crate) fn new(settings: SmtpSettings) -> anyhow::Result<Self> {
        let from: Mailbox = settings
            .from
            .parse()
            .with_context(|| format!("smtp.from: {:?} is no mail address", settings.from))?;
        let tls = match settings.encryption {
            Encryption::StartTls => Tls::Required(tls(&settings)?),
            Encryption::Tls => Tls::Wrapper(tls(&settings)?),
            Encryption::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let Some((name, password)) = settings.login {
            transport = transport.credentials(Credentials::new(name, password.expose().to_owned()));
        }
        Ok(Self { transport: transport.build(), from })
    }

    async fn hand_over(&self, mail: Mail) -> Result<(), MailFailure> {
        let to: Address = mail.to.parse().map_err(|_| MailFailure::ForGood("no mail address".to_owned()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|error| MailFailure::ForGood(error.to_string()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(MailFailure::ForGood(error.to_string())),
            Err(error) => Err(MailFailure::ForNow(error.to_string())),
        }
    }
}

fn tls(settings: &SmtpSettings) -> anyhow::Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        let pem = std::fs::read(path).with_context(|| format!("smtp.ca: cannot read {}", path.display()))?;
        let extra = Certificate::from_pem(&pem)
            .with_context(|| format!("smtp.ca: {} holds no certificate", path.display()))?;
        parameters = parameters.add_root_certificate(extra);
    }
    parameters.build().context("smtp: TLS cannot be set up")
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> Task<'_, Result<(), MailFailure>> {
        Box::pin(self.hand_over(mail))
    }
}
