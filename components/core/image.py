"""The container image that the stages run in."""

import os

IMAGE = os.environ.get("LABELCYCLE_IMAGE", "labelcycle-python:0.1.0")
"""One image for all stages. kfp.local warns about names that lack `python`."""
