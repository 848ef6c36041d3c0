"""Requests to the other side of a call: asked at random, measured, shown again slowly. Evidence, no verdict."""
