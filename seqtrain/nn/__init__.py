"""Parts that models share: attention, positions, embeddings, transformer layers and stacks."""
