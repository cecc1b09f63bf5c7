"""A person's file with tokens in place of its card numbers, the rest of it as it was, block for block in constant memory."""
