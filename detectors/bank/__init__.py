"""A bank: what is known of fakes, who said so, and how it may be used."""
