"""Users' directories are imported as packages in here, so that none of them shadows another module."""
