"""The images that a user names: a folder, an `s3://` prefix, one image, or a text file with one image a line."""

import re
from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.images.source import list_images
from labelcycle.components.core.storage import open_store

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
LIST = ".txt"


def images_named(source: str) -> dict[str, str]:
    """The address of each image, by the name that predictions call it by.

    Args:
        source: a folder or `s3://` prefix, whose images are named by their paths below it; an image; or a `.txt` file
            of paths and `s3://` URIs, a line each, which are relative to the file's folder and name themselves.

    Raises:
        ConfigurationError: there is no such folder or file.
        InputError: it names no image.
    """
    if source.lower().endswith(ENDINGS):
        return {source: source}
    if source.lower().endswith(LIST):
        found = _listed(source)
        if not found:
            raise InputError(f"{source} names no image. Write the path or s3:// URI of an image into each line.")
        return found
    if "://" not in source and Path(source).expanduser().is_file():
        raise ConfigurationError(
            f"{source} is neither a folder, nor an image ({', '.join(ENDINGS)}), nor a {LIST} list of images. "
            "Correct --images."
        )
    found = list_images(source)
    if not found:
        raise InputError(f"{source} holds no .jpg, .jpeg, .png or .webp file. Name the folder that holds the images.")
    return found


def _listed(source: str) -> dict[str, str]:
    folder, slash, name = source.rpartition("/")
    try:
        lines = open_store(folder + slash if slash else ".").read(name).decode("utf-8-sig").split("\n")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(f"There is no file {source}. Correct --images.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    images = [line.strip() for line in lines if line.strip()]
    return {image: image if _is_absolute(image) else f"{folder or '.'}/{image}" for image in images}


def _is_absolute(image: str) -> bool:
    """Whether a line says where the image is by itself; other schemes among them, which reading refuses by name."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", image) is not None or Path(image).is_absolute()
