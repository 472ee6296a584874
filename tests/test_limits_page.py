"""the page of limits is complete: rows as the code has them, each limit with a row and a test"""

from __future__ import annotations

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from server.settings import Settings
from tests.conftest import REPO

PAGE = REPO / "docs/reference/limits.md"
TESTS = REPO / "tests"

# The test that stands at the edge of each limit: file::function.
EDGES = {
    "HELLO_BYTES_MAX": "test_limits::test_the_first_frame_is_short",
    "FRAME_BYTES_MAX": "test_websocket::test_frame_of_exactly_the_limit",
    "hello_seconds": "test_websocket::test_silence_instead_of_hello",
    "messages_per_second": "test_limits::test_who_is_fast_is_not_sent_away",
    "messages_burst": "test_pace::test_a_burst_and_then_one_after_the_other",
    "_PROPERTIES_TOKENS": "test_limits::test_a_change_of_properties_counts_for_twenty",
    "_UNREAD_BYTES_MAX": "test_frames::test_messages_wait_in_order",
    "_IDLE_FRAMES_MAX": "test_limits::test_frames_that_carry_nothing",
    "_CONTROL_MAX": "test_frames::test_violation",
    "heartbeat_seconds": "test_frames::test_silence",
    "_STALLED_BEATS_MAX": "test_limits::test_a_reader_that_stands_still_is_cut_off",
    "_GOODBYE_SECONDS": "test_frames::test_goodbye_without_an_answer",
    "OP_COMPONENTS_MAX": "test_limits::test_the_largest_operations",
    "OP_INSERTED_MAX": "test_limits::test_the_largest_operations",
    "SELECTIONS_MAX": "test_messages::test_from_a_client",
    "NAME_MAX": "test_limits::test_names_are_cut_before_they_are_cleaned",
    "TITLE_MAX": "test_limits::test_names_are_cut_before_they_are_cleaned",
    "presence_seconds": "test_floods::test_a_flood_of_presence",
    "header_seconds": "test_limits::test_a_header_that_does_not_end",
    "HEADER_BYTES_MAX": "test_limits::test_the_length_of_a_header",
    "body_seconds": "test_limits::test_a_body_that_does_not_end",
    "UNREAD_SECONDS_MAX": "test_unread_answers::test_who_reads_nothing_is_let_go",
    "keep_alive_seconds": "test_limits::test_an_unused_connection",
    "_FORM_BYTES": "test_limits::test_the_longest_form",
    "HISTORY_ENTRIES_MAX": "test_data::test_long_history_in_parts",
    "HISTORY_BYTES_MAX": "test_data::test_long_history_in_parts",
    "new_pads_per_minute": "test_limits::test_nobody_is_another_by_a_header",
    "pad_length_max": "test_websocket::test_pad_is_full",
    "pad_revisions_max": "test_limits::test_the_number_of_revisions",
    "VERSIONS_MAX": "test_limits::test_the_number_of_named_versions",
    "pad_connections_max": "test_websocket::test_too_many_connections",
    "_REFUSED_TOLD_MAX": "test_websocket::test_behind_a_proxy",
    "_KEPT_FOR_EDITORS": "test_limits::test_readers_leave_room_for_who_writes",
    "connections_max": "test_limits::test_connections_in_all",
    "pads_max": "test_limits::test_the_number_of_pads",
    "pads_in_memory_max": "test_limits::test_the_longest_unused_pad_leaves_first",
    "idle_seconds": "test_hub::test_an_idle_pad_leaves_and_comes_back",
    "log_entries_max": "test_hub::test_what_memory_forgets_the_store_remembers",
    "_LOG_EFFORT_MAX": "test_limits::test_a_late_operation_among_the_largest",
    "EFFORT_MAX": "test_limits::test_a_late_operation_among_the_largest",
    "snapshot_revisions": "test_hub::test_snapshots_are_written",
    "ops_per_frame_max": "test_session::test_next_slice",
    "PIECE_REVISIONS": "test_limits::test_a_late_operation_among_the_largest",
    "shutdown_seconds": "test_main::test_graceful_end",
    "LINES_WAITING_MAX": "test_journal::test_so_many_records_wait",
    "LINES_SECONDS_MAX": "test_journal::test_a_log_that_nobody_reads_holds_nobody_up",
    "MESSAGE_MAX": "test_hostile_paths::test_a_record_is_a_line",
    "GATHER_SECONDS_MAX": "test_meanwhile::test_the_process_stands_still_while_a_batch_is_told",
    "WAITING_LENGTH_MAX": "test_disk_faults::test_what_waits_is_bounded",
    "ANSWER_SECONDS_MAX": "test_disk_faults::test_a_disk_that_does_not_answer",
    "RETRY_SECONDS_MAX": "test_disk_faults::test_people_are_told_and_stay",
    "DELETE_SECONDS_MAX": "test_removal::test_a_disk_that_does_not_answer",
    "DURABLE_SECONDS_MAX": "test_health::test_a_form_comes_back_and_counts_once",
    "CHECK_SECONDS_MAX": "test_health::test_health_tries_to_write",
    "PROBE_EVERY_SECONDS": "test_health::test_asking_often_does_not_keep_the_disk_busy",
    "READS_WAITING_MAX": ("test_growth::test_a_disk_that_does_not_answer_while_people_come_and_go"),
    "RETRY_AFTER_SECONDS": "test_health::test_health_tries_to_write",
    "CHECKSUM_SECONDS": "test_divergence::test_a_flood_of_checksums_is_looked_at_once",
    "BUNDLE_SECONDS": "test_divergence::test_one_bundle_for_a_pad_and_minute_and_twenty_in_all",
    "BUNDLES_MAX": "test_divergence::test_one_bundle_for_a_pad_and_minute_and_twenty_in_all",
    "ENTRIES_MAX": "test_divergence::test_another_text_is_told_counted_kept_and_replayed",
    "ENTRIES_SIZE_MAX": "test_divergence::test_a_bundle_holds_the_newest_entries_only",
    "TEXT_REVISIONS_MAX": "test_divergence::test_another_text_is_told_counted_kept_and_replayed",
}
# Settings that limit nothing, and constants that bound only what they are beside: what is kept to
# save work, or how long something is remembered.
NO_LIMIT = {
    *("host", "port", "data", "allowed_origins", "demo", "source_url", "remote_images"),
    *("metrics", "COMMIT_SECONDS"),
    *("WORK_MAX", "BLOCK_WEIGHT_MAX", "_PARTIAL_MAX", "AUTHORS_MAX", "TEXTS_MAX", "SESSIONS_MAX"),
    "_AUTHOR_ROWS_MAX",
    *("_FRAMES_MAX", "_FRAMES_SECONDS", "_COPIED_MAX", "_DEPARTED_MAX", "_MAKERS_MAX"),
    *("PAGE_TEXT_MAX", "_DEMO_TEXT_MAX", "STATUS_PEOPLE_MAX", "_LANGUAGE_SECONDS"),
    # Of the operations page and who sees it: what it remembers and how often it measures.
    *("admin_token", "admin_token_file", "BUSIEST_MAX", "_LAGS_MAX", "_LAG_MS_MAX"),
    *("DISK_SECONDS", "GAP_SECONDS_MAX", "LAG_SECONDS", "MARK_SECONDS", "SAMPLE_SECONDS"),
    *("_COMMIT_MS_MAX", "_ADDRESSES_MAX", "_COOKIE_SECONDS"),
    *("EVENTS_PER_KIND_MAX", "MERGED_SECONDS"),
    # Of commands that read files, not of the server.
    *("LINE_BYTES_MAX", "FILE_BYTES_MAX", "PAUSE_MAX", "_UNSEEN_MAX"),
}
CONSTANT = re.compile(r"^(_?[A-Z][A-Z_]*(?:_MAX|_SECONDS))\b[^=\n]*=", re.MULTILINE)
MODULES = [
    "ot." + path.stem for path in sorted((REPO / "ot").glob("*.py")) if path.stem != "strategies"
] + ["server." + path.stem for path in sorted((REPO / "server").glob("[a-z]*.py"))]


def rows() -> dict[str, str]:
    """What the page says: name -> default."""
    found = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
    return dict(found)


def constants() -> dict[str, object]:
    """Every constant that looks like a limit, and every setting: name -> value."""
    found: dict[str, object] = {field.name: field.default for field in fields(Settings)}
    for module in MODULES:
        path = REPO / (module.replace(".", "/") + ".py")
        for name in CONSTANT.findall(path.read_text()):
            found[name] = getattr(import_module(module), name)
    for name, module in [
        ("_PROPERTIES_TOKENS", "server.conversation"),
        ("_KEPT_FOR_EDITORS", "server.conversation"),
        ("_REFUSED_TOLD_MAX", "server.websocket"),
        ("_FORM_BYTES", "server.app"),
        ("PIECE_REVISIONS", "server.stored_log"),
    ]:
        found[name] = getattr(import_module(module), name)
    return found


def test_every_limit_has_its_row():
    """No setting and no constant that limits something is missing, and none is there in vain."""
    assert sorted(set(constants()) - NO_LIMIT) == sorted(rows())


@pytest.mark.parametrize("name", sorted(EDGES))
def test_the_page_says_what_the_code_says(name):
    """The value, to the letter."""
    assert rows()[name] == str(constants()[name])


def test_every_limit_is_tested_at_its_edge():
    """Each row has a test, which is there."""
    assert sorted(EDGES) == sorted(rows())
    for where in EDGES.values():
        file, _, function = where.partition("::")
        assert f"def {function}(" in Path(TESTS / f"{file}.py").read_text(), where
