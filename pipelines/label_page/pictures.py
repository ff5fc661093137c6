"""Images of samples as a browser can show them: as they are, or as PNG where browsers do not know the format."""

import io

from labelcycle.components.core.images.decode import decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.pipelines.image_server.server import content_type
from labelcycle.pipelines.label_page.open_queries import PoolImage

OTHER = "application/octet-stream"
SMALL = 240
"""The longer side of small pictures, in pixels."""

BROWSERS_KNOW = {b"GIF8": "image/gif", b"BM": "image/bmp"}


def picture(image: PoolImage, small: bool = False) -> tuple[bytes, str]:
    """The bytes of a picture, and their media type.

    Args:
        image: which; its content must still be what it was when the campaign began.
        small: at most `SMALL` pixels wide and high.

    Raises:
        UnreadableImage: it is gone, may not be read, has other content, or cannot be decoded.
        RefusedImage: it is not from an allowed source.
        TransientError, ConfigurationError: the disk or S3 fails.

    Cost: reads the image; decodes it where it is wanted small, or in a format that browsers do not know.
    """
    data = read_unchanged_image(image.uri, image.sha256)
    kind = next((kind for head, kind in BROWSERS_KNOW.items() if data.startswith(head)), content_type(data))
    if kind != OTHER and not small:
        return data, kind
    shown = decode_image(data)
    if small:
        shown.thumbnail((SMALL, SMALL))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), "image/png"
