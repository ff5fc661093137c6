"""How a stage becomes a Kubeflow Pipelines component: one image for all, and nothing installed at run time."""

import functools
import os

from kfp import dsl

IMAGE = os.environ.get("LABELCYCLE_IMAGE", "labelcycle-python:0.1.0")
"""The image that every component runs in. kfp.local warns about image names that lack `python`."""

stage = functools.partial(dsl.component, base_image=IMAGE, install_kfp_package=False)
"""Decorator of a component whose body only calls its stage's `run`."""
