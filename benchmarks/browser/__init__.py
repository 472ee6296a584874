"""how long a key takes in a real browser, beside others who write: `make bench-browser`"""
