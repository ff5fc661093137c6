"""How good the model is: test metrics, calibration, what the last query was worth, and what labels were saved."""
