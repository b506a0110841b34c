//! The partners document: TOML, written by people. Whatever is wrong in it is an error that names the line, because a
//! blank in a URL or a misspelt key is how messages get lost without a sound.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use oicp::status::Code;
use oicp::{NotificationType, OperatorId, ProviderId};
use roamhub_core::directory::{
    Contract, Directory, OfferedService, Operator, Party, Provider, WhenUnreachable,
};
use roamhub_core::outcome::FaultCodes;
use roamhub_core::retry::RetrySchedule;
use serde::Deserialize;
use toml::Spanned;

use crate::partners_contact::NotifyEntry;
use crate::partners_lanes::BreakerEntry;
use crate::partners_limits::{LimitsEntry, Side};
use crate::secret_text::SecretText;

/// What is wrong with a partners document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {problem}")]
pub struct PartnersError {
    /// Counted from 1.
    pub line: usize,
    /// What, and what to do about it.
    pub problem: String,
}

/// What a provider gets for one exchange, by default and at most: an End is answered within 8 s, everything included.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(6);

/// The service that a provider needs no URL for.
const AUTHENTICATION_DATA: &str = "authentication-data";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    operator: Vec<OperatorEntry>,
    #[serde(default)]
    provider: Vec<ProviderEntry>,
    #[serde(default)]
    contract: Vec<ContractEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorEntry {
    id: Spanned<String>,
    name: Option<String>,
    pub(crate) url: Option<Spanned<String>>,
    #[serde(default)]
    sub_operators: Vec<Spanned<String>>,
    #[serde(default)]
    certificates: Vec<Spanned<toml::Value>>,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    strict: bool,
    pub(crate) services: Option<Vec<Spanned<String>>>,
    pub(crate) timeout: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<Spanned<String>, Spanned<SecretText>>,
    #[serde(default)]
    pub(crate) header_files: BTreeMap<Spanned<String>, Spanned<PathBuf>>,
    #[serde(default)]
    pub(crate) allow_private: bool,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) client_certificate: Option<Spanned<String>>,
    pub(crate) client_key: Option<Spanned<String>>,
    notify: Option<NotifyEntry>,
    preauthorisation_expires: Option<Spanned<String>>,
    #[serde(default)]
    limits: LimitsEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderEntry {
    id: Spanned<String>,
    name: Option<String>,
    url: Option<Spanned<String>>,
    #[serde(default)]
    services: Vec<Spanned<String>>,
    notification_types: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    sub_providers: Vec<Spanned<String>>,
    #[serde(default)]
    certificates: Vec<Spanned<toml::Value>>,
    #[serde(default = "yes")]
    broadcast: bool,
    when_unreachable: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    retry: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) concurrency: Option<Spanned<usize>>,
    pub(crate) drain_rate: Option<Spanned<u32>>,
    pub(crate) breaker: Option<BreakerEntry>,
    fault_codes: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, Spanned<SecretText>>,
    #[serde(default)]
    header_files: BTreeMap<Spanned<String>, Spanned<PathBuf>>,
    #[serde(default)]
    allow_private: bool,
    ca: Option<PathBuf>,
    client_certificate: Option<Spanned<String>>,
    client_key: Option<Spanned<String>>,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    feed: bool,
    notify: Option<NotifyEntry>,
    accepts_mandated_end: Option<Spanned<bool>>,
    #[serde(default)]
    limits: LimitsEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractEntry {
    operator: Spanned<String>,
    provider: Spanned<String>,
    services: Vec<Spanned<String>>,
}

/// A provider that offers authorisation is asked about cards nobody knows, unless it says otherwise.
fn yes() -> bool {
    true
}

/// Reads a partners document. Relative file names in it are relative to `folder`.
///
/// # Errors
/// [`PartnersError`], the first one found, with its line.
pub fn read(text: &str, folder: &Path) -> Result<Directory, PartnersError> {
    let reader = Reader { text, folder };
    let document: Document = toml::from_str(text).map_err(|error| PartnersError {
        line: error.span().map_or(1, |span| reader.line(span.start)),
        problem: error.message().to_owned(),
    })?;
    let operators: Vec<_> =
        document.operator.iter().map(|entry| reader.operator(entry)).collect::<Result<_, _>>()?;
    let providers: Vec<_> =
        document.provider.iter().map(|entry| reader.provider(entry)).collect::<Result<_, _>>()?;
    reader.once_each(
        document.operator.iter().flat_map(|e| std::iter::once(&e.id).chain(&e.sub_operators)),
        |text| OperatorId::parse(text).map(|id| id.key().to_owned()).unwrap_or_default(),
    )?;
    reader.once_each(
        document.provider.iter().flat_map(|e| std::iter::once(&e.id).chain(&e.sub_providers)),
        |text| ProviderId::parse(text).map(|id| id.key().to_owned()).unwrap_or_default(),
    )?;
    let directory = Directory::new(operators, providers, Vec::new());
    let contracts = document.contract.iter().map(|entry| reader.contract(entry, &directory));
    let contracts = contracts.collect::<Result<Vec<_>, _>>()?;
    Ok(directory.with_contracts(contracts))
}

pub(crate) struct Reader<'a> {
    text: &'a str,
    pub(crate) folder: &'a Path,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    pub(crate) fn wrong<T>(&self, at: &Spanned<T>, problem: impl Into<String>) -> PartnersError {
        PartnersError { line: self.line(at.span().start), problem: problem.into() }
    }

    fn operator(&self, entry: &OperatorEntry) -> Result<Operator, PartnersError> {
        Ok(Operator {
            id: self.operator_id(&entry.id)?,
            name: entry.name.clone(),
            url: entry.url.as_ref().map(|url| self.url(url)).transpose()?,
            sub_operators: self.all(&entry.sub_operators, Self::operator_id)?,
            certificates: self.certificates(&entry.certificates)?,
            locked: entry.locked,
            strict: entry.strict,
            remote: self.remote(entry)?,
            contact: self.contact(entry.notify.as_ref())?,
            preauthorisation_expires: self
                .preauthorisation_expires(entry.preauthorisation_expires.as_ref())?,
            limits: self.limits(&entry.limits, Side::Operator)?,
        })
    }

    fn provider(&self, entry: &ProviderEntry) -> Result<Provider, PartnersError> {
        let services: BTreeSet<_> = self.all(&entry.services, Self::service)?.into_iter().collect();
        // To upload is the provider's own call: it needs no address.
        let first = entry.services.iter().find(|word| word.get_ref() != AUTHENTICATION_DATA);
        if let (Some(first), None) = (first, &entry.url) {
            return Err(self.wrong(first, "services need a url; add the provider's base URL or remove them"));
        }
        let provider = Provider {
            id: self.provider_id(&entry.id)?,
            name: entry.name.clone(),
            url: entry.url.as_ref().map(|url| self.url(url)).transpose()?,
            services,
            notification_types: match &entry.notification_types {
                Some(types) => self.all(types, Self::notification_type)?,
                None => NotificationType::ALL.to_vec(),
            },
            sub_providers: self.all(&entry.sub_providers, Self::provider_id)?,
            certificates: self.certificates(&entry.certificates)?,
            broadcast: entry.broadcast,
            when_unreachable: entry.when_unreachable.as_ref().map_or(
                Ok(WhenUnreachable::default()),
                |word| match word.get_ref().as_str() {
                    "defer" => Ok(WhenUnreachable::Defer),
                    "accept" => Ok(WhenUnreachable::Accept),
                    _ => Err(self.wrong(word, "when_unreachable is \"defer\" or \"accept\"")),
                },
            )?,
            timeout: self.timeout(entry.timeout.as_ref())?,
            retry: self.schedule(entry.retry.as_ref())?,
            faults: match &entry.fault_codes {
                Some(codes) => FaultCodes::new(self.all(codes, Self::code)?),
                None => FaultCodes::default(),
            },
            lane: self.lane(entry)?,
            headers: self.headers(&entry.headers, &entry.header_files)?,
            allow_private: entry.allow_private,
            ca: entry.ca.as_ref().map(|path| self.folder.join(path)),
            client: self.client(entry.client_certificate.as_ref(), entry.client_key.as_ref())?,
            locked: entry.locked,
            feed: entry.feed,
            contact: self.contact(entry.notify.as_ref())?,
            accepts_mandated_end: false,
            limits: self.limits(&entry.limits, Side::Provider)?,
        };
        self.accepts_mandated_end(entry.accepts_mandated_end.as_ref(), provider)
    }

    fn contract(&self, entry: &ContractEntry, directory: &Directory) -> Result<Contract, PartnersError> {
        let operator = match entry.operator.get_ref().as_str() {
            "*" => Party::Any,
            _ => Party::One(self.operator_id(&entry.operator)?),
        };
        let provider = match entry.provider.get_ref().as_str() {
            "*" => Party::Any,
            _ => Party::One(self.provider_id(&entry.provider)?),
        };
        if let Party::One(id) = &operator
            && directory.operator(id).is_none()
        {
            return Err(self.wrong(&entry.operator, format!("no [[operator]] has the id {id}")));
        }
        if let Party::One(id) = &provider
            && directory.responsible_provider(id).is_none()
        {
            return Err(self.wrong(&entry.provider, format!("no [[provider]] has the id {id}")));
        }
        let services = self.all(&entry.services, Self::service)?.into_iter().collect();
        Ok(Contract { operator, provider, services })
    }

    fn once_each<'d>(
        &self,
        ids: impl Iterator<Item = &'d Spanned<String>>,
        key: impl Fn(&str) -> String,
    ) -> Result<(), PartnersError> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for id in ids {
            if let Some(first) = seen.insert(key(id.get_ref()), self.line(id.span().start)) {
                let problem = format!("{} is already defined in line {first}", id.get_ref());
                return Err(self.wrong(id, problem));
            }
        }
        Ok(())
    }

    pub(crate) fn all<T>(
        &self,
        entries: &[Spanned<String>],
        read: fn(&Self, &Spanned<String>) -> Result<T, PartnersError>,
    ) -> Result<Vec<T>, PartnersError> {
        entries.iter().map(|entry| read(self, entry)).collect()
    }

    fn operator_id(&self, text: &Spanned<String>) -> Result<OperatorId, PartnersError> {
        OperatorId::parse(text.get_ref()).map_err(|error| self.wrong(text, error.to_string()))
    }

    fn provider_id(&self, text: &Spanned<String>) -> Result<ProviderId, PartnersError> {
        ProviderId::parse(text.get_ref()).map_err(|error| self.wrong(text, error.to_string()))
    }

    fn url(&self, text: &Spanned<String>) -> Result<String, PartnersError> {
        self.url_without(text, &['?', '#', '@'], "a base URL like https://partner.example/base")
    }

    /// A URL without these characters after its scheme.
    pub(crate) fn url_without(
        &self,
        text: &Spanned<String>,
        forbidden: &[char],
        wanted: &str,
    ) -> Result<String, PartnersError> {
        let url = text.get_ref();
        if url.contains(char::is_whitespace) {
            return Err(self.wrong(text, format!("there is a blank in the URL {url:?}")));
        }
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match rest {
            Some(rest)
                if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                    && !rest.contains(forbidden) =>
            {
                Ok(url.clone())
            }
            _ => Err(self.wrong(text, format!("{url:?} is not {wanted}"))),
        }
    }

    fn service(&self, text: &Spanned<String>) -> Result<OfferedService, PartnersError> {
        match text.get_ref().as_str() {
            "authorization" => Ok(OfferedService::Authorization),
            "notifications" => Ok(OfferedService::Notifications),
            "cdr" => Ok(OfferedService::Cdr),
            "reservation" => Ok(OfferedService::Reservation),
            AUTHENTICATION_DATA => Ok(OfferedService::AuthenticationData),
            other => Err(self.wrong(
                text,
                format!("{other:?} is no service; there are \"authorization\", \"notifications\", \"cdr\", \"reservation\", \"{AUTHENTICATION_DATA}\""),
            )),
        }
    }

    fn notification_type(&self, text: &Spanned<String>) -> Result<NotificationType, PartnersError> {
        NotificationType::parse(text.get_ref()).ok_or_else(|| {
            self.wrong(text, "a notification type is \"Start\", \"Progress\", \"End\" or \"Error\"")
        })
    }

    fn code(&self, text: &Spanned<String>) -> Result<Code, PartnersError> {
        Code::parse(text.get_ref())
            .ok_or_else(|| self.wrong(text, "a status code is three digits, like \"021\""))
    }

    fn timeout(&self, text: Option<&Spanned<String>>) -> Result<Duration, PartnersError> {
        let Some(text) = text else { return Ok(LONGEST_TIMEOUT) };
        let timeout = self.duration(text)?;
        if timeout > LONGEST_TIMEOUT {
            let problem = "more than 6s leaves no time to answer the operator within its 8 s";
            return Err(self.wrong(text, problem));
        }
        Ok(timeout)
    }

    fn schedule(
        &self,
        steps: Option<&Spanned<Vec<Spanned<String>>>>,
    ) -> Result<RetrySchedule, PartnersError> {
        let Some(steps) = steps else { return Ok(RetrySchedule::default()) };
        RetrySchedule::new(self.all(steps.get_ref(), Self::duration)?)
            .ok_or_else(|| self.wrong(steps, "retry needs at least one step, like [\"5s\"]"))
    }

    /// A duration like `200ms`, `5s`, `2m`, `4h`; more than nothing.
    pub(crate) fn duration(&self, text: &Spanned<String>) -> Result<Duration, PartnersError> {
        parse_duration(text.get_ref())
            .ok_or_else(|| self.wrong(text, "a duration is a number with a unit: 200ms, 5s, 2m or 4h"))
    }
}

/// Reads `200ms`, `5s`, `2m`, `4h`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
#[path = "partners_file_tests.rs"]
mod tests;
