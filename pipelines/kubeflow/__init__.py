"""Kubeflow Pipelines: compiled packages, submitted runs and schedules."""
