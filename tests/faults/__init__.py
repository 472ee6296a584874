"""what breaks disk, process and network under the real deltapad, and what looks at it afterwards"""
