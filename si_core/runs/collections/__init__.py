"""Many runs in one folder, such as those of a sweep or of a search: its names, its log and its status."""
