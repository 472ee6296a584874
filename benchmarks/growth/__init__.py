"""how deltapad's own cost grows, and its bounds: `make bench-growth`"""
