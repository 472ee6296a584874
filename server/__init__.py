"""the I/O shell around the core: store, hub, sockets, pages, command line"""
