"""Points into miles: providers, partnerships, exchange orders, and the adapters that speak to partners."""
