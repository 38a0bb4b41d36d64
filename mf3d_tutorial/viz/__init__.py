"""Pictures of scenes, masks and runs."""
