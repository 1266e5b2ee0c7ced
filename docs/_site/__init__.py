"""What the site is made of beside its pages: a reference that is written when it is built."""
