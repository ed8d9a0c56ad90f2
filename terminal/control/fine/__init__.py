"""The mirror loop on the position detector: from a scan to the mirror's command."""
