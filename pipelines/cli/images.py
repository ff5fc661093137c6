"""`labelcycle images`: serve a campaign's image files to the browsers of those who label."""

import ipaddress
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from labelcycle.components.core.errors import ConfigurationError


def images(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 for any free port.")] = 8090,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    allow_origin: Annotated[
        str,
        typer.Option(
            help="Whose pages' scripts may read images, as http(s)://host[:port]; by default the campaign's tool."
        ),
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", help="Print a line for each request.")] = False,
) -> None:
    """Serve the pool's image files over HTTP, read-only, until Ctrl-C or SIGTERM.

    For a labelling tool in the browser, when the images are files: its address is the campaign's `image_server`. Only
    the images that the campaign began with are served, and only while their content is what it was then. There is no
    log-in: whoever reaches the port can see them. Label Studio shows images only from where its scripts may read them;
    name its origin with --allow-origin where browsers know it by another address than the campaign does.

    Example: labelcycle images campaigns/people --port 8090
    """
    from urllib.parse import quote

    from labelcycle.components.core.campaign.amendments import read_amended_campaign
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.image_server.server import (
        address_of,
        image_application,
        listen,
        serve_until_asked_to_end,
        served_images,
    )

    origin = _checked_origin(allow_origin)
    store = open_store(root)
    campaign = read_amended_campaign(store).campaign
    if not origin and campaign.labelling.tool is not None:
        origin = _origin_of(campaign.labelling.tool.url)
    served = served_images(store, campaign)
    with listen(host, port) as listener:
        address = address_of(listener)
        print(f"serving {len(served.digests)} images of {campaign.identifier} at {address}", flush=True)
        print(f"such as {address}/{quote(next(iter(served.digests)))}", flush=True)
        if not _is_this_machine_alone(host):
            print("note: whoever reaches this port can see the images; there is no log-in", file=sys.stderr)
        serve_until_asked_to_end(image_application(served, origin), listener, verbose)


def _checked_origin(text: str) -> str:
    """The origin as browsers write it.

    Raises:
        ConfigurationError: it is no http or https origin.
    """
    origin = text.rstrip("/").lower()
    parts = urlsplit(origin)
    if origin and (parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"):
        raise ConfigurationError(f"--allow-origin {text!r} is not an origin, such as https://labels.example.org.")
    if parts.username is not None:
        raise ConfigurationError("--allow-origin must not hold a name or password.")
    return origin


def _origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"


def _is_this_machine_alone(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
