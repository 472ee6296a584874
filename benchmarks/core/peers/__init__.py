"""one program for each peer: it reads a request, does the work, and answers with times"""
