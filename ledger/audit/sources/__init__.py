"""Where an audit reads from, and how: one port, and behind it a database, an exported folder, a running API."""
