"""Where developers work: issues that carry a fingerprint can be found, created, commented and closed."""
