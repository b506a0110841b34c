//! What every store of EVSE records, status and prices must do, as stories against the ports, and what only the embedded
//! one does.
//!
//! A story is generic over [`Place`]: somewhere a store lives and can be opened again after it was closed. Another store
//! joins by implementing `Place` and naming itself in one `conformance!`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its stories share"
)]

#[macro_use]
#[path = "../conformance/stories.rs"]
mod stories;
mod any_push;
mod guard;
mod near;
mod prices;
mod pulls;
mod pushes;
mod scene;
mod sqlite_unfinished;
mod status;

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use roamhub_core::ports::evse::EvseStore;
use roamhub_ledger::Sqlite;
use tempfile::TempDir;

/// A store that is open, and whatever must stay open with it.
pub(crate) struct Open {
    store: Arc<dyn EvseStore>,
    _beside: Box<dyn Send + Sync>,
}

impl Deref for Open {
    type Target = dyn EvseStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// Somewhere a store lives.
pub(crate) trait Place: Send + Sync {
    /// A place without a store yet.
    fn fresh() -> Self
    where
        Self: Sized;

    /// Opens the store, making it if need be. Dropping what this returned closes it.
    fn open(&self) -> Open;
}

/// A data folder.
struct Folder(TempDir);

impl Place for Folder {
    fn fresh() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn open(&self) -> Open {
        let (ledger, _gone) = Sqlite::open(self.0.path(), Timestamp::UNIX_EPOCH).expect("the ledger opens");
        let (store, _gone) = ledger.open_evse().expect("the store opens");
        Open { store: Arc::new(store), _beside: Box::new(ledger) }
    }
}

/// The whole suite. A story that is not named here is dead code, and the build says so.
macro_rules! conformance {
    ($place:ty) => {
        stories! { $place;
            pushes {
                a_full_load_replaces_all_and_an_empty_one_leaves_nothing
                an_insert_of_what_exists_stores_nothing_and_names_it
                an_update_of_what_is_missing_changes_nothing_and_names_it
                a_delete_ignores_what_is_unknown_and_names_it
                one_evse_twice_in_a_push_is_refused
                what_another_operator_holds_is_refused_until_it_is_given_up
                a_large_push_that_is_refused_leaves_nothing_behind
                every_push_makes_a_later_version_also_one_that_changes_nothing
                facts_and_bytes_come_back_as_they_were
                pushes_of_one_operator_wait_for_each_other_and_all_are_carried_out
            }
            guard {
                a_ping_that_would_erase_an_operator_is_held
                what_is_confirmed_is_carried_out_when_it_comes_again
                a_confirmation_is_for_one_request_of_one_operator_and_for_a_time
                who_is_trusted_is_not_held
            }
            pulls {
                later_pages_are_of_the_version_that_the_first_page_froze
                a_frozen_version_survives_a_restart
                filters_let_pass_what_they_name
                a_part_is_bounded_in_number_and_in_bytes
                a_difference_shows_the_last_bytes_of_what_is_gone
                what_no_longer_passes_a_filter_is_gone_from_its_difference
                a_push_that_is_committed_after_a_call_is_later_than_it
                history_is_forgotten_in_portions_and_what_is_current_stays
            }
            near {
                a_circle_finds_what_brute_force_finds
            }
            status {
                insert_and_update_set_whatever_there_was
                a_full_load_replaces_the_operators_statuses_alone
                a_list_is_read_in_parts_grouped_by_operator
                a_list_is_narrowed_by_operator_and_value
                a_circle_shows_only_spots_with_a_pushed_record
                who_supplies_status_is_known
            }
            prices {
                a_full_load_of_products_replaces_those_of_its_audience
                all_or_nothing_of_products_is_stored
                a_provider_sees_its_own_and_everybodys
                after_a_last_call_only_what_has_changed_is_shown
                prices_at_spots_are_replaced_per_operator
            }
        }

        #[test]
        fn whatever_is_pushed_differences_and_pages_add_up() {
            crate::any_push::differences_and_pages_add_up::<$place>();
        }
    };
}

mod sqlite_conformance {
    conformance!(crate::Folder);
}
