"""From text to batches, one module per arrow.

1. ``text``: files, plain or .gz, become lines.
2. ``tokenizers``: a tokenizer learns a dictionary from the lines; ``Dictionary.encode`` makes them ids.
3. ``store``: ids become two memory-mapped arrays, tokens and offsets; ``cache`` keeps them, by content.
4. ``sentences``: stores are joined, with ``tags`` at the front of sentences where a set has some.
5. ``parallel``: two sides become a ``Dataset`` of sentence pairs; ``mixture`` says what an epoch sees of each set.
6. ``plan``: the sentences' lengths become a batch plan, a pure function of lengths, plan config, seed and epoch.
7. ``dataset``: the plan becomes batches: gathered from the arrays, padded, and fetched ahead by one thread.

``number_names`` makes the corpus of the embedded job, so that step 1 has something to read.
"""
