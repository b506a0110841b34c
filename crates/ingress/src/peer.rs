//! Who is at the other end of a call.

use http::Version;
use roamhub_services::Identity;
use tokio_util::sync::CancellationToken;

/// The other end: one per connection, or one per call where a proxy stands in between.
#[derive(Debug)]
pub struct Peer {
    /// What it has proved.
    pub identity: Identity,
    /// Set when its connection is one more than it may have: the bound.
    pub surplus: Option<usize>,
    /// Says that the connection is to end once the call under way is answered.
    pub closing: CancellationToken,
    /// Others speak through the same connection.
    pub shared: bool,
}

impl Peer {
    /// Has its connection end behind the answer, unless it is not its own. `true` if the answer is to say so.
    pub(crate) fn leaves(&self, version: Version) -> bool {
        if self.shared {
            return false;
        }
        if version >= Version::HTTP_2 {
            self.closing.cancel();
            return false;
        }
        true
    }
}
