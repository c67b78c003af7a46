"""The demo: the main job on real trips and a synthetic morning, told as it happens."""
