"""Faults, hostile input, and the programs that inject them."""
