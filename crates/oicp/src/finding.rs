//! What is odd about a message that is accepted all the same.
//!
//! A dropped End blocks a driver, so implausible content is reported instead of refused. Codes are stable: they are
//! stored, counted and searched for. The pointer is a JSON pointer; texts hold no personal data.

use std::borrow::Cow;

/// One oddity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One of [`codes`].
    pub code: &'static str,
    /// JSON pointer to the member concerned; empty for the whole body.
    pub pointer: Cow<'static, str>,
    /// What was found, for people.
    pub text: String,
}

impl Finding {
    /// A finding of a code from [`codes`].
    pub fn new(code: &'static str, pointer: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), text: text.into() }
    }
}

/// The codes of findings that this crate raises.
///
/// | code | what it says |
/// |---|---|
/// | `charging-start-after-end` | ChargingStart is later than ChargingEnd |
/// | `session-start-after-charging-start` | SessionStart is later than ChargingStart |
/// | `session-end-before-charging-end` | SessionEnd is earlier than ChargingEnd |
/// | `penalty-before-charging-end` | PenaltyTimeStart is earlier than ChargingEnd |
/// | `event-before-charging-start` | EventOccurred is earlier than ChargingStart |
/// | `time-in-future` | a moment that must have passed lies more than five minutes ahead |
/// | `duration-mismatch` | ChargingDuration is not EventOccurred less ChargingStart |
/// | `duration-not-integer` | ChargingDuration is written with a fraction of zero |
/// | `energy-mismatch` | ConsumedEnergy is not MeterValueEnd less MeterValueStart |
/// | `energy-negative` | consumed energy below zero |
/// | `energy-too-high` | more than 1000 kWh: probably watt hours |
/// | `energy-overflow` | meter values whose difference cannot be computed |
/// | `meter-decreases` | a meter value is lower than an earlier one |
/// | `meter-values-bare-list` | MeterValueInBetween is a list instead of an object holding one |
/// | `number-as-string` | a number is written as a JSON string |
/// | `more-than-three-decimals` | energy finer than a watt hour |
/// | `error-type-spelling` | ErrorType is written with a blank |
/// | `identification-odd` | Identification breaks a rule that does not matter in a notification |
/// | `pin-in-notification` | a PIN where none belongs |
/// | `member-spelling` | a member differs from a known one in letter case, so it was not read |
/// | `unexpected-member` | a known member that this type of notification does not have |
/// | `beyond-published-limit` | a figure that the published limits leave no room for, such as 125 A |
/// | `no-such-time-of-day` | an opening time such as `25:00` |
/// | `placeholder` | the body still holds a `{{placeholder}}` |
pub mod codes {
    /// ChargingStart is later than ChargingEnd.
    pub const CHARGING_START_AFTER_END: &str = "charging-start-after-end";
    /// SessionStart is later than ChargingStart.
    pub const SESSION_START_AFTER_CHARGING_START: &str = "session-start-after-charging-start";
    /// SessionEnd is earlier than ChargingEnd.
    pub const SESSION_END_BEFORE_CHARGING_END: &str = "session-end-before-charging-end";
    /// PenaltyTimeStart is earlier than ChargingEnd.
    pub const PENALTY_BEFORE_CHARGING_END: &str = "penalty-before-charging-end";
    /// EventOccurred is earlier than ChargingStart.
    pub const EVENT_BEFORE_CHARGING_START: &str = "event-before-charging-start";
    /// A moment that must have passed lies in the future.
    pub const TIME_IN_FUTURE: &str = "time-in-future";
    /// ChargingDuration contradicts the time stamps.
    pub const DURATION_MISMATCH: &str = "duration-mismatch";
    /// ChargingDuration such as `480000.0`.
    pub const DURATION_NOT_INTEGER: &str = "duration-not-integer";
    /// ConsumedEnergy contradicts the meter values.
    pub const ENERGY_MISMATCH: &str = "energy-mismatch";
    /// Consumed energy below zero.
    pub const ENERGY_NEGATIVE: &str = "energy-negative";
    /// Consumed energy above 1000 kWh.
    pub const ENERGY_TOO_HIGH: &str = "energy-too-high";
    /// Meter values too far apart to subtract.
    pub const ENERGY_OVERFLOW: &str = "energy-overflow";
    /// A meter that runs backwards.
    pub const METER_DECREASES: &str = "meter-decreases";
    /// MeterValueInBetween as a list.
    pub const METER_VALUES_BARE_LIST: &str = "meter-values-bare-list";
    /// A number in quotes.
    pub const NUMBER_AS_STRING: &str = "number-as-string";
    /// Energy with more than three decimals.
    pub const MORE_THAN_THREE_DECIMALS: &str = "more-than-three-decimals";
    /// `Connector Error` for `ConnectorError`.
    pub const ERROR_TYPE_SPELLING: &str = "error-type-spelling";
    /// Something wrong inside Identification.
    pub const IDENTIFICATION_ODD: &str = "identification-odd";
    /// A PIN in a notification.
    pub const PIN_IN_NOTIFICATION: &str = "pin-in-notification";
    /// A known member in another letter case.
    pub const MEMBER_SPELLING: &str = "member-spelling";
    /// A member of another notification type.
    pub const UNEXPECTED_MEMBER: &str = "unexpected-member";
    /// More ampere, percent or kilowatts than the published limits foresee.
    pub const BEYOND_PUBLISHED_LIMIT: &str = "beyond-published-limit";
    /// A time of day that no clock shows.
    pub const NO_SUCH_TIME_OF_DAY: &str = "no-such-time-of-day";
    /// A template that was not filled in.
    pub const PLACEHOLDER: &str = "placeholder";
}
