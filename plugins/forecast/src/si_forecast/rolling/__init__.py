"""Roll-outs: from the last states of series, step by step, members of each start."""
