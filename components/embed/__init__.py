"""Images → features in a named feature space; rows that exist are kept."""
