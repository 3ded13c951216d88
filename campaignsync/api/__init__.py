"""Read and patch campaigns over the API.

`client` makes the calls, `pace` spaces them, limits those in flight and reports their progress,
`responses` decodes responses and errors, and `http` sets up the connection and checks the base URL
and the key.
"""
