"""Whether the features that a proxy is trained on should be made anew by a fine-tuned backbone. ASVP, section 5."""
