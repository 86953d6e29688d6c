"""HTTP: routes, bodies, authentication, SSE, headers and errors."""
