//! A hub between a fake operator and a fake provider, and the judge of all that it says to either.

use roamhub_testkit::published::{Published, Side};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, Received, partners_toml, skip};
use serde_json::Value;

/// A hub under the judge's eyes.
pub(crate) struct Stage {
    pub(crate) published: Published,
    pub(crate) provider: FakeProvider,
    pub(crate) operator: FakeOperator,
    _hub: HubProcess,
}

impl Stage {
    /// Nothing where the documents are missing.
    pub(crate) async fn find(test: &str) -> Option<Self> {
        let Some(published) = Published::find() else {
            skip("OICP_OPENAPI_DIR", test);
            return None;
        };
        let provider = FakeProvider::start().await;
        let partners = partners_toml(&provider.url());
        let hub = HubProcess::builder(env!("CARGO_BIN_EXE_roamhub")).partners(&partners).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Some(Self { published, provider, operator, _hub: hub })
    }

    /// An answer with HTTP 200 to an operator.
    #[track_caller]
    pub(crate) fn judge_answer(&self, schema: &str, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{answer:?}");
        self.judge(Side::Operator, schema, &answer.json());
        answer.json()
    }

    /// All that the provider has received.
    #[track_caller]
    pub(crate) fn judge_received(&self) {
        let received = self.provider.received();
        assert!(!received.is_empty(), "the provider received nothing");
        for message in &received {
            self.judge(Side::Provider, &schema_of(message), &message.json());
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
    match message.path.rsplit('/').next() {
        Some("charging-notifications") => format!("eRoamingChargingNotification{}", message.kind()),
        Some("start") => "eRoamingAuthorizeStart".to_owned(),
        _ => panic!("an unknown path: {message:?}"),
    }
}
