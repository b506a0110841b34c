//! Reading large bodies aside: a megabyte takes milliseconds to judge, and on a small machine everybody else would wait for
//! them. A usual message is read where it is.

use bytes::Bytes;
use roamhub_core::ports::LedgerError;
use tokio::sync::Semaphore;

/// Up to here a body is read at once.
const SMALL: usize = 64 * 1024;
/// So many large ones at a time.
static ASIDE: Semaphore = Semaphore::const_new(2);

/// What `parse` makes of the body.
///
/// # Errors
/// [`LedgerError::Contradiction`] if it panicked: nothing was done.
pub(crate) async fn parsed<T: Send + 'static>(body: Bytes, parse: fn(Bytes) -> T) -> Result<T, LedgerError> {
    if body.len() <= SMALL {
        return Ok(parse(body));
    }
    let _place = ASIDE.acquire().await.map_err(|_| LedgerError::Unavailable)?;
    tokio::task::spawn_blocking(move || parse(body)).await.map_err(|_| LedgerError::Contradiction)
}
