"""Classification heads at inference, dropout, uncertainties, and the backbone that a training made."""
