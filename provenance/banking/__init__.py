"""Pictures into banks, without a command line: for commands, queues and feeds alike."""
