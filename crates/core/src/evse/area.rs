//! A circle on earth: which positions are in it, and the rectangles in which a store looks for them.
//!
//! The earth is a sphere of its mean radius here, which is up to half a per cent off: a search centre is chosen by hand.
//! Floating point is used for distances only; what is stored and compared are whole numbers. Invariant: the rectangles
//! miss no position of the circle, also around the poles and across the antimeridian.

#![expect(clippy::float_arithmetic, reason = "great-circle distances; nothing of it is stored")]

use std::f64::consts::{FRAC_PI_2, PI};

use super::Position;

/// Mean radius of the earth in metres.
const EARTH: f64 = 6_371_008.8;
/// What rectangles are larger than they need to be, against rounding: 1e-4 degrees, 11 metres.
const MARGIN: f64 = 1e-4;

const SOUTH_POLE: i32 = -90 * Position::DEGREE;
const NORTH_POLE: i32 = 90 * Position::DEGREE;
const WEST_END: i32 = -180 * Position::DEGREE;
const EAST_END: i32 = 180 * Position::DEGREE;

/// A circle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Area {
    /// Its centre.
    pub centre: Position,
    /// Its radius in metres; what is exactly that far away is in it.
    pub radius: u32,
}

/// A rectangle of positions, its edges included, in units of [`Position`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rectangle {
    /// Southern edge.
    pub south: i32,
    /// Northern edge.
    pub north: i32,
    /// Western edge; never east of the eastern one.
    pub west: i32,
    /// Eastern edge.
    pub east: i32,
}

impl Rectangle {
    /// Whether the position is in it.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        (self.south..=self.north).contains(&position.latitude())
            && (self.west..=self.east).contains(&position.longitude())
    }

    /// Disjoint rectangles that together are this one, none larger than so many degrees either way; nothing if that
    /// would take more than `most` of them.
    #[must_use]
    pub fn tiles(&self, degrees: i32, most: usize) -> Option<Vec<Self>> {
        let side = degrees.checked_mul(Position::DEGREE).filter(|side| *side > 0)?;
        let (rows, columns) = (cut(self.south, self.north, side), cut(self.west, self.east, side));
        if rows.len().checked_mul(columns.len())? > most {
            return None;
        }
        let row = |(south, north): (i32, i32)| {
            columns.clone().into_iter().map(move |(west, east)| Self { south, north, west, east })
        };
        Some(rows.into_iter().flat_map(row).collect())
    }
}

/// Cuts a closed range of whole numbers.
fn cut(from: i32, to: i32, side: i32) -> Vec<(i32, i32)> {
    let (from, to, side) = (i64::from(from), i64::from(to), i64::from(side));
    let narrow = |number: i64| i32::try_from(number).unwrap_or_default();
    let starts = (0..).map(|piece| from + piece * side).take_while(|start| *start <= to);
    starts.map(|start| (narrow(start), narrow((start + side - 1).min(to)))).collect()
}

impl Area {
    /// Whether the position is in it.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        metres(self.centre, position) <= f64::from(self.radius)
    }

    /// One or two disjoint rectangles around it.
    #[must_use]
    pub fn rectangles(&self) -> Vec<Rectangle> {
        let reach = f64::from(self.radius) / EARTH;
        let margin = MARGIN.to_radians();
        let (latitude, longitude) = radians(self.centre);
        let (south, north) = (latitude - reach - margin, latitude + reach + margin);
        let (low, high) = (within(units(south)), within(units(north)));
        let (low, high) = (low.max(SOUTH_POLE), high.min(NORTH_POLE));
        let everywhere = Rectangle { south: low, north: high, west: WEST_END, east: EAST_END };
        if south <= -FRAC_PI_2 || north >= FRAC_PI_2 {
            return vec![everywhere];
        }
        // No pole is in it, so the meridians that touch it are less than a quarter of the earth away.
        let width = (reach.sin() / latitude.cos()).min(1.0).asin() + margin / latitude.cos();
        if width >= PI {
            return vec![everywhere];
        }
        let (west, east) = (units(longitude - width), units(longitude + width));
        let part = |west, east| Rectangle { west: within(west), east: within(east), ..everywhere };
        let (first, last) = (i64::from(WEST_END), i64::from(EAST_END));
        let turn = last - first;
        if west <= first {
            vec![part(first, east), part((west + turn).max(east + 1), last)]
        } else if east >= last {
            vec![part(west, last), part(first, (east - turn).min(west - 1))]
        } else {
            vec![part(west, east)]
        }
    }
}

/// The distance over the ground (haversine).
fn metres(from: Position, to: Position) -> f64 {
    let ((from_latitude, from_longitude), (to_latitude, to_longitude)) = (radians(from), radians(to));
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let across = from_latitude.cos() * to_latitude.cos() * half(to_longitude - from_longitude);
    let square = half(to_latitude - from_latitude) + across;
    2.0 * EARTH * square.clamp(0.0, 1.0).sqrt().asin()
}

fn radians(position: Position) -> (f64, f64) {
    let read = |units: i32| (f64::from(units) / f64::from(Position::DEGREE)).to_radians();
    (read(position.latitude()), read(position.longitude()))
}

/// In units of [`Position`]; not yet within a turn.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
fn units(angle: f64) -> i64 {
    (angle.to_degrees() * f64::from(Position::DEGREE)) as i64
}

fn within(units: i64) -> i32 {
    let fits = units.clamp(i64::from(WEST_END), i64::from(EAST_END));
    i32::try_from(fits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(latitude: i32, longitude: i32) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn distances_are_those_of_a_globe() {
        let near = |from, to, expected: f64| (metres(from, to) - expected).abs() < 1.0;
        let origin = position(0, 0);
        assert!(near(origin, position(Position::DEGREE, 0), 111_195.08), "a degree");
        assert!(near(origin, position(0, EAST_END), EARTH * PI), "half the earth");
        assert!(near(position(0, EAST_END), position(0, WEST_END), 0.0), "one meridian");
        assert!(near(position(NORTH_POLE, 0), position(NORTH_POLE, 1_234_567_890), 0.0), "one pole");
    }

    #[test]
    fn a_circle_across_the_antimeridian_has_two_rectangles() {
        let area = Area { centre: position(0, EAST_END - 1), radius: 10_000 };
        let [east, west] = area.rectangles()[..] else { panic!("not two") };
        assert_eq!((east.east, west.west), (EAST_END, WEST_END));
        assert!(west.east < east.west);
    }

    /// Positions of all kinds, and often of the difficult ones.
    fn anywhere() -> impl Strategy<Value = Position> {
        let latitude = prop_oneof![
            SOUTH_POLE..=NORTH_POLE,
            NORTH_POLE - 3 * Position::DEGREE..=NORTH_POLE,
            SOUTH_POLE..=SOUTH_POLE + 3 * Position::DEGREE,
        ];
        let longitude = prop_oneof![
            WEST_END..=EAST_END,
            EAST_END - 2 * Position::DEGREE..=EAST_END,
            WEST_END..=WEST_END + 2 * Position::DEGREE,
        ];
        (latitude, longitude).prop_map(|(latitude, longitude)| position(latitude, longitude))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn rectangles_miss_nothing(
            centre in anywhere(),
            other in anywhere(),
            radius in prop_oneof![0..2_000_u32, 0..999_900_u32, 0..30_000_000_u32],
        ) {
            let area = Area { centre, radius };
            let holding = area.rectangles().iter().filter(|rectangle| rectangle.contains(other)).count();
            prop_assert!(holding <= 1, "they are disjoint");
            prop_assert!(holding == 1 || !area.contains(other));
            // And the other one at the rim: the radius just reaches it.
            let reach = metres(centre, other).ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 20,016 km")]
            let area = Area { centre, radius: reach as u32 };
            prop_assert!(area.contains(other));
            prop_assert!(area.rectangles().iter().any(|rectangle| rectangle.contains(other)));
        }

        #[test]
        fn tiles_are_the_rectangle(centre in anywhere(), radius in 0..900_000_u32, other in anywhere()) {
            for rectangle in (Area { centre, radius }).rectangles() {
                let Some(tiles) = rectangle.tiles(1, 20_000) else { continue };
                let holding = tiles.iter().filter(|tile| tile.contains(other)).count();
                prop_assert_eq!(holding, usize::from(rectangle.contains(other)));
            }
        }
    }
}
