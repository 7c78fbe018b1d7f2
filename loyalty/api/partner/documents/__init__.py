"""The Partner API in the OpenAPI document: every operation, field, answer and refusal, with examples."""
