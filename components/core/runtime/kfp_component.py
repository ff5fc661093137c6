"""How a stage becomes a Kubeflow Pipelines component: one image for all, and nothing installed at run time."""

import functools

from kfp import dsl

from labelcycle.components.core.config.environment import IMAGE

stage = functools.partial(dsl.component, base_image=IMAGE, install_kfp_package=False)
"""Decorator of a component whose body only calls its stage's `run`."""
