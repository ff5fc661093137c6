"""Vision transformers by timm name: their weights, their input transform, their features, their adapters."""
