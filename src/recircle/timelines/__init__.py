"""What a network says of a long video over time: windows, segments, repetitions, their files and their evaluation."""
