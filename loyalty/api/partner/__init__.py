"""The Partner API: a brand's own systems, by X-API-KEY."""
