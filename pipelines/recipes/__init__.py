"""The recipes that come with labelcycle, one YAML file each."""
