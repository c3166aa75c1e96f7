"""What the service answers, a module a kind of request; the table is `service.app.ROUTES`."""
