//! The hub as people run it: its real binary as a child process, with ports that the system chose.

mod control;
mod output;
mod partners;
mod tls;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use partners::{partners_toml, partners_toml_with};
pub use tls::HubTls;

use crate::operator::{Answer, Client, FakeOperator, Request};
use crate::remote::CallingProvider;
use output::{Announced, Log};

/// How long a hub may take to start or to stop.
const BOUND: Duration = Duration::from_secs(20);
/// How long its output may stay open after its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A hub process; killed when dropped.
pub struct HubProcess {
    launch: Launch,
    running: Option<Running>,
    log: Log,
}

/// Settings of a hub that is to be started.
pub struct Builder {
    bin: PathBuf,
    data: Option<PathBuf>,
    partners: String,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    tls: Option<HubTls>,
}

/// A hub that ended, or did not get ready in time.
#[derive(Debug)]
pub struct Failure {
    /// How it ended; `None` if it had to be killed.
    pub status: Option<ExitStatus>,
    /// Both its outputs.
    pub log: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "the hub ended with {status} before it was ready")?,
            None => write!(f, "the hub was not ready within {BOUND:?}")?,
        }
        write!(f, "; it said:\n{}", self.log)
    }
}

/// What it takes to start the same hub again.
struct Launch {
    bin: PathBuf,
    data: PathBuf,
    partners: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    tls: Option<HubTls>,
    /// The partners file, and the data unless a directory was given, live here.
    _own: TempDir,
}

struct Running {
    child: Child,
    oicp: SocketAddr,
    console: SocketAddr,
    readers: [JoinHandle<()>; 2],
}

impl Builder {
    /// The data directory; one of its own unless told.
    #[must_use]
    pub fn data(self, dir: impl AsRef<Path>) -> Self {
        Self { data: Some(dir.as_ref().to_owned()), ..self }
    }

    /// The text of the partners file.
    #[must_use]
    pub fn partners(self, toml: &str) -> Self {
        Self { partners: toml.to_owned(), ..self }
    }

    /// Serves mutual TLS with a certificate of an authority of its own. Every partner in the partners file that names no
    /// certificates gets one; [`HubProcess::operator`] and [`HubProcess::provider`] use it.
    #[must_use]
    pub fn with_tls(self) -> Self {
        Self { tls: Some(HubTls::new()), ..self }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts the hub and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not within 20 s, with all it printed.
    pub async fn start(self) -> HubProcess {
        match self.try_start().await {
            Ok(hub) => hub,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// As `start`, for a hub that is expected to refuse.
    ///
    /// # Errors
    /// When the hub ends, or does not get ready within 20 s.
    pub async fn try_start(self) -> Result<HubProcess, Failure> {
        let own = TempDir::new().expect("a temporary directory can be made");
        let data = self.data.unwrap_or_else(|| own.path().join("data"));
        let partners = own.path().join("partners.toml");
        let (mut text, mut args) = (self.partners, self.args);
        let mut tls = self.tls;
        if let Some(tls) = &mut tls {
            text = tls.pinned(&text);
            args.extend(tls.write_into(own.path()));
        }
        fs::write(&partners, text).expect("a temporary directory can be written to");
        let launch = Launch { bin: self.bin, data, partners, args, env: self.env, tls, _own: own };
        let mut hub = HubProcess { launch, running: None, log: Log::default() };
        hub.spawn().await?;
        Ok(hub)
    }
}

impl HubProcess {
    /// A hub of this binary.
    #[must_use]
    pub fn builder(bin: impl AsRef<Path>) -> Builder {
        let (bin, partners) = (bin.as_ref().to_owned(), String::new());
        Builder { bin, data: None, partners, args: Vec::new(), env: Vec::new(), tls: None }
    }

    /// Where it serves OICP. Changes with a restart.
    #[must_use]
    pub fn oicp(&self) -> SocketAddr {
        self.running().oicp
    }

    /// Where it serves the console. Changes with a restart.
    #[must_use]
    pub fn console(&self) -> SocketAddr {
        self.running().console
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.launch.data
    }

    /// The partners file, for tests that change it.
    #[must_use]
    pub fn partners_file(&self) -> &Path {
        &self.launch.partners
    }

    /// The certificates of a hub that was started with [`Builder::with_tls`].
    ///
    /// # Panics
    /// When it was not.
    #[must_use]
    pub fn tls(&self) -> &HubTls {
        self.launch.tls.as_ref().expect("a hub that was started with_tls()")
    }

    /// An operator in front of this hub, with its certificate where the hub speaks TLS.
    #[must_use]
    pub fn operator(&self, id: &str) -> FakeOperator {
        let operator = FakeOperator::new(id, self.oicp());
        match &self.launch.tls {
            Some(tls) => operator.with_tls(tls.client(id)),
            None => operator,
        }
    }

    /// A provider in front of this hub, with its certificate where the hub speaks TLS.
    #[must_use]
    pub fn provider(&self, id: &str) -> CallingProvider {
        let provider = CallingProvider::new(id, self.oicp());
        match &self.launch.tls {
            Some(tls) => provider.with_tls(tls.client(id)),
            None => provider,
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running().child.id().expect("a hub that has not been waited for")
    }

    /// All it printed so far, in all its runs; lines of standard error are marked.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until it has printed this text, in any of its runs.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn wait_for_log(&self, text: &str, bound: Duration) {
        if timeout(bound, self.log.says(text)).await.is_err() {
            panic!("the hub did not say {text:?} within {bound:?}; it said:\n{}", self.log());
        }
    }

    /// Gets a page of the console.
    pub async fn get_console(&self, path: &str) -> Answer {
        let request = Request { method: "GET", path, headers: &[], body: Bytes::new() };
        match Client::new(self.console()).exchange(&request).await {
            Ok(answer) => answer,
            Err(error) => {
                panic!("awaited an answer of the console to {path}: {error}; the hub said:\n{}", self.log())
            }
        }
    }

    /// Gets something of the admin API, through the control socket: what it shows to whoever may see everything.
    pub async fn get_admin(&self, path: &str) -> Answer {
        self.ask_admin("GET", path, "").await
    }

    /// Asks the admin API through the control socket.
    pub async fn ask_admin(&self, method: &str, path: &str, body: &str) -> Answer {
        let socket = self.data_dir().join("control.sock");
        match timeout(BOUND, control::ask(&socket, method, path, &body.to_owned().into())).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("awaited an answer of the control socket to {path}: {error}"),
            Err(_) => panic!("no answer of the control socket to {path} within {BOUND:?}"),
        }
    }

    /// Kills it as the kernel does when memory runs out (SIGKILL) and waits until it is gone.
    pub async fn kill9(&mut self) {
        let mut running = self.take();
        running.child.kill().await.expect("a child process can be killed");
        self.hear_out(running.readers).await;
        self.log.add("[killed]");
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Panics
    /// When it does not end within 20 s.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_exit(BOUND).await
    }

    /// Has it read its configuration again (SIGHUP).
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Lets it write no file beyond this many bytes, or lifts that limit: a disk that is full, and has room again. The
    /// hub must have been started with SIGXFSZ ignored, or the kernel ends it.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(self.process()), Resource::Fsize, limit).expect("a child's limits can be changed");
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn wait_for_exit(&mut self, bound: Duration) -> ExitStatus {
        let mut running = self.take();
        let Ok(status) = timeout(bound, running.child.wait()).await else {
            panic!("the hub did not end within {bound:?}; it said:\n{}", self.log());
        };
        self.hear_out(running.readers).await;
        let status = status.expect("a child process can be waited for");
        self.log.add(&format!("[ended: {status}]"));
        status
    }

    /// Starts it again on the same data and partners; stops it first (SIGTERM) if it runs.
    pub async fn restart(&mut self) {
        if self.running.is_some() {
            self.terminate().await;
        }
        if let Err(failure) = self.spawn().await {
            panic!("{failure}");
        }
    }

    /// Starts it again on the same data and kills it (SIGKILL) after a while, ready or not: a crash in the middle of
    /// coming up.
    pub async fn start_and_kill(&self, after: Duration) {
        let mut child = self
            .launch
            .command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.launch.bin.display()));
        let _ended_by_itself = timeout(after, child.wait()).await;
        child.kill().await.expect("a child process can be killed");
        self.log.add("[killed while it came up]");
    }

    async fn spawn(&mut self) -> Result<(), Failure> {
        let mut child = self.launch.command().spawn().unwrap_or_else(|error| {
            panic!("cannot run {}: {error}", self.launch.bin.display());
        });
        let (announce, mut announced) = watch::channel(Announced::default());
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let readers = [
            tokio::spawn(output::read_stdout(stdout, self.log.clone(), announce)),
            tokio::spawn(output::read_stderr(stderr, self.log.clone())),
        ];
        let told = announced.wait_for(|announced| announced.ready || announced.ended);
        let addresses = match timeout(BOUND, told).await {
            Ok(Ok(announced)) if announced.ready => announced.oicp.zip(announced.console),
            _ => None,
        };
        let Some((oicp, console)) = addresses else {
            return Err(self.failed(child, readers).await);
        };
        self.running = Some(Running { child, oicp, console, readers });
        Ok(())
    }

    async fn failed(&self, mut child: Child, readers: [JoinHandle<()>; 2]) -> Failure {
        let status = match timeout(LAST_WORDS, child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => None,
        };
        if status.is_none() {
            child.kill().await.expect("a child process can be killed");
        }
        self.hear_out(readers).await;
        Failure { status, log: self.log() }
    }

    /// Waits for the end of its outputs, which a grandchild might hold open.
    async fn hear_out(&self, readers: [JoinHandle<()>; 2]) {
        for reader in readers {
            if timeout(LAST_WORDS, reader).await.is_err() {
                self.log.add("[its output stays open after its end]");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("a child that has not been waited for can be signalled");
    }

    fn process(&self) -> Pid {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("process ids are small")
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap_or_else(|| panic!("the hub does not run; it said:\n{}", self.log()))
    }

    fn take(&mut self) -> Running {
        let running = self.running.take();
        running.unwrap_or_else(|| panic!("the hub does not run; it said:\n{}", self.log()))
    }
}

impl Launch {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.bin);
        command.arg("serve").arg("--data").arg(&self.data).arg("--partners").arg(&self.partners);
        command.args(["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"]).args(&self.args);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}
