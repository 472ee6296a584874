"""the core beside its peers: replay, compose, transform, catch up, live editing, memory, seek"""
