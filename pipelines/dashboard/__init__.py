"""The campaign's dashboard in the terminal."""
