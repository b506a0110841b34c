//! What every ledger must do, as stories against the ports, and what only the embedded one does.
//!
//! A story is generic over [`Place`]: somewhere a ledger lives and can be opened again after it was closed. Another
//! ledger joins by implementing `Place` and naming itself in one `conformance!`. Time is a parameter of the ports, so
//! stories use fixed instants and nothing waits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its stories share"
)]

mod any_sequence;
mod as_the_model;
mod clock_step;
mod history;
mod intake;
mod leases;
mod model;
mod order;
mod records;
mod repeats;
mod scene;
mod sessions;
mod sqlite_folder;
mod sqlite_runs;
mod sqlite_writer;

use std::sync::Arc;

use jiff::Timestamp;
use roamhub_core::ports::{Ledger, Task};
use tempfile::TempDir;

/// Somewhere a ledger lives.
pub(crate) trait Place: Send + Sync {
    /// A place without a ledger yet.
    fn fresh() -> Self
    where
        Self: Sized;

    /// Opens the ledger, making it if need be. Dropping what this returned closes it.
    fn open(&self, now: Timestamp) -> Task<'_, Arc<dyn Ledger>>;
}

/// A data folder.
struct Folder(TempDir);

impl Place for Folder {
    fn fresh() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn open(&self, now: Timestamp) -> Task<'_, Arc<dyn Ledger>> {
        Box::pin(async move {
            let (ledger, _gone) = roamhub_ledger::Sqlite::open(self.0.path(), now).expect("the ledger opens");
            Arc::new(ledger) as Arc<dyn Ledger>
        })
    }
}

/// Runs the named stories of some modules, each as a test in a place of its own.
macro_rules! stories {
    ($place:ty; $($concern:ident { $($story:ident)* })*) => {$(
        mod $concern {
            $(
                #[tokio::test]
                async fn $story() {
                    let place = <$place as crate::Place>::fresh();
                    crate::$concern::$story(&place).await;
                }
            )*
        }
    )*};
}

/// The whole suite. A story that is not named here is dead code, and the build says so.
macro_rules! conformance {
    ($place:ty) => {
        stories! { $place;
            intake {
                a_notification_is_stored_with_the_lease_and_may_go
                what_nobody_opened_is_declined
                a_session_that_is_still_pending_or_was_refused_takes_nothing
                another_operator_is_declined_even_with_the_same_bytes
                a_progress_too_soon_is_declined_and_does_not_restart_the_clock
                only_progress_is_spaced
                a_clock_set_back_does_not_lock_a_session_out
                a_declined_progress_leaves_nothing_behind
                a_hostile_body_survives_byte_for_byte
                findings_come_back_as_they_were
                the_first_notification_completes_the_evse
                an_evse_that_is_known_is_kept
            }
            repeats {
                while_leased_it_is_under_way
                while_deferred_it_is_deferred_and_not_stored_again
                after_delivery_the_stored_acknowledgement_comes_back
                a_late_answer_does_not_replace_the_acknowledgement
                after_any_other_end_it_is_reopened_under_the_first_process_id
                a_reopened_end_that_is_old_counts_its_age_from_the_repeat
                after_superseded_it_stays_superseded
                held_stays_held_until_there_is_an_endpoint
                a_reopened_one_answers_as_what_became_of_it_last
                it_is_recognised_although_the_progress_gap_is_violated
                other_bytes_or_another_session_are_no_repeat
            }
            order {
                a_later_one_waits_for_the_one_under_way_and_goes_after_it
                an_end_supersedes_deferred_start_and_progress
                one_that_waited_supersedes_what_was_deferred_meanwhile
                two_ends_keep_their_order
                a_progress_stays_behind_a_deferred_end
                an_error_passes_what_is_deferred
                a_start_behind_a_deferred_start_is_parked
                sessions_do_not_wait_for_each_other
                a_deferred_one_is_not_claimed_while_a_later_one_is_under_way
                nobody_is_stranded_when_the_last_one_under_way_steps_back
                nobody_is_stranded_by_a_restart
            }
            leases {
                a_claim_raises_the_token_and_knows_the_tries
                a_result_under_an_old_token_is_late_and_changes_nothing
                a_result_under_a_swept_lease_is_late
                a_deferral_under_a_lost_lease_changes_nothing
                sweeping_returns_only_leases_that_ran_out
                a_claim_respects_the_limit_and_the_order_of_due
                a_claim_takes_only_its_own_provider_and_only_what_is_due
                a_claim_carries_the_whole_message
                what_is_parked_is_promoted_later
                a_start_or_progress_too_old_expires_and_an_end_is_exhausted
                a_claim_supersedes_what_it_overtakes
                opening_again_makes_leased_deliveries_due_at_once
            }
            clock_step {
                set_back_what_is_deferred_is_due_earlier
                set_forwards_an_end_is_given_up_later_and_a_start_expires
                a_clock_set_beyond_all_times_is_followed_as_far_as_there_is_time
            }
            history {
                a_message_shows_its_deliveries_and_attempts
                a_session_shows_its_messages_in_order_of_arrival
                nothing_is_known_of_what_never_came
                a_pin_is_overwritten_once_delivered_and_not_before
                a_pin_that_nobody_declared_stays
                deferring_without_an_attempt_leaves_no_attempt
            }
            sessions {
                a_yes_gives_facts
                a_no_leaves_no_session
                a_decision_for_no_pending_session_fails_and_makes_none
                a_session_is_opened_once
                the_card_remembers_who_said_yes_last
                the_medium_key_is_stable_across_restarts
                conflicts_are_kept_without_failing
                partner_session_ids_may_hold_nul
            }
            records {
                refusals_are_bounded_and_newest_first
                a_refusal_comes_back_as_it_was
                the_backlog_counts_what_is_open_per_provider
                the_newest_partners_document_counts
                due_names_each_provider_once_and_the_next_instant
                the_next_instant_is_known_even_where_something_is_due_now
                a_probe_is_a_commit
            }
        }

        #[test]
        fn order_leases_and_final_states_hold_in_any_sequence() {
            crate::any_sequence::order_leases_and_final_states_hold::<$place>();
        }

        #[test]
        fn every_answer_and_every_delivery_is_the_models_in_any_sequence() {
            crate::as_the_model::every_answer_and_every_delivery_is_the_models::<$place>();
        }
    };
}

mod sqlite {
    conformance!(crate::Folder);
}
