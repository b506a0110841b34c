//! Which troubles show now: endpoints that fail, operators with ghosts, certificates that come to their end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use roamhub_core::ports::LedgerError;
use roamhub_core::trouble::{Pace, Say, Side, Told, Trouble, TroubleKind, step, step_towards};

use crate::certificates::Expiries;
use crate::people::Inner;
use crate::people_text::Facts;

/// A trouble as it shows now.
pub(crate) struct Present {
    since: Timestamp,
    pub(crate) facts: Facts,
    /// When people are reminded of it, if that is not a matter of pauses.
    remind_at: Option<Vec<Timestamp>>,
}

/// What shows at a look.
#[derive(Default)]
pub(crate) struct Sight {
    pub(crate) present: BTreeMap<Trouble, Present>,
    /// Nothing can be said of these now: people were told, and it stays at that.
    pub(crate) unknown: BTreeSet<Trouble>,
}

impl Sight {
    /// What follows of it for one trouble: the state to keep, and what to say.
    pub(crate) fn step(
        &self,
        trouble: &Trouble,
        told: Option<Told>,
        now: Timestamp,
        pace: &Pace,
    ) -> (Option<Told>, Option<Say>) {
        match self.present.get(trouble) {
            Some(Present { since, remind_at: Some(instants), .. }) => {
                step_towards(told, Some(*since), now, pace.settle, instants)
            }
            Some(present) => step(told, Some(present.since), now, pace),
            None if self.unknown.contains(trouble) => (told, None),
            None => step(told, None, now, pace),
        }
    }
}

impl Inner {
    /// Looks for everything that can be the matter.
    pub(crate) async fn sight(
        &self,
        told: &BTreeMap<Trouble, Told>,
        now: Timestamp,
    ) -> Result<Sight, LedgerError> {
        let mut sight = Sight::default();
        sight.present.extend(self.endpoints(told).await?);
        sight.present.extend(self.ghosts().await?);
        sight.present.extend(self.suspended_mandates().await?);
        let expiries = self.certificates.look(&self.partners.directory(), now, &self.metrics);
        let about = |about| Trouble { kind: TroubleKind::CertificateExpiring, about };
        sight.unknown.extend(expiries.unseen.iter().map(|side| about(*side)));
        sight.present.extend(self.expiring(expiries).map(|(side, present)| (about(side), present)));
        Ok(sight)
    }

    /// Providers whose messages wait after a failed attempt.
    async fn endpoints(
        &self,
        told: &BTreeMap<Trouble, Told>,
    ) -> Result<Vec<(Trouble, Present)>, LedgerError> {
        let failing = self.ledger.failing_endpoints().await?.into_iter();
        let troubles = failing.map(|endpoint| {
            let about = Side::Provider(endpoint.provider);
            let trouble = |kind| Trouble { kind, about };
            // Whatever it was called when people were told, it is the same trouble until it is over.
            let called = [TroubleKind::EndpointFailing, TroubleKind::EndpointMisconfigured].map(trouble);
            let called = called.into_iter().find(|trouble| told.contains_key(trouble));
            let trouble = called.unwrap_or_else(|| {
                trouble(match endpoint.misconfigured {
                    true => TroubleKind::EndpointMisconfigured,
                    false => TroubleKind::EndpointFailing,
                })
            });
            let facts = Facts::Endpoint { waiting: endpoint.waiting, ends: endpoint.ends };
            (trouble, Present { since: endpoint.since, facts, remind_at: None })
        });
        Ok(troubles.collect())
    }

    /// Operators that have lost their mandate for Ends.
    async fn suspended_mandates(&self) -> Result<Vec<(Trouble, Present)>, LedgerError> {
        let suspensions = self.ledger.suspensions().await?.into_iter();
        let troubles = suspensions.map(|suspension| {
            let about = Side::Operator(suspension.operator);
            let trouble = Trouble { kind: TroubleKind::MandateSuspended, about };
            (trouble, Present { since: suspension.at, facts: Facts::Mandate, remind_at: None })
        });
        Ok(troubles.collect())
    }

    /// Operators with ghosts enough to be worth a word.
    async fn ghosts(&self) -> Result<Vec<(Trouble, Present)>, LedgerError> {
        let mut kinds: BTreeMap<_, (BTreeMap<&'static str, u64>, Timestamp)> = BTreeMap::new();
        for count in self.ledger.ghost_counts().await? {
            if !count.kind.is_the_operators() {
                continue;
            }
            let (of_kinds, since) =
                kinds.entry(count.operator).or_insert_with(|| (BTreeMap::new(), count.since));
            *since = count.since.min(*since);
            of_kinds.insert(count.kind.as_str(), count.count);
        }
        kinds.retain(|_, (of_kinds, _)| of_kinds.values().sum::<u64>() >= self.settings.ghosts);
        let troubles = kinds.into_iter().map(|(operator, (of_kinds, since))| {
            let trouble = Trouble { kind: TroubleKind::Ghosts, about: Side::Operator(operator) };
            (trouble, Present { since, facts: Facts::Ghosts(of_kinds), remind_at: None })
        });
        Ok(troubles.collect())
    }

    /// Those with certificates that come to their end, with all of these.
    fn expiring(&self, expiries: Expiries) -> impl Iterator<Item = (Side, Present)> {
        let mut of_sides: BTreeMap<Side, Present> = BTreeMap::new();
        // The next one to expire comes first, and says since when and when people are reminded.
        for certificate in expiries.soon {
            let present = of_sides.entry(certificate.about).or_insert_with(|| Present {
                since: self.certificates.worth_a_word_since(&certificate),
                facts: Facts::Certificates(Vec::new()),
                remind_at: Some(certificate.reminders().to_vec()),
            });
            if let Facts::Certificates(certificates) = &mut present.facts {
                certificates.push(certificate);
            }
        }
        of_sides.into_iter()
    }
}
