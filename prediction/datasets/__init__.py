"""Files of training rows, a module a format: each declares its features, and reads files of any size."""
