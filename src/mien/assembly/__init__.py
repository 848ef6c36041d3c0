"""Construction of concrete objects out of settings: models, pipelines, engines."""
