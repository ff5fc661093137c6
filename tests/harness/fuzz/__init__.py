"""Fuzzing: every reader of outside bytes, fed with damaged and hostile input, by hypothesis and by atheris."""
