//! What the four notifications say, in types.
//!
//! Energy is in kWh, times keep their original text. All amounts are as the operator states them; whether they fit
//! together is a matter of findings.

use super::NotificationType;
use crate::energy::Kwh;
pub use crate::meter_values::MeterValues;
use crate::time::DateTime;

/// What a notification says beyond whom it concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// Energy has begun to flow.
    Start(Start),
    /// Energy is flowing.
    Progress(Progress),
    /// Energy has stopped flowing.
    End(End),
    /// Something is broken.
    Error(Error),
}

impl Facts {
    /// Which of the four notifications says this.
    #[must_use]
    pub const fn kind(&self) -> NotificationType {
        match self {
            Self::Start(_) => NotificationType::Start,
            Self::Progress(_) => NotificationType::Progress,
            Self::End(_) => NotificationType::End,
            Self::Error(_) => NotificationType::Error,
        }
    }
}

/// OICP 2.3, eRoamingChargingNotifications Start.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// When energy began to flow.
    pub charging_start: DateTime,
    /// When the driver began: card or cable.
    pub session_start: Option<DateTime>,
    /// The meter at the beginning.
    pub meter_value_start: Option<Kwh>,
    /// The product, at most 50 characters.
    pub partner_product_id: Option<String>,
}

/// OICP 2.3, eRoamingChargingNotifications Progress. Duration or energy or both are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// When energy began to flow.
    pub charging_start: DateTime,
    /// When the figures were read.
    pub event_occurred: DateTime,
    /// Milliseconds from the start of charging to the event.
    pub charging_duration_ms: Option<i64>,
    /// Energy since the start of charging.
    pub consumed_energy_progress: Option<Kwh>,
    /// When the driver began: card or cable.
    pub session_start: Option<DateTime>,
    /// The meter at the beginning.
    pub meter_value_start: Option<Kwh>,
    /// The meter on the way.
    pub meter_value_in_between: Option<MeterValues>,
    /// The product, at most 50 characters.
    pub partner_product_id: Option<String>,
}

/// OICP 2.3, eRoamingChargingNotifications End. Only the end of charging is certain.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// When energy stopped flowing.
    pub charging_end: DateTime,
    /// When energy began to flow; may be missing when nothing was charged.
    pub charging_start: Option<DateTime>,
    /// When the driver began: card or cable.
    pub session_start: Option<DateTime>,
    /// When the driver finished: card or cable. Rarely known yet.
    pub session_end: Option<DateTime>,
    /// Energy charged.
    pub consumed_energy: Option<Kwh>,
    /// The meter at the beginning.
    pub meter_value_start: Option<Kwh>,
    /// The meter at the end.
    pub meter_value_end: Option<Kwh>,
    /// The meter on the way.
    pub meter_value_in_between: Option<MeterValues>,
    /// The product, at most 50 characters.
    pub partner_product_id: Option<String>,
    /// From when blocking the spot costs extra; may lie in the future.
    pub penalty_time_start: Option<DateTime>,
}

/// OICP 2.3, eRoamingChargingNotifications Error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// How bad it is.
    pub error_type: ErrorType,
    /// Free text, at most 250 characters.
    pub error_additional_info: Option<String>,
}

/// The two kinds of error OICP knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// The driver should look at the plug.
    ConnectorError,
    /// Charging broke off and somebody has to look into it.
    CriticalError,
}

impl ErrorType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ConnectorError, Self::CriticalError];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectorError => "ConnectorError",
            Self::CriticalError => "CriticalError",
        }
    }
}
