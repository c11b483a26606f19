//! The behaviour suite: what the store promises, each promise a test, run over every engine.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod model;
pub(crate) mod objects;
pub(crate) mod opening;
pub(crate) mod paging;
pub(crate) mod search;
pub(crate) mod standing;
pub(crate) mod work;

/// Runs every promise over one engine; `home` makes an empty store of it, or none where it is not installed.
macro_rules! store_suite {
    ($engine:ident, $home:expr) => {
        mod $engine {
            store_suite!(@each $home,
                objects: bytes_are_kept, adding_twice_changes_nothing, other_bytes_of_a_version_are_a_conflict,
                    one_bad_object_does_not_spoil_a_batch, a_failed_act_leaves_nothing,
                    an_object_can_be_in_two_collections, what_is_not_there_is_said, places_are_gapless,
                    dates_added_rise_with_places, a_cursor_never_skips_with_four_writers,
                    writers_in_opposite_order_both_succeed,
                    an_id_has_one_number_whoever_writes, ids_are_known_in_every_era, an_id_that_was_named_was_here_before, a_status_is_told_to_who_asked;
                paging: pages_join_to_the_whole, a_page_of_large_objects_ends_early, filters_select,
                    dates_tell_nothing_of_what_is_withheld, what_is_placed_anew_comes_again, added_after_loses_nothing,
                    red_rows_are_not_counted, the_last_version_one_may_see_is_the_last, many_lanes_make_one_page,
                    removing_leaves_a_tombstone, removing_the_last_shows_the_one_before,
                    tightening_a_marking_hides_everywhere;
                model: versions_agree_with_a_simple_model;
                search: values_are_found_whole_and_by_beginning, values_are_found_in_every_era, values_in_common_are_found_and_remarked,
                    values_in_common_of_four_writers_are_found, dates_are_found_in_every_era, a_search_keeps_to_the_clearance,
                    every_part_of_a_query_must_hold, search_pages_join_to_the_whole, relations_are_walked_both_ways;
                accounts: names_are_taken_once, tokens_end, certificates_stand_for_accounts, sessions_end,
                    a_one_time_code_is_used_once, a_word_is_spent_once, rights_are_kept;
                audit: audit_is_append_only, audit_is_written_with_the_act, every_audit_row_gets_one_place;
                standing: the_newest_of_ids_is_told, what_names_an_id_is_told, who_gave_an_object_is_told, a_giver_is_held_until_the_end, what_was_given_under_a_marking_is_told, parties_are_kept,
                    a_place_elsewhere_is_kept;
                work: every_shard_is_done_once, a_lost_lease_completes_nothing, a_deadly_shard_is_given_up,
                    planning_twice_changes_nothing;
                backup: a_dump_is_restored_row_for_row, a_damaged_dump_is_refused, a_dump_is_of_one_moment,
                    a_dump_of_an_earlier_migration_is_restored;
                opening: opening_again_changes_nothing, a_newer_store_is_refused, an_altered_migration_is_refused,
                    a_store_of_before_is_brought_forward,
                    several_may_open_at_once;
            );
        }
    };
    (@each $home:expr, $($file:ident: $($promise:ident),+;)+) => {
        $($(
            #[test]
            fn $promise() {
                if let Some(home) = $home {
                    crate::suite::$file::$promise(&home);
                }
            }
        )+)+
    };
}
