"""Files: in a local folder or in S3; the only place that knows the S3 library."""
