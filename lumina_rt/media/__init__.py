"""What is in an uploaded file, and what is made of it.

Files of strangers are read in a process of their own, `python -m lumina_rt.media`, and only there
are the libraries imported that read them: a node has `process.py` and `job.py` alone.
"""
