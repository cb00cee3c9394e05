"""Files: a local folder now; S3 comes as the second implementation, with uploads."""
