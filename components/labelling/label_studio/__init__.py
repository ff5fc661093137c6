"""Label Studio: queries become tasks there, and annotations become votes."""
