"""From bytes to pixels or text: what a file is, its limits, containers and documents."""
