"""Users' directories are imported as packages in here, so that none of them shadows another module.

There is nothing else in here: a directory may have any name.
"""

import seqtrain.user_packages  # noqa: F401  # finds them
