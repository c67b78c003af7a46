"""How events arrive: the Faust application around a pure pipeline, and the publisher on the other side."""
