//! How far two points are apart, and a box of whole numbers around a circle: the box finds candidates in a store, the
//! distance decides.
//!
//! Floats are good enough here and nowhere else: nothing computed from a distance is stored or billed. The earth is a
//! sphere of its mean radius, which is up to half a percent off; a search radius is not meant more exactly than that.

#![expect(
    clippy::float_arithmetic,
    reason = "distances on a sphere are trigonometry, and are only compared with a radius"
)]

use std::f64::consts::{FRAC_PI_2, PI};
use std::ops::RangeInclusive;

use super::{DEGREE, GeoPoint};

/// The mean radius of the earth in metres (IUGG).
const EARTH: f64 = 6_371_008.8;

/// North pole and date line, in 10⁻⁷ degrees.
const POLE: i32 = 90 * DEGREE;
const DATE_LINE: i32 = 180 * DEGREE;

/// The great-circle distance in metres.
#[must_use]
pub fn distance_metres(one: GeoPoint, other: GeoPoint) -> f64 {
    let [from, to] = [one, other].map(|point| radians(point.latitude_e7()));
    let north = (to - from) / 2.0;
    let east = (radians(other.longitude_e7()) - radians(one.longitude_e7())) / 2.0;
    // The haversine formula: exact where points are near each other, which is where it matters.
    let half = north.sin().powi(2) + from.cos() * to.cos() * east.sin().powi(2);
    2.0 * EARTH * half.clamp(0.0, 1.0).sqrt().asin()
}

/// A box in 10⁻⁷ degrees, edges included. Where `west` is greater than `east`, it lies across the date line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Least latitude.
    pub south: i32,
    /// Greatest latitude.
    pub north: i32,
    /// Where it begins, going east.
    pub west: i32,
    /// Where it ends, going east.
    pub east: i32,
}

impl Bounds {
    /// A box that holds every point at most so far from `center`, and not much more.
    #[must_use]
    pub fn around(center: GeoPoint, metres: f64) -> Self {
        // A little more than asked for outweighs every rounding error on the way: a billionth, and six centimetres.
        let angle = metres.max(0.0) / EARTH * (1.0 + 1e-9) + 1e-8;
        let latitude = radians(center.latitude_e7());
        let reach = units(angle);
        let south = center.latitude_e7().saturating_sub(reach).max(-POLE);
        let north = center.latitude_e7().saturating_add(reach).min(POLE);
        if latitude.abs() + angle >= FRAC_PI_2 || south == -POLE || north == POLE {
            // A pole lies in the circle, and with it all longitudes.
            return Self { south, north, west: -DATE_LINE, east: DATE_LINE };
        }
        // Farthest east is not where the latitude is the centre's: the meridian there touches the circle.
        let reach = units((angle.sin() / latitude.cos()).clamp(0.0, 1.0).asin());
        if reach >= DATE_LINE {
            return Self { south, north, west: -DATE_LINE, east: DATE_LINE };
        }
        let (west, east) = (wrapped(center.longitude_e7(), -reach), wrapped(center.longitude_e7(), reach));
        Self { south, north, west, east }
    }

    /// Whether a point lies in the box.
    #[must_use]
    pub fn holds(&self, point: GeoPoint) -> bool {
        let (first, second) = self.longitudes();
        let longitude = point.longitude_e7();
        (self.south..=self.north).contains(&point.latitude_e7())
            && (first.contains(&longitude) || second.is_some_and(|second| second.contains(&longitude)))
    }

    /// The longitudes as one range or two, for a query that knows no date line. The first one is always there.
    #[must_use]
    pub fn longitudes(&self) -> (RangeInclusive<i32>, Option<RangeInclusive<i32>>) {
        if self.west <= self.east {
            (self.west..=self.east, None)
        } else {
            (self.west..=DATE_LINE, Some(-DATE_LINE..=self.east))
        }
    }
}

fn radians(e7: i32) -> f64 {
    f64::from(e7) / f64::from(DEGREE) * (PI / 180.0)
}

/// An angle in 10⁻⁷ degrees, rounded up.
fn units(radians: f64) -> i32 {
    let e7 = (radians * (180.0 / PI) * f64::from(DEGREE)).ceil() + 1.0;
    // Saturates, and an angle is never negative.
    e7 as i32
}

/// A longitude moved east or west; who reaches the date line comes out on its other side, because both sides are one place.
fn wrapped(longitude: i32, by: i32) -> i32 {
    let moved = i64::from(longitude) + i64::from(by);
    let (line, turn) = (i64::from(DATE_LINE), 2 * i64::from(DATE_LINE));
    let moved = match moved {
        east if east >= line => east - turn,
        west if west <= -line => west + turn,
        within => within,
    };
    i32::try_from(moved).unwrap_or(DATE_LINE)
}
