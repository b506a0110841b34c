//! How a provider's lane is run, as the partners document says it: `concurrency`, `drain_rate`, `breaker`.

use std::time::Duration;

use roamhub_core::breaker::BreakerSettings;
use roamhub_core::lane::LaneSettings;
use serde::Deserialize;
use toml::Spanned;

use crate::partners_file::{PartnersError, ProviderEntry, Reader};

/// More at a time would be more than one hub has connections for.
const MOST_CONCURRENCY: usize = 10_000;
/// A rate beyond this is no bound.
const MOST_PER_SECOND: u32 = 1_000_000;
/// A provider is probed at least this often.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// `breaker = { failures = 5, pause = "5s", longest_pause = "60s" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakerEntry {
    failures: Option<Spanned<u32>>,
    pause: Option<Spanned<String>>,
    longest_pause: Option<Spanned<String>>,
}

impl Reader<'_> {
    /// Every setting has a default; each is checked by itself.
    pub(crate) fn lane(&self, entry: &ProviderEntry) -> Result<LaneSettings, PartnersError> {
        let usual = LaneSettings::default();
        let concurrency = match &entry.concurrency {
            Some(number) if (2..=MOST_CONCURRENCY).contains(number.get_ref()) => *number.get_ref(),
            Some(number) => {
                let problem = "concurrency is from 2 (one first attempt, one from the backlog) to 10000";
                return Err(self.wrong(number, problem));
            }
            None => usual.concurrency,
        };
        let drain_rate = match &entry.drain_rate {
            Some(rate) if (1..=MOST_PER_SECOND).contains(rate.get_ref()) => *rate.get_ref(),
            Some(rate) => {
                return Err(self.wrong(rate, "drain_rate is deliveries per second, from 1 to 1000000"));
            }
            None => usual.drain_rate,
        };
        let breaker = entry.breaker.as_ref().map_or(Ok(usual.breaker), |breaker| self.breaker(breaker))?;
        Ok(LaneSettings { concurrency, drain_rate, breaker })
    }

    fn breaker(&self, entry: &BreakerEntry) -> Result<BreakerSettings, PartnersError> {
        let usual = BreakerSettings::default();
        let failures = match &entry.failures {
            Some(failures) if *failures.get_ref() == 0 => {
                return Err(self.wrong(failures, "a breaker opens after at least 1 failure"));
            }
            failures => failures.as_ref().map_or(usual.failures, |failures| *failures.get_ref()),
        };
        let pause = self.pause(entry.pause.as_ref())?;
        let longest = self.pause(entry.longest_pause.as_ref())?;
        let longest_pause = longest.unwrap_or(usual.longest_pause.max(pause.unwrap_or_default()));
        let pause = pause.unwrap_or(usual.pause.min(longest_pause));
        match &entry.longest_pause {
            Some(text) if longest_pause < pause => {
                Err(self.wrong(text, "longest_pause is at least as long as pause"))
            }
            _ => Ok(BreakerSettings { failures, pause, longest_pause, successes: usual.successes }),
        }
    }

    fn pause(&self, text: Option<&Spanned<String>>) -> Result<Option<Duration>, PartnersError> {
        let Some(text) = text else { return Ok(None) };
        let pause = self.duration(text)?;
        if pause > LONGEST_PAUSE {
            return Err(self.wrong(text, "a provider that is not reached is probed at least once in 1h"));
        }
        Ok(Some(pause))
    }
}
