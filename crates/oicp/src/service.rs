//! The services of OICP 2.3 and their paths.
//!
//! Operators and providers use the same paths, each under its own base URL. Ids in paths hold `*` and `+`, which
//! some clients encode and others do not; a `+` is never a blank here.

/// A service of OICP 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// May this driver charge here?
    AuthorizeStart,
    /// May this driver stop here?
    AuthorizeStop,
    /// A provider starts charging from afar.
    RemoteStart,
    /// A provider stops charging from afar.
    RemoteStop,
    /// What happens in a session: Start, Progress, End, Error.
    ChargingNotifications,
    /// What a session came to.
    ChargeDetailRecord,
    /// A provider fetches what its sessions came to.
    GetChargeDetailRecords,
    /// A provider reserves a spot.
    ReservationStart,
    /// A provider gives a reservation up.
    ReservationStop,
    /// An operator uploads its spots.
    PushEvseData,
    /// A provider downloads spots.
    PullEvseData,
    /// An operator uploads the state of its spots.
    PushEvseStatus,
    /// A provider downloads the state of spots.
    PullEvseStatus,
    /// A provider downloads the state of certain spots.
    PullEvseStatusById,
    /// A provider downloads the state of certain operators' spots.
    PullEvseStatusByOperatorId,
    /// A provider uploads who may charge.
    PushAuthenticationData,
    /// An operator uploads its products and prices.
    PushPricingProductData,
    /// An operator uploads which spot has which products.
    PushEvsePricing,
    /// A provider downloads products and prices.
    PullPricingProductData,
    /// A provider downloads which spot has which products.
    PullEvsePricing,
}

/// The path of the charging notifications, the only one without an id.
pub const NOTIFICATIONS_PATH: &str = "/api/oicp/notificationmgmt/v11/charging-notifications";

const ROOT: &str = "/api/oicp";
const OPERATOR: &str = "{operatorID}";
const PROVIDER: &str = "{providerID}";

impl Service {
    /// All services.
    pub const ALL: [Self; 20] = [
        Self::AuthorizeStart,
        Self::AuthorizeStop,
        Self::RemoteStart,
        Self::RemoteStop,
        Self::ChargingNotifications,
        Self::ChargeDetailRecord,
        Self::GetChargeDetailRecords,
        Self::ReservationStart,
        Self::ReservationStop,
        Self::PushEvseData,
        Self::PullEvseData,
        Self::PushEvseStatus,
        Self::PullEvseStatus,
        Self::PullEvseStatusById,
        Self::PullEvseStatusByOperatorId,
        Self::PushAuthenticationData,
        Self::PushPricingProductData,
        Self::PushEvsePricing,
        Self::PullPricingProductData,
        Self::PullEvsePricing,
    ];

    /// The path with `{operatorID}` or `{providerID}` in place of the id (OICP 2.3, service catalogue).
    #[must_use]
    pub const fn template(self) -> &'static str {
        match self {
            Self::AuthorizeStart => "/api/oicp/charging/v21/operators/{operatorID}/authorize/start",
            Self::AuthorizeStop => "/api/oicp/charging/v21/operators/{operatorID}/authorize/stop",
            Self::RemoteStart => "/api/oicp/charging/v21/providers/{providerID}/authorize-remote/start",
            Self::RemoteStop => "/api/oicp/charging/v21/providers/{providerID}/authorize-remote/stop",
            Self::ChargingNotifications => NOTIFICATIONS_PATH,
            Self::ChargeDetailRecord => "/api/oicp/cdrmgmt/v22/operators/{operatorID}/charge-detail-record",
            Self::GetChargeDetailRecords => {
                "/api/oicp/cdrmgmt/v22/providers/{providerID}/get-charge-detail-records-request"
            }
            Self::ReservationStart => {
                "/api/oicp/reservation/v11/providers/{providerID}/reservation-start-request"
            }
            Self::ReservationStop => {
                "/api/oicp/reservation/v11/providers/{providerID}/reservation-stop-request"
            }
            Self::PushEvseData => "/api/oicp/evsepush/v23/operators/{operatorID}/data-records",
            Self::PullEvseData => "/api/oicp/evsepull/v23/providers/{providerID}/data-records",
            Self::PushEvseStatus => "/api/oicp/evsepush/v21/operators/{operatorID}/status-records",
            Self::PullEvseStatus => "/api/oicp/evsepull/v21/providers/{providerID}/status-records",
            Self::PullEvseStatusById => "/api/oicp/evsepull/v21/providers/{providerID}/status-records-by-id",
            Self::PullEvseStatusByOperatorId => {
                "/api/oicp/evsepull/v21/providers/{providerID}/status-records-by-operator-id"
            }
            Self::PushAuthenticationData => "/api/oicp/authdata/v21/providers/{providerID}/push-request",
            Self::PushPricingProductData => {
                "/api/oicp/dynamicpricing/v10/operators/{operatorID}/pricing-products"
            }
            Self::PushEvsePricing => "/api/oicp/dynamicpricing/v10/operators/{operatorID}/evse-pricing",
            Self::PullPricingProductData => {
                "/api/oicp/dynamicpricing/v10/providers/{providerID}/pricing-products"
            }
            Self::PullEvsePricing => "/api/oicp/dynamicpricing/v10/providers/{providerID}/evse-pricing",
        }
    }

    /// Whether the id in the path is that of an operator that calls, and not that of a provider. Charging notifications,
    /// which have none there, are an operator's too.
    #[must_use]
    pub const fn is_called_by_operators(self) -> bool {
        match self {
            Self::AuthorizeStart
            | Self::AuthorizeStop
            | Self::ChargingNotifications
            | Self::ChargeDetailRecord
            | Self::PushEvseData
            | Self::PushEvseStatus
            | Self::PushPricingProductData
            | Self::PushEvsePricing => true,
            Self::RemoteStart
            | Self::RemoteStop
            | Self::GetChargeDetailRecords
            | Self::ReservationStart
            | Self::ReservationStop
            | Self::PullEvseData
            | Self::PullEvseStatus
            | Self::PullEvseStatusById
            | Self::PullEvseStatusByOperatorId
            | Self::PushAuthenticationData
            | Self::PullPricingProductData
            | Self::PullEvsePricing => false,
        }
    }

    /// The service at `path` (without query), and the id in it, decoded but not checked.
    #[must_use]
    pub fn find(path: &str) -> Option<(Self, Option<String>)> {
        // By far the most frequent path, as it is nearly always spelt.
        if path == NOTIFICATIONS_PATH {
            return Some((Self::ChargingNotifications, None));
        }
        let segments = decoded_segments(path)?;
        Self::ALL.into_iter().find_map(|service| Some((service, service.matches(&segments)?)))
    }

    /// The id in the segments of a path, if it is a path of this service at all.
    fn matches(self, path: &[String]) -> Option<Option<String>> {
        if path.len() != segments(self.template()).count() {
            return None;
        }
        let mut id = None;
        for (expected, found) in segments(self.template()).zip(path) {
            match expected {
                OPERATOR | PROVIDER => id = Some(found.clone()),
                _ if expected == found => {}
                _ => return None,
            }
        }
        Some(id)
    }

    /// The full path, the id percent-encoded where a path needs it; `*` and `+` stay. Without an id, the template.
    #[must_use]
    pub fn path(self, id: Option<&str>) -> String {
        match id {
            Some(id) => self.template().replace(OPERATOR, &encoded(id)).replace(PROVIDER, &encoded(id)),
            None => self.template().to_owned(),
        }
    }

    /// The full URL of this service at a partner. The path is appended to its base URL, or as much of it as the
    /// base URL does not end with already (`…/api/oicp`, or the whole path).
    #[must_use]
    pub fn join(self, base_url: &str, id: Option<&str>) -> String {
        let base = base_url.trim_end_matches('/');
        let path = self.path(id);
        let whole = Self::complete(base, self, id);
        match base.strip_suffix(ROOT) {
            _ if whole => base.to_owned(),
            Some(front) => [front, &path].concat(),
            None => [base, &path].concat(),
        }
    }

    /// Whether a URL ends with the path of this service, in whatever encoding.
    fn complete(url: &str, service: Self, id: Option<&str>) -> bool {
        let tail = url.rfind(ROOT).and_then(|start| url.get(start..)).and_then(Self::find);
        tail.is_some_and(|(found, found_id)| found == service && found_id.as_deref() == id)
    }
}

/// The segments of a path as they are meant, without empty ones; `None` if the encoding is broken. Other services of a
/// hub name partners in their paths too, by the same rules.
#[must_use]
pub fn decoded_segments(path: &str) -> Option<Vec<String>> {
    segments(path).map(decoded).collect()
}

/// The segments of a path; empty ones, from doubled and trailing slashes, do not count.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Percent-decoding of one segment, or of a value in a query; `None` if it is broken or not UTF-8.
#[must_use]
pub fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encoding of all that may not stand in a path segment.
fn encoded(id: &str) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"*+-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _written = write!(text, "%{byte:02X}");
        }
    }
    text
}
