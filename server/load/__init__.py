"""a load test: many clients in few processes, what they see, and whether all texts end equal"""
