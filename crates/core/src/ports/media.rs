//! What providers have uploaded, what may stop a session, and how often a PIN was guessed wrong.

use std::sync::Arc;

use oicp::ProviderId;
use oicp::authentication::ActionType;

use super::LedgerTask;
use crate::SessionKey;
use crate::guesses::Guesses;
use crate::media::{
    Grounds, Known, MediumHash, Staged, StopFacts, StopQuestion, Upload, UploadedMedium, Version,
};

/// Uploaded records. One push of a provider at a time: begun, staged in portions, and then seen by everybody at once or
/// by nobody ever.
pub trait UploadPort: Send + Sync {
    /// Removes what an unfinished push left behind and gives the version that the next one makes.
    fn begin_upload(&self, provider: ProviderId) -> LedgerTask<'_, Version>;
    /// Writes some records of a push. Nobody sees them yet. `first` is the place of the first one in the list.
    fn stage(
        &self,
        provider: ProviderId,
        action: ActionType,
        first: usize,
        records: Arc<Vec<UploadedMedium>>,
    ) -> LedgerTask<'_, Staged>;
    /// Makes all that was staged the current version; the push as it is kept, with the total it came to.
    fn finish_upload(&self, upload: Upload, change: Staged) -> LedgerTask<'_, Upload>;
    /// Removes a portion of what no version of the provider needs any more; whether there may be more of it.
    fn tidy_uploads(&self, provider: ProviderId) -> LedgerTask<'_, bool>;
    /// The providers that have ever begun a push.
    fn uploading_providers(&self) -> LedgerTask<'_, Vec<ProviderId>>;
    /// The newest push of each provider.
    fn newest_uploads(&self) -> LedgerTask<'_, Vec<Upload>>;
    /// Who has uploaded this medium, in the order of their ids.
    fn uploaded(&self, medium: MediumHash) -> LedgerTask<'_, Vec<Known>>;
    /// How many records there are of this medium, or of a card of this contract.
    fn uploads_of(&self, medium: MediumHash) -> LedgerTask<'_, u64>;
    /// Removes them, and what was counted about their PINs; their number.
    fn erase_uploads_of(&self, medium: MediumHash) -> LedgerTask<'_, u64>;
}

/// Stopping sessions, and PINs.
pub trait MediaPort: Send + Sync {
    /// Keeps why a session may be stopped without asking its provider.
    fn keep_grounds(&self, session: SessionKey, grounds: Grounds) -> LedgerTask<'_, ()>;
    /// What decides whether a medium may stop a session; nothing if there is no such session.
    fn stop_facts(&self, question: StopQuestion) -> LedgerTask<'_, Option<StopFacts>>;
    /// All that is counted about wrong PINs.
    fn guesses(&self) -> LedgerTask<'_, Vec<(MediumHash, Guesses)>>;
    /// Keeps how often PINs were wrong for these keys; `None` forgets.
    fn keep_guesses(&self, counted: Vec<(MediumHash, Option<Guesses>)>) -> LedgerTask<'_, ()>;
}
