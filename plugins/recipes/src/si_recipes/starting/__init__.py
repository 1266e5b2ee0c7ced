"""``si init``: a first recipe for data that somebody has, with the reason of each line beside it."""
