"""The Retail API: for tills and web shops, with OAuth 2.0."""
