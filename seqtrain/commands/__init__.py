"""The commands: thin shells over what Python calls too."""
