"""What every stage stands on: storage, table schemas, the campaign and its commits, backbones, tracking, errors."""
