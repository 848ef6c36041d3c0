"""Routes between the page and the session, one router a subject."""
