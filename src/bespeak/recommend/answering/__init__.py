"""Lists for customers: what may stand on them, what fills them up, and why each item is there."""
