"""deltapad's server beside others, under the same load: `make bench-server`"""
