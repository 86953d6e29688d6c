"""HTTP: routes, bodies, authentication, SSE, headers and errors. It must not know AWS, nor any store or provider."""
