"""How a release is made: versions in step, packages, a trial of them, notes, drafts of conda recipes."""
