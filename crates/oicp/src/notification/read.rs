//! From the text of a body to what it says, with every violation on the way.

use super::facts::{End, Error, ErrorType, Facts, MeterValues, Progress, Start};
use super::members::{Member, NAMES, Values};
use super::{NotificationType, plausibility};
use crate::energy::Kwh;
use crate::field::Judge;
use crate::finding::{Finding, codes};
use crate::identification::{self, Identification};
use crate::ids::{EvseId, OperatorId, SessionId};
use crate::meter_values;
use crate::out_of_place;
use crate::rejected::Rejected;
use crate::time::DateTime;

/// Everything that is read from a notification.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) session_id: SessionId,
    pub(super) operator_id: OperatorId,
    pub(super) evse_id: EvseId,
    pub(super) cpo_partner_session_id: Option<String>,
    pub(super) emp_partner_session_id: Option<String>,
    pub(super) identification: Option<Identification>,
    pub(super) facts: Facts,
    pub(super) findings: Vec<Finding>,
    pub(super) has_pin: bool,
}

/// Reads a notification, all of it, before saying whether it is refused.
pub(super) fn content(text: &str) -> Result<Content, Rejected> {
    let (judge, object) = Judge::open(text, &NAMES)?;
    let mut reader = Reader { judge, values: Values::of(&object) };

    let kind = reader.kind();
    let session_id = reader.required(Member::SessionId, SessionId::parse);
    let operator_id = reader.required(Member::OperatorId, OperatorId::parse);
    let evse_id = reader.required(Member::EvseId, EvseId::parse);
    let cpo_partner_session_id = reader.text(Member::CpoPartnerSessionId, 250);
    let emp_partner_session_id = reader.text(Member::EmpPartnerSessionId, 250);
    let facts = kind.and_then(|kind| reader.facts(kind));

    let Judge { violations, mut findings, .. } = reader.judge;
    match (session_id, operator_id, evse_id, facts) {
        (Some(session_id), Some(operator_id), Some(evse_id), Some(facts)) if violations.is_empty() => {
            findings.extend(reader.values.unexpected(facts.kind()).map(unexpected));
            let identification = identification(&reader.values, &mut findings);
            let has_pin = out_of_place::judge(text, "notification", &mut findings);
            plausibility::judge(&facts, &mut findings);
            Ok(Content {
                session_id,
                operator_id,
                evse_id,
                cpo_partner_session_id,
                emp_partner_session_id,
                identification,
                facts,
                findings,
                has_pin,
            })
        }
        _ => Err(Rejected {
            provider_id: None,
            problem: None,
            violations,
            session_id,
            operator_id,
            kind,
            cpo_partner_session_id,
            emp_partner_session_id,
        }),
    }
}

fn unexpected(member: Member) -> Finding {
    Finding::new(
        codes::UNEXPECTED_MEMBER,
        member.at().pointer(),
        "this type of notification has no such member; it was not read",
    )
}

/// Reads the Identification, where every oddity is a finding only.
fn identification(values: &Values<'_>, findings: &mut Vec<Finding>) -> Option<Identification> {
    let raw = values.get(Member::Identification)?;
    let mut judge = Judge::new(raw, &[]);
    let reading = identification::read(raw, &mut judge);
    let odd = !judge.violations.is_empty();
    findings.extend(
        judge
            .violations
            .into_iter()
            .map(|odd| Finding::new(codes::IDENTIFICATION_ODD, odd.pointer, odd.message)),
    );
    reading.identification.filter(|_| !odd)
}

struct Reader<'a> {
    judge: Judge<'a>,
    values: Values<'a>,
}

impl Reader<'_> {
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
        self.judge.date_time(member.at(), self.values.get(member))
    }

    fn required_time(&mut self, member: Member) -> Option<DateTime> {
        self.required(member, DateTime::parse)
    }

    fn kwh(&mut self, member: Member) -> Option<Kwh> {
        self.judge.kwh(member.at(), self.values.get(member))
    }

    /// The type. One in the wrong letter case is a violation, but the rest is judged as what it was meant to be.
    fn kind(&mut self) -> Option<NotificationType> {
        let mut meant = None;
        let kind = self.required(Member::Type, |text| {
            let known = NotificationType::parse(text);
            let same = |kind: &NotificationType| kind.as_str().eq_ignore_ascii_case(text.trim());
            meant = NotificationType::ALL.into_iter().find(same);
            known.ok_or_else(|| match meant {
                Some(kind) => format!("letter case counts: did you mean {kind}?"),
                None => "expected Start, Progress, End or Error".to_owned(),
            })
        });
        kind.or(meant)
    }

    /// All members of one type are read before the missing ones decide.
    fn facts(&mut self, kind: NotificationType) -> Option<Facts> {
        match kind {
            NotificationType::Start => self.start().map(Facts::Start),
            NotificationType::Progress => self.progress().map(Facts::Progress),
            NotificationType::End => self.end().map(Facts::End),
            NotificationType::Error => self.error().map(Facts::Error),
        }
    }

    fn start(&mut self) -> Option<Start> {
        let charging_start = self.required_time(Member::ChargingStart);
        let session_start = self.time(Member::SessionStart);
        let meter_value_start = self.kwh(Member::MeterValueStart);
        let partner_product_id = self.text(Member::PartnerProductId, 50);
        Some(Start { charging_start: charging_start?, session_start, meter_value_start, partner_product_id })
    }

    fn progress(&mut self) -> Option<Progress> {
        let charging_start = self.required_time(Member::ChargingStart);
        let event_occurred = self.required_time(Member::EventOccurred);
        let duration = self.values.get(Member::ChargingDuration);
        let energy = self.values.get(Member::ConsumedEnergyProgress);
        if duration.is_none() && energy.is_none() {
            let message = "ChargingDuration and ConsumedEnergyProgress are missing: at least one is needed";
            self.judge.violation(Member::ChargingDuration.at(), message);
        }
        let charging_duration_ms = self.judge.milliseconds(Member::ChargingDuration.at(), duration);
        let consumed_energy_progress = self.kwh(Member::ConsumedEnergyProgress);
        let session_start = self.time(Member::SessionStart);
        let meter_value_start = self.kwh(Member::MeterValueStart);
        let meter_value_in_between = self.meter_values();
        let partner_product_id = self.text(Member::PartnerProductId, 50);
        Some(Progress {
            charging_start: charging_start?,
            event_occurred: event_occurred?,
            charging_duration_ms,
            consumed_energy_progress,
            session_start,
            meter_value_start,
            meter_value_in_between,
            partner_product_id,
        })
    }

    fn end(&mut self) -> Option<End> {
        let charging_end = self.required_time(Member::ChargingEnd);
        let charging_start = self.time(Member::ChargingStart);
        let session_start = self.time(Member::SessionStart);
        let session_end = self.time(Member::SessionEnd);
        let consumed_energy = self.kwh(Member::ConsumedEnergy);
        let meter_value_start = self.kwh(Member::MeterValueStart);
        let meter_value_end = self.kwh(Member::MeterValueEnd);
        let meter_value_in_between = self.meter_values();
        let partner_product_id = self.text(Member::PartnerProductId, 50);
        let penalty_time_start = self.time(Member::PenaltyTimeStart);
        Some(End {
            charging_end: charging_end?,
            charging_start,
            session_start,
            session_end,
            consumed_energy,
            meter_value_start,
            meter_value_end,
            meter_value_in_between,
            partner_product_id,
            penalty_time_start,
        })
    }

    fn error(&mut self) -> Option<Error> {
        let error_type = self.error_type();
        let error_additional_info = self.text(Member::ErrorAdditionalInfo, 250);
        Some(Error { error_type: error_type?, error_additional_info })
    }

    /// The specification spells the two values with and without a blank.
    fn error_type(&mut self) -> Option<ErrorType> {
        let mut exact = true;
        let error_type = self.required(Member::ErrorType, |text| {
            let known = |kind: &ErrorType| text.replace(' ', "") == kind.as_str();
            let error_type = ErrorType::ALL.into_iter().find(known);
            exact = error_type.is_none_or(|kind| kind.as_str() == text);
            error_type.ok_or("expected ConnectorError or CriticalError")
        });
        if !exact {
            self.judge.finding(codes::ERROR_TYPE_SPELLING, Member::ErrorType.at(), "written with a blank");
        }
        error_type
    }

    fn meter_values(&mut self) -> Option<MeterValues> {
        meter_values::read(self.values.get(Member::MeterValueInBetween), &mut self.judge)
    }
}
