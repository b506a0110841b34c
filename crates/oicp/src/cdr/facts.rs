//! What a charge detail record says, in types. Energy is in kWh, times keep their original text.

use crate::energy::Kwh;
use crate::meter_values::MeterValues;
use crate::time::DateTime;

/// What a session came to (OICP 2.3, eRoamingChargeDetailRecord).
#[derive(Clone, Debug, PartialEq)]
pub struct CdrFacts {
    /// When energy began to flow.
    pub charging_start: DateTime,
    /// When energy stopped flowing.
    pub charging_end: DateTime,
    /// When the driver began: card or cable.
    pub session_start: DateTime,
    /// When the driver finished: card or cable.
    pub session_end: DateTime,
    /// Energy charged; nothing is legal.
    pub consumed_energy: Kwh,
    /// The meter at the beginning.
    pub meter_value_start: Option<Kwh>,
    /// The meter at the end.
    pub meter_value_end: Option<Kwh>,
    /// The meter on the way.
    pub meter_value_in_between: Option<MeterValues>,
    /// The product, at most 50 characters.
    pub partner_product_id: Option<String>,
    /// How many signed meter values there are, at most ten.
    pub signed_values: usize,
}
