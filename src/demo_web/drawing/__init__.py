"""Images of heroes, drawn from a costume table and a seed."""
