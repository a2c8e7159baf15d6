"""What models have in common: counts of pairs, sums over lists, regressions, compiled loops."""
