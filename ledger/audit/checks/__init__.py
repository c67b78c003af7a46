"""What must hold of one journal, law by law: pure, fed entry by entry; nothing here knows where entries come from."""
