"""The endings of image files, in lower case."""

COMMON_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"),
    *(".bmp", ".gif", ".tif", ".tiff", ".avif"),
)

HEIF_ENDINGS = (".heic", ".heif")
"""Of files that are read where another package is installed (`labelcycle[heif]`)."""

ALL_ENDINGS = COMMON_ENDINGS + HEIF_ENDINGS
