//! Where things are on the globe, how far apart, and how long a signal takes between them.

use std::time::Duration;

/// Mean radius of the Earth (IUGG R1), in metres.
const EARTH_RADIUS_METRES: f64 = 6_371_008.8;

/// Speed of light in a single-mode fibre (refractive index 1.4682), in metres per second.
const FIBRE_METRES_PER_SECOND: u64 = 204_190_000;

/// Cables are longer than great circles; this much of the great circle, in percent.
const CABLE_PERCENT: u64 = 130;

/// A point on the globe, in degrees: latitude north, longitude east.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coordinates {
    lat: f64,
    lon: f64,
}

/// What to write for a point in a file.
pub(super) const HOW_TO_WRITE_COORDINATES: &str =
    "write degrees, north and east positive, such as `lat = 53.35, lon = -6.26`";

/// Not a point on the globe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadCoordinates {
    #[error("latitude {0} is not between -90 and 90")]
    Latitude(f64),
    #[error("longitude {0} is not between -180 and 180")]
    Longitude(f64),
}

impl Coordinates {
    /// Latitude from -90 to 90 and longitude from -180 to 180, in degrees.
    pub fn new(lat: f64, lon: f64) -> Result<Self, BadCoordinates> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(BadCoordinates::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(BadCoordinates::Longitude(lon));
        }
        Ok(Coordinates { lat, lon })
    }

    pub fn lat(self) -> f64 {
        self.lat
    }

    pub fn lon(self) -> f64 {
        self.lon
    }

    /// Great-circle distance by the haversine formula, rounded to whole metres so that it compares alike on every
    /// machine.
    pub fn metres_to(self, other: Coordinates) -> u64 {
        let (lat_a, lat_b) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = (lat_b - lat_a) / 2.0;
        let half_lon = (other.lon - self.lon).to_radians() / 2.0;
        let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
        (2.0 * EARTH_RADIUS_METRES * h.clamp(0.0, 1.0).sqrt().asin()).round() as u64
    }
}

/// The one-way delay of a signal over a great-circle distance, as a cable would carry it.
pub fn wan_delay(metres: u64) -> Duration {
    let nanoseconds =
        u128::from(metres) * u128::from(CABLE_PERCENT) * 10_000_000 / u128::from(FIBRE_METRES_PER_SECOND);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat: f64, lon: f64) -> Coordinates {
        Coordinates::new(lat, lon).unwrap()
    }

    #[test]
    fn known_distances() {
        let quarter = 10_007_557;
        assert_eq!(at(0.0, 0.0).metres_to(at(90.0, 0.0)), quarter);
        assert_eq!(at(0.0, 0.0).metres_to(at(0.0, 180.0)), 2 * quarter);
        assert_eq!(at(10.0, -180.0).metres_to(at(10.0, 180.0)), 0);
        // Dublin to Ashburn is 5,450 km to within the precision of the places.
        let ashburn = at(53.35, -6.26).metres_to(at(39.04, -77.49));
        assert!((5_430_000..5_480_000).contains(&ashburn), "{ashburn}");
    }

    #[test]
    fn a_signal_takes_about_a_millisecond_for_157_km() {
        assert_eq!(wan_delay(0), Duration::ZERO);
        assert_eq!(wan_delay(157_069).as_micros(), 999);
        assert!(wan_delay(20_015_114) < Duration::from_millis(128));
    }

    #[test]
    fn off_the_globe() {
        assert!(Coordinates::new(90.1, 0.0).is_err());
        assert!(Coordinates::new(0.0, -180.5).is_err());
        assert!(Coordinates::new(f64::NAN, 0.0).is_err());
        assert!(Coordinates::new(0.0, f64::INFINITY).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn distance_is_a_metric(
            a in (-90.0..=90.0f64, -180.0..=180.0f64),
            b in (-90.0..=90.0f64, -180.0..=180.0f64),
            c in (-90.0..=90.0f64, -180.0..=180.0f64),
        ) {
            let (a, b, c) = (at(a.0, a.1), at(b.0, b.1), at(c.0, c.1));
            prop_assert_eq!(a.metres_to(a), 0);
            prop_assert_eq!(a.metres_to(b), b.metres_to(a));
            prop_assert!(a.metres_to(b) <= 20_015_115);
            prop_assert!(a.metres_to(c) <= a.metres_to(b) + b.metres_to(c) + 3);
        }
    }
}
