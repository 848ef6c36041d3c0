"""Jobs of the queue carried out: spec in, labelled and signed file out, one worker or several."""
