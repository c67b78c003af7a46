"""What Iuran says to the world and hears from it: events, canonical bytes, rejections, topics, formats, schemes."""
