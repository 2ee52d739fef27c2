"""The families of architectures that are registered, one a file. No file here imports torch."""
