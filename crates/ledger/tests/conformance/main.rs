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

#[macro_use]
mod stories;
mod accounts;
mod allowances;
mod any_feed;
mod any_retention;
mod any_sequence;
mod as_the_model;
mod cdr;
mod clock_step;
mod erasure;
mod feed;
mod feed_confirmed;
mod history;
mod intake;
mod lanes;
mod leases;
mod looking;
mod mandate;
mod media;
mod model;
mod order;
mod people;
mod receipts;
mod records;
mod release;
mod remote;
mod repeats;
mod replays;
mod retention;
mod scene;
mod session_life;
mod sessions;
mod sqlite_erasure;
mod sqlite_feed;
mod sqlite_folder;
mod sqlite_queue;
mod sqlite_retention;
mod sqlite_runs;
mod sqlite_uploads;
mod sqlite_writer;
mod uploads;
mod watch;

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
            allowances {
                what_is_new_counts_and_repeats_do_not
                progress_that_is_refused_for_rate_starts_no_five_minutes
                an_end_has_no_allowance_to_use_up
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
            lanes {
                end_and_error_go_before_start_and_progress_and_first_attempts_before_retries
                a_claim_may_leave_one_kind_where_it_is
                an_end_that_was_never_tried_is_tried_however_old_it_is
                a_pause_is_there_until_it_is_resumed_also_after_a_restart
                queues_say_how_much_waits_and_since_when
            }
            accounts {
                only_one_is_first_and_a_name_is_given_once
                a_log_in_is_found_by_its_hash_until_it_is_closed
                what_has_expired_is_forgotten_at_the_next_log_in
                a_new_password_ends_the_other_log_ins_and_bars_those_under_way
                a_new_role_ends_log_ins_and_revokes_what_may_do_more
                a_user_who_goes_takes_log_ins_and_tokens_along
                a_token_is_listed_found_and_revoked_with_what_it_made
                the_audit_trail_is_read_backwards_page_by_page
                strangers_do_not_fill_the_audit_trail
                a_drain_rate_holds_until_it_is_cleared
            }
            release {
                an_owed_end_is_found_by_its_card_filed_or_not
                the_ends_of_one_card_and_provider_are_claimed_before_they_are_due
                an_end_that_is_being_sent_again_is_found_although_nobody_has_filed_it
                an_end_released_keeps_the_order_of_its_session
            }
            cdr {
                a_record_closes_its_session_and_is_owed_at_once
                a_record_lets_an_owed_end_go_first_for_a_minute
                once_the_end_is_through_the_record_waits_no_longer
                a_record_that_failed_keeps_its_own_time
                the_same_bytes_are_a_repeat_and_others_are_declined
                after_the_record_nothing_new_is_taken_and_a_repeat_has_its_answer
                bytes_that_came_as_an_end_before_stay_two_messages
                a_window_that_was_read_gets_no_more_records
                a_window_is_filtered_and_paged_in_order_of_reception
                what_was_forwarded_is_known_also_by_a_replay
                a_held_record_is_in_the_window_and_in_no_feed
                an_erased_record_is_left_out_and_found_by_the_card_it_names
                records_are_drained_by_themselves_and_never_given_up_untried
                a_closed_session_is_watched_no_more
                a_record_is_compared_once_with_the_last_end_of_its_session
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
                a_pin_is_overwritten_once_its_provider_has_seen_it_and_not_before
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
            receipts {
                a_receipt_has_the_facts_and_needs_no_body
                what_nobody_sent_has_no_receipt
                a_session_has_the_receipts_of_its_messages_in_order_of_arrival
                a_receipt_knows_its_place_in_the_feed
            }
            feed {
                what_is_held_gets_a_position_also_where_nobody_reads
                a_reader_gets_everything_in_order_of_arrival
                positions_are_counted_per_provider
                a_pass_is_bounded_and_says_how_much_is_left
                a_provider_that_starts_to_read_begins_with_what_is_held_and_owed
                a_page_is_bounded_in_number_and_in_bytes
                positions_and_confirmations_survive_a_restart
                the_bytes_come_back_as_they_were
                a_message_without_any_end_is_held_again_only_if_it_ended_unheard
                what_is_held_again_stands_behind_what_is_there
            }
            feed_confirmed {
                what_is_held_or_deferred_is_closed_as_fetched
                what_is_under_way_or_has_ended_is_left_alone
                what_was_given_up_is_fetched_after_all
                much_is_confirmed_in_small_steps
                a_cursor_of_before_changes_nothing_and_one_beyond_the_end_is_refused
                a_repeat_of_what_was_fetched_is_not_sent
                what_waited_behind_a_fetched_message_goes_on
                a_pin_is_overwritten_once_fetched
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
            looking {
                a_session_shows_its_authorisation_its_conflicts_and_its_messages
                one_partners_refusals_are_found_however_it_spelt_itself
            }
            replays {
                a_selection_counts_what_it_takes_in_and_what_it_leaves
                a_replay_carries_the_message_with_attempts_counting_on
                a_large_replay_is_queued_in_batches_each_message_once_also_over_a_restart
                no_order_of_a_session_knows_of_a_replay
                what_is_open_is_not_queued_and_two_replays_do_not_queue_the_same
                a_lease_of_a_replay_that_ran_out_is_claimed_again
                a_lease_of_a_replay_is_given_back_once
                a_replay_stands_back_while_its_message_is_sent_again_by_its_sender
                an_erased_message_is_skipped_and_one_erased_while_it_waits_is_not_sent
                replays_are_listed_newest_first
            }
            erasure {
                a_body_goes_and_digest_times_and_outcome_stay
                sessions_are_found_by_their_medium
                what_is_under_way_is_never_touched
                what_is_owed_is_kept_or_ends_with_a_named_reason
                what_is_sent_in_again_after_its_erasure_is_sent_but_not_stored_again
                a_card_number_that_a_provider_repeated_goes_too
                requests_that_came_to_no_session_are_found_in_order_and_erased
                a_remembered_card_is_forgotten
            }
            retention {
                bodies_go_first_and_what_became_of_them_stays
                what_is_owed_or_of_an_open_session_stays
                a_session_goes_with_its_first_message_and_not_before_its_last_is_old
                a_session_in_which_nothing_was_heard_goes_too
                what_nobody_confirmed_stays_until_the_bound
                a_record_leaves_what_accounts_need
                small_things_go_by_their_own_age
                a_message_that_somebody_has_yet_to_read_in_order_stays
                for_ever_is_possible_and_the_newest_message_always_stays
            }
            mandate {
                it_is_owed_like_any_other_and_says_that_it_was_issued
                whatever_was_heard_of_a_session_forbids_it
                what_was_asked_from_afar_expires_once_the_operator_has_said_yes
                without_an_evse_a_session_is_passed_over_once
                a_late_yes_is_answered_aside_of_the_real_session
                a_yes_to_what_is_void_is_answered_from_the_question
                a_mandate_that_proved_wrong_is_lost_once_until_it_is_given_back
            }
            watch {
                a_session_is_watched_from_its_authorisation_on
                what_is_heard_is_known_and_what_has_ended_is_left_alone
                following_goes_on_where_it_stopped
                a_session_that_says_something_is_looked_at_before_a_rule_can_apply
                a_ghost_is_found_once_listed_counted_and_cleared_by_its_end
                a_ghost_that_starts_after_all_is_none_any_more
                old_ghosts_are_forgotten
                what_a_crash_left_undecided_is_voided
                a_late_yes_is_listed_with_the_provider_that_believes_in_it
                a_refusal_while_an_earlier_session_stands_open_is_kept
                a_refusal_is_judged_only_once_all_messages_before_it_are_known
            }
            remote {
                a_yes_makes_it_active
                what_is_void_leaves_no_session
                the_first_message_confirms_it
                another_operators_message_does_not_confirm_it
                what_the_operator_has_spoken_of_is_stronger_than_its_no
                a_message_after_the_answer_finds_it_as_it_is
                it_is_stopped_from_whichever_side_it_was_opened
                only_what_should_have_been_answered_is_undecided
                a_crash_leaves_it_unconfirmed_until_it_is_heard_of
                it_is_watched_once_somebody_believes_in_it
            }
            uploads {
                nothing_of_a_push_is_seen_before_it_is_finished
                a_push_that_a_crash_ended_left_nothing
                a_first_push_that_a_crash_ended_is_found_and_removed
                every_provider_has_its_own_records_and_they_come_back_as_they_were
            }
            media {
                a_session_knows_what_may_stop_it
                a_session_that_nobody_authorised_cannot_be_stopped
                wrong_pins_are_counted_over_a_restart
            }
            people {
                an_endpoint_fails_from_its_first_failed_attempt_until_nothing_waits
                the_newest_attempt_says_whether_it_is_misconfigured
                what_people_were_told_survives_a_restart
                messages_go_in_order_until_they_are_done
                messages_nobody_takes_are_bounded_and_the_newest_stay
            }
        }

        #[test]
        fn pushes_do_what_they_say_in_any_sequence() {
            crate::uploads::pushes_do_what_they_say_in_any_sequence::<$place>();
        }

        #[test]
        fn feeds_pass_nothing_over_in_any_sequence() {
            crate::any_feed::feeds_pass_nothing_over::<$place>();
        }

        #[test]
        fn retention_removes_what_the_model_removes_in_any_sequence() {
            crate::any_retention::retention_removes_what_the_model_removes::<$place>();
        }

        #[test]
        fn order_leases_and_final_states_hold_in_any_sequence() {
            crate::any_sequence::order_leases_and_final_states_hold::<$place>();
        }

        #[test]
        fn a_session_lives_as_the_table_has_it_whatever_comes() {
            crate::session_life::the_ledger_decides_as_the_table_has_it::<$place>();
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
