"""The local engine: cycles of a campaign on this machine, until its budget is spent or labels are awaited."""
