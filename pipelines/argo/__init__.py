"""Argo Workflows: the same stages as workflow templates."""
