"""Traces for OpenTelemetry, sent by OTLP: spans of requests, agents, models and tools. Imported only if it is on."""
