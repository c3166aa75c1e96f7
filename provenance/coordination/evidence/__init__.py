"""What is compared: forms of texts, addresses and pictures in which copies are one."""
