//! Failed log-ins are slowed down, nobody is locked out.
//!
//! What fails is counted three times. For one account from one address the delay doubles with each failure and guesses
//! queue up behind each other, so that trying many at once gains nothing. For an account from anywhere, and for an address
//! with any account, the delay is short and does not queue: whoever guesses at somebody's account from elsewhere costs
//! that person seconds, not the account. The memory is bounded; what lies back is forgotten.
//!
//! Every attempt counts as failed until it has succeeded. Time is an argument, counted from any fixed instant.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// What failed so long ago is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// How much is remembered of each kind, at most.
const REMEMBERED: usize = 10_000;
/// Guesses of one account from one address: some are free.
const FREE: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Whoever would have to wait longer is told to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Guesses of one account from anywhere, or from one address at anybody's.
const FREE_AT_LARGE: u32 = 10;
const LONGEST_DELAY_AT_LARGE: Duration = Duration::from_secs(4);

/// Where somebody comes from: an IPv4 address, or the network of an IPv6 address, since whoever has one has 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// What an attempt has to do first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Wait so long. `spotless`: nothing has failed for this account from this address.
    After {
        /// How long.
        wait: Duration,
        /// Whether it may go ahead where there is no room to wait.
        spotless: bool,
    },
    /// Come back then: too much waits already.
    ComeBack(Duration),
}

#[derive(Clone, Copy, Default, Debug)]
struct Count {
    failed: u32,
    last: Duration,
    /// Until when those before are being answered.
    busy_until: Duration,
}

/// A bounded memory of failures.
#[derive(Debug)]
struct Tally<K>(HashMap<K, Count>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Tally<K> {
    fn of(&mut self, key: &K, now: Duration) -> Count {
        let count = self.0.get(key).copied().unwrap_or_default();
        if now.saturating_sub(count.last) >= FORGOTTEN_AFTER { Count::default() } else { count }
    }

    fn failed(&mut self, key: K, count: Count, now: Duration) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, count| now.saturating_sub(count.last) < FORGOTTEN_AFTER);
            let oldest = self.0.iter().min_by_key(|(_, count)| count.last).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= REMEMBERED) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key, Count { failed: count.failed.saturating_add(1), last: now, ..count });
    }
}

/// The memory of failed log-ins.
#[derive(Default, Debug)]
pub(super) struct Slowdown {
    pairs: Tally<(String, Source)>,
    accounts: Tally<String>,
    sources: Tally<Source>,
}

/// After so many failures: nothing for those that are free, then doubling up to the longest.
fn delay(failed: u32, free: u32, longest: Duration) -> Duration {
    match failed.checked_sub(free) {
        None => Duration::ZERO,
        Some(beyond) => FIRST_DELAY.saturating_mul(1_u32 << beyond.min(16)).min(longest),
    }
}

impl Slowdown {
    /// Somebody tries to log in; counted as failed until [`Slowdown::succeeded`].
    pub(super) fn attempt(&mut self, now: Duration, account: &str, source: Source) -> Turn {
        let (pair, account) = ((account.to_owned(), source), account.to_owned());
        let mut own = self.pairs.of(&pair, now);
        let due = own.busy_until.max(now).saturating_add(delay(own.failed, FREE, LONGEST_DELAY));
        let own_wait = due.saturating_sub(now);
        if own_wait > LONGEST_WAIT {
            return Turn::ComeBack(own_wait);
        }
        let spotless = own.failed == 0;
        own.busy_until = due;
        self.pairs.failed(pair, own, now);
        let at_account = self.accounts.of(&account, now);
        self.accounts.failed(account, at_account, now);
        let from_source = self.sources.of(&source, now);
        self.sources.failed(source, from_source, now);
        let at_large = at_account.failed.max(from_source.failed);
        let wait = own_wait.max(delay(at_large, FREE_AT_LARGE, LONGEST_DELAY_AT_LARGE));
        Turn::After { wait, spotless }
    }

    /// The attempt was right: it was no failure, and what failed for this account from this address is forgiven.
    pub(super) fn succeeded(&mut self, account: &str, source: Source) {
        self.pairs.0.remove(&(account.to_owned(), source));
        for count in [self.accounts.0.get_mut(account), self.sources.0.get_mut(&source)].into_iter().flatten()
        {
            count.failed = count.failed.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn source(last: u8) -> Source {
        IpAddr::from([192, 0, 2, last]).into()
    }

    fn wait(slowdown: &mut Slowdown, now: Duration, account: &str, from: u8) -> Duration {
        match slowdown.attempt(now, account, source(from)) {
            Turn::After { wait, .. } => wait,
            Turn::ComeBack(wait) => panic!("told to come back in {wait:?}"),
        }
    }

    #[test]
    fn delays_double_for_one_account_from_one_address() {
        let (mut slowdown, mut now, mut waits) = (Slowdown::default(), SECOND, Vec::new());
        for _ in 0..11 {
            let waited = wait(&mut slowdown, now, "anna", 1);
            waits.push(waited.as_millis());
            now += waited;
        }
        assert_eq!(waits, [0, 0, 0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(wait(&mut slowdown, now, "bob", 2), Duration::ZERO, "nobody else waits");
        assert_eq!(wait(&mut slowdown, now + FORGOTTEN_AFTER, "anna", 1), Duration::ZERO, "forgotten");
    }

    #[test]
    fn trying_many_at_once_gains_nothing() {
        let mut slowdown = Slowdown::default();
        let mut latest = Duration::ZERO;
        let mut came_back = 0;
        for _ in 0..1000 {
            match slowdown.attempt(SECOND, "anna", source(1)) {
                Turn::After { wait, .. } => {
                    assert!(wait >= latest, "one behind the other");
                    latest = wait;
                }
                Turn::ComeBack(wait) => {
                    assert!(wait > LONGEST_WAIT);
                    came_back += 1;
                }
            }
        }
        assert!(came_back > 980 && latest <= LONGEST_WAIT, "{came_back} {latest:?}");
    }

    #[test]
    fn somebody_elses_guesses_cost_seconds_and_not_the_account() {
        let mut slowdown = Slowdown::default();
        for from in 0..200 {
            for _ in 0..5 {
                slowdown.attempt(SECOND, "anna", source(from));
            }
        }
        assert_eq!(wait(&mut slowdown, SECOND, "anna", 250), LONGEST_DELAY_AT_LARGE);
        let turn = slowdown.attempt(SECOND, "anna", source(251));
        assert!(matches!(turn, Turn::After { spotless: true, .. }), "{turn:?}");
    }

    #[test]
    fn one_address_that_tries_everybody_is_slowed_down() {
        let mut slowdown = Slowdown::default();
        let waits: Vec<_> =
            (0..20).map(|user| wait(&mut slowdown, SECOND, &format!("user{user}"), 1).as_millis()).collect();
        assert_eq!(waits[..11], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 500]);
        assert_eq!(waits[19], 4000);
    }

    #[test]
    fn who_succeeds_is_spotless_again() {
        let mut slowdown = Slowdown::default();
        for _ in 0..4 {
            slowdown.attempt(SECOND, "anna", source(1));
        }
        slowdown.succeeded("anna", source(1));
        assert_eq!(
            slowdown.attempt(SECOND, "anna", source(1)),
            Turn::After { wait: Duration::ZERO, spotless: true }
        );
        for _ in 0..100 {
            slowdown.attempt(2 * SECOND, "bob", source(2));
            slowdown.succeeded("bob", source(2));
        }
        assert_eq!(wait(&mut slowdown, 2 * SECOND, "bob", 2), Duration::ZERO, "what succeeds is no failure");
    }

    #[test]
    fn memory_is_bounded_and_networks_count_as_one() {
        let mut slowdown = Slowdown::default();
        for number in 0..u32::try_from(REMEMBERED).unwrap() + 500 {
            let address = IpAddr::from(number.to_be_bytes());
            slowdown.attempt(
                SECOND + Duration::from_micros(number.into()),
                &format!("u{number}"),
                address.into(),
            );
        }
        assert_eq!(slowdown.pairs.0.len(), REMEMBERED);
        assert_eq!(slowdown.accounts.0.len(), REMEMBERED);
        assert_eq!(slowdown.sources.0.len(), REMEMBERED);
        let of = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_eq!(of("::ffff:192.0.2.1"), source(1));
    }
}
