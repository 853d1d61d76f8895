"""Give a trained run to others: its weights, what belongs to them, and a card made from its evaluation."""

from recircle.push.push import Pushed, push_run, write_folder

__all__ = ["Pushed", "push_run", "write_folder"]
