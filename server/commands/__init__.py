"""the commands beside serve, a file for each"""
