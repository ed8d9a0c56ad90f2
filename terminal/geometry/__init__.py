"""Where the partner is and where its light comes from. Pure functions."""
