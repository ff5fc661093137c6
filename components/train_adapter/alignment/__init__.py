"""Whether the features that a proxy is trained on should be recomputed by a fine-tuned backbone. ASVP, section 5."""
