"""What a mission, a terminal, a world and a scenario are: frozen typed structs, read from YAML."""
