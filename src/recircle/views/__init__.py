"""What a network sees of a clip: which frames, which part of them, and how they are varied."""
