"""Everything that joins the two sides: flights in a simulated world, truth scores, reports."""
