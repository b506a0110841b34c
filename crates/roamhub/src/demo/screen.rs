//! What the demo shows: aligned, coloured on a terminal, plain in a pipe.

use anstream::println;
use anstyle::{AnsiColor, Style};

use super::Cast;
use super::client::Answer;
use super::operator::SPOTS;
use super::play::millis;
use super::provider::CARDS;
use super::secured::{Front, Role};
use crate::node::Node;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NAME: Style = AnsiColor::Cyan.on_default();

/// Who is there.
pub(crate) fn introduce(cast: &Cast, hub: &Front, operator_url: &str, provider_url: &str) {
    println!("{BOLD}roamhub demo{BOLD:#}  two charging sessions: one by card, one from afar");
    println!();
    println!("  operator  {NAME}{:<8}{NAME:#}  {operator_url}", cast.operator);
    println!("  hub                 {}", hub.url());
    println!("  provider  {NAME}{:<8}{NAME:#}  {provider_url}", cast.provider);
    if hub.secured().is_some() {
        println!(
            "  {DIM}mutual TLS everywhere; each shows a certificate of an authority made just now{DIM:#}"
        );
    }
    println!();
}

/// Above the steps.
pub(crate) fn heading(way: &str) {
    println!("  {DIM}{way:<69}answer      round trip{DIM:#}");
}

/// Between two sessions.
pub(crate) fn pause() {
    println!();
}

/// A message that has passed, and how many have reached whom so far.
pub(crate) fn step(kind: &str, what: &str, answer: &Answer, reached: (usize, &str)) {
    step_with("000", kind, what, answer, reached);
}

/// A message that has passed and should be answered with this code.
pub(crate) fn step_with(
    wanted: &str,
    kind: &str,
    what: &str,
    answer: &Answer,
    (reached, whom): (usize, &str),
) {
    let code = answer.body["StatusCode"]["Code"].as_str().unwrap_or("-");
    let good = code == wanted && answer.status.is_success();
    let (mark, style) = if good { ("✓", GOOD) } else { ("✗", BAD) };
    println!(
        "  {style}{mark}{style:#} {BOLD}{kind:<15}{BOLD:#} {what:<46} {style}{code}{style:#}  {:>15}",
        millis(answer.took)
    );
    println!("    {DIM}{:<15} Process-ID {} · message {reached} at the {whom}{DIM:#}", "", answer.process);
}

/// How it went.
pub(crate) fn conclude(delivered: bool) {
    println!();
    if delivered {
        println!(
            "  {GOOD}Both Ends are at the provider, acknowledged 000,{GOOD:#} and were on disk before they left the hub."
        );
    } else {
        println!("  {BAD}Not everything was acknowledged with 000.{BAD:#}");
    }
}

/// What to try next.
pub(crate) fn invite(cast: &Cast, hub: &Front, node: &Node, session: &str) {
    println!();
    println!("{BOLD}Try it yourself{BOLD:#}  The session of the public integration guide is open here:");
    println!();
    println!("{}", guide_command(cast, hub, session));
    println!();
    println!("  Cards the demo provider knows {DIM}(AuthorizeStart, RFIDMifareFamilyIdentification){DIM:#}:");
    for (card, _, what) in CARDS {
        println!("    {NAME}{card}{NAME:#}  {what}");
    }
    println!();
    println!(
        "  Spots of the demo operator {DIM}(AuthorizeRemoteStart with contract {}){DIM:#}:",
        cast.contract()
    );
    for (number, _, what) in SPOTS {
        println!("    {NAME}{:<14}{NAME:#}  {what}", cast.spot(number));
    }
    println!();
    println!("  health and metrics  http://{0}/readyz  http://{0}/metrics", node.console);
}

/// The way into the console.
pub(crate) fn console(node: &Node, user: &str, password: &str) {
    println!(
        "  console             http://{}/  user {NAME}{user}{NAME:#}  password {NAME}{password}{NAME:#}",
        node.console
    );
    println!("  {DIM}Ctrl-C ends it; nothing is kept.{DIM:#}");
}

/// At the end.
pub(crate) fn goodbye() {
    println!();
    println!("  {DIM}stopping{DIM:#}");
}

/// The guide's request with host, EvseID and OperatorID filled in, ready to paste into a shell.
fn guide_command(cast: &Cast, hub: &Front, session: &str) -> String {
    let Cast { operator, evse, .. } = cast;
    // With TLS the operator says who it is.
    let secured = hub.secured().map(|secured| format!(" {} \\\n ", secured.curl(Role::Operator)));
    let (secured, url) = (secured.unwrap_or_default(), hub.url());
    format!(
        r#"curl -i{secured} {url}/api/oicp/notificationmgmt/v11/charging-notifications \
  -H 'Content-Type: application/json' -d '{{
    "CPOPartnerSessionID": "1234XYZ",
    "ChargingEnd": "2020-09-23T14:17:53.038Z",
    "ChargingStart": "2020-09-23T14:50:53.038Z",
    "ConsumedEnergy": 10,
    "EMPPartnerSessionID": "2345ABC",
    "EvseID": "{evse}",
    "Identification": {{"RFIDMifareFamilyIdentification": {{"UID": "044A2DAA856280"}}}},
    "MeterValueStart": 0,
    "MeterValueEnd": 10,
    "MeterValueInBetween": {{"meterValues": [0]}},
    "PartnerProductID": "AC 1",
    "PenaltyTimeStart": "2020-09-23T14:17:53.038Z",
    "OperatorID": "{operator}",
    "SessionID": "{session}",
    "SessionStart": "2020-09-23T14:17:53.038Z",
    "SessionEnd": "2020-09-23T14:50:53.038Z",
    "Type": "End"
  }}'"#
    )
}
