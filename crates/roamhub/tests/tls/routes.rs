//! Every route, and what becomes of whoever is not let in, or is and does something wrong, in one table. A service or a
//! resource that is new changes the table, or does not compile here.

use std::fmt::Write;

use oicp::service::Service;
use roamhub_ingress::partner::path::{self, Found, Resource};
use roamhub_testkit::{Answer, ClientTls, FakeOperator, FakeProvider, HubProcess, messages};

use crate::stage::{BIN, HOST, Stage, in_hours};

/// Some Process-ID and SessionID.
const ID: &str = "0198f2d4-0000-7000-8000-000000000000";

/// Who calls a route, by its own id, by one that is its own in the other role, and by one that nobody has.
struct Cast {
    own: &'static str,
    other_role: &'static str,
    nobody: &'static str,
}

const OPERATOR: Cast = Cast { own: "DE*ABC", other_role: "DE*DCB", nobody: "DE*NOO" };
const PROVIDER: Cast = Cast { own: "DE-DCB", other_role: "DE-ABC", nobody: "DE-NOO" };

/// A route as one partner sees it.
struct Route {
    name: String,
    get: bool,
    by_operators: bool,
    path: Box<dyn Fn(&str) -> String>,
}

impl Route {
    fn cast(&self) -> &'static Cast {
        if self.by_operators { &OPERATOR } else { &PROVIDER }
    }
}

fn routes() -> Vec<Route> {
    let services = Service::ALL.into_iter().map(|service| Route {
        name: format!("{service:?}"),
        get: false,
        by_operators: service.is_called_by_operators(),
        path: Box::new(move |id| service.path(Some(id))),
    });
    services.chain(own_routes()).collect()
}

/// The hub's own. A resource that is new has to be given a place here before this compiles.
fn own_routes() -> Vec<Route> {
    let paths = [
        "operators/{}/receipts/ID",
        "providers/{}/receipts/ID",
        "operators/{}/receipts?session=ID",
        "providers/{}/receipts?session=ID",
        "providers/{}/notifications",
        "providers/{}/notifications/confirm",
        "keys",
    ];
    let route = |template: &'static str| {
        let path = move |id: &str| format!("/api/hub/v1/{}", template.replace("{}", id).replace("ID", ID));
        let whole = path("DE-DCB");
        let found = path::find(whole.split('?').next().unwrap_or_default());
        let Some(Found::Resource(resource)) = found else { panic!("{template} is no route") };
        let (name, get) = match resource {
            Resource::Keys => ("keys", true),
            Resource::Receipt(..) => ("receipt", true),
            Resource::Receipts(_) => ("receipts", true),
            Resource::Notifications(_) => ("feed", true),
            Resource::Confirm(_) => ("confirm", false),
        };
        let by_operators = template.starts_with("operators");
        let of = if by_operators { " (operator)" } else { "" };
        Route { name: format!("{name}{of}"), get, by_operators, path: Box::new(path) }
    };
    paths.map(route).into()
}

/// A hub, and everybody who calls it.
struct Walk {
    hub: HubProcess,
    expired: ClientTls,
    _provider: FakeProvider,
}

impl Walk {
    async fn new() -> Self {
        let provider = FakeProvider::start().await;
        let partners = format!(
            r#"[[operator]]
id = "DE*ABC"

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{}"
services = ["authorization", "notifications", "authentication-data"]
feed = true

[[provider]]
id = "DE-TWO"
"#,
            provider.url()
        );
        let hub = HubProcess::builder(BIN).partners(&partners).with_tls().start().await;
        let expired = hub.tls().ca().client_maker("old").valid(in_hours(-9), in_hours(-1)).build(HOST);
        let stage = Stage { hub, provider };
        for id in [OPERATOR.own, PROVIDER.own] {
            stage.pin_to(id, &expired).await;
        }
        Self { hub: stage.hub, expired, _provider: stage.provider }
    }

    fn with(&self, tls: ClientTls) -> FakeOperator {
        FakeOperator::new("somebody", self.hub.oicp()).with_tls(tls)
    }

    /// All columns of one row.
    async fn row(&self, route: &Route) -> Vec<(&'static str, String)> {
        let (cast, tls) = (route.cast(), self.hub.tls());
        let own = self.with(tls.client(cast.own));
        let another = self.with(tls.client(if route.by_operators { "DE*QQQ" } else { "DE-TWO" }));
        let stranger = self.with(tls.ca().anonymous_client(HOST));
        let expired = self.with(self.expired.clone());
        let other_role = self.with(tls.client(if route.by_operators { "DE-DCB" } else { "DE*ABC" }));
        let path = (route.path)(cast.own);
        let call = async |who: &FakeOperator, id: &str| self.call(who, route, id).await;
        let huge = [("expect", "100-continue"), ("content-length", "70000000")];
        let multipart = [("content-type", "multipart/form-data; boundary=x")];
        vec![
            ("no certificate", call(&stranger, cast.own).await),
            ("another's", call(&another, cast.own).await),
            ("expired", call(&expired, cast.own).await),
            ("unknown id", call(&own, cast.nobody).await),
            ("wrong role", call(&other_role, cast.other_role).await),
            ("broken body", if route.get { "-".to_owned() } else { said(&own.post(&path, &[], "{").await) }),
            ("oversized", if route.get { "-".to_owned() } else { said(&own.post(&path, &huge, "").await) }),
            (
                "wrong method",
                match route.get {
                    true => said(&own.post(&path, &[], "{}").await),
                    false => said(&own.get(&path).await),
                },
            ),
            (
                "wrong type",
                match route.get {
                    true => "-".to_owned(),
                    false => said(&own.post(&path, &multipart, "--x--").await),
                },
            ),
        ]
    }

    /// A call as it is meant, in the name of this id.
    async fn call(&self, who: &FakeOperator, route: &Route, id: &str) -> String {
        let path = (route.path)(id);
        if route.get {
            return said(&who.get(&path).await);
        }
        let mut body = messages::end(ID);
        body["OperatorID"] = id.into();
        said(&who.post(&path, &[], body.to_string()).await)
    }
}

fn said(answer: &Answer) -> String {
    let code = answer.code();
    format!("{}/{}", answer.status, if code.is_empty() { "-" } else { &code })
}

#[tokio::test]
async fn the_table_of_all_routes_and_all_that_is_wrong() {
    let walk = Walk::new().await;
    let mut table = String::new();
    for (number, route) in routes().iter().enumerate() {
        let row = walk.row(route).await;
        if number == 0 {
            let heads: String = row.iter().map(|(column, _)| format!(" {column:<14}")).collect();
            writeln!(table, "{:<27}{}", "", heads.trim_end()).unwrap();
        }
        let cells: String = row.iter().map(|(_, cell)| format!(" {cell:<14}")).collect();
        writeln!(table, "{:<27}{}", route.name, cells.trim_end()).unwrap();
    }
    insta::assert_snapshot!(table);
}
