"""The demo: generate a benchmark, train three networks alike, compare them, recognise fresh clips."""
