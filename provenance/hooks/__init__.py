"""What stands between the command and other programs: gates of builds, queues, services."""
