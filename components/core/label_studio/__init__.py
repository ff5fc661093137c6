"""Label Studio: queries go there as tasks, annotations come back as votes."""
