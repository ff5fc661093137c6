"""What assembles the stages: the cycle pipeline, campaign set-up, recipes, engines and the command line."""
