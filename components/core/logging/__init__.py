"""Logs that machines read: where `LABELCYCLE_LOG` is `json`, each line of standard error is one JSON object."""
