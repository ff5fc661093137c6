"""One rule names image files over HTTP, for those who serve and those who link."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.source import relative_address, shared_folder

NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in (".", "..")
)


def test_the_deepest_folder_of_all_files() -> None:
    assert shared_folder(["/data/pool/cats/1.png", "/data/pool/dogs/old/2.png"]) == "/data/pool"


def test_a_name_that_begins_alike_is_another_folder() -> None:
    assert shared_folder(["/data/cats/1.png", "/data/cats-2/2.png"]) == "/data"


def test_the_folder_of_a_single_file() -> None:
    assert shared_folder(["/data/pool/1.png"]) == "/data/pool"


def test_what_is_no_file_is_passed_over() -> None:
    assert shared_folder([None, "s3://bucket/1.png", "/data/pool/1.png"]) == "/data/pool"


@pytest.mark.parametrize("uris", [[], [None], ["s3://bucket/1.png"]])
def test_no_file_at_all(uris: list[str | None]) -> None:
    with pytest.raises(InputError, match="presigned links"):
        shared_folder(uris)


def test_addresses_are_quoted() -> None:
    assert relative_address("/data/cats/a b#1?%.png", "/data") == "cats/a%20b%231%3F%25.png"
    assert relative_address("/data/größe.png", "/data") == "gr%C3%B6%C3%9Fe.png"


@given(st.lists(NAME, min_size=1, max_size=4))
def test_unquoting_gives_the_file_back(names: list[str]) -> None:
    path = "/".join(["/data", *names])
    address = relative_address(path, "/data")
    assert address.isascii() and f"/data/{unquote(address)}" == path


def test_a_file_elsewhere_has_no_address() -> None:
    with pytest.raises(InputError, match="/other/1.png does not lie below /data"):
        relative_address("/other/1.png", "/data")
