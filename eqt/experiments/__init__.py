"""The study's experiments again: a suite trained, compared, and laid beside the claims."""
