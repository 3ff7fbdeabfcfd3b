"""Downloader middlewares: the browser, the demo web, patience with busy servers."""
