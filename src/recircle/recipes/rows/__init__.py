"""The recipes: each module has settings as a plain function, and one row for each network that is trained with them."""
