"""Labels from wherever people put them → the labelled set; decides whether to train, wait or stop."""
