"""JSON Schema of the YAML files that users write, for their editors.

``types`` says what a field takes, and ``choices`` which plug-in a name in a defaults list stands for. Of both ``files``
makes the schema of each kind of file, and ``editor`` writes the line by which an editor finds it.
"""
