"""How good models are: what is known and what is to be foretold, figures, intervals, tests."""
