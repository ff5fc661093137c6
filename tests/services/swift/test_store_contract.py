"""What every store promises, kept by a real object store.

Left out are three promises that Swift does not keep (see `test_conditional_writes.py`), and those about keys that are
refused before a server is asked.
"""

from tests.components.core.storage.test_store_contract import (
    test_empty_content_is_content,
    test_exists,
    test_fetch_gives_a_local_file,
    test_fetch_gives_the_newest_content,
    test_fetched_files_live_as_long_as_the_store,
    test_keys_by_prefix,
    test_keys_leave_out_unfinished_writes,
    test_keys_of_a_root_that_does_not_exist_yet,
    test_missing_objects,
    test_readers_see_whole_objects_while_they_are_replaced,
    test_root_and_addresses,
    test_unusual_keys,
    test_upload_takes_the_content_of_a_file,
    test_write_if_absent_keeps_what_is_there,
    test_write_if_unchanged_keeps_what_others_wrote,
    test_writing_again_replaces,
    test_written_content_is_read_back,
)

__all__ = [
    "test_empty_content_is_content",
    "test_exists",
    "test_fetch_gives_a_local_file",
    "test_fetch_gives_the_newest_content",
    "test_fetched_files_live_as_long_as_the_store",
    "test_keys_by_prefix",
    "test_keys_leave_out_unfinished_writes",
    "test_keys_of_a_root_that_does_not_exist_yet",
    "test_missing_objects",
    "test_readers_see_whole_objects_while_they_are_replaced",
    "test_root_and_addresses",
    "test_unusual_keys",
    "test_upload_takes_the_content_of_a_file",
    "test_write_if_absent_keeps_what_is_there",
    "test_write_if_unchanged_keeps_what_others_wrote",
    "test_writing_again_replaces",
    "test_written_content_is_read_back",
]
