"""Model outputs on the pool: class probabilities and the uncertainties made from them."""
