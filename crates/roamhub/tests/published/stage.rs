//! A hub between a fake operator and a fake provider, both of which call and are called, and the judge of all that it
//! says to either.

use roamhub_testkit::published::{Published, Side};
use roamhub_testkit::{Answer, CallingProvider, FakeOperator, FakeProvider, HubProcess, Received, skip};
use serde_json::Value;

/// A hub under the judge's eyes.
pub(crate) struct Stage {
    pub(crate) published: Published,
    /// The provider's server.
    pub(crate) app: FakeProvider,
    /// The operator's server.
    pub(crate) station: FakeProvider,
    pub(crate) operator: FakeOperator,
    pub(crate) provider: CallingProvider,
    _hub: HubProcess,
}

impl Stage {
    /// Nothing where the documents are missing.
    pub(crate) async fn find(test: &str) -> Option<Self> {
        let Some(published) = Published::find() else {
            skip("OICP_OPENAPI_DIR", test);
            return None;
        };
        let app = FakeProvider::start().await;
        let station = FakeProvider::builder().provider_id("DE*ABC").start().await;
        let partners = partners(&station.url(), &app.url());
        let hub = HubProcess::builder(env!("CARGO_BIN_EXE_roamhub")).partners(&partners).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        let provider = CallingProvider::new("DE-DCB", hub.oicp());
        Some(Self { published, app, station, operator, provider, _hub: hub })
    }

    /// An answer with HTTP 200 to an operator.
    #[track_caller]
    pub(crate) fn to_operator(&self, schema: &str, answer: &Answer) -> Value {
        self.answered(Side::Operator, schema, answer)
    }

    /// An answer with HTTP 200 to a provider.
    #[track_caller]
    pub(crate) fn to_provider(&self, schema: &str, answer: &Answer) -> Value {
        self.answered(Side::Provider, schema, answer)
    }

    #[track_caller]
    fn answered(&self, side: Side, schema: &str, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{answer:?}");
        self.judge(side, schema, &answer.json());
        answer.json()
    }

    /// All that the provider's and the operator's servers have received: so many messages each.
    #[track_caller]
    pub(crate) fn judge_received(&self, provider: usize, operator: usize) {
        let (by_provider, by_operator) = (self.app.received(), self.station.received());
        assert_eq!((by_provider.len(), by_operator.len()), (provider, operator));
        for (side, received) in [(Side::Provider, by_provider), (Side::Operator, by_operator)] {
            for message in &received {
                self.judge(side, &schema_of(message), &message.json());
            }
        }
    }

    #[track_caller]
    fn judge(&self, side: Side, schema: &str, message: &Value) {
        let violations = self.published.violations(side, schema, message);
        assert!(violations.is_empty(), "{schema}: {violations:#?}\n{message:#}");
    }
}

/// The schema of what came in at this path.
fn schema_of(message: &Received) -> String {
    let path = message.path.as_str();
    let named = [
        ("/authorize/start", "eRoamingAuthorizeStart"),
        ("/authorize/stop", "eRoamingAuthorizeStop"),
        ("/authorize-remote/start", "eRoamingAuthorizeRemoteStart"),
        ("/authorize-remote/stop", "eRoamingAuthorizeRemoteStop"),
        ("/reservation-start-request", "eRoamingAuthorizeRemoteReservationStart"),
        ("/reservation-stop-request", "eRoamingAuthorizeRemoteReservationStop"),
        ("/charge-detail-record", "eRoamingChargeDetailRecord"),
    ];
    if path.ends_with("/charging-notifications") {
        return format!("eRoamingChargingNotification{}", message.kind());
    }
    let schema = named.into_iter().find(|(end, _)| path.ends_with(end));
    schema.unwrap_or_else(|| panic!("an unknown path: {message:?}")).1.to_owned()
}

fn partners(station: &str, app: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
url = "{station}"
sub_operators = ["DE*XYZ"]

[[provider]]
id = "DE-DCB"
url = "{app}"
services = ["authorization", "notifications", "cdr", "authentication-data"]
timeout = "1s"

[[contract]]
operator = "DE*ABC"
provider = "DE-DCB"
services = ["authorization", "reservation"]
"#
    )
}
