"""the deterministic simulation: a whole deltapad in one process, from one integer seed"""
