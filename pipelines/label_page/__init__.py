"""A page on which one person labels a query, picture by picture, without a labelling tool."""
