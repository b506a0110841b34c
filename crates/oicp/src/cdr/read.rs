//! From the text of a body to what it says, with every violation on the way.

use super::facts::CdrFacts;
use super::members::{Member, NAMES, Values};
use super::{plausibility, signed};
use crate::energy::Kwh;
use crate::field::Judge;
use crate::finding::Finding;
use crate::identification::{self, Identification};
use crate::ids::{EvseId, OperatorId, ProviderId, SessionId};
use crate::meter_values;
use crate::out_of_place;
use crate::rejected::Rejected;
use crate::time::DateTime;

/// Everything that is read from a charge detail record.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) session_id: SessionId,
    pub(super) evse_id: EvseId,
    pub(super) identification: Identification,
    pub(super) cpo_partner_session_id: Option<String>,
    pub(super) emp_partner_session_id: Option<String>,
    pub(super) hub_operator_id: Option<OperatorId>,
    pub(super) hub_provider_id: Option<ProviderId>,
    pub(super) facts: CdrFacts,
    pub(super) findings: Vec<Finding>,
    pub(super) has_pin: bool,
}

/// Reads a record, all of it, before saying whether it is refused.
pub(super) fn content(text: &str) -> Result<Content, Rejected> {
    let (judge, object) = Judge::open(text, &NAMES)?;
    let mut reader = Reader { judge, values: Values::of(&object) };

    let session_id = reader.required(Member::SessionId, SessionId::parse);
    let evse_id = reader.required(Member::EvseId, EvseId::parse);
    let identification = reader.identification();
    let cpo_partner_session_id = reader.text(Member::CpoPartnerSessionId, 250);
    let emp_partner_session_id = reader.text(Member::EmpPartnerSessionId, 250);
    let hub_operator_id = reader.parsed(Member::HubOperatorId, OperatorId::parse);
    let hub_provider_id = reader.hub_provider();
    let facts = reader.facts();
    signed::verification(reader.values.get(Member::CalibrationLawVerificationInfo), &mut reader.judge);
    if let Some(facts) = &facts {
        plausibility::judge(facts, &mut reader.judge);
    }

    let Judge { violations, mut findings, .. } = reader.judge;
    match (session_id, evse_id, identification, facts) {
        (Some(session_id), Some(evse_id), Some(identification), Some(facts)) if violations.is_empty() => {
            let has_pin = out_of_place::judge(text, "charge detail record", &mut findings);
            Ok(Content {
                session_id,
                evse_id,
                identification,
                cpo_partner_session_id,
                emp_partner_session_id,
                hub_operator_id,
                hub_provider_id,
                facts,
                findings,
                has_pin,
            })
        }
        _ => Err(Rejected {
            violations,
            session_id,
            cpo_partner_session_id,
            emp_partner_session_id,
            ..Rejected::default()
        }),
    }
}

struct Reader<'a> {
    judge: Judge<'a>,
    values: Values<'a>,
}

impl Reader<'_> {
    fn parsed<T, E: std::fmt::Display>(
        &mut self,
        member: Member,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.judge.parsed(member.at(), self.values.get(member), parse)
    }

    fn required<T, E: std::fmt::Display>(
        &mut self,
        member: Member,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let raw = self.judge.required(member.at(), self.values.get(member))?;
        self.judge.parsed(member.at(), Some(raw), parse)
    }

    fn text(&mut self, member: Member, most: usize) -> Option<String> {
        self.judge.text(member.at(), self.values.get(member), most)
    }

    fn time(&mut self, member: Member) -> Option<DateTime> {
        self.required(member, DateTime::parse)
    }

    fn kwh(&mut self, member: Member) -> Option<Kwh> {
        self.judge.kwh(member.at(), self.values.get(member))
    }

    fn identification(&mut self) -> Option<Identification> {
        let raw =
            self.judge.required(Member::Identification.at(), self.values.get(Member::Identification))?;
        identification::read(raw, &mut self.judge).identification
    }

    fn hub_provider(&mut self) -> Option<ProviderId> {
        let member = match self.values.get(Member::HubProviderId) {
            Some(_) => Member::HubProviderId,
            None => Member::HubProviderIdMisspelt,
        };
        self.parsed(member, ProviderId::parse)
    }

    /// All members are read before the missing ones decide.
    fn facts(&mut self) -> Option<CdrFacts> {
        let charging_start = self.time(Member::ChargingStart);
        let charging_end = self.time(Member::ChargingEnd);
        let session_start = self.time(Member::SessionStart);
        let session_end = self.time(Member::SessionEnd);
        let energy =
            self.judge.required(Member::ConsumedEnergy.at(), self.values.get(Member::ConsumedEnergy));
        let consumed_energy = energy.and_then(|_| self.kwh(Member::ConsumedEnergy));
        let meter_value_start = self.kwh(Member::MeterValueStart);
        let meter_value_end = self.kwh(Member::MeterValueEnd);
        let in_between = self.values.get(Member::MeterValueInBetween);
        let meter_value_in_between = meter_values::read(in_between, &mut self.judge);
        let partner_product_id = self.text(Member::PartnerProductId, 50);
        let signed_values = signed::values(self.values.get(Member::SignedMeteringValues), &mut self.judge);
        Some(CdrFacts {
            charging_start: charging_start?,
            charging_end: charging_end?,
            session_start: session_start?,
            session_end: session_end?,
            consumed_energy: consumed_energy?,
            meter_value_start,
            meter_value_end,
            meter_value_in_between,
            partner_product_id,
            signed_values,
        })
    }
}
