"""From files to frames: what is a clip, how it is decoded, and what protects those who ask."""
