"""the tester is tested: each planted bug is found, and the real code has none"""

from __future__ import annotations

import pytest

from ot import COMPILED
from server.simulation.scenario import Sizes, draw
from server.simulation.world import World
from tests.planted_bugs_of_restores import BUGS

# Small worlds: a bug shows in many of them, so that some dozen seeds tell more than a long run.
SIZES = Sizes(clients=5, ops=300, hours=0.3)
# Most bugs are found by the first, all by the first twenty; the rest is for changes to come.
SEEDS = range(60)

# Which invariants catch it: the first seed that does may change with the simulation, and with it
# which of the two sides notices first.
CAUGHT_BY = {
    "acknowledged_before_the_sync": {"I1", "I2"},
    "failed_write_taken_for_done": {"I1", "I2"},
    "lost_reply_taken_for_not_written": {"I1", "I2", "I3", "I4", "I12"},
    "retried_after_a_failed_sync": {"I1", "I2", "I3"},
    "shown_while_it_is_tried_again": {"I1", "I2"},
    "shown_before_it_is_committed": {"I1", "I2"},
    "failed_pad_stays_in_memory": {"Q6"},
    "batch_in_the_wrong_order": {"I1", "I2", "I5", "I7", "Q1"},
    "unloaded_while_pending": {"I3", "I4"},
    "snapshot_at_the_wrong_revision": {"Q1"},
    "duplicates_known_for_a_while_only": {"I4"},
    "session_forgotten_when_it_leaves": {"I4"},
    "gap_after_a_delta": {"I3"},
    "delta_across_the_own_entry": {"I1"},
    "older_by_the_clock_taken_for_a_resend": {"Q6"},
    "stale_frame_from_the_cache": {"I3"},
    "stale_composed_range": {"I2", "Q1", "I7"},
    "needed_entries_forgotten": {"I0"},
    "caught_up_to_the_wrong_revision": {"I0", "I2", "I6"},
    "sessions_kept_for_ever": {"I9"},
    "entries_kept_for_ever": {"I9"},
    "wrong_tie_break": {"I0"},
    "normalising_compose": {"I0"},
    "piece_loses_a_character": {"I6"},
    "cut_inside_a_surrogate_pair": {"I0"},
    "typed_into_the_operation_in_flight": {"I0", "I4"},
    "resent_under_a_new_number": {"I0", "Q4"},
    "resent_as_it_is_now": {"I4"},
    "indicator_forgets_the_buffer": {"I11"},
    "waits_by_the_time_of_day": {"Q6"},
    "caret_past_the_end": {"I8"},
    "author_is_not_woken": {"Q6"},
    "screen_changed_behind_the_machine": {"I13", "I6"},
    "checksum_of_an_older_text": {"I13"},
    "readers_may_write": {"I10"},
    "names_go_with_their_people": {"I12"},
    "link_told_before_it_is_written": {"I16"},
    "readers_of_an_old_link_stay": {"I16"},
    "editors_keep_an_old_link": {"I16"},
    "epoch_kept_at_a_restore": {"I14"},
    "any_epoch_taken_for_its_own": {"I14"},
    "carried_into_the_restored_log": {"I14"},
    "dropped_at_a_restore": {"I15"},
    "draft_without_the_last_words": {"I15"},
    "backup_without_the_wal": {"Q2"},
    "restored_one_revision_short": {"Q2"},
}


def test_every_bug_is_told_who_catches_it():
    """At least twenty of them."""
    assert CAUGHT_BY.keys() == BUGS.keys()
    assert len(BUGS) >= 20


@pytest.mark.slow
@pytest.mark.skipif(COMPILED, reason="the names in compiled modules cannot be replaced")
@pytest.mark.parametrize("name", BUGS)
def test_bug_is_caught(name, monkeypatch):
    """Some seed finds it, by the invariant that it breaks."""
    BUGS[name](monkeypatch)

    violations = (World(draw(seed, SIZES)).run().violation for seed in SEEDS)
    found = next((violation for violation in violations if violation is not None), None)

    assert found is not None, "not caught"
    assert found.invariant in CAUGHT_BY[name], found.message


@pytest.mark.slow
def test_the_real_code_passes_the_same_seeds():
    """What catches the bugs lets the code without them alone."""
    failed = [outcome for seed in SEEDS if (outcome := World(draw(seed, SIZES)).run()).violation]

    assert failed == []
