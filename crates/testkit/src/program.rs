//! The hub's program run to its end, as a person does at a shell: arguments and standard input in, exit code and both
//! outputs out.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How a program ended and what it printed.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program with these arguments and this standard input until it ends by itself.
///
/// # Panics
/// When it cannot be run, or does not end in time (it is killed then).
pub async fn run(
    program: impl AsRef<Path>,
    arguments: &[impl AsRef<OsStr>],
    input: &[u8],
    bound: Duration,
) -> Ended {
    let program = program.as_ref();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => panic!("cannot run {}: {error}", program.display()),
    };
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let fed = async move {
        // A program that does not read its input may have ended before it was written.
        let _not_wanted = stdin.write_all(input).await;
    };
    let Ok((output, ())) = timeout(bound, async { tokio::join!(child.wait_with_output(), fed) }).await else {
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        panic!("{} {arguments:?} did not end within {bound:?}", program.display());
    };
    let output = output.expect("a child process can be waited for");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
