"""Losses as pure functions of tensors: no state, no branch on a tensor's value, mean-reduced, in nats."""
