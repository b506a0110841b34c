//! Points, their three forms, distances and boxes.

#![allow(
    clippy::float_arithmetic,
    clippy::unwrap_used,
    reason = "a test may compute, and one that fails says so"
)]

#[path = "support/expression.rs"]
mod expression;

use oicp::geo::{Bounds, GeoFormat, GeoPoint, Radius, SearchCenter, distance_metres};
use proptest::prelude::*;

const DEGREE: i32 = 10_000_000;

fn point(latitude: f64, longitude: f64) -> GeoPoint {
    let e7 = |degrees: f64| (degrees * f64::from(DEGREE)).round() as i32;
    GeoPoint::from_e7(e7(latitude), e7(longitude)).unwrap()
}

fn read(text: &str, format: GeoFormat) -> GeoPoint {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let pair = |name: &str, form: &str| value[form][name].as_str().unwrap().to_owned();
    let both = |form: &str, parse: fn(&str) -> i32| {
        GeoPoint::from_e7(parse(&pair("Latitude", form)), parse(&pair("Longitude", form))).unwrap()
    };
    match format {
        GeoFormat::Google => GeoPoint::parse_google(&pair("Coordinates", "Google")).unwrap(),
        GeoFormat::DecimalDegree => both("DecimalDegree", |text| GeoPoint::parse_decimal(text).unwrap()),
        GeoFormat::DegreeMinuteSeconds => {
            both("DegreeMinuteSeconds", |text| GeoPoint::parse_sexagesimal(text).unwrap())
        }
    }
}

#[test]
fn distances_are_those_of_the_sphere() {
    let berlin = point(52.517037, 13.388860);
    for (other, kilometres) in [
        (berlin, 0.0),
        (point(48.856697, 2.351462), 876.4),
        (point(-33.854816, 151.216454), 16095.0),
        (point(-52.517037, -166.611140), 20_015.1),
    ] {
        let found = distance_metres(berlin, other) / 1000.0;
        assert!((found - kilometres).abs() < 0.1, "{found} instead of {kilometres}");
        assert!((distance_metres(other, berlin) / 1000.0 - found).abs() < 1e-6);
    }
    let degree = distance_metres(point(0.0, 179.5), point(0.0, -179.5));
    assert!((degree - 111_195.0).abs() < 1.0, "{degree}");
    assert!(distance_metres(point(90.0, 0.0), point(90.0, 123.0)) < 0.001);
}

#[test]
fn a_box_goes_across_the_date_line_and_around_the_poles() {
    let plain = Bounds::around(point(50.0, 7.0), 10_000.0);
    assert!(plain.west < plain.east && plain.longitudes().1.is_none());
    assert!(
        plain.holds(point(50.08, 7.0)) && !plain.holds(point(50.1, 7.0)) && !plain.holds(point(50.0, 7.2))
    );

    let across = Bounds::around(point(-17.0, 179.95), 10_000.0);
    assert!(across.west > across.east && across.longitudes().1.is_some());
    assert!(across.holds(point(-17.0, -179.99)) && across.holds(point(-17.0, 180.0)));
    assert!(across.holds(point(-17.0, -180.0)) && !across.holds(point(-17.0, 0.0)));

    let pole = Bounds::around(point(89.95, 10.0), 10_000.0);
    assert_eq!((pole.north, pole.west, pole.east), (90 * DEGREE, -180 * DEGREE, 180 * DEGREE));
    assert!(pole.holds(point(89.99, -170.0)) && !pole.holds(point(89.8, 10.0)));
    let world = Bounds::around(point(0.0, 0.0), 1e9);
    assert!(world.holds(point(-90.0, 180.0)) && world.holds(point(90.0, -180.0)));
    assert!(Bounds::around(point(1.0, 1.0), f64::NAN).holds(point(1.0, 1.0)));
}

#[test]
fn a_radius_has_one_decimal_and_an_end() {
    assert_eq!(Radius::from_tenths(0), None);
    assert_eq!(Radius::from_tenths(10_000), None);
    assert_eq!(Radius::from_tenths(9999).map(Radius::metres), Some(999_900));
    let search = SearchCenter { center: point(50.0, 7.0), radius: Radius::from_tenths(1).unwrap() };
    assert!(search.holds(point(50.0008, 7.0)) && !search.holds(point(50.001, 7.0)));
}

/// Latitudes and longitudes with the ends of the world among them.
fn anywhere() -> impl Strategy<Value = GeoPoint> {
    let near = |end: i32| (-20_000..=20_000_i32).prop_map(move |by| (end + by).clamp(-end.abs(), end.abs()));
    let latitude = prop_oneof![-90 * DEGREE..=90 * DEGREE, near(90 * DEGREE), near(-90 * DEGREE), Just(0)];
    let longitude =
        prop_oneof![-180 * DEGREE..=180 * DEGREE, near(180 * DEGREE), near(-180 * DEGREE), Just(0)];
    (latitude, longitude).prop_map(|(latitude, longitude)| GeoPoint::from_e7(latitude, longitude).unwrap())
}

/// The point so far from `start` in a direction, where rounding leaves it.
fn walk(start: GeoPoint, metres: f64, bearing: f64) -> GeoPoint {
    let angle = metres / 6_371_008.8;
    let latitude = (f64::from(start.latitude_e7()) / f64::from(DEGREE)).to_radians();
    let longitude = (f64::from(start.longitude_e7()) / f64::from(DEGREE)).to_radians();
    let to =
        (latitude.sin() * angle.cos() + latitude.cos() * angle.sin() * bearing.cos()).clamp(-1.0, 1.0).asin();
    let east = (bearing.sin() * angle.sin() * latitude.cos()).atan2(angle.cos() - latitude.sin() * to.sin());
    let longitude = (longitude + east).to_degrees();
    point(to.to_degrees(), (longitude + 540.0).rem_euclid(360.0) - 180.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_form_loses_anything(latitude in -90 * DEGREE..=90 * DEGREE, longitude in -180 * DEGREE..=180 * DEGREE) {
        let exact = GeoPoint::from_e7(latitude, longitude).unwrap();
        let format = GeoFormat::DegreeMinuteSeconds;
        prop_assert_eq!(read(&exact.to_json(format), format), exact);
        for format in [GeoFormat::Google, GeoFormat::DecimalDegree] {
            let rounded = read(&exact.to_json(format), format);
            prop_assert!((rounded.latitude_e7() - latitude).abs() <= 5);
            prop_assert!((rounded.longitude_e7() - longitude).abs() <= 5);
            prop_assert_eq!(read(&rounded.to_json(format), format), rounded);
            let through = read(&rounded.to_json(GeoFormat::DegreeMinuteSeconds), GeoFormat::DegreeMinuteSeconds);
            prop_assert_eq!(through.to_json(format), rounded.to_json(format));
        }
    }

    #[test]
    fn what_is_written_fits_the_published_expressions(point in anywhere()) {
        let degrees = "[0-9]{1,3}";
        let sexagesimal = format!("-?{degrees}°[0-9]{{1,2}}'[0-9]{{1,2}}.[0-9]{{1,9}}''").replace(".", "\\.");
        let decimal = format!("-?{degrees}\\.[0-9]{{1,6}}");
        let value = |format| -> serde_json::Value { serde_json::from_str(&point.to_json(format)).unwrap() };
        let (google, decimals) = (value(GeoFormat::Google), value(GeoFormat::DecimalDegree));
        let arcs = value(GeoFormat::DegreeMinuteSeconds);
        let both = format!("{decimal} {decimal}");
        prop_assert!(expression::matches(&both, google["Google"]["Coordinates"].as_str().unwrap()));
        for name in ["Latitude", "Longitude"] {
            prop_assert!(expression::matches(&decimal, decimals["DecimalDegree"][name].as_str().unwrap()));
            let arc = arcs["DegreeMinuteSeconds"][name].as_str().unwrap();
            prop_assert!(expression::matches(&sexagesimal, arc), "{}", arc);
        }
    }

    #[test]
    fn distances_are_those_of_the_vectors_between(one in anywhere(), other in anywhere()) {
        let vector = |point: GeoPoint| {
            let angle = |e7: i32| (f64::from(e7) / f64::from(DEGREE)).to_radians();
            let (latitude, longitude) = (angle(point.latitude_e7()), angle(point.longitude_e7()));
            [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
        };
        let ([a, b, c], [d, e, f]) = (vector(one), vector(other));
        let across = (b * f - c * e).hypot(c * d - a * f).hypot(a * e - b * d);
        let expected = 6_371_008.8 * across.atan2(a * d + b * e + c * f);
        prop_assert!((distance_metres(one, other) - expected).abs() < 1.0, "{expected}");
    }

    #[test]
    fn a_box_misses_no_point_on_the_circle(
        center in anywhere(),
        metres in prop_oneof![0.0..1000.0, 0.0..1e6, Just(999_900.0), 0.0..2.1e7],
        bearing in 0.0..std::f64::consts::TAU,
        share in prop_oneof![Just(1.0), Just(0.999_999_999), 0.0..1.0],
    ) {
        let bounds = Bounds::around(center, metres);
        prop_assert!(bounds.holds(center));
        let found = walk(center, metres * share, bearing);
        // Rounding to a centimetre may carry a point out of the circle; then nothing is promised.
        if distance_metres(center, found) <= metres {
            prop_assert!(bounds.holds(found), "{bounds:?} {found:?}");
        }
    }

    #[test]
    fn a_box_misses_no_point_anywhere(center in anywhere(), other in anywhere(), factor in 1.0..1.001_f64) {
        let metres = distance_metres(center, other) * factor;
        let bounds = Bounds::around(center, metres);
        prop_assert!(bounds.holds(other), "{bounds:?} {other:?}");
        let (first, second) = bounds.longitudes();
        let within = first.contains(&other.longitude_e7()) || second.is_some_and(|second| second.contains(&other.longitude_e7()));
        prop_assert!(within);
    }

    #[test]
    fn a_box_is_not_much_larger_than_its_circle(center in anywhere(), other in anywhere(), metres in 1.0..1e6) {
        let bounds = Bounds::around(center, metres);
        if bounds.holds(other) && bounds.north < 90 * DEGREE && bounds.south > -90 * DEGREE {
            let north = (f64::from(other.latitude_e7()) - f64::from(center.latitude_e7())).abs() / f64::from(DEGREE);
            prop_assert!(north * 111_194.9 <= metres + 1.0);
        }
    }
}
