"""What the columns of X are, and how they enter the net."""
