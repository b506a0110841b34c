//! A partner's own allowances in the partners document: `limits = { notifications = 400, authorize_start = "unlimited" }`,
//! calls per minute. They go over the hub's.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use oicp::service::Service;
use roamhub_core::allowance::{Figure, Figures, of_word, word};
use serde::Deserialize;
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};

/// A figure beyond this is no limit.
const MOST: u32 = 1_000_000;

/// `limits = { … }`, by the operations' words.
pub(crate) type LimitsEntry = BTreeMap<Spanned<String>, Spanned<FigureEntry>>;

/// A number of calls a minute, or `"unlimited"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FigureEntry {
    /// So many a minute.
    Number(i64),
    /// A word.
    Word(String),
}

/// Who has the limits: each side calls operations of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Operator,
    Provider,
}

impl Side {
    fn calls(self, service: Service) -> bool {
        let template = service.template();
        match self {
            Self::Operator => !template.contains("/providers/"),
            Self::Provider => template.contains("/providers/"),
        }
    }
}

impl FigureEntry {
    /// What it says.
    ///
    /// # Errors
    /// What it should say.
    pub fn figure(&self) -> Result<Figure, String> {
        let number = match self {
            Self::Word(word) if word == "unlimited" => return Ok(Figure::Unlimited),
            Self::Word(_) => None,
            Self::Number(number) => u32::try_from(*number).ok().filter(|number| *number <= MOST),
        };
        number.and_then(NonZeroU32::new).map(Figure::PerMinute).ok_or_else(|| {
            format!("an allowance is a number of calls a minute, from 1 to {MOST}, or \"unlimited\"")
        })
    }
}

/// The operation that settings call so.
///
/// # Errors
/// Which ones there are.
pub fn operation(text: &str) -> Result<Service, String> {
    of_word(text).ok_or_else(|| format!("{text:?} is no operation; there are {}", listed(|_| true)))
}

fn listed(wanted: impl Fn(Service) -> bool) -> String {
    let words: Vec<_> = Service::ALL.into_iter().filter(|service| wanted(*service)).map(word).collect();
    words.join(", ")
}

impl Reader<'_> {
    pub(crate) fn limits(&self, entry: &LimitsEntry, side: Side) -> Result<Figures, PartnersError> {
        let mut figures = Figures::default();
        for (name, figure) in entry {
            let service = operation(name.get_ref()).map_err(|problem| self.wrong(name, problem))?;
            if !side.calls(service) {
                let whose = if side == Side::Operator { "an operator" } else { "a provider" };
                let problem = format!(
                    "{:?} is not called by {whose}, which calls {}",
                    name.get_ref(),
                    listed(|service| side.calls(service))
                );
                return Err(self.wrong(name, problem));
            }
            figures.set(service, figure.get_ref().figure().map_err(|problem| self.wrong(figure, problem))?);
        }
        Ok(figures)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::partners_file::read;

    fn partners(operator: &str, provider: &str) -> Result<(Figures, Figures), PartnersError> {
        let text =
            format!("[[operator]]\nid = \"DE*ABC\"\n{operator}\n[[provider]]\nid = \"DE-DCB\"\n{provider}\n");
        let directory = read(&text, Path::new("."))?;
        let operator = directory.operators().next().expect("there is one").limits.clone();
        Ok((operator, directory.providers().next().expect("there is one").limits.clone()))
    }

    #[test]
    fn each_partner_has_figures_of_its_own_operations() {
        let number = |number| Some(Figure::PerMinute(NonZeroU32::new(number).unwrap()));
        let (operator, provider) = partners(
            "limits = { notifications = 400, authorize_start = \"unlimited\" }",
            "limits = { remote_start = 7 }",
        )
        .unwrap();
        assert_eq!(operator.of(Service::ChargingNotifications), number(400));
        assert_eq!(operator.of(Service::AuthorizeStart), Some(Figure::Unlimited));
        assert_eq!(operator.of(Service::AuthorizeStop), None);
        assert_eq!(provider.of(Service::RemoteStart), number(7));
        assert_eq!(partners("", "").unwrap(), (Figures::default(), Figures::default()));
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for (operator, provider, line, problem) in [
            (
                "limits = { notifikations = 1 }",
                "",
                3,
                "\"notifikations\" is no operation; there are authorize_start",
            ),
            ("limits = { notifications = 0 }", "", 3, "from 1 to 1000000, or \"unlimited\""),
            ("limits = { notifications = -5 }", "", 3, "from 1 to 1000000"),
            ("limits = { notifications = 1000001 }", "", 3, "from 1 to 1000000"),
            ("limits = { notifications = \"many\" }", "", 3, "\"unlimited\""),
            ("limits = { remote_start = 5 }", "", 3, "is not called by an operator"),
            ("", "limits = { notifications = 5 }", 6, "is not called by a provider"),
            ("[operator.limits]\nauthorize_start = 5\nnotifications = 0", "", 5, "from 1 to 1000000"),
        ] {
            let error = partners(operator, provider).expect_err(operator);
            assert_eq!(error.line, line, "{operator}{provider}: {error}");
            assert!(error.problem.contains(problem), "{operator}{provider}: {error}");
        }
    }
}
