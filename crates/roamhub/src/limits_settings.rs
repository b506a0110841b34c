//! `[limits]` in `roamhub.toml`: what protects the hub, and the partners' allowances. Each setting also as
//! `ROAMHUB_LIMITS_…`, which goes first; the single allowances stand in the file alone.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use roamhub_core::allowance::Figures;
use roamhub_ingress::Limits;
use roamhub_ingress::deadlines::Deadlines;
use roamhub_ingress::request::BodyLimits;
use roamhub_ingress::routes::Sizes;
use roamhub_services::LoadBounds;
use roamhub_services::partners_file::parse_duration;
use roamhub_services::partners_limits::{FigureEntry, operation};
use serde::Deserialize;

/// The longest body of a session message: a charge detail record with signed values is 30 kB and more.
const MESSAGE: u32 = 1024;
/// The longest upload: some hundred thousand records.
const UPLOAD: u32 = 64;
/// An upload comes at least as fast, in bytes a second: the slowest line anybody calls one.
const LEAST_RATE: usize = 16 * 1024;
/// Clients keep a connection for two minutes; one that is closed under them costs them a message.
const LEAST_IDLE: Duration = Duration::from_secs(120);

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    preset: Option<String>,
    #[serde(default)]
    per_minute: BTreeMap<String, FigureEntry>,
    connections: Option<usize>,
    calls: Option<usize>,
    bodies: Option<u32>,
    message: Option<u32>,
    upload: Option<u32>,
    head: Option<u32>,
    idle: Option<String>,
    head_time: Option<String>,
    body_time: Option<String>,
    upload_time: Option<String>,
    answer_time: Option<String>,
}

/// What a hub is bounded by.
#[derive(Clone, Debug)]
pub(crate) struct NodeLimits {
    /// Connections.
    pub(crate) connections: Limits,
    /// Bodies.
    pub(crate) sizes: Sizes,
    /// What is under way at a time.
    pub(crate) load: LoadBounds,
    /// How often partners may call, unless they have figures of their own.
    pub(crate) allowances: Figures,
}

impl Default for NodeLimits {
    fn default() -> Self {
        let body = |size, time| BodyLimits { size, time, least_rate: LEAST_RATE };
        Self {
            connections: Limits::default(),
            sizes: Sizes {
                messages: body(MESSAGE as usize * 1024, Duration::from_secs(5)),
                uploads: body(UPLOAD as usize * 1024 * 1024, Duration::from_secs(60)),
            },
            load: LoadBounds::default(),
            allowances: Figures::default(),
        }
    }
}

/// Puts environment, file and defaults together.
pub(crate) fn settle(section: LimitsSection) -> anyhow::Result<NodeLimits> {
    let usual = NodeLimits::default();
    let (connections, sizes) = (usual.connections, usual.sizes);
    let size = |name, from_file, usual: usize, unit: usize, range: (usize, usize)| {
        Ok::<_, anyhow::Error>(number(name, from_file, usual / unit, range)?.saturating_mul(unit))
    };
    let (kib, mib) = (1024, 1024 * 1024);
    let file = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok());
    let idle = duration("idle", section.idle, connections.idle)?;
    ensure!(idle >= LEAST_IDLE, "limits.idle is at least 120s: clients keep their connections so long");
    Ok(NodeLimits {
        connections: Limits {
            connections: number(
                "connections",
                section.connections,
                connections.connections,
                (16, 1_000_000),
            )?,
            idle,
            deadlines: Deadlines {
                head: duration("head_time", section.head_time, connections.deadlines.head)?,
                answer: duration("answer_time", section.answer_time, connections.deadlines.answer)?,
            },
            head_size: size("head", file(section.head), connections.head_size, kib, (8, 1_024))?,
            ..connections
        },
        sizes: Sizes {
            messages: BodyLimits {
                size: size("message", file(section.message), sizes.messages.size, kib, (64, 65_536))?,
                time: duration("body_time", section.body_time, sizes.messages.time)?,
                ..sizes.messages
            },
            uploads: BodyLimits {
                size: size("upload", file(section.upload), sizes.uploads.size, mib, (1, 1_024))?,
                time: duration("upload_time", section.upload_time, sizes.uploads.time)?,
                ..sizes.uploads
            },
        },
        load: LoadBounds {
            calls: number("calls", section.calls, usual.load.calls, (16, 1_000_000))?,
            bytes: size("bodies", file(section.bodies), usual.load.bytes, mib, (4, 1_048_576))?,
        },
        allowances: allowances(section.preset, &section.per_minute)?,
    })
}

fn allowances(preset: Option<String>, own: &BTreeMap<String, FigureEntry>) -> anyhow::Result<Figures> {
    let mut figures = match variable("preset").or(preset).as_deref() {
        None | Some("none") => Figures::default(),
        Some("aup-1.0") => Figures::aup_1_0(),
        Some(other) => bail!("limits.preset: {other:?} is not known; there are \"aup-1.0\" and \"none\""),
    };
    for (name, figure) in own {
        let wrong = |problem| anyhow!("limits.per_minute.{name}: {problem}");
        figures.set(operation(name).map_err(wrong)?, figure.figure().map_err(wrong)?);
    }
    Ok(figures)
}

fn variable(name: &str) -> Option<String> {
    let name = format!("ROAMHUB_LIMITS_{}", name.to_ascii_uppercase());
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn duration(name: &str, from_file: Option<String>, usual: Duration) -> anyhow::Result<Duration> {
    let Some(text) = variable(name).or(from_file) else { return Ok(usual) };
    parse_duration(&text).ok_or_else(|| {
        anyhow!("limits.{name}: {text:?} is no duration; say a number with a unit: 200ms, 5s, 2m or 4h")
    })
}

fn number<N: FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    from_file: Option<N>,
    usual: N,
    (least, most): (N, N),
) -> anyhow::Result<N> {
    let number = match variable(name) {
        Some(text) => Some(text.parse().map_err(|_| anyhow!("limits.{name}: {text:?} is no such number"))?),
        None => from_file,
    };
    let number = number.unwrap_or(usual);
    ensure!((&least..=&most).contains(&&number), "limits.{name}: {number} is not from {least} to {most}");
    Ok(number)
}

#[cfg(test)]
mod tests {
    use oicp::service::Service;
    use roamhub_core::allowance::Figure;

    use super::*;

    fn settled(text: &str) -> anyhow::Result<NodeLimits> {
        settle(toml::from_str(text)?)
    }

    fn per_minute(limits: &NodeLimits, service: Service) -> Option<u32> {
        match limits.allowances.of(service) {
            Some(Figure::PerMinute(number)) => Some(number.get()),
            _ => None,
        }
    }

    #[test]
    fn nobody_has_an_allowance_unless_somebody_says_so() {
        let usual = settled("").unwrap();
        assert!(Service::ALL.into_iter().all(|service| usual.allowances.of(service).is_none()));
        assert_eq!((usual.sizes.messages.size, usual.sizes.uploads.size), (1 << 20, 64 << 20));
        assert_eq!((usual.load.calls, usual.load.bytes), (8_192, 256 << 20));
    }

    #[test]
    fn single_figures_go_over_the_preset() {
        let text =
            "preset = \"aup-1.0\"\nper_minute = { notifications = 400, authorize_stop = \"unlimited\" }";
        let limits = settled(text).unwrap();
        assert_eq!(per_minute(&limits, Service::ChargingNotifications), Some(400));
        assert_eq!(limits.allowances.of(Service::AuthorizeStop), Some(Figure::Unlimited));
        assert_eq!(per_minute(&limits, Service::AuthorizeStart), Some(200));
    }

    #[test]
    fn sizes_and_times_are_set() {
        let text = "message = 256\nupload = 8\nbodies = 64\nhead = 16\nidle = \"3m\"\nhead_time = \"4s\"";
        let limits = settled(text).unwrap();
        assert_eq!((limits.sizes.messages.size, limits.sizes.uploads.size), (256 << 10, 8 << 20));
        assert_eq!((limits.load.bytes, limits.connections.head_size), (64 << 20, 16 << 10));
        assert_eq!(
            (limits.connections.idle.as_secs(), limits.connections.deadlines.head.as_secs()),
            (180, 4)
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("preset = \"aup-2\"", "there are \"aup-1.0\""),
            (
                "per_minute = { notification = 1 }",
                "limits.per_minute.notification: \"notification\" is no operation",
            ),
            ("per_minute = { notifications = 0 }", "from 1 to 1000000"),
            ("idle = \"60s\"", "at least 120s"),
            ("head_time = \"soon\"", "limits.head_time"),
            ("message = 1", "not from 64 to 65536"),
            ("calls = 1", "not from 16"),
            ("rates = 1", "unknown field"),
        ] {
            let error = format!("{:#}", settled(text).expect_err(text));
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
