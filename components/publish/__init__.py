"""The cycle made whole: the report, the commit, and the query handed to the people who label."""
