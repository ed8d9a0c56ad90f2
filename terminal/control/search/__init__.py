"""Where the partner may stand, and how it is sought and found."""
