"""Training: the loop (``trainer``), what it is built from (``session``), and one hook for each further concern."""
