"""The proxy: an ASGI app that stands where a provider would, and asks the cache first.

What may live here: HTTP as a server sees it, whose key is whose, where a request goes, and pages to
look at. What it may not know: what is cached and why. Requests go upstream through the transport
that the SDKs' cached clients use (`adapters/transport.py`), and that decides.
"""
