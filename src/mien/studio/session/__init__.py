"""The session behind the page: inputs, outputs, faces, jobs, presets."""
