"""Cases: what is known of some accounts, in one place, and what of it may leave."""
