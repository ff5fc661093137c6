"""What every stage runs within: progress and errors, timings, retries, deadlines."""
