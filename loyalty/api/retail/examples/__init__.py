"""Examples of the Retail API, as the OpenAPI document shows them."""
