"""deltapad measured beside its peers, all in one run: `make bench`"""
