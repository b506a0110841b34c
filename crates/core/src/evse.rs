//! Charging spots as the hub keeps them: what operators have pushed about them, who may pull it, and what is forbidden
//! in between.
//!
//! The hub keeps the received bytes of a record and a few facts read from them ([`EvseFacts`]), by which it is found.
//! Nothing here is about a person.
//!
//! Invariants:
//! * every push that was carried out makes a new [`change::Version`], stamped when it was committed, later than all
//!   before it;
//! * what a [`pull::Listing`] names stays what it is, whatever is pushed while its pages are read;
//! * an EvseID is held by one operator at a time.

pub mod area;
pub mod change;
pub mod load_guard;
pub mod numbers;
pub mod price;
pub mod pull;
pub mod status;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{EvseId, OperatorId};

/// A place on earth (WGS84), exact to 1e-7 degrees, about a centimetre.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    latitude: i32,
    longitude: i32,
}

impl Position {
    /// A degree in the unit of these numbers.
    pub const DEGREE: i32 = 10_000_000;
    const MOST_LATITUDE: i32 = 90 * Self::DEGREE;
    const MOST_LONGITUDE: i32 = 180 * Self::DEGREE;

    /// From degrees times 10,000,000; `None` beyond 90 and 180 degrees.
    #[must_use]
    pub const fn new(latitude: i32, longitude: i32) -> Option<Self> {
        let fits = latitude >= -Self::MOST_LATITUDE
            && latitude <= Self::MOST_LATITUDE
            && longitude >= -Self::MOST_LONGITUDE
            && longitude <= Self::MOST_LONGITUDE;
        if fits { Some(Self { latitude, longitude }) } else { None }
    }

    /// Degrees north, times 10,000,000.
    #[must_use]
    pub const fn latitude(self) -> i32 {
        self.latitude
    }

    /// Degrees east, times 10,000,000.
    #[must_use]
    pub const fn longitude(self) -> i32 {
        self.longitude
    }
}

/// Ways to authenticate at a spot (OICP 2.3, AuthenticationModes), as a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct AuthenticationModes(pub u8);

impl AuthenticationModes {
    /// `NFC RFID Classic`.
    pub const RFID_CLASSIC: Self = Self(1);
    /// `NFC RFID DESFire`.
    pub const RFID_DESFIRE: Self = Self(2);
    /// `PnC`.
    pub const PLUG_AND_CHARGE: Self = Self(4);
    /// `REMOTE`.
    pub const REMOTE: Self = Self(8);
    /// `Direct Payment`.
    pub const DIRECT_PAYMENT: Self = Self(16);
    /// `No Authentication Required`.
    pub const NONE_REQUIRED: Self = Self(32);

    /// The modes of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one mode at least is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Who may come to a spot (OICP 2.3, Accessibility). The number is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Accessibility {
    /// `Free publicly accessible`.
    Free = 0,
    /// `Restricted access`.
    Restricted = 1,
    /// `Paying publicly accessible`.
    Paying = 2,
    /// `Test Station`.
    Test = 3,
}

impl Accessibility {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Free, Self::Restricted, Self::Paying, Self::Test];
}

/// Where signed meter values of a spot are to be had (OICP 2.3, CalibrationLawDataAvailability). The number is what is
/// stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Calibration {
    /// `Local`.
    Local = 0,
    /// `External`.
    External = 1,
    /// `Not Available`.
    NotAvailable = 2,
}

impl Calibration {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::External, Self::NotAvailable];
}

/// What a record is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvseFacts {
    /// Country of the address, alpha-3 in upper case.
    pub country: [u8; 3],
    /// Where it is.
    pub position: Position,
    /// Ways to authenticate there.
    pub modes: AuthenticationModes,
    /// Who may come.
    pub accessibility: Accessibility,
    /// Where signed meter values are to be had.
    pub calibration: Calibration,
    /// Whether its energy is renewable, if that is said.
    pub renewable: Option<bool>,
    /// Whether it can be started and stopped through the hub (`IsHubjectCompatible`).
    pub compatible: bool,
    /// Whether it is open round the clock.
    pub open_24h: bool,
    /// Whether `DynamicInfoAvailable` is `auto`: true once the operator supplies status.
    pub dynamic_auto: bool,
    /// The operator that the EvseID names: with bundles not always the one that pushes.
    pub sub_operator: OperatorId,
}

/// A record as an operator pushes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvseRecord {
    /// The spot.
    pub evse: EvseId,
    /// What it is found by.
    pub facts: EvseFacts,
    /// The received bytes of the record, one JSON object.
    pub body: Bytes,
}

/// What the hub knows of a spot now, without the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownEvse {
    /// The registered operator that pushed it.
    pub operator: OperatorId,
    /// What it is found by.
    pub facts: EvseFacts,
    /// When it was last changed.
    pub last_update: Timestamp,
}
