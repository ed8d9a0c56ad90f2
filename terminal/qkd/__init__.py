"""From sifted counts to secret bits. Pure functions."""
