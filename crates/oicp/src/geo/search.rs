//! A search around a point (OICP 2.3, SearchCenter): coordinates in any of the three forms, and a radius.

use rust_decimal::Decimal;

use super::GeoPoint;
use super::coordinates;
use super::distance::{Bounds, distance_metres};
use crate::field::Judge;
use crate::parts::Part;
use crate::place::Path;

/// A radius: tenths of a kilometre, from one to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radius(u16);

impl Radius {
    /// So many tenths of a kilometre.
    #[must_use]
    pub fn from_tenths(tenths: u16) -> Option<Self> {
        (1..=9999).contains(&tenths).then_some(Self(tenths))
    }

    /// In metres.
    #[must_use]
    pub fn metres(self) -> u32 {
        u32::from(self.0) * 100
    }
}

/// All within a radius around a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchCenter {
    /// The point.
    pub center: GeoPoint,
    /// How far around it.
    pub radius: Radius,
}

impl SearchCenter {
    /// Whether a point is near enough.
    #[must_use]
    pub fn holds(&self, point: GeoPoint) -> bool {
        self.bounds().holds(point) && distance_metres(self.center, point) <= f64::from(self.radius.metres())
    }

    /// A box around everything that is near enough, for a store to find candidates by; then ask [`SearchCenter::holds`].
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds::around(self.center, f64::from(self.radius.metres()))
    }

    /// Reads the object at `at`.
    pub(crate) fn read(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<Self> {
        const NAMES: [&str; 2] = ["GeoCoordinates", "Radius"];
        let [coordinates, radius] = judge.members(at, raw, &NAMES)?;
        let part = Part::new(&at, raw, &NAMES);
        let coordinates = part.need(NAMES[0], coordinates, judge);
        let center = coordinates.and_then(|raw| coordinates::read(at.member(NAMES[0]), raw, judge));
        let raw = part.need(NAMES[1], radius, judge);
        let kilometres = judge.decimal(at.member(NAMES[1]), raw);
        let radius = kilometres.and_then(tenths);
        if kilometres.is_some() && radius.is_none() {
            let wanted = "expected kilometres with one decimal, 0.1 to 999.9";
            judge.mistaken(at.member(NAMES[1]), raw.unwrap_or_default(), &wanted);
        }
        Some(Self { center: center?.point, radius: radius? })
    }
}

fn tenths(kilometres: Decimal) -> Option<Radius> {
    let tenths = kilometres.checked_mul(Decimal::TEN)?;
    let tenths = u16::try_from(tenths).ok().filter(|_| tenths.fract().is_zero())?;
    Radius::from_tenths(tenths)
}
