"""From time tags to slots: clock acquisition, tracking, gating. Pure functions."""
