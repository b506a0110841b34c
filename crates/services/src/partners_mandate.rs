//! The mandated End in the partners document: an operator's `preauthorisation_expires`, a provider's `accepts_mandated_end`.

use std::time::Duration;

use oicp::NotificationType;
use roamhub_core::directory::Provider;
use roamhub_core::mandate::{LONGEST, SHORTEST};
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};

impl Reader<'_> {
    /// After how long without a word a session of the operator is ended on its behalf; never, unless it says so.
    pub(crate) fn preauthorisation_expires(
        &self,
        text: Option<&Spanned<String>>,
    ) -> Result<Option<Duration>, PartnersError> {
        let Some(text) = text else { return Ok(None) };
        let expires = self.duration(text)?;
        if !(SHORTEST..=LONGEST).contains(&expires) {
            let problem = "preauthorisation_expires is between 1s and 24h; 15m is usual, and less than some minutes \
                           ends sessions whose driver is still plugging in";
            return Err(self.wrong(text, problem));
        }
        Ok(Some(expires))
    }

    /// Whoever accepts such Ends must be able to hear them.
    pub(crate) fn accepts_mandated_end(
        &self,
        accepts: Option<&Spanned<bool>>,
        provider: Provider,
    ) -> Result<Provider, PartnersError> {
        let Some(accepts) = accepts.filter(|accepts| *accepts.get_ref()) else { return Ok(provider) };
        if !provider.hears(NotificationType::End) && !provider.feed {
            let problem = "accepts_mandated_end needs a way to hear of an End: the service \"notifications\" with the \
                           type \"End\", or feed = true";
            return Err(self.wrong(accepts, problem));
        }
        Ok(Provider { accepts_mandated_end: true, ..provider })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::partners_file::read;

    fn with(operator: &str, provider: &str) -> Result<(Option<Duration>, bool), PartnersError> {
        let text = format!(
            "[[operator]]\nid = \"DE*ABC\"\n{operator}\n[[provider]]\nid = \"DE-DCB\"\nurl = \"https://emp.example\"\n{provider}\n"
        );
        let directory = read(&text, Path::new(""))?;
        let operator = directory.operators().next().expect("there is one").preauthorisation_expires;
        Ok((operator, directory.providers().next().expect("there is one").accepts_mandated_end))
    }

    #[test]
    fn nobody_has_agreed_who_does_not_say_so() {
        assert_eq!(with("", ""), Ok((None, false)));
        assert_eq!(with("", "accepts_mandated_end = false"), Ok((None, false)));
        let quarter = Some(Duration::from_secs(900));
        for provider in ["services = [\"notifications\"]", "feed = true"] {
            let provider = format!("{provider}\naccepts_mandated_end = true");
            assert_eq!(with("preauthorisation_expires = \"15m\"", &provider), Ok((quarter, true)));
        }
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for expires in ["25h", "10ms", "0s"] {
            let error = with(&format!("preauthorisation_expires = \"{expires}\""), "").expect_err(expires);
            assert_eq!(error.line, 3, "{expires}: {error}");
        }
        for provider in [
            "",
            "services = [\"authorization\"]",
            "services = [\"notifications\"]\nnotification_types = [\"Start\"]",
        ] {
            let lines = provider.lines().count();
            let error = with("", &format!("{provider}\naccepts_mandated_end = true")).expect_err(provider);
            assert_eq!(error.line, 7 + lines.max(1), "{provider}: {error}");
            assert!(error.problem.contains("feed = true"), "{error}");
        }
    }
}
