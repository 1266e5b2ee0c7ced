"""What a run will need and how long it will take, before anything of it is done; nothing is written."""
