"""Networks that find hands: palms in a square around a face, then the joints of each."""
