"""Tests of the rewards app."""
