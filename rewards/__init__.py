"""Why points move: campaigns and codes, reward types and rewards, collectibles."""
