//! `roamhub tail`: messages as they pass, read from the ledger behind a cursor, while a hub is running on it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use oicp::{OperatorId, ProviderId, SessionId};
use roamhub_core::ports::Clock;
use roamhub_core::{MessageKind, SessionKey};
use roamhub_ledger::sqlite::{Look, Passed};
use serde_json::json;

use crate::clock::SystemClock;
use crate::settings::default_data;

/// How often the ledger is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How many messages are read at a time.
const BATCH: usize = 1000;
/// How long a message is waited for that is being sent, before it is shown as it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of `tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Only messages of this operator
    #[arg(long, value_name = "ID")]
    operator: Option<String>,
    /// Only messages owed to this provider
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Only messages of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only this type: Start, Progress, End or Error
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// End after so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Which messages are shown.
struct Filter {
    operator: Option<OperatorId>,
    provider: Option<ProviderId>,
    session: Option<SessionKey>,
    kind: Option<MessageKind>,
}

impl Filter {
    fn of(args: &TailArgs) -> anyhow::Result<Self> {
        let operator = args.operator.as_deref().map(|id| OperatorId::parse(id).ok());
        let provider = args.provider.as_deref().map(|id| ProviderId::parse(id).ok());
        let session =
            args.session.as_deref().map(|id| SessionId::parse(id).ok().and_then(|id| SessionKey::of(&id)));
        let kind = args.kind.as_deref().map(MessageKind::parse);
        Ok(Self {
            operator: known(operator, "an OperatorID looks like DE*ABC")?,
            provider: known(provider, "a ProviderID looks like DE-DCB")?,
            session: known(session, "a SessionID of a hub is a UUID")?,
            kind: known(kind, "a type is Start, Progress, End or Error")?,
        })
    }

    fn wants(&self, passed: &Passed) -> bool {
        self.operator.is_none_or(|id| id == passed.operator)
            && self.provider.is_none_or(|id| id == passed.provider)
            && self.session.is_none_or(|key| key == passed.session)
            && self.kind.is_none_or(|kind| kind.as_str() == passed.kind)
    }
}

fn known<T>(read: Option<Option<T>>, expected: &'static str) -> anyhow::Result<Option<T>> {
    read.map(|read| read.context(expected)).transpose()
}

/// Shows messages until it is interrupted, its reader goes away, or there were enough.
pub(crate) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let filter = Filter::of(args)?;
    let look = Look::at(&args.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(follow(&look, &filter, args)) {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        followed => followed.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn follow(look: &Look, filter: &Filter, args: &TailArgs) -> anyhow::Result<()> {
    let mut cursor = look.last_number()?;
    // A message is shown once it is known what became of it, so that its line says so.
    let mut waiting: VecDeque<Passed> = VecDeque::new();
    let mut shown = 0;
    let mut looks = tokio::time::interval(EVERY);
    loop {
        looks.tick().await;
        let passed = look.passed(cursor, BATCH)?;
        cursor = passed.last().map_or(cursor, |last| last.number);
        waiting.extend(passed.into_iter().filter(|passed| filter.wants(passed)));
        let now = SystemClock.now();
        for passed in std::mem::take(&mut waiting) {
            let state = look.state(passed.number)?;
            let waited = now.duration_since(passed.received_at);
            if state == "leased" && !waited.is_negative() && waited.unsigned_abs() < PATIENCE {
                waiting.push_back(passed);
                continue;
            }
            show(&passed, &state, args.json)?;
            shown += 1;
            if args.limit.is_some_and(|limit| shown >= limit) {
                return Ok(());
            }
        }
    }
}

fn show(passed: &Passed, state: &str, json: bool) -> std::io::Result<()> {
    let session = passed.session.to_session_id();
    let mut out = std::io::stdout().lock();
    if json {
        let line = json!({
            "process": passed.process.to_string(),
            "receivedAt": passed.received_at.to_string(),
            "type": passed.kind,
            "operator": passed.operator.to_string(),
            "provider": passed.provider.to_string(),
            "session": session.to_string(),
            "state": state,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(
            out,
            "{:.3}  {:<8}  {:<10}  {:<8}  {:<10}  {session}  {}",
            passed.received_at,
            passed.kind,
            passed.operator.to_string(),
            passed.provider.to_string(),
            state,
            passed.process
        )?;
    }
    out.flush()
}
