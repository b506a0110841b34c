//! Where charging spots are: points, the three forms in which OICP writes them, and what lies within a distance.
//!
//! A point is two whole numbers of 10⁻⁷ degrees (about a centimetre), so that what is stored and compared is exact; one
//! such unit is exactly 36·10⁻⁵ seconds of arc, so that no form loses anything over another. Only distances are floats.

mod coordinates;
mod distance;
mod search;

pub(crate) use coordinates::read;
pub use coordinates::{GeoError, GeoFormat};
pub use distance::{Bounds, distance_metres};
pub use search::{Radius, SearchCenter};

/// One degree, in the unit of [`GeoPoint`].
const DEGREE: i32 = 10_000_000;

/// A point on the earth (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GeoPoint {
    latitude: i32,
    longitude: i32,
}

impl GeoPoint {
    /// The point with these coordinates in 10⁻⁷ degrees; `None` beyond 90 degrees of latitude or 180 of longitude.
    #[must_use]
    pub const fn from_e7(latitude: i32, longitude: i32) -> Option<Self> {
        let fits = latitude.unsigned_abs() <= 90 * DEGREE.unsigned_abs()
            && longitude.unsigned_abs() <= 180 * DEGREE.unsigned_abs();
        if fits { Some(Self { latitude, longitude }) } else { None }
    }

    /// Degrees north of the equator, in 10⁻⁷ degrees.
    #[must_use]
    pub const fn latitude_e7(self) -> i32 {
        self.latitude
    }

    /// Degrees east of Greenwich, in 10⁻⁷ degrees.
    #[must_use]
    pub const fn longitude_e7(self) -> i32 {
        self.longitude
    }
}
