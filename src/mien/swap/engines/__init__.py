"""Face swappers: each turns a frame, a tracked face and a prepared source into a patch."""
