"""A campaign's champion as a service in a cluster."""
