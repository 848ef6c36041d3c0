"""The live loop: what runs side by side between a camera and the places the picture goes to."""
